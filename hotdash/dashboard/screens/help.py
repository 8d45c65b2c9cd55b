"""`HelpScreen`: all keys, what the driver is and is not, and what is wrong in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hotdash.dashboard.actions import MOVES, Pane
from hotdash.dashboard.keys import name_of
from hotdash.dashboard.lines import Line, Tone, text, unstyled
from hotdash.dashboard.settings_lines import settings_lines
from hotdash.dashboard.widgets.painted import TONE_CLASSES
from hotdash.dashboard.widgets.text_view import TextView
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import ComposeResult

    from hotdash.dashboard.action import Action
    from hotdash.dashboard.ports import Controls
    from hotdash.dashboard.taste import Taste


class HelpScreen(ModalScreen[None]):
    """Shows every key by pane."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q,enter", "back", show=False),
        Binding("escape", "leave", show=False),
        Binding("slash", "find", show=False),
    ]

    def __init__(self, *, controls: Controls, taste: Taste, pane: Pane = Pane.FUNCTIONS, find: str = "") -> None:
        super().__init__()
        self._lines = tuple(help_lines(controls, taste, pane))
        self._view = TextView(hang=13, widget_id="help")
        self._find = Input(find, placeholder="what a line must have", id="help-find", select_on_focus=False)
        self._find.display = bool(find)

    def compose(self) -> ComposeResult:
        """The keys above what is looked for above the way out."""
        self._view.show(found_lines(self._lines, self._find.value))
        with Vertical(classes="dialog dialog--tall") as dialog:
            dialog.border_title = "Keys"
            yield self._view
            yield self._find
            yield Static("esc  back     /  find     j k  scroll", classes="dialog-keys", markup=False)

    def action_find(self) -> None:
        """Only lines that have what is typed."""
        self._find.display = True
        self.set_focus(self._find)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text is looked for."""
        self._view.show(found_lines(self._lines, event.value))
        self._view.scroll_to(y=0, animate=False)

    def on_input_submitted(self) -> None:
        """Typing has ended."""
        self.set_focus(self._view)

    def action_leave(self) -> None:
        """All lines again; closes it if they are there."""
        if not self._find.display:
            self.dismiss()
            return
        self._find.value = ""
        self._find.display = False
        self.set_focus(self._view)

    def action_back(self) -> None:
        """Closes it."""
        self.dismiss()


def found_lines(lines: tuple[Line, ...], typed: str) -> tuple[Line, ...]:
    """The lines that have a text, each section's heading before them; all if none is typed."""
    wanted = typed.strip().casefold()
    if not wanted:
        return lines
    found: list[Line] = []
    heading: Line = ()
    is_all = False  # of the section: its heading has it
    for line in lines:
        if line and line[0][1] is Tone.STRONG:
            heading, is_all = line, wanted in unstyled(line).casefold()
        elif line and (is_all or wanted in unstyled(line).casefold()):
            if heading:
                found += [(), heading] if found else [heading]
                heading = ()
            found.append(line)
    return tuple(found) or (text("  no line has that; esc shows all again", Tone.MUTED),)


def help_lines(controls: Controls, taste: Taste, here: Pane) -> Iterable[Line]:
    """All keys, those of the pane one came from first, then the driver, then what else there is to know.

    What is wrong in the settings comes before it all.
    """
    settings = tuple(settings_lines(taste))
    is_wrong = any(tone is Tone.ERROR for line in settings for _, tone in line)
    if is_wrong:
        yield from settings
    own = [action for action in taste.keys.actions if here in action.panes]
    yield text(f"{here.value}, where you are", Tone.STRONG)
    for action in own:
        yield _action(action)
    yield ()
    for pane, actions in taste.keys.by_pane():
        if others := [action for action in actions if action not in own]:
            yield text(pane.value, Tone.STRONG)
            for action in others:
                yield _action(action)
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
    yield ()
    yield text("Settings: config, your own keys", Tone.STRONG)
    if not is_wrong:
        yield from settings[1:-1]
    yield _key("to remap", 'A line [keys], and below it  burst = "b"  or  cancel = ["X", "f8"]')
    yield _key("names", "Behind each key in this list, in grey; what else may stand there the README says")
    yield _key("then", "Start hotdash again: it reads the file once")


def _action(action: Action) -> Line:
    return (*_key(action.shown, action.description), (f"  {name_of(action)}", Tone.MUTED))


def _key(shown: str, description: str) -> Line:
    return ((f"  {shown:<11}", Tone.ACCENT), (description, Tone.TEXT))
