"""A task's time as a bar: queued, starting, running. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Span, Tone
from hotdash.dashboard.presentation import task_ran_s, task_waited_s

if TYPE_CHECKING:
    from hotdash.store import TaskView

BAR_CELLS = 40  # at most
_LEAST_CELLS = 10


def time_lines(task: TaskView, now_s: float, width: int = BAR_CELLS) -> list[Line]:
    """The bar, and below it each part by its mark, word and seconds; so far, while it runs.

    Args:
        task: The task.
        now_s: The runtime's clock.
        width: Cells that there are for the bar, which is never wrapped.
    """
    waited_s = task_waited_s(task, now_s)
    ran_s = task_ran_s(task, now_s)
    starting_s = min(task.starting_s, waited_s)
    parts = [
        ("░", "queued", waited_s - starting_s, Tone.WARNING),
        ("▒", "starting", starting_s, Tone.ACCENT),
        ("█", "ran" if task.result is not None else "running", ran_s or 0.0, Tone.SUCCESS),
    ]
    legend: list[Span] = []
    for mark, word, seconds, tone in parts:
        if seconds > 0 or word == "queued" or (word != "starting" and ran_s is not None):
            legend += [(f"{mark} ", tone), (f"{word} ", Tone.MUTED), (f"{words.duration(seconds)}   ", Tone.TEXT)]
    cells = bar_cells([seconds for _, _, seconds, _ in parts], max(_LEAST_CELLS, min(width, BAR_CELLS)))
    bar = tuple((mark * count, tone) for (mark, _, _, tone), count in zip(parts, cells, strict=True) if count)
    return [bar, tuple(legend)] if bar else [tuple(legend)]


def bar_cells(seconds: list[float], width: int) -> list[int]:
    """Cells for each part, together `width`; one at least for each that is not zero; none where all are."""
    whole = sum(seconds)
    if whole <= 0:
        return [0] * len(seconds)
    cells = [max(1, int(part / whole * width)) if part > 0 else 0 for part in seconds]
    largest = max(range(len(seconds)), key=seconds.__getitem__)
    cells[largest] += width - sum(cells)
    return cells
