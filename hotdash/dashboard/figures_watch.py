"""`FiguresWatch`: rates and queues of the last seconds, asked for only while they can change. The screen's thread's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.store import Figures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.store import FunctionView, Snapshot, Store

LAST_S = 32.0  # after this long without an event every rate is zero, and stays so


class FiguresWatch:
    """Asks the store once a second at most.

    Attributes:
        figures: Of all functions.
    """

    def __init__(self, *, store: Store) -> None:
        self.figures = Figures(calls_per_s=0.0, p50_s=None, p95_s=None, depths=())
        self._store = store
        self._changed_s: dict[str, tuple[FunctionView, float]] = {}

    def renew(self, snapshot: Snapshot, now_s: float) -> Mapping[str, tuple[int, ...]]:
        """Renews the figures.

        Returns:
            The queue's depths by function, of those that have changed lately.
        """
        self.figures = self._store.figures(now_s)
        depths: dict[str, tuple[int, ...]] = {}
        seen: dict[str, tuple[FunctionView, float]] = {}
        for key, view in snapshot.functions.items():
            before = self._changed_s.get(key)
            seen[key] = before if before is not None and before[0] is view else (view, now_s)
            if now_s - seen[key][1] < LAST_S:
                depths[key] = self._store.figures(now_s, key).depths
        self._changed_s = seen
        return depths
