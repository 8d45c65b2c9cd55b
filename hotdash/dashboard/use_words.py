"""What a function or a container uses now, in words; nothing of what its driver does not know. Pure; any thread."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.store.series import Measure

if TYPE_CHECKING:
    from hotdash.store import SeriesView


def processes(series: SeriesView) -> str:
    """`3 processes`; empty where there is none, or that is not known."""
    count = series.values[Measure.PIDS][-1]
    if isnan(count) or not count:
        return ""
    return words.counted(round(count), "process")


def network(series: SeriesView) -> str:
    """`4.5 MB received, 340 KB sent`, in all; empty where there is no network that the driver could tell of."""
    if series.received_bytes is None or series.sent_bytes is None:
        return ""
    return f"{words.size(series.received_bytes)} received, {words.size(series.sent_bytes)} sent"


def network_rates(series: SeriesView) -> str:
    """`in 1.2 KB/s  out 300 B/s`."""
    rates = (series.values[measure][-1] for measure in (Measure.RECEIVED, Measure.SENT))
    received, sent = (0.0 if isnan(rate) else rate for rate in rates)
    return f"in {words.size(round(received))}/s  out {words.size(round(sent))}/s"


def now(series: SeriesView) -> str:
    """`25% of a core, 49 MB, 3 processes`, as far as that is known."""
    cores, memory_bytes = (series.values[measure][-1] for measure in (Measure.CPU, Measure.MEMORY))
    told = (
        "" if isnan(cores) else f"{cores:.0%} of a core",
        "" if isnan(memory_bytes) else words.size(round(memory_bytes)),
        processes(series),
    )
    return ", ".join(filter(None, told))
