"""`ConfirmScreen`: a question with yes and no."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ConfirmScreen(ModalScreen[bool]):
    """Asks; gives True for yes. Enter, which invokes everywhere else, is no answer here.

    Args:
        question: Its texts are hotdash's own or have passed `plain`.
        yes: What yes does, as a word.
        no: What no does.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape,q", "answer(False)", show=False),
    ]

    def __init__(self, *, question: str, yes: str, no: str = "keep") -> None:
        super().__init__()
        self._question = question
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """The question above the keys."""
        with Vertical(classes="dialog dialog--small"):
            yield Static(self._question, classes="dialog-text", markup=False)
            yield Static(f"y  {self._yes}     n  {self._no}", classes="dialog-keys", markup=False)

    def action_answer(self, answer: bool) -> None:
        """Gives the answer."""
        self.dismiss(answer)
