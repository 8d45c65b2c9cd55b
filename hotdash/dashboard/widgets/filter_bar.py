"""`FilterBar`: where a pane's filter is typed; shown only while one types. What is typed holds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from hotdash.dashboard.filters import TOO_SLOW, BadFilter, Filter, parse_filter
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable


_ASKED = "regular expression, ! inverts"
_SEARCHED = "regular expression"


class FilterBar(Horizontal):
    """One line at the foot of a pane."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", show=False)]

    class Changed(Message):
        """Another filter holds."""

        def __init__(self, bar: FilterBar) -> None:
            self.bar = bar
            super().__init__()

    class Done(Message):
        """Typing has ended; the focus may go back."""

        def __init__(self, bar: FilterBar) -> None:
            self.bar = bar
            super().__init__()

    def __init__(self, *, parse: Callable[[str], Filter | None] = parse_filter, widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self._parse = parse  # raises `BadFilter`
        self.filter: Filter | None = None
        self._input: Input | None = None
        self._fault = Label("", classes="filter-fault", markup=False)
        self.display = False

    def prepare(self) -> Input:
        """Makes a slash, the line, and what is wrong with it, once: an `Input` is dear to make, and seldom seen."""
        if self._input is None:
            self._input = Input(
                placeholder=_ASKED if self._parse is parse_filter else _SEARCHED, compact=True, select_on_focus=False
            )
            self.mount(Label("/", classes="filter-slash"), self._input, self._fault)
        return self._input

    def open(self) -> None:
        """Shows it, and takes the focus; typing replaces a filter that was kept."""
        line = self.prepare()
        self.display = True
        self.screen.set_focus(line)  # at once: what is typed next is the filter, however fast it comes
        line.select_all()

    def action_clear(self) -> None:
        """Ends the filter."""
        self.prepare().value = ""
        self._apply("")
        self.display = False
        self.post_message(self.Done(self))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Takes what is typed, if it can be used; else says so and keeps the last."""
        event.stop()
        self._apply(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the pane; the filter stays."""
        event.stop()
        self.display = False  # the pane's title tells the filter, and its rows need the line
        self.post_message(self.Done(self))

    def on_descendant_blur(self) -> None:
        """Typing has ended some other way; not when the terminal alone has lost the focus: it comes back here."""
        if self.app.app_focus:
            self.display = False

    def _apply(self, typed: str) -> None:
        try:
            found = self._parse(typed)
        except BadFilter as error:
            self._fault.update(f"not used: {plain(str(error))}")
            return
        self._fault.update("")
        if found != self.filter:
            self.filter = found
            if found is not None:
                found.on_slow = self._gave_up
            self.post_message(self.Changed(self))
        elif self.filter is not None and self.filter.is_too_slow:
            self._fault.update(TOO_SLOW)

    def _gave_up(self) -> None:
        """What holds takes too long, and from now on lets everything through."""
        self._fault.update(TOO_SLOW)
        self.post_message(self.Changed(self))
