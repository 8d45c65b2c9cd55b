"""Bounded memory of a stream of stderr lines. Not locked: the store's lock guards each ring."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from hotdash.events import StderrLine

LINES_KEPT = 10_000  # section 6: a function's


class LineBatch(Struct, frozen=True, kw_only=True):
    """Lines after a place in the order of events.

    Args:
        lines: Oldest first.
        cursor: Give this as `after` next time.
        lost: How many lines between `after` and the first of these had left the ring already; a ring's worth at most.
        total: How many lines of these functions there have ever been.
    """

    lines: tuple[StderrLine, ...]
    cursor: int
    lost: int
    total: int


class LineRing:
    """The last lines of one function, oldest dropped and counted."""

    __slots__ = ("_dropped_seqs", "_lines", "dropped", "total")

    def __init__(self, *, capacity: int = LINES_KEPT) -> None:
        self._lines: deque[StderrLine] = deque(maxlen=capacity)
        # The places of dropped lines, so that a late reader is told how many it missed and not merely that it did.
        self._dropped_seqs: deque[int] = deque(maxlen=capacity)
        self.total = 0
        self.dropped = 0

    def append(self, line: StderrLine) -> None:
        """Adds the newest line."""
        if len(self._lines) == self._lines.maxlen:
            self._dropped_seqs.append(self._lines[0].seq)
            self.dropped += 1
        self._lines.append(line)
        self.total += 1

    def after(self, seq: int) -> tuple[list[StderrLine], int]:
        """The lines after place `seq`, newest first, and how many after it were dropped (a ring's worth at most)."""
        newer: list[StderrLine] = []
        for line in reversed(self._lines):
            if line.seq <= seq:
                return newer, 0
            newer.append(line)
        lost = 0
        for dropped in reversed(self._dropped_seqs):
            if dropped <= seq:
                break
            lost += 1
        return newer, lost

    def __len__(self) -> int:
        return len(self._lines)
