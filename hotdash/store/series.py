"""The last 15 minutes of a function or a container, one value a second of each measure, in arrays of a fixed size.

Guarded by the store's lock, as the records they belong to; `SeriesView` is what leaves it.
"""

from __future__ import annotations

from array import array
from enum import StrEnum
from math import nan
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS_KEPT = 900
_UNTOLD = (nan,) * SECONDS_KEPT


class Measure(StrEnum):
    """What is measured."""

    CALLS = "calls"  # ended, a second
    P50 = "p50"  # seconds of run time, of what ended in that second
    P95 = "p95"
    P99 = "p99"
    QUEUE = "queue"  # the deepest in that second
    HOT = "hot"  # containers
    BUSY = "busy"
    CPU = "cpu"  # cores
    MEMORY = "memory"  # bytes
    PIDS = "pids"  # processes
    RECEIVED = "received"  # bytes a second over the network
    SENT = "sent"


# Over the whole time since the value before.
_RATES = frozenset({Measure.CALLS, Measure.CPU, Measure.RECEIVED, Measure.SENT})
_HELD = frozenset({Measure.HOT, Measure.MEMORY, Measure.PIDS})  # what was so stays so until it is said to be otherwise

_TOLD = frozenset({Measure.PIDS, Measure.RECEIVED, Measure.SENT})  # by some drivers, of some containers


class SeriesView(Struct, frozen=True, kw_only=True):
    """A copy. Each measure has `SECONDS_KEPT` values, the newest last; not a number where there is none.

    Args:
        values: By measure.
        starts: How many containers of the function have started.
        starts_s: The seconds that took, together.
        first_runs: How many of them had success with their first task.
        first_runs_s: The seconds that these first tasks ran, together.
        received_bytes: Over the network since the container's start, or by all the function's containers; None where
            no driver tells of a network.
        sent_bytes: As above.
    """

    values: Mapping[Measure, tuple[float, ...]]
    starts: int = 0
    starts_s: float = 0.0
    first_runs: int = 0
    first_runs_s: float = 0.0
    received_bytes: int | None = None
    sent_bytes: int | None = None


class Series:
    """A ring of seconds for each measure."""

    __slots__ = ("_first", "_last", "_values")

    def __init__(self) -> None:
        self._values: dict[Measure, array[float]] = {}
        self._first = self._last = -1

    @property
    def is_quiet(self) -> bool:
        """Whether nothing has been measured, or what was last says that nothing is there."""
        hot = self._values.get(Measure.HOT)
        return hot is None or not hot[self._last % SECONDS_KEPT] > 0

    def put(self, now_s: float, sample: Mapping[Measure, float]) -> None:
        """Takes the values of now; those since the sample before are filled in by what can be said of them."""
        second = int(now_s)
        if self._first < 0:
            self._first, self._last = second, second - 1
        start = max(self._last + 1, second - SECONDS_KEPT + 1)
        for measure in (*sample, *(known for known in self._values if known not in sample)):
            value = sample.get(measure, nan)
            ring = self._values.get(measure)
            if ring is None:
                ring = self._values[measure] = array("f", [nan]) * SECONDS_KEPT
            between = value if measure in _RATES else self._after(measure)
            for at in range(start, second):
                ring[at % SECONDS_KEPT] = between
            ring[second % SECONDS_KEPT] = value
        self._last = max(self._last, second)

    def until(self, now_s: float) -> dict[Measure, tuple[float, ...]]:
        """The last seconds of each measure, the newest last."""
        second = int(now_s)
        return {measure: self._seconds(measure, second) for measure in Measure}

    def _seconds(self, measure: Measure, second: int) -> tuple[float, ...]:
        ring, after = self._values.get(measure), self._after(measure)
        if ring is None and measure in _TOLD:
            return _UNTOLD
        begin = max(self._first, self._last - SECONDS_KEPT + 1)
        return tuple(
            nan
            if ring is None or at < begin
            else ring[at % SECONDS_KEPT]
            if at <= self._last
            else (0.0 if measure is Measure.CPU else after)
            for at in range(second - SECONDS_KEPT + 1, second + 1)
        )

    def _after(self, measure: Measure) -> float:
        """What holds after the last sample as long as there is no other."""
        if measure in _HELD and (ring := self._values.get(measure)) is not None and self._last >= 0:
            return ring[self._last % SECONDS_KEPT]
        return nan if measure in {Measure.P50, Measure.P95, Measure.P99} else 0.0


def percentiles(runs: list[float]) -> dict[Measure, float]:
    """p50, p95 and p99 (nearest rank) of run times in seconds; not a number where there are none."""
    ordered = sorted(runs)
    shares = ((Measure.P50, 0.50), (Measure.P95, 0.95), (Measure.P99, 0.99))
    if not ordered:
        return dict.fromkeys((measure for measure, _ in shares), nan)
    return {measure: quantile(ordered, share) for measure, share in shares}
