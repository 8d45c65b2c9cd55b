"""`LogView`: the stderr of what is selected, drawn by line over a bounded buffer.

A line costs nothing until it is seen: 10,000 a second are appended ten times a second in one go, and only the rows on
the screen are cleaned, styled and kept as strips.
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

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Tone, width_of, wrap_cuts
from hotdash.dashboard.log_buffer import Entry, LogBuffer, Lost, text_of
from hotdash.dashboard.sanitize import styled
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.widgets.painted import Painted, padded
from hotdash.events import StderrLine
from hotdash.sanitize import plain
from hotdash.task import Attribution

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.ports import Lines

_PREFIX = 8  # cells of `t-91ab3f` and `c-7f3a12`
_TIME = 13  # `12:03:41.123 `
_SIDEWAYS = 8
_STRIPS_KEPT = 512


class LogView(Painted):
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
        widget_id: str | None = None,
    ) -> None:
        super().__init__(widget_id=widget_id)
        self.scope = Scope()
        self.buffer = LogBuffer()
        self.follow = True
        self.wrap = True
        self.times = False
        self.unseen = 0  # rows that came while it did not follow
        self.empty: tuple[Line, ...] = ()
        self._store = store
        self._local_time = local_time
        self._cursor = 0
        self._sideways = 0
        self._strips: LRUCache[tuple[int, int], list[Strip]] = LRUCache(_STRIPS_KEPT)

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

    def pull(self) -> None:
        """Takes the lines that have come since the last time. Quick when there are none."""
        if not self.scope.function:
            return
        is_first = self._cursor == 0
        batch = self._store.lines_after(self._cursor, (self.scope.function,))
        self._cursor = batch.cursor
        fresh: list[Entry] = [line for line in batch.lines if self.scope.has(line)]
        if batch.lost and not (is_first and (self.scope.task_id or self.scope.container_id)):
            fresh.insert(0, Lost(count=batch.lost))
        if fresh:
            self._append(fresh)

    def set_filter(self, found: Filter | None) -> None:
        """Shows only what the filter lets through."""
        self.buffer.filter = found
        self._arrange()

    def shown_text(self) -> str:
        """All lines shown, clean, for the clipboard."""
        return "\n".join(text_of(entry) for entry in self.buffer.shown)

    def _restart(self) -> None:
        self.buffer.clear()
        self.buffer.wrap_width = self._wrap_width
        self._strips.clear()
        self._cursor, self.unseen, self._sideways, self.follow = 0, 0, 0, True
        self.pull()
        self._resized(0)

    def _append(self, fresh: list[Entry]) -> None:
        before = self.buffer.rows
        gone = self.buffer.append(fresh)
        if not self.follow:
            self.unseen += max(0, self.buffer.rows - before + gone)
        self._resized(gone)

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
        if on:
            self.unseen = 0
        self.follow = on
        if on:
            self._to_end()
        self.post_message(self.Changed())

    def _to_end(self) -> None:
        # By force: the bar that allows scrolling comes with the next layout, after the lines that need it.
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def set_wrap(self, *, on: bool) -> None:
        """Wraps long lines, or cuts them."""
        self.wrap, self._sideways = on, 0
        self._arrange()

    def set_times(self, *, on: bool) -> None:
        """Shows each line's time of day, or not."""
        self.times = on
        self._arrange()

    def _arrange(self) -> None:
        self._strips.clear()
        self.buffer.arrange(wrap_width=self._wrap_width, found=self.buffer.filter)
        self._resized(0)

    @property
    def _wrap_width(self) -> int:
        if not self.wrap:
            return 0
        return max(10, self.room - (_PREFIX + 3 if self._has_names else 0) - (_TIME if self.times else 0))

    def on_resize(self) -> None:
        """Wrapped lines take another number of rows."""
        if self.buffer.wrap_width != self._wrap_width:
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

    def forget(self) -> None:
        """The theme has changed."""
        self._strips.clear()

    # --- painting -----------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.room
        found = self.buffer.at(y + self.scroll_offset.y)
        if found is None:
            if not self.buffer.rows and y < len(self.empty):
                return self.strip_of(self.empty[y], width)
            return self.blank(width)
        entry, row = found
        key = (entry.seq if isinstance(entry, StderrLine) else -id(entry), width)
        strips = self._strips.get(key)
        if strips is None:
            strips = self._rows_of(entry, width)
            self._strips[key] = strips
        return strips[min(row, len(strips) - 1)]

    def _rows_of(self, entry: Entry, width: int) -> list[Strip]:
        if isinstance(entry, Lost):
            return [self.strip_of(((f"── {text_of(entry)} ──", Tone.WARNING),), width)]
        prefix, base = self._prefix(entry), self.base
        indent = width_of(prefix)
        body = [Segment(piece, base + style) for piece, style in styled(entry.text)]
        head = self.segments(prefix)
        if not self.wrap:
            seen = Strip(body).crop(self._sideways, self._sideways + max(0, width - indent))
            return [padded([*head, *seen], width, base)]
        cuts = wrap_cuts(text_of(entry), self.buffer.wrap_width or width)
        if not cuts:
            return [padded([*head, *body], width, base)]
        whole = Strip(body)
        rest = (
            [Segment(" " * max(0, indent - 2), base), *self.segments((("│ ", Tone.MUTED),))] if self._has_names else []
        )
        parts = whole.divide([*cuts, whole.cell_length])
        return [padded([*(rest if at else head), *part], width, base) for at, part in enumerate(parts)]

    @property
    def _has_names(self) -> bool:
        """Whether lines are led by their task's name: not where there is but one task."""
        return not self.scope.task_id

    def _prefix(self, line: StderrLine) -> Line:
        stamp: Line = ((self._stamp(line.time_s), Tone.MUTED),) if self.times else ()
        if not self._has_names:
            return stamp
        bar = ("~│ " if line.attribution is Attribution.BY_TIME else " │ ", Tone.MUTED)
        if line.task_id:
            return (*stamp, (words.short_id(line.task_id).ljust(_PREFIX), words.task_tone(line.task_id)), bar)
        return (*stamp, (plain(line.container_id)[:_PREFIX].ljust(_PREFIX), Tone.MUTED), bar)

    def _stamp(self, time_s: float) -> str:
        clock = time.strftime("%H:%M:%S", self._local_time(time_s))
        return f"{clock}.{int(time_s % 1 * 1000):03} "
