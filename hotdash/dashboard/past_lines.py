"""`LineSource`: where the log's lines come from: the store, past tasks, or both. Belongs to the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from hotdash.store import LineBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hotdash.events import StderrLine
    from hotdash.store import Store
    from hotdash.store.history import PastContents


class LineSource:
    """The store's lines, and before them those of tasks of the history, whose places are below zero.

    Args:
        store: What this run's lines are taken from.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._places: tuple[int, ...] = ()
        self._past: tuple[StderrLine, ...] = ()
        self._has_live = True

    def give(self, pasts: Sequence[PastContents], *, has_live: bool) -> bool:
        """Says whose lines are given from here on.

        Args:
            pasts: Tasks of the history; their lines are merged by time.
            has_live: Whether the store's lines follow.

        Returns:
            Whether that was otherwise before, so that who has taken lines must begin anew.
        """
        places = tuple(past.place for past in pasts)
        if (places, has_live) == (self._places, self._has_live):
            return False
        self._places, self._has_live = places, has_live
        lines = sorted((line for past in pasts for line in past.lines), key=lambda line: line.time_s)
        self._past = tuple(replace(line, seq=at - len(lines)) for at, line in enumerate(lines))
        return True

    def lines_after(self, seq: int, functions: Iterable[str]) -> LineBatch:
        """See `Store.lines_after`; only at the start there are past ones."""
        past = self._past if seq == 0 else ()
        if not self._has_live:
            return LineBatch(lines=past, cursor=max(seq, 1), lost=0, total=len(self._past))
        batch = self._store.lines_after(seq, functions)
        total = batch.total + len(self._past)
        # A run's first event is not a line: a cursor of 1 leaves none out, and is not the start again.
        return replace(batch, lines=(*past, *batch.lines), cursor=max(batch.cursor, 1), total=total)

    def lines_total(self, functions: Iterable[str]) -> int:
        """See `Store.lines_total`."""
        return len(self._past) + (self._store.lines_total(functions) if self._has_live else 0)
