"""`LogBuffer`: the lines that one log shows, bounded, filtered, and where each stands on the screen. No Textual.

Belongs to the widget that draws it, and to the screen's thread.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotdash.dashboard.lines import wrap_cuts
from hotdash.events import StderrLine
from hotdash.sanitize import plain
from hotdash.store.rings import LINES_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.dashboard.filters import Filter

_MARKS = 100  # room for places where lines are missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A place where lines are missing."""

    count: int


Entry = StderrLine | Lost


def text_of(entry: Entry) -> str:
    """An entry's words."""
    return plain(entry.text) if isinstance(entry, StderrLine) else f"{entry.count:,} lines lost here"


class LogBuffer:
    """At most `capacity` entries; of these the ones shown, each one row high, or as many as wrapping makes it."""

    def __init__(self, *, capacity: int = LINES_KEPT + _MARKS) -> None:
        self.capacity = capacity
        self.filter: Filter | None = None
        self.wrap_width = 0  # cells; 0 where lines are not wrapped
        self._all: list[Entry] = []
        self._shown: list[Entry] = []
        self._ends: list[int] = []  # wrapped: the row after each shown entry, counted from the buffer's first ever
        self._base = 0  # wrapped: rows before the first shown entry

    @property
    def rows(self) -> int:
        """How many rows it is high."""
        if self.wrap_width:
            return self._ends[-1] - self._base if self._ends else 0
        return len(self._shown)

    @property
    def shown(self) -> list[Entry]:
        """The entries that the filter lets through, oldest first; not to be changed."""
        return self._shown

    def __len__(self) -> int:
        return len(self._all)

    def clear(self) -> None:
        """Empties it; the filter stays."""
        self._all.clear()
        self._shown.clear()
        self._ends.clear()
        self._base = 0

    def append(self, entries: Iterable[Entry]) -> int:
        """Adds the newest entries.

        Returns:
            How many rows went at the top to keep the bound.
        """
        fresh = list(entries)[-self.capacity :]
        over = len(self._all) + len(fresh) - self.capacity
        gone = self._drop(over) if over > 0 else 0
        self._all += fresh
        self._show(fresh)
        return gone

    def arrange(self, *, wrap_width: int, found: Filter | None) -> None:
        """Shows what it holds under another filter or width."""
        self.wrap_width, self.filter = wrap_width, found
        self._shown, self._ends, self._base = [], [], 0
        self._show(self._all)

    def at(self, row: int) -> tuple[Entry, int] | None:
        """The entry that row `row` belongs to, and which row of it that is; None below the last."""
        if not 0 <= row < self.rows:
            return None
        if not self.wrap_width:
            return self._shown[row], 0
        at = bisect_right(self._ends, row + self._base)
        start = self._ends[at - 1] if at else self._base
        return self._shown[at], row + self._base - start

    def _show(self, fresh: list[Entry]) -> None:
        found = self.filter
        if found is not None:
            fresh = [entry for entry in fresh if isinstance(entry, Lost) or found.matches(text_of(entry))]
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
        hidden = 0
        if self.filter is None:
            hidden = len(old)
        else:
            gone = set(map(id, old))
            while hidden < len(self._shown) and id(self._shown[hidden]) in gone:
                hidden += 1
        del self._shown[:hidden]
        if not self.wrap_width:
            return hidden
        if not hidden:
            return 0
        before, self._base = self._base, self._ends[hidden - 1]
        del self._ends[:hidden]
        return self._base - before
