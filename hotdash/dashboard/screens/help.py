"""`HelpScreen`: all keys, what the driver is and is not, and what is wrong in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hotdash.dashboard.actions import MOVES, Pane
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.dashboard.settings_lines import settings_lines
from hotdash.dashboard.widgets.painted import TONE_CLASSES
from hotdash.dashboard.widgets.text_view import TextView
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from hotdash.dashboard.ports import Controls
    from hotdash.dashboard.taste import Taste


class HelpScreen(ModalScreen[None]):
    """Shows every key by pane."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,enter", "back", show=False)]

    def __init__(self, *, controls: Controls, taste: Taste) -> None:
        super().__init__()
        self._controls = controls
        self._taste = taste

    def compose(self) -> ComposeResult:
        """The keys above the way out."""
        view = TextView(hang=11, widget_id="help")
        view.show(tuple(help_lines(self._controls, self._taste)))
        with Vertical(classes="dialog dialog--tall") as dialog:
            dialog.border_title = "Keys"
            yield view
            yield Static("esc  back     j k  scroll", classes="dialog-keys", markup=False)

    def action_back(self) -> None:
        """Closes it."""
        self.dismiss()


def help_lines(controls: Controls, taste: Taste) -> Iterable[Line]:
    """All keys, then the driver, then what else there is to know. What is wrong in the settings comes before it all."""
    settings = tuple(settings_lines(taste))
    is_wrong = any(tone is Tone.ERROR for line in settings for _, tone in line)
    if is_wrong:
        yield from settings
    for pane, actions in taste.keys.by_pane():
        yield text(pane.value, Tone.STRONG)
        for action in actions:
            yield _key(action.shown, action.description)
        yield ()
    yield text(Pane.MOVE.value, Tone.STRONG)
    for moves, description in MOVES:
        yield _key(moves, description)
    yield ()
    yield text("Marks", Tone.STRONG)
    yield _key("● ○ ◐ ◌", "A container that is busy, idle, starting, draining")
    yield _key("◆", "Marked: Logs has the lines of all that is")
    yield _key("t-… │", "Logs: the line was written while its task ran")
    yield _key("t-…#│", "Logs: the line carries its task's id")
    yield _key("t-…~│", "Logs: the line was given to its task by its time alone")
    yield _key("c-… │", "Logs: the container's own, written while no task ran")
    yield _key("·", "Logs of a past task: its container's own, written since the task before")
    yield ()
    yield text("Filters", Tone.STRONG)
    yield _key("tables", "Hide the rows that do not match; Deploys looks through causes and file names, too")
    yield _key("Logs", "Hides the lines that do not match; & shows all, the matches marked")
    yield _key("Run", "Marks the matches among all lines, & hides the others; folded JSON that has one is unfolded")
    yield ()
    yield text("Driver", Tone.STRONG)
    yield _key(plain(controls.driver_name), plain(controls.driver_note) or "ready")
    if controls.driver_reason:
        yield _key("", plain(controls.driver_reason))
    for notice in controls.notices():
        yield _key("!", plain(notice))
    if settings and not is_wrong:
        yield ()
        yield from settings[:-1]


def _key(shown: str, description: str) -> Line:
    return ((f"  {shown:<11}", Tone.ACCENT), (description, Tone.TEXT))
