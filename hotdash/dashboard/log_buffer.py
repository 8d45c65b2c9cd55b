"""`LogBuffer`: the lines that one log shows, bounded, filtered, and where each stands on the screen. No Textual.

Belongs to the widget that draws it, and to the screen's thread, which must not be kept: what takes longer than a key
may wait (a filter over long lines, the wrapping of many) is done in parts, see `LogBuffer.work`.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias, Union

from msgspec import Struct

from hotdash.dashboard.error_lines import ErrorSense
from hotdash.dashboard.lines import wrap_cuts
from hotdash.dashboard.source_paths import as_source
from hotdash.sanitize import plain
from hotdash.store.rings import LINES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hotdash.dashboard.filters import Filter
    from hotdash.events import StderrLine

_BEFORE_ALL = -(2**62)  # a place in the order of events: past tasks' lines have some below zero
WORK_S = 0.02  # at one go; a key waits no longer
_TRACEBACK_LINES = 400
_MARKS = 100  # room for places where lines are missing
_CHUNK = 64  # lines between two looks at the clock, or
_CHUNK_SIZE = 2**17  # so many characters


class Lost(Struct, frozen=True, kw_only=True):
    """A place where lines are missing."""

    count: int


Entry: TypeAlias = Union["StderrLine", Lost]


def text_of(entry: Entry) -> str:
    """An entry's words."""
    return plain(as_source(entry.text)) if not isinstance(entry, Lost) else f"{entry.count:,} lines lost here"


def _with_lost(entries: list[Entry], lines: list[StderrLine]) -> list[Entry]:
    """These of the entries' lines, and where lines are missing."""
    stays = set(map(id, lines))
    return [entry for entry in entries if isinstance(entry, Lost) or id(entry) in stays]


class LogBuffer:
    """At most `capacity` entries; of these the ones shown, each one row high, or as many as wrapping makes it.

    Attributes:
        filter: What is looked for; None for nothing.
        is_hiding: Whether lines that the filter does not match are hidden, or its matches merely known (`hits`).
        errors_only: Whether only lines that tell of an error are shown.
        wrap_width: Cells; 0 where lines are not wrapped.
        hits: The places, in the order of events, of the lines that the filter matches and that are shown.
    """

    def __init__(self, *, capacity: int = LINES_KEPT + _MARKS, work_s: float = WORK_S) -> None:
        self.capacity = capacity
        self.filter: Filter | None = None
        self.is_hiding = True
        self.errors_only = False
        self.wrap_width = 0
        self.hits: list[int] = []
        self._work_s = work_s
        self._all: list[Entry] = []
        self._done = 0  # how many of these have been looked at, shown or not
        self._shown: list[Entry] = []
        self._ends: list[int] = []  # wrapped: the row after each shown entry, counted from the buffer's first ever
        self._base = 0  # wrapped: rows before the first shown entry
        self._sense = ErrorSense()

    @property
    def rows(self) -> int:
        """How many rows it is high."""
        if self.wrap_width:
            return self._ends[-1] - self._base if self._ends else 0
        return len(self._shown)

    @property
    def is_behind(self) -> bool:
        """Whether there are lines that were not looked at yet: `work` does."""
        return self._done < len(self._all)

    @property
    def shown(self) -> Sequence[Entry]:
        """The entries that the filter lets through, oldest first; not to be changed."""
        return self._shown

    def __len__(self) -> int:
        return len(self._all)

    def clear(self) -> None:
        """Empties it; the filter stays."""
        self._all.clear()
        self._forget()

    def append(self, entries: Iterable[Entry]) -> int:
        """Adds the newest entries, and shows them if that does not take long.

        Returns:
            How many rows went at the top to keep the bound.
        """
        fresh = list(entries)[-self.capacity :]
        over = len(self._all) + len(fresh) - self.capacity
        gone = self._drop(over) if over > 0 else 0
        self._all += fresh
        self.work()
        return gone

    def arrange(self) -> None:
        """Shows what it holds anew, as `filter`, `is_hiding`, `errors_only` and `wrap_width` are now; or begins to."""
        self._forget()
        self.work()

    def work(self) -> None:
        """Looks at what was not looked at yet, the oldest first, for no longer than a key may wait."""
        end_s, is_used = time.perf_counter() + self._work_s, self._is_filter_used
        while self.is_behind:
            chunk = self._chunk()
            self._show(chunk)
            self._done += len(chunk)
            if time.perf_counter() > end_s or is_used is not self._is_filter_used:
                return  # a filter that has just given up is told of, and all is arranged anew

    def finish(self) -> None:
        """Looks at all the rest, however long that takes: for what must not have a part of the lines alone."""
        while self.is_behind:
            self.work()

    @property
    def _is_filter_used(self) -> bool:
        return self.filter is not None and not self.filter.is_too_slow

    def _chunk(self) -> list[Entry]:
        chunk = self._all[self._done : self._done + _CHUNK]
        size = 0
        for count, entry in enumerate(chunk, start=1):
            size += len(entry.text) if not isinstance(entry, Lost) else 0
            if size > _CHUNK_SIZE:
                return chunk[:count]
        return chunk

    def at(self, row: int) -> tuple[Entry, int] | None:
        """The entry that row `row` belongs to, and which row of it that is; None below the last."""
        if not 0 <= row < self.rows:
            return None
        if not self.wrap_width:
            return self._shown[row], 0
        at = bisect_right(self._ends, row + self._base)
        start = self._ends[at - 1] if at else self._base
        return self._shown[at], row + self._base - start

    def row_of(self, seq: int) -> int | None:
        """The first row of the shown line at place `seq` in the order of events, or None."""
        at = self._index(seq)
        if at == len(self._shown):
            return None
        if not self.wrap_width:
            return at
        return (self._ends[at - 1] if at else self._base) - self._base

    def error_after(self, seq: int) -> int | None:
        """The place of the next shown line that tells of an error, round the end; None if there is none."""
        sense, first = ErrorSense(), None
        for entry in self._shown:
            if not isinstance(entry, Lost) and sense.starts_error(entry):
                if entry.seq > seq:
                    return entry.seq
                first = entry.seq if first is None else first
        return first

    def error_at(self, seq: int) -> Sequence[StderrLine]:
        """The shown line at place `seq`, with what follows of its container, as far as its traceback goes."""
        sense = ErrorSense()
        found: list[StderrLine] = []
        for entry in self._shown[self._index(seq) :]:
            if isinstance(entry, Lost) or (found and entry.container_id != found[0].container_id):
                continue
            is_more = not found or sense.is_within(entry) or entry.text[:1].isspace()
            if not is_more or len(found) >= _TRACEBACK_LINES:
                break
            sense.is_error(entry)
            found.append(entry)
        return found

    def _index(self, seq: int) -> int:
        """The place in `_shown` of the line at `seq`; the end if it is not there."""
        low, high = 0, len(self._shown)
        while low < high:
            middle = (low + high) // 2
            if self._seq_near(middle) < seq:
                low = middle + 1
            else:
                high = middle
        while low < len(self._shown) and isinstance(self._shown[low], Lost):
            low += 1
        found = self._shown[low] if low < len(self._shown) else None
        return len(self._shown) if found is None or isinstance(found, Lost) or found.seq != seq else low

    def _seq_near(self, at: int) -> int:
        """The place of the entry at `at`; of one without, that of the line before."""
        while at >= 0:
            entry = self._shown[at]
            if not isinstance(entry, Lost):
                return entry.seq
            at -= 1
        return _BEFORE_ALL

    def _forget(self) -> None:
        self._shown, self._ends, self.hits, self._base, self._done = [], [], [], 0, 0
        self._sense = ErrorSense()

    def _show(self, fresh: list[Entry]) -> None:
        if self.errors_only:
            fresh = [entry for entry in fresh if isinstance(entry, Lost) or self._sense.is_error(entry)]
        found = self.filter
        if found is not None and not found.is_too_slow:
            lines = [entry for entry in fresh if not isinstance(entry, Lost)]
            matching = found.kept(lines, text_of)
            if not found.inverted:
                self.hits += [line.seq for line in matching]
            if self.is_hiding or found.inverted:
                fresh = [*matching] if len(lines) == len(fresh) else _with_lost(fresh, matching)
        self._shown += fresh
        width = self.wrap_width
        if not width:
            return
        end = self._ends[-1] if self._ends else self._base
        for entry in fresh:
            end += len(wrap_cuts(text_of(entry), width)) + 1
            self._ends.append(end)

    def _drop(self, count: int) -> int:
        """Drops the oldest entries; returns how many shown rows went with them."""
        old = self._all[:count]
        del self._all[:count]
        done = min(self._done, len(old))
        self._done -= done
        hidden = 0
        if self.filter is None and not self.errors_only:
            hidden = done
        else:
            gone = set(map(id, old))
            while hidden < len(self._shown) and id(self._shown[hidden]) in gone:
                hidden += 1
            last = next((entry.seq for entry in reversed(old) if not isinstance(entry, Lost)), _BEFORE_ALL)
            del self.hits[: bisect_right(self.hits, last)]
        del self._shown[:hidden]
        if not self.wrap_width:
            return hidden
        if not hidden:
            return 0
        before, self._base = self._base, self._ends[hidden - 1]
        del self._ends[:hidden]
        return self._base - before
