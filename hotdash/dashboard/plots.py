"""Values over time as rows of block characters. Pure; any thread."""

from __future__ import annotations

from itertools import pairwise
from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BARS = " ▁▂▃▄▅▆▇█"
_STEPS = len(_BARS) - 1


def columns_of(values: Sequence[float], width: int) -> list[float | None]:
    """The values in `width` shares of the same length, each the highest of its own; None for one without any.

    The highest, not the mean: a peak of a second is what one looks for in a quarter of an hour.
    """
    width = max(1, min(width, len(values)))
    bounds = [round(at * len(values) / width) for at in range(width + 1)]
    shares = ([value for value in values[low:high] if not isnan(value)] for low, high in pairwise(bounds))
    return [max(share) if share else None for share in shares]


def plot(values: Sequence[float], *, width: int, height: int, top: float = 0.0) -> list[str]:
    """Rows of a plot, the highest first, the newest value to the right.

    Args:
        values: Oldest first; what is not a number leaves a gap.
        width: Cells.
        height: Rows.
        top: What the highest row's end stands for; the highest value if that is more.

    Returns:
        `height` rows of `width` cells. Zero is a line at the foot, so that it differs from a gap; anything above zero
        is more than that line.
    """
    columns = columns_of(values, width)
    scale = max((value for value in columns if value is not None), default=0.0)
    scale = max(scale, top) or 1.0
    steps = [None if value is None else _steps(value, scale, height * _STEPS) for value in columns]
    rows = []
    for row in range(height - 1, -1, -1):
        floor = row * _STEPS
        rows.append("".join(" " if step is None else _BARS[max(0, min(_STEPS, step - floor))] for step in steps))
    return [row.rjust(width) for row in rows]


def _steps(value: float, scale: float, most: int) -> int:
    """How many eighths of a cell high a value stands: 1 for zero, at least 2 for more."""
    return 1 if value <= 0 else max(2, min(most, round(value / scale * most)))
