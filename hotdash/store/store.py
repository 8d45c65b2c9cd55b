"""`Store`: folds the runtime's events into immutable snapshots and bounded rings.

It has a lock and no thread: the runtime's event thread calls it with each event, the screen's thread reads from it.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

from hotdash.quantiles import quantile
from hotdash.store.rings import LINES_KEPT, LineBatch
from hotdash.store.sampling import memory_of, sample_function, series_of
from hotdash.store.snapshot import DEPTH_SECONDS, RATE_WINDOW_S, Figures, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hotdash.events import Event, StderrLine
    from hotdash.store.folds import Folds
    from hotdash.store.records import FunctionRecord
    from hotdash.store.sampling import Usage
    from hotdash.store.series import SeriesView


class Store:
    """The one listener the screen needs: `runtime.subscribe(store)`.

    The lock guards every record and ring. Folding holds it for microseconds; a snapshot for as long as it takes to
    copy what changed since the last one.

    Args:
        lines_kept: Of each function's stderr.
    """

    def __init__(self, *, lines_kept: int = LINES_KEPT) -> None:
        self._lock = threading.Lock()
        self._lines_kept = lines_kept
        self._functions: dict[str, FunctionRecord] = {}
        self._folds: Folds | None = None  # from the first event on
        self._version = 0
        self._snapshot = Snapshot(version=0)
        self._on_news: Callable[[], object] | None = None

    @property
    def version(self) -> int:
        """The place of the newest event folded; reading it needs no lock."""
        return self._version

    def __call__(self, event: Event) -> None:
        """Folds one event. Called in the order of events, by one thread."""
        folds = self._folds or self._begin()
        with self._lock:
            folds.fold(event)
            self._version = event.seq
            on_news, self._on_news = self._on_news, None
        if on_news is not None:
            on_news()

    def _begin(self) -> Folds:
        from hotdash.store.folds import Folds  # noqa: PLC0415  it stands on the events: not for the first picture

        self._folds = folds = Folds(self._functions, lines_kept=self._lines_kept)
        return folds

    def tell_once(self, on_news: Callable[[], object], *, after: int) -> None:
        """Has `on_news` called, once, when there is a version after this one; at once if there is.

        Args:
            on_news: Called in the thread that folds, or in this one: it must be quick. It takes the place of one that
                was given before and not yet called.
            after: A version.
        """
        with self._lock:
            is_there = self._version != after
            self._on_news = None if is_there else on_news
        if is_there:
            on_news()

    def snapshot(self) -> Snapshot:
        """The picture at the newest event; the same object as before if there was none since."""
        with self._lock:
            if self._folds is not None and self._snapshot.version != self._version:
                self._snapshot = Snapshot(
                    version=self._version,
                    functions=MappingProxyType({key: record.view() for key, record in sorted(self._functions.items())}),
                    lines_dropped=self._folds.lines_dropped,
                    tasks_dropped=self._folds.tasks_dropped,
                )
            return self._snapshot

    def lines_after(self, seq: int, functions: Iterable[str]) -> LineBatch:
        """The stderr lines of these functions after place `seq`, in the order of events.

        Args:
            seq: 0 for all that is kept, or the `cursor` of the batch before.
            functions: Their keys; unknown ones have no lines.
        """
        with self._lock:
            newer: list[StderrLine] = []
            lost = total = 0
            for key in functions:
                record = self._functions.get(key)
                if record is not None:
                    total += record.ring.total
                    lines, missed = record.ring.after(seq)
                    newer.extend(lines)
                    lost += missed
            cursor = self._version
        newer.sort(key=lambda line: line.seq)
        return LineBatch(lines=tuple(newer), cursor=cursor, lost=lost, total=total)

    def lines_total(self, functions: Iterable[str]) -> int:
        """How many stderr lines of these functions there have ever been."""
        with self._lock:
            return sum(self._functions[key].ring.total for key in functions if key in self._functions)

    def figures(self, now_s: float, function: str | None = None) -> Figures:
        """Rates over the last seconds, of one function (its key) or of all.

        Args:
            now_s: The runtime's clock.
            function: None for all; an unknown one has zeros.
        """
        with self._lock:
            records = [record for key, record in self._functions.items() if function is None or key == function]
            runs = sorted(run for record in records for at, run, _ in record.rates if at > now_s - RATE_WINDOW_S)
            depths = [record.depths_until(now_s) for record in records]
            memory_bytes = memory_of(records)
        return Figures(
            calls_per_s=len(runs) / RATE_WINDOW_S,
            p50_s=quantile(runs, 0.50) if runs else None,
            p95_s=quantile(runs, 0.95) if runs else None,
            depths=tuple(map(sum, zip(*depths, strict=True))) or (0,) * DEPTH_SECONDS,
            memory_bytes=memory_bytes,
        )

    def sample(self, now_s: float, usage: Mapping[str, Usage]) -> bool:
        """Takes a second's values of every function's series; about once a second, by one thread.

        Args:
            now_s: The runtime's clock.
            usage: What each container uses, by its id; those that are missing use nothing that is known.

        Returns:
            Whether there was anything to measure.
        """
        with self._lock:
            return sum(sample_function(record, now_s, usage) for record in self._functions.values()) > 0

    def series(self, now_s: float, function: str, container_id: str = "") -> SeriesView | None:
        """The last 15 minutes of a function, or of a container of it; None if there is no such one."""
        with self._lock:
            record = self._functions.get(function)
            return None if record is None else series_of(record, container_id, now_s)
