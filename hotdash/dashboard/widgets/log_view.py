"""`LogView`: the stderr of what is selected or marked, drawn by line over a bounded buffer.

A line costs nothing until it is seen: 10,000 a second are appended ten times a second in one go, and only the rows on
the screen are cleaned, styled and kept as strips. What one reads stays: while text is selected, or where the oldest
lines would have to go from under a reader who does not follow, nothing is taken from the store; what it had to drop
meanwhile is told where it is missing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from hotdash.dashboard.finding import Finding
from hotdash.dashboard.hits import hit_from, number_of_hit
from hotdash.dashboard.lines import wrap_cuts
from hotdash.dashboard.log_buffer import Entry, LogBuffer, Lost, text_of
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.widgets.log_rows import EntryRows, LogRows, Look, Times
from hotdash.dashboard.widgets.selectable import Selectable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.selection import Selection

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.lines import Line
    from hotdash.dashboard.ports import Lines
    from hotdash.events import StderrLine

_SIDEWAYS = 8
_STRIPS_KEPT = 512
_GO_ON_S = 0.02  # between two parts of what takes long: for keys, and for painting
_NEXT_TIMES = {Times.OFF: Times.CLOCK, Times.CLOCK: Times.TASK, Times.TASK: Times.OFF}


class LogView(Selectable):
    """The Logs pane's lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g,home", "to_top", show=False),
        Binding("G,end", "to_bottom", show=False),
        Binding("left,h", "sideways(-1)", show=False),
        Binding("right,l", "sideways(1)", show=False),
    ]

    class Changed(Message):
        """What the pane's title tells has changed."""

    def __init__(
        self,
        *,
        store: Lines,
        local_time: Callable[[float], time.struct_time] = time.localtime,
        started_s: Callable[[str, str], float | None] = lambda _function, _task_id: None,
        widget_id: str | None = None,
    ) -> None:
        super().__init__(widget_id=widget_id)
        self.scope = Scope()
        self.buffer = LogBuffer()
        self.follow = True
        self.wrap = True
        self.times = Times.OFF
        self.unseen = 0  # rows that came while it did not follow; lines, while it takes none
        self.here = 0  # the place of the line that one has gone to, in the order of events
        self.floor = 0  # lines up to this place have been cleared from view
        self.empty: tuple[Line, ...] = ()
        self.rows = LogRows(painter=self, local_time=local_time, started_s=started_s)
        self._store = store
        self._cursor = 0
        self._total = 0  # lines there had ever been when the last were taken
        self._is_first = True
        self._is_held = False
        self._waiting = 0  # of the unseen, those that are not taken
        self._sideways = 0
        self._is_arranging = False  # what the buffer has still to look at is not new
        self._is_going_on = False
        self._strips: LRUCache[tuple[int, int], EntryRows] = LRUCache(_STRIPS_KEPT)

    # --- lines --------------------------------------------------------------------------------------------------------

    def show_scope(self, scope: Scope) -> None:
        """Shows other lines: those that are kept of this scope, the newest in sight."""
        if scope == self.scope:
            return
        self.scope = scope
        self._restart()

    def set_empty(self, lines: tuple[Line, ...]) -> None:
        """What is shown where there is no line."""
        if lines != self.empty:
            self.empty = lines
            if not self.buffer.rows:
                self.refresh()

    def pull(self) -> int:
        """Takes the lines that have come since the last time, and returns how many. Quick when there are none."""
        functions = self.scope.functions
        if not functions:
            return 0
        if self._is_held or self.text_selection is not None:
            self._count_held()
            return 0
        batch = self._store.lines_after(self._cursor, functions)
        is_whole = self.scope.is_whole
        fresh: list[Entry] = list(batch.lines) if is_whole else [line for line in batch.lines if self.scope.has(line)]
        if fresh and not self.follow and self._would_go(len(fresh)):
            self._is_held = True
            self._count_held()
            return 0
        # Exact, where the ring itself knows only of its last dropped ones.
        lost = batch.lost if self._is_first else max(batch.lost, batch.total - self._total - len(batch.lines))
        if lost and (is_whole or not self._is_first):
            fresh.insert(0, Lost(count=lost))
        self._cursor, self._total, self._is_first = batch.cursor, batch.total, False
        self.unseen, self._waiting = self.unseen - self._waiting, 0
        if fresh:
            self._append(fresh)
        return len(fresh)

    def _would_go(self, count: int) -> bool:
        """Whether rows that are seen now would have to go if so many lines came."""
        return self.scroll_offset.y < len(self.buffer) + count - self.buffer.capacity

    def _count_held(self) -> None:
        waiting = self._store.lines_total(self.scope.functions) - self._total
        if waiting != self._waiting:
            self.unseen += waiting - self._waiting
            self._waiting = waiting
            self.post_message(self.Changed())

    def set_filter(self, found: Filter | None) -> None:
        """Shows only what the filter lets through, or marks its matches."""
        self.buffer.filter, self.here = found, 0
        self._arrange()

    def set_hiding(self, *, on: bool) -> None:
        """Hides the lines that the filter does not match, or only marks its matches."""
        self.buffer.is_hiding = on
        self._arrange()

    def set_errors_only(self, *, on: bool) -> None:
        """Shows only lines that tell of an error, or all."""
        self.buffer.errors_only = on
        self._arrange()

    def clear_view(self) -> None:
        """Hides all lines so far; where they are hidden, and nothing has come since, shows them again."""
        self.floor = self._cursor if len(self.buffer) or not self.floor else 0
        self._restart()

    def shown_lines(self) -> Sequence[Entry]:
        """All lines that are shown once all have been looked at: for the clipboard, for a file."""
        self.buffer.finish()
        return self.buffer.shown

    def shown_text(self) -> str:
        """The same, clean."""
        return "\n".join(text_of(entry) for entry in self.shown_lines())

    def _restart(self) -> None:
        self.buffer.clear()
        self.buffer.wrap_width = self._look.wrap_width
        self._strips.clear()
        self._cursor, self.unseen, self._sideways, self.follow, self.here = self.floor, 0, 0, True, 0
        self._is_first, self._is_held, self._total, self._waiting = True, False, 0, 0
        self.pull()
        self._resized(0)

    def _append(self, fresh: list[Entry]) -> None:
        before = self.buffer.rows
        gone = self.buffer.append(fresh)
        self._has_grown(self.buffer.rows - before + gone)
        self._resized(gone)
        self._go_on_later()

    def _has_grown(self, rows: int) -> None:
        if not self.follow and not self._is_arranging:
            self.unseen += max(0, rows)

    def _go_on_later(self) -> None:
        if not self.buffer.is_behind:
            self._is_arranging = False
        elif not self._is_going_on:
            self._is_going_on = True
            self.set_timer(_GO_ON_S, self._go_on)

    def _go_on(self) -> None:
        """Another part of what takes long."""
        self._is_going_on = False
        before = self.buffer.rows
        self.buffer.work()
        self._has_grown(self.buffer.rows - before)
        self._resized(0)
        if self._is_arranging and self.here and not self.follow:
            self._reveal(self.here)
        self._go_on_later()

    def _resized(self, gone: int) -> None:
        """The buffer has other rows: the scroll bar, the place, the picture, the title."""
        self.virtual_size = Size(0, self.buffer.rows)
        if self.follow:
            self._to_end()
        elif gone:
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False)
        self.refresh()
        self.post_message(self.Changed())

    # --- how it is shown ----------------------------------------------------------------------------------------------

    def set_follow(self, *, on: bool) -> None:
        """Follows the newest line, or stays."""
        self.follow = on
        if on:
            self._is_held = False
            self.pull()
            self.unseen = 0
            self._to_end()
        self.post_message(self.Changed())

    def _to_end(self) -> None:
        # By force: the bar that allows scrolling comes with the next layout, after the lines that need it.
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def set_wrap(self, *, on: bool) -> None:
        """Wraps long lines, or cuts them."""
        self.wrap, self._sideways = on, 0
        self._arrange()

    def next_times(self) -> None:
        """No times, times of day, times since the task's start, none again."""
        self.times = _NEXT_TIMES[self.times]
        self._arrange()

    def _arrange(self) -> None:
        self._strips.clear()
        self.buffer.wrap_width = self._look.wrap_width
        self.buffer.arrange()
        self._is_arranging = True
        self._go_on_later()
        self._resized(0)
        if self.here and not self.follow:
            self._reveal(self.here)

    @property
    def _look(self) -> Look:
        return Look(
            width=self.room,
            scope=self.scope,
            wrap=self.wrap,
            sideways=self._sideways,
            times=self.times,
            found=self.buffer.filter,
            here=self.here,
        )

    def on_resize(self) -> None:
        """Wrapped lines take another number of rows."""
        if self.buffer.wrap_width != self._look.wrap_width:
            self._arrange()
        elif self.follow:
            self._to_end()
        self._strips.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up stops following; reaching the end again follows."""
        super().watch_scroll_y(old_value, new_value)
        is_end = round(new_value) >= self.max_scroll_y
        if self.follow and new_value < old_value and not is_end:
            self.set_follow(on=False)
        elif not self.follow and is_end and new_value > old_value:
            self.set_follow(on=True)

    def action_to_top(self) -> None:
        """The oldest line."""
        self.scroll_to(y=0, animate=False)

    def action_to_bottom(self) -> None:
        """The newest line, followed."""
        self.set_follow(on=True)

    def action_sideways(self, direction: int) -> None:
        """Where lines are cut: further to the right, or back."""
        if not self.wrap:
            self._sideways = max(0, self._sideways + direction * _SIDEWAYS)
            self._strips.clear()
            self.refresh()

    # --- matches and errors -------------------------------------------------------------------------------------------

    @property
    def finding(self) -> Finding:
        """How the search stands."""
        buffer = self.buffer
        hit = number_of_hit(buffer.hits, self.here)
        return Finding(found=buffer.filter, hits=len(buffer.hits), hit=hit, is_hiding=buffer.is_hiding)

    def go_to_match(self, direction: int) -> bool:
        """Goes to the filter's next match, or the one before; False if there is none."""
        place = self.here or (2**62 if self.follow else self._first_seen - (direction > 0))
        if self.follow and not self.here:
            direction = -1  # from the end there is only what came before
        return self._go_to(hit_from(self.buffer.hits, place, direction))

    def error_here(self) -> Sequence[StderrLine]:
        """The line that one has gone to, with what follows of its traceback; nothing if one has gone to none."""
        return self.buffer.error_at(self.here) if self.here else ()

    def go_to_error(self) -> bool:
        """Goes to the next line that tells of an error; False if there is none."""
        place = self.here or (self._first_seen - 1 if not self.follow else 2**62)
        return self._go_to(self.buffer.error_after(place))

    @property
    def _first_seen(self) -> int:
        found = self.buffer.at(self.scroll_offset.y)
        return found[0].seq if found is not None and not isinstance(found[0], Lost) else 0

    def _go_to(self, seq: int | None) -> bool:
        if seq is None:
            return False
        self.here = seq
        self._strips.clear()
        self._reveal(seq)
        return True

    def _reveal(self, seq: int) -> None:
        row = self.buffer.row_of(seq)
        if row is None:
            return
        self.follow = False
        self.scroll_to(y=max(0, row - self.size.height // 3), animate=False, force=True, immediate=True)
        self.follow = False  # also where the end came into sight with it
        self.refresh()
        self.post_message(self.Changed())

    def forget(self) -> None:
        """The theme has changed."""
        self._strips.clear()

    # --- painting and selecting ---------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One row."""
        row = y + self.scroll_offset.y
        strip = self.row_strip(row)
        if strip is not None:
            return self.selected_row(strip, row)
        if not self.buffer.rows and y < len(self.empty):
            return self.strip_of(self.empty[y], self.room)
        return self.blank(self.room)

    def row_strip(self, row: int) -> Strip | None:
        """See `Selectable`."""
        found = self.buffer.at(row)
        if found is None:
            return None
        entry, part = found
        key = (entry.seq if not isinstance(entry, Lost) else -id(entry), self.room)
        strips = self._strips.get(key)
        if strips is None:
            look = self._look
            strips = self.rows.rows(entry, look)
            if self.rows.is_final(entry, look):
                self._strips[key] = strips
        return strips[part]

    def lead_of_rest(self, row: int) -> int:
        """See `Selectable`."""
        found = self.buffer.at(row)
        return self._look.lead if found is not None and found[1] else 0

    def is_cut_at_space(self, row: int) -> bool:
        """See `Selectable`."""
        found = self.buffer.at(row)
        if found is None or not found[1]:
            return False
        content = text_of(found[0])
        cut = wrap_cuts(content, self.buffer.wrap_width)[found[1] - 1]
        return Strip([Segment(content)]).crop(cut - 1, cut).text == " "

    def selection_updated(self, selection: Selection | None) -> None:
        """What is selected holds the log; once it is no more, the lines that waited come."""
        super().selection_updated(selection)
        if selection is None:
            self.call_next(self.pull)
