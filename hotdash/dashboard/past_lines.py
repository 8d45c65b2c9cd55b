"""`LineSource`: where the log's lines come from: the store, or a past task. Belongs to the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.store import LineBatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.events import StderrLine
    from hotdash.store import Store
    from hotdash.store.history import PastContents


class LineSource:
    """The store's lines, unless a task of the history is opened.

    Args:
        store: What this run's lines are taken from.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._past: PastContents | None = None

    def open(self, past: PastContents | None) -> None:
        """Gives this task's lines from here on; the store's if None."""
        self._past = past

    def lines_after(self, seq: int, functions: Iterable[str]) -> LineBatch:
        """See `Store.lines_after`."""
        if self._past is None:
            return self._store.lines_after(seq, functions)
        lines: tuple[StderrLine, ...] = tuple(line for line in self._past.lines if line.seq > seq)
        return LineBatch(lines=lines, cursor=lines[-1].seq if lines else seq, lost=0, total=len(self._past.lines))

    def lines_total(self, functions: Iterable[str]) -> int:
        """See `Store.lines_total`."""
        return self._store.lines_total(functions) if self._past is None else len(self._past.lines)
