"""The Stats pane's lines: the last 15 minutes of a function or container as plots, starts, decisions. Pure."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.dashboard import use_words, words
from hotdash.dashboard.lines import Line, Span, Tone, text, width_of
from hotdash.dashboard.plots import plot
from hotdash.dashboard.why_lines import why_lines
from hotdash.sanitize import plain
from hotdash.store.series import SECONDS_KEPT, Measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hotdash.store import FunctionView, SeriesView

_HEIGHT = 2
_NARROWEST = 20
_RECENT_S = 60  # how far back a percentile is looked for that has none now


class Plot(Struct, frozen=True, kw_only=True):
    """One plot: its name, the measure drawn (`also` on top of it), and what is said of it from the series."""

    name: str
    measure: Measure
    say: Callable[[SeriesView, FunctionView], str]
    tone: Tone
    for_container: bool = True
    also: Measure | None = None
    is_known: Callable[[SeriesView], bool] = lambda _series: True
    drawn: str = ""  # which of the figures that it says, if it says several


def stats_lines(
    view: FunctionView, series: SeriesView | None, *, container_id: str, width: int, now_s: float
) -> list[Line]:
    """All of the pane.

    Args:
        view: The function.
        series: Its last 15 minutes, or its container's; None if there is no such container any more.
        container_id: The container that is meant; empty for the function.
        width: Cells.
        now_s: The runtime's clock.
    """
    name = plain(container_id or view.key)
    lines: list[Line] = []
    if series is None or all(isnan(value) for value in series.values[Measure.CALLS]):
        lines.append((("  ", Tone.TEXT), (name, Tone.STRONG), (" has nothing to plot yet: it has not run", Tone.MUTED)))
    else:
        for one in PLOTS:
            if (one.for_container or not container_id) and one.is_known(series):
                lines += _plot_lines(one, view, series, max(_NARROWEST, width))
        lines += [_axis(max(_NARROWEST, width)), *_use_lines(series, is_container=bool(container_id))]
    if not container_id and series is not None:
        lines += [(), *_start_lines(series)]
    if not container_id:
        lines += [(), *why_lines(view, now_s=now_s)]
    return lines


def _plot_lines(one: Plot, view: FunctionView, series: SeriesView, width: int) -> list[Line]:
    values: Sequence[float] = series.values[one.measure]
    if one.also is not None:
        values = [sum(both) for both in zip(values, series.values[one.also], strict=True)]
    top = max((value for value in values if not isnan(value)), default=0.0)
    head: tuple[Span, ...] = ((f"{one.name:<9}", Tone.MUTED), (one.say(series, view), Tone.STRONG))
    most = f"most{one.drawn} {_figure(one.measure, top)}"
    room = width - width_of(head) - len(most)
    if room >= 2:
        head = (*head, (" " * room, Tone.TEXT), (most, Tone.MUTED))
    return [head, *(text(row, one.tone) for row in plot(values, width=width, height=_HEIGHT))]


def _axis(width: int) -> Line:
    left, right = f"{SECONDS_KEPT // 60} min ago", "now"
    return text(f"{left} {'─' * (width - len(left) - len(right) - 2)} {right}", Tone.MUTED)


def _use_lines(series: SeriesView, *, is_container: bool) -> list[Line]:
    """What is not plotted: a number that seldom changes, and totals."""
    processes, network = use_words.processes(series), use_words.network(series)
    whose = "since it started" if is_container else "by all its containers so far"
    lines: list[Line] = []
    if processes:
        lines.append(((processes, Tone.STRONG), (" now", Tone.TEXT)))
    if network:
        lines.append(text(f"{network}, {whose}"))
    return [(), *lines] if lines else []


def _start_lines(series: SeriesView) -> list[Line]:
    """How many containers were started, and what that cost."""
    if not series.starts:
        return [text("No cold start yet", Tone.MUTED)]
    mean_s = series.starts_s / series.starts
    lines: list[Line] = [
        (
            (words.counted(series.starts, "cold start"), Tone.STRONG),
            (f"  {words.duration(series.starts_s)} in all, {words.duration(mean_s)} each", Tone.TEXT),
        )
    ]
    if series.first_runs:
        first_s = series.first_runs_s / series.first_runs
        ran = words.duration(first_s)
        lines.append(text(f"  a first call with success ran {ran} on average", Tone.MUTED))
    return lines


def _now(series: SeriesView, measure: Measure) -> float:
    return series.values[measure][-1]


def _recent(series: SeriesView, measure: Measure) -> str:
    """The newest value of the last minute as a duration, or a dash."""
    values: Sequence[float] = series.values[measure][-_RECENT_S:]
    found = next((value for value in reversed(values) if not isnan(value)), None)
    return "-" if found is None else words.duration(found)


def _figure(measure: Measure, value: float) -> str:
    return "-" if isnan(value) else _FIGURES.get(measure, _whole)(value)


def _whole(number: float) -> str:
    return words.count(round(number))


def _share(cores: float) -> str:
    return f"{cores:.0%} of a core"


def _busy(containers: float) -> str:
    """How many on average: a short call busies one for a hundredth of a second."""
    return f"{containers:.2f}" if 0 < containers < 1 else words.rate(containers)


def _duration(seconds: float) -> str:
    return words.duration(seconds) if seconds else "-"


def _bytes_a_second(rate: float) -> str:
    return f"{words.size(round(rate))}/s"


_FIGURES: Mapping[Measure, Callable[[float], str]] = {
    Measure.CALLS: words.rate,
    Measure.BUSY: _busy,
    Measure.P50: _duration,
    Measure.P95: _duration,
    Measure.P99: _duration,
    Measure.CPU: _share,
    Measure.MEMORY: lambda count_bytes: words.size(int(count_bytes)),
    Measure.RECEIVED: _bytes_a_second,
    Measure.SENT: _bytes_a_second,
}

PLOTS = (
    Plot(
        name="calls/s",
        measure=Measure.CALLS,
        say=lambda series, _view: words.rate(max(0.0, _now(series, Measure.CALLS))),
        tone=Tone.ACCENT,
    ),
    Plot(
        name="run time",
        measure=Measure.P95,
        say=lambda series, _view: " ".join(
            f"{name} {_recent(series, measure)}"
            for name, measure in (("p50", Measure.P50), ("p95", Measure.P95), ("p99", Measure.P99))
        ),
        tone=Tone.TASK_0,
        drawn=" p95",
    ),
    Plot(
        name="queue",
        measure=Measure.QUEUE,
        say=lambda _series, view: f"{words.count(view.queue_depth)} waiting",
        tone=Tone.WARNING,
        for_container=False,
    ),
    Plot(
        name="busy",
        measure=Measure.BUSY,
        say=lambda series, view: (
            f"{_figure(Measure.BUSY, _now(series, Measure.BUSY))} of {_figure(Measure.HOT, _now(series, Measure.HOT))}"
            f" hot, at most {view.spec.max_concurrency}"
        ),
        tone=Tone.SUCCESS,
        for_container=False,
    ),
    Plot(
        name="CPU",
        measure=Measure.CPU,
        say=lambda series, _view: _figure(Measure.CPU, _now(series, Measure.CPU)),
        tone=Tone.ACCENT,
    ),
    Plot(
        name="memory",
        measure=Measure.MEMORY,
        say=lambda series, view: (
            f"{_figure(Measure.MEMORY, _now(series, Measure.MEMORY))}, {view.spec.memory_mb} MB a container"
        ),
        tone=Tone.TASK_3,
    ),
    Plot(
        name="network",
        measure=Measure.RECEIVED,
        also=Measure.SENT,
        say=lambda series, _view: use_words.network_rates(series),
        tone=Tone.TASK_1,
        is_known=lambda series: series.received_bytes is not None,
    ),
)
