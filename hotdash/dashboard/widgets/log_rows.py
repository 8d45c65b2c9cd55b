"""`LogRows`: from a log's entries to the strips of their rows. Belongs to a `LogView`, and to the screen's thread."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Tone, width_of, wrap_cuts
from hotdash.dashboard.log_buffer import Entry, Lost, text_of
from hotdash.dashboard.sanitize import styled
from hotdash.dashboard.source_paths import as_source
from hotdash.dashboard.widgets.matches import marked, spans_of
from hotdash.dashboard.widgets.painted import Painted, divided, padded
from hotdash.sanitize import plain
from hotdash.task import Attribution

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.style import Style

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.scope import Scope
    from hotdash.events import StderrLine

_ID = 8  # cells of `t-91ab3f` and `c-7f3a12`
_NAME = 12  # cells of a function's name at most, where lines of several are mixed
_TIME = 13  # `12:03:41.123 `, `  +12.345 s  `

# How a line came to its task. One that was written while its task ran, and one of the container's own (its id stands
# where a task's would), have no sign.
SIGNS = {Attribution.BY_ID: "#", Attribution.BY_TIME: "~", Attribution.IN_TASK: " ", Attribution.CONTAINER: " "}
OWN = "·"  # among the lines of one past task: its container's, before it
HERE = "▶"  # the match or the error that one has gone to


class Times(StrEnum):
    """What is told of a line's time."""

    OFF = "no times"
    CLOCK = "times of day"
    TASK = "times since the task's start"


class Look(Struct, frozen=True, kw_only=True):
    """How lines are shown.

    Args:
        width: Cells of a row.
        scope: What they are lines of: it decides what leads them.
        wrap: Whether long ones are wrapped, else cut.
        sideways: Cells by which cut ones are moved to the left.
        times: What is told of their times.
        found: The filter whose matches are marked, or None.
        here: The place, in the order of events, of the line that one has gone to.
    """

    width: int
    scope: Scope
    wrap: bool
    sideways: int = 0
    times: Times = Times.OFF
    found: Filter | None = None
    here: int = 0

    @property
    def names_tasks(self) -> bool:
        """Whether lines are led by their task's name: not where there is but one task."""
        return not self.scope.task_id

    @property
    def lead(self) -> int:
        """The cells before a line's own text."""
        time_cells = _TIME if self.times is not Times.OFF else 0
        if not self.names_tasks:
            return time_cells + 2
        return time_cells + self.name_cells + _ID + 3

    @property
    def name_cells(self) -> int:
        """The cells of the functions' names, and of the space behind them; 0 where there is but one."""
        functions = self.scope.functions
        if len(functions) < 2:
            return 0
        return min(_NAME, max(cell_len(plain(function)) for function in functions)) + 1

    @property
    def wrap_width(self) -> int:
        """The cells that a wrapped line's text has in a row; 0 where lines are not wrapped."""
        return max(10, self.width - self.lead) if self.wrap else 0


class EntryRows:
    """The rows of one entry. Each becomes a strip when it is seen: a line of 64 KiB has hundreds.

    Args:
        parts: What each shows.
        width: Cells of a row.
        style: Below it, the widget's own.
        rest: What stands before all but the first.
    """

    __slots__ = ("_parts", "_rest", "_strips", "_style", "_width")

    def __init__(self, *, parts: list[list[Segment]], width: int, style: Style, rest: Sequence[Segment] = ()) -> None:
        self._parts = parts
        self._rest = rest
        self._width = width
        self._style = style
        self._strips: dict[int, Strip] = {}

    def __getitem__(self, at: int) -> Strip:
        """A row; the last for one below it."""
        at = min(at, len(self._parts) - 1)
        strip = self._strips.get(at)
        if strip is None:
            lead = self._rest if at else ()
            strip = self._strips[at] = padded([*lead, *self._parts[at]], self._width, self._style)
        return strip


class LogRows:
    """Draws entries.

    Args:
        painter: The widget, for its styles.
        local_time: Where the reader's clock is.
        started_s: When a task (of a function) started, on the runtime's clock; None if that is not known any more.
    """

    def __init__(
        self,
        *,
        painter: Painted,
        local_time: Callable[[float], time.struct_time],
        started_s: Callable[[str, str], float | None],
    ) -> None:
        self._painter = painter
        self._local_time = local_time
        self._started_s = started_s

    def rows(self, entry: Entry, look: Look) -> EntryRows:
        """An entry's rows."""
        painter = self._painter
        if isinstance(entry, Lost):
            lost = painter.segments(((f"── {text_of(entry)} ──", Tone.WARNING),))
            return EntryRows(parts=[lost], width=look.width, style=painter.base)
        base = painter.base
        body = [Segment(piece, base + style) for piece, style in styled(as_source(entry.text))]
        if look.found is not None:
            body = list(marked(body, spans_of(look.found, text_of(entry))))
        prefix = self.prefix(entry, look)
        head = painter.segments(prefix)
        if not look.wrap:
            seen = Strip(body).crop(look.sideways, look.sideways + max(0, look.width - width_of(prefix)))
            return EntryRows(parts=[[*head, *seen]], width=look.width, style=base)
        cuts = wrap_cuts(text_of(entry), look.wrap_width)
        if not cuts:
            return EntryRows(parts=[[*head, *body]], width=look.width, style=base)
        rest = [Segment(" " * (look.lead - 2), base), *painter.segments((("│ ", Tone.MUTED),))]
        first, *others = divided(body, cuts)
        return EntryRows(parts=[[*head, *first], *others], rest=rest, width=look.width, style=base)

    def prefix(self, line: StderrLine, look: Look) -> Line:
        """What stands before a line: its time, its function, its task or container, how it came to that."""
        stamp: Line = ((self.stamp(line, look.times), Tone.MUTED),) if look.times is not Times.OFF else ()
        is_here = line.seq == look.here
        sign = (HERE if is_here else SIGNS[line.attribution], Tone.ACCENT if is_here else Tone.MUTED)
        if not look.names_tasks:
            if not line.task_id and not is_here:
                sign = (OWN, Tone.MUTED)
            return (*stamp, sign, (" ", Tone.TEXT))
        if cells := look.name_cells:
            stamp = (*stamp, (set_cell_size(plain(line.function), cells - 1) + " ", Tone.STRONG))
        bar = ("│ ", Tone.MUTED)
        if line.task_id:
            return (*stamp, (words.short_id(line.task_id).ljust(_ID), words.task_tone(line.task_id)), sign, bar)
        return (*stamp, (plain(line.container_id)[:_ID].ljust(_ID), Tone.MUTED), sign, bar)

    def stamp(self, line: StderrLine, times: Times) -> str:
        """A line's time in `_TIME` cells."""
        if times is Times.CLOCK:
            clock = time.strftime("%H:%M:%S", self._local_time(line.time_s))
            return f"{clock}.{int(line.time_s % 1 * 1000):03} "
        started_s = self._start_of(line) if line.task_id else None
        return " " * _TIME if started_s is None else f"{max(0.0, line.at_s - started_s):+10.3f} s "

    def is_final(self, line: Entry, look: Look) -> bool:
        """Whether a line will look the same when it is drawn again: not if its task's start is still to be told."""
        if look.times is not Times.TASK or isinstance(line, Lost) or not line.task_id:
            return True
        return self._start_of(line) is not None

    def _start_of(self, line: StderrLine) -> float | None:
        """When a line's task started; a past one's clock begins there."""
        return 0.0 if line.seq < 0 else self._started_s(line.function, line.task_id)
