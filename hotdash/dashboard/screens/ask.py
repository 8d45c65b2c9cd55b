"""`AskScreen`: asks for a line of text. `ChooseScreen`: asks for one of some names, and lets one be removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.dashboard.titles import title_of
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from textual.app import ComposeResult


class AskScreen(ModalScreen[str | None]):
    """Gives the line, or None.

    Args:
        title: What it is about; hotdash's own text, or passed `plain`.
        question: What is asked for.
        does: What enter does, as a word.
        initial: What stands there at first, selected.
        fault: Says why a line is no good; empty if it is.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(
        self, *, title: str, question: str, does: str, initial: str = "", fault: Callable[[str], str] = lambda _line: ""
    ) -> None:
        super().__init__()
        self._title = title
        self._question = question
        self._does = does
        self._initial = initial
        self._fault_of = fault
        self._fault = Static("", classes="dialog-fault", markup=False)

    def compose(self) -> ComposeResult:
        """The line above the keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = title_of(self._title)
            yield Static(self._question, classes="dialog-text", markup=False)
            yield Input(self._initial, id="ask")
            yield self._fault
            yield Static(f"enter  {self._does}     esc  back", classes="dialog-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Gives the line, unless it is no good: then says so."""
        if fault := self._fault_of(event.value):
            self._fault.update(fault)
        else:
            self.dismiss(event.value)

    def action_back(self) -> None:
        """Nothing."""
        self.dismiss(None)


class ChooseScreen(ModalScreen[str | None]):
    """Gives a name, or None.

    Args:
        title: What it is about; hotdash's own text, or passed `plain`.
        names: The names, each with a word on it.
        removable: Those that can be removed.
        remove: Removes one for good.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", show=False),
        Binding("delete,x", "remove", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
    ]

    def __init__(
        self, *, title: str, names: Mapping[str, str], removable: Collection[str], remove: Callable[[str], object]
    ) -> None:
        super().__init__()
        self._title = title
        self._removable = removable
        self._names = list(names)
        self._remove = remove
        width = max(map(len, names), default=0)
        rows = [Content(f"{plain(name):<{min(width, 24)}}  {plain(word)}") for name, word in names.items()]
        self._list = OptionList(*map(Option, rows), id="choose")
        self._ways = Static("", classes="dialog-keys", markup=False)

    def compose(self) -> ComposeResult:
        """The names above the keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = title_of(self._title)
            yield self._list
            yield self._ways

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """What can be done with the one under the cursor."""
        is_own = self._names[event.option_index] in self._removable
        remove = "x  remove" if is_own else "(stands in its file: not removed here)"
        self._ways.update(f"enter  use     {remove}     esc  back")

    def action_move(self, step: int) -> None:
        """Moves the cursor."""
        if step > 0:
            self._list.action_cursor_down()
        else:
            self._list.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Gives the chosen one."""
        self.dismiss(self._names[event.option_index])

    def action_remove(self) -> None:
        """Removes the one under the cursor, once the user has said yes."""
        at = self._list.highlighted
        if at is None:
            return
        if self._names[at] not in self._removable:
            self.notify("it stands in the function's file", markup=False)
            return

        def removed(is_yes: bool | None) -> None:
            if is_yes:
                self._remove(self._names.pop(at))
                self._list.remove_option_at_index(at)
                if not self._names:
                    self.dismiss(None)

        self.app.push_screen(ConfirmScreen(question=f"Remove {plain(self._names[at])}?", yes="remove"), removed)

    def action_back(self) -> None:
        """Nothing."""
        self.dismiss(None)
