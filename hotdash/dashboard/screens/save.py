"""`SaveScreen`: asks for a file's name, and saves; a file that is there is replaced only when that is said twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from hotdash.dashboard.log_file_text import write_file
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from textual.app import ComposeResult


class SaveScreen(ModalScreen[Path | None]):
    """Gives the path of the file that was written, or None.

    Args:
        what: What is saved, in words.
        text: The file's text.
        name: The name proposed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self, *, what: str, text: str, name: str) -> None:
        super().__init__()
        self._what = what
        self._text = text
        self._name = name
        self._there = ""  # the name of a file that is there: given once more, it is replaced
        self._fault = Static("", classes="dialog-fault", markup=False)

    def compose(self) -> ComposeResult:
        """The name above what is wrong with it above the keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Save the log"
            yield Static(f"{self._what} to the file", classes="dialog-text", markup=False)
            yield Input(self._name, id="save", select_on_focus=False)
            yield self._fault
            yield Static("enter  save     esc  back", classes="dialog-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Writes the file, or says why not."""
        typed = event.value.strip()
        if not typed:
            self._fault.update("a file needs a name")
            return
        try:
            written = write_file(typed, self._text, may_replace=typed == self._there)
        except FileExistsError:
            self._there = typed
            self._fault.update(f"{plain(typed)} is there already: enter again replaces it")
        except (OSError, ValueError, RuntimeError) as error:  # a NUL in the name; no home of that name
            self._fault.update(f"{plain(typed)}: {plain(getattr(error, 'strerror', None) or str(error))}")
        else:
            self.dismiss(written)

    def action_back(self) -> None:
        """Nothing is saved."""
        self.dismiss(None)
