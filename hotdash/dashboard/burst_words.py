"""How far a burst has come, and how it went, in words. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Span, Tone
from hotdash.quantiles import quantile
from hotdash.sanitize import plain
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from hotdash.dashboard.burst import BurstTally

_TONES = {TaskStatus.SUCCESS: Tone.SUCCESS, TaskStatus.CANCELLED: Tone.WARNING}


def burst_line(tally: BurstTally, *, cancel_key: str) -> Line:
    """A burst's row below its function: `burst: 120 of 500  118 success  2 error  8 at once`, and how to end it."""
    if tally.is_over:
        return (("burst: ", Tone.MUTED), *_outcome(tally))
    spans: list[Span] = [
        ("burst: ", Tone.MUTED),
        (f"{tally.ended:,} of {tally.plan.calls:,}", Tone.STRONG),
    ]
    for status, count in _by_status(tally):
        spans += [("  ", Tone.TEXT), (f"{count:,} {status}", _TONES.get(status, Tone.ERROR))]
    if tally.is_stopped:
        spans.append(("  no more are sent", Tone.WARNING))
    else:
        spans += [
            (f"  {tally.plan.at_once:,} at once  ", Tone.MUTED),
            (cancel_key, Tone.ACCENT),
            (" ends it", Tone.MUTED),
        ]
    return tuple(spans)


def burst_summary(tally: BurstTally) -> str:
    """What became of it, for a toast."""
    return f"{plain(tally.plan.function)}: burst: " + "".join(part for part, _ in _outcome(tally))


def went_well(tally: BurstTally) -> bool:
    """Whether each call that was asked for has succeeded."""
    return tally.ends.get(TaskStatus.SUCCESS, 0) == tally.plan.calls


def _outcome(tally: BurstTally) -> Line:
    calls = words.counted(tally.ended, "call")
    if tally.ended < tally.plan.calls:
        calls = f"{tally.ended:,} of {words.counted(tally.plan.calls, 'call')}"
    spans: list[Span] = [(f"{calls} in {words.duration(tally.took_s)}", Tone.TEXT)]
    for status, count in _by_status(tally):
        spans += [(", ", Tone.MUTED), (f"{count:,} {status}", _TONES.get(status, Tone.ERROR))]
    if tally.fault:
        spans += [("; then: ", Tone.MUTED), (plain(tally.fault), Tone.ERROR)]
    if tally.took_s > 0 and tally.ended > 1:
        spans.append((f"; {words.rate(tally.ended / tally.took_s)} calls/s", Tone.MUTED))
    if tally.runs_s:
        runs = sorted(tally.runs_s)
        p50, p95 = (words.duration(quantile(runs, share)) for share in (0.5, 0.95))
        spans.append((f", p50 {p50}, p95 {p95}", Tone.MUTED))
    return tuple(spans)


def _by_status(tally: BurstTally) -> list[tuple[TaskStatus, int]]:
    return [(status, count) for status in TaskStatus if (count := tally.ends.get(status, 0))]
