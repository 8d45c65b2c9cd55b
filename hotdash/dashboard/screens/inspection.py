"""`InspectScreen`: how a function or a container is set up, secrets masked until a key shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from hotdash.dashboard.widgets.painted import TONE_CLASSES
from hotdash.dashboard.widgets.text_view import TextView

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from hotdash.dashboard.lines import Line


class LinesOf(Protocol):
    """What gives the lines."""

    def __call__(self, *, shows_secrets: bool) -> list[Line]:
        """With what looks secret shown, or masked."""
        ...


class InspectScreen(ModalScreen[None]):
    """Shows lines.

    Args:
        title: Clean, and no markup.
        lines: Gives them, with what looks secret shown or masked.
        copy: Copies a text, and tells so of what it is called.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,v,q,enter", "back", show=False),
        Binding("m", "unmask", show=False),
        Binding("y", "copy", show=False),
    ]

    def __init__(self, *, title: str, lines: LinesOf, copy: Callable[[str, str], object]) -> None:
        super().__init__()
        self._shown_title = title
        self._lines = lines
        self._copy = copy
        self._shows_secrets = False
        self._view = TextView(hang=4, widget_id="inspect")

    def compose(self) -> ComposeResult:
        """The lines above the keys."""
        self._view.show(self._lines(shows_secrets=False))
        with Vertical(classes="dialog dialog--tall") as dialog:
            dialog.border_title = self._shown_title
            yield self._view
            yield Static("esc  back     m  secrets     y  copy     j k  scroll", classes="dialog-keys", markup=False)

    def action_unmask(self) -> None:
        """Shows what looks secret, or masks it again."""
        self._shows_secrets = not self._shows_secrets
        self._view.show(self._lines(shows_secrets=self._shows_secrets))

    def action_copy(self) -> None:
        """Copies the lines as they are shown, masks too."""
        self._copy(self._view.text, "what is shown")

    def action_back(self) -> None:
        """Closes it."""
        self.dismiss()
