"""Figures as short words: durations, sizes, counts, ids, sparklines. Pure; any thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from zlib import crc32

from hotdash.dashboard.lines import TASK_TONES, Tone
from hotdash.store import DeployEnd

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotdash.store import FunctionView

_BARS = "▁▂▃▄▅▆▇█"
TASK_ID_DIGITS = 6
_HALF_A_YEAR_S = 180 * 86_400.0
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # no locale's


# Below so many seconds: times this, with so many decimals, and this unit.
_DURATIONS = (
    (0.001, 1e6, 0, "µs"),
    (0.00995, 1e3, 1, "ms"),
    (0.9995, 1e3, 0, "ms"),
    (9.95, 1.0, 1, "s"),
    (119.5, 1.0, 0, "s"),
    (7170.0, 1 / 60, 0, "min"),
)


def duration(seconds: float) -> str:
    """`12 ms`, `1.2 s`, `34 s`, `3 min`, `2 h`."""
    if seconds <= 0:
        return "0 s"
    for below, factor, decimals, unit in _DURATIONS:
        if seconds < below:
            return f"{seconds * factor:.{decimals}f} {unit}"
    return f"{seconds / 3600:.0f} h"


def age(seconds: float) -> str:
    """How long something has been so, in whole seconds: `4 s`. It changes once a second at most."""
    seconds = max(0.0, seconds)
    if seconds < 120:
        return f"{int(seconds)} s"
    return f"{int(seconds / 60)} min" if seconds < 7200 else f"{int(seconds / 3600)} h"


def moment(time_s: float, now_s: float, local_time: Callable[[float], time.struct_time]) -> str:
    """A moment of the past: `14:03:41` today, `26 Nov 14:03` within half a year, `26 Nov 2025` before."""
    then, now = local_time(time_s), local_time(now_s)
    if then[:3] == now[:3]:
        return time.strftime("%H:%M:%S", then)
    is_near = now_s - time_s < _HALF_A_YEAR_S
    return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]} " + time.strftime("%H:%M" if is_near else "%Y", then)


def clock(time_s: float, now_s: float, local_time: Callable[[float], time.struct_time]) -> str:
    """A moment of this run in eight cells: `14:03:41` today, `26 Nov` before."""
    then = local_time(time_s)
    if then[:3] == local_time(now_s)[:3]:
        return time.strftime("%H:%M:%S", then)
    return f"{then.tm_mday} {_MONTHS[then.tm_mon - 1]}"


def size(count_bytes: int) -> str:
    """`212 B`, `1.2 KB`, `18 MB` (powers of 1,024)."""
    if count_bytes < 1024:
        return f"{count_bytes} B"
    if count_bytes < 10 * 1024:
        return f"{count_bytes / 1024:.1f} KB"
    if count_bytes < 1024**2:
        return f"{count_bytes // 1024} KB"
    return f"{count_bytes / 1024**2:.1f} MB" if count_bytes < 10 * 1024**2 else f"{count_bytes // 1024**2} MB"


def memory(count_bytes: int) -> str:
    """In five cells at most: `<1 MB`, `18 MB`, `128MB`, `1.2GB`."""
    megabytes = count_bytes / 1024**2
    if megabytes < 1:
        return "<1 MB"
    if megabytes < 999.5:
        return f"{megabytes:.0f} MB" if megabytes < 99.5 else f"{megabytes:.0f}MB"
    return f"{megabytes / 1024:.1f}GB"


def count(number: int) -> str:
    """`212`, `12k`, `3.4M`."""
    if number < 10_000:
        return str(number)
    if number < 1_000_000:
        return f"{number // 1000}k"
    return f"{number / 1_000_000:.1f}M"


def counted(number: int, noun: str) -> str:
    """`1 line`, `3 lines`, `2 matches`, `4 processes`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith(('ch', 'ss')) else 's'}"


def rate(per_s: float) -> str:
    """`0`, `0.4`, `12`, `20k`."""
    if per_s == 0:
        return "0"
    return f"{per_s:.1f}" if per_s < 9.95 else count(round(per_s))


def short_id(task_id: str) -> str:
    """`t-91ab3f`: enough of a task's id to tell it from the others on the screen."""
    return f"t-{task_id[:TASK_ID_DIGITS]}"


def fell(revision: int, task_id: str) -> str:
    """`r3 died in call t-91ab3f`: a revision that was live and ended before its first answer, not by its own build.

    Args:
        revision: Its number.
        task_id: The call that it ended in; empty if it was in none.
    """
    return f"r{revision} died in call {short_id(task_id)}" if task_id else f"r{revision} died before its first answer"


def serves(view: FunctionView) -> str:
    """What serves while the newest deploy or function file is broken; `still` only where nothing took its place."""
    if view.fallen is not None and view.code_of != view.revision:
        return f"r{view.code_of}'s code serves again, as r{view.revision}"
    is_older = view.deploy_end is DeployEnd.FAILED or bool(view.faults)
    return f"r{view.revision} still serves" if is_older else f"r{view.revision} serves"


def task_tone(task_id: str) -> Tone:
    """A task's colour, the same wherever it is shown; its id stands beside it as a word."""
    return TASK_TONES[crc32(task_id.encode("utf-8", "replace")) % len(TASK_TONES)]


def sparkline(values: Sequence[float], width: int) -> str:
    """The last values as text, the newest to the right; all blank if all are zero.

    Args:
        values: Oldest first. More than `width` are joined, each bar the highest of its share.
        width: Cells.
    """
    if not any(values):
        return " " * width
    step = max(1, len(values) // width)
    tail = list(values[-step * width :])
    bars = [max(tail[at : at + step]) for at in range(0, len(tail), step)]
    top = max(*bars, 1)
    return "".join(_BARS[min(len(_BARS) - 1, round(value / top * (len(_BARS) - 1)))] for value in bars).rjust(width)


def start_of(body: bytes, limit_bytes: int) -> str | None:
    """The start of a body as text, at most `limit_bytes` of it; None if it is binary."""
    head = body[:limit_bytes]
    try:
        decoded = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) == len(body) or error.start < len(head) - 3:
            return None
        decoded = head[: error.start].decode("utf-8")  # the limit had cut a character
    return None if "\0" in decoded else decoded
