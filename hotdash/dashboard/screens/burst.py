"""`BurstScreen`: asks how many calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hotdash.dashboard.invoker import BURST_MOST
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from textual.app import ComposeResult


class BurstScreen(ModalScreen[int | None]):
    """Gives a number of calls, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self, *, function: str) -> None:
        super().__init__()
        self._function = function

    def compose(self) -> ComposeResult:
        """The number above the keys."""
        with Vertical(classes="dialog dialog--small") as dialog:
            dialog.border_title = f"Burst: {plain(self._function)}".replace("[", r"\[")
            yield Static("How many calls at once?", classes="dialog-text", markup=False)
            yield Input("20", type="integer", max_length=len(str(BURST_MOST)), id="burst")
            yield Static("enter  invoke     esc  back", classes="dialog-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Gives the number, between 1 and `BURST_MOST`."""
        if event.value.strip().isdigit():
            self.dismiss(max(1, min(BURST_MOST, int(event.value))))

    def action_back(self) -> None:
        """No call."""
        self.dismiss(None)
