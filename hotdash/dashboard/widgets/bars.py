"""The one-line widgets: header, footer, tabs. Drawn by line; each is repainted only when its words change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.message import Message

from hotdash.dashboard.actions import Action, Pane
from hotdash.dashboard.keys import Keys
from hotdash.dashboard.lines import Line, Span, Tone, fit, width_of
from hotdash.dashboard.presentation import HeaderFacts, header_line
from hotdash.dashboard.widgets.painted import Painted

if TYPE_CHECKING:
    from textual import events
    from textual.strip import Strip


_GAP = 2


class LineBar(Painted, can_focus=False):
    """One line across the screen, with a cell of air at each side."""

    def line_for(self, width: int) -> Line:
        """What to show in `width` cells."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.room
        if y:
            return self.blank(width)
        return self.strip_of(((" ", Tone.TEXT), *fit(self.line_for(width - 2), width - 2)), width)


class HeaderBar(LineBar):
    """Driver, functions, containers, queue, rates, watching."""

    facts: HeaderFacts | None = None

    def show(self, facts: HeaderFacts) -> None:
        """Takes new facts; repaints if the line they make is another one."""
        width = self.room - 2
        if self.facts is None or header_line(self.facts, width) != header_line(facts, width):
            self.refresh()
        self.facts = facts

    def line_for(self, width: int) -> Line:
        """The header's line."""
        return () if self.facts is None else header_line(self.facts, width)


class FooterBar(LineBar):
    """The focused pane's keys; as many as there is room for, `?` and `q` always."""

    def __init__(self, *, keys: Keys | None = None, widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
        self._keys = keys if keys is not None else Keys()
        self.pane = Pane.FUNCTIONS
        self._places: list[tuple[int, int, Action]] = []

    def show(self, pane: Pane) -> None:
        """Shows another pane's keys."""
        if pane is not self.pane:
            self.pane = pane
            self.refresh()

    def line_for(self, width: int) -> Line:
        """The keys, those without room left out from the right."""
        keys = [(action, _key_line(action, self.pane)) for action in self._keys.footer(self.pane)]
        ends = [keys.pop(), keys.pop()][::-1]
        while keys and sum(width_of(line) + 2 for _, line in (*keys, *ends)) > width + 2:
            keys.pop()
        line: list[Span] = []
        self._places = []
        at = 1
        for action, part in (*keys, *ends):
            self._places.append((at, at + width_of(part), action))
            at += width_of(part) + 2
            line.extend((("  ", Tone.TEXT), *part) if line else part)
        return tuple(line)

    async def on_click(self, event: events.Click) -> None:
        """Does what the clicked key does."""
        for start, end, action in self._places:
            if start <= event.x < end and action.id:
                await self.screen.run_action(action.id)


class TabBar(LineBar):
    """The names of the tabs; the open one is marked by more than its colour."""

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, tab: str) -> None:
            self.tab = tab
            super().__init__()

    def __init__(self, *, tabs: tuple[str, ...], widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
        self.tabs = tabs
        self.chosen = tabs[0]
        self.note: Line = ()

    def show(self, chosen: str, note: Line) -> None:
        """Marks a tab, and tells at the right what there is to know of it."""
        if (chosen, note) != (self.chosen, self.note):
            self.chosen, self.note = chosen, note
            self.refresh()

    def has_room_for(self, note: Line) -> bool:
        """Whether a note can be told whole; so before the first layout."""
        return not self.room or width_of(note) + 1 + self._cells_of_tabs(0) <= self.room - 2

    def line_for(self, width: int) -> Line:
        """The tabs at the left, the note at the right."""
        gap = " " * self._gap(width)
        line: list[Span] = []
        for tab in self.tabs:
            mark, tone = ("▌", Tone.STRONG) if tab == self.chosen else (" ", Tone.MUTED)
            line.extend(((mark, Tone.ACCENT), (f"{tab}{gap}", tone)))
        room = width - width_of(tuple(line))
        return (*line, *fit(self.note, room, right=True))

    def _gap(self, width: int) -> int:
        """The cells behind each tab: fewer where the note has no room otherwise."""
        wanted = width - width_of(self.note)
        return next((gap for gap in (_GAP, _GAP - 1) if self._cells_of_tabs(gap) <= wanted), 0)

    def _cells_of_tabs(self, gap: int) -> int:
        return sum(cell_len(tab) + 1 + gap for tab in self.tabs)

    def on_click(self, event: events.Click) -> None:
        """Opens the clicked tab."""
        at, gap = 1, self._gap(self.room - 2)
        for tab in self.tabs:
            end = at + cell_len(tab) + 1 + gap
            if at <= event.x < end:
                self.post_message(self.Chosen(tab))
            at = end


def _key_line(action: Action, pane: Pane) -> Line:
    return ((action.shown, Tone.ACCENT), (f" {action.label_in(pane)}", Tone.MUTED))
