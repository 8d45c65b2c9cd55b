"""Why: the runtime's last decisions about a function's containers, in its words, with their times. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.sanitize import plain
from hotdash.task import TaskState

if TYPE_CHECKING:
    from hotdash.store import FunctionView, TaskView

_SHOWN = 10


def why_lines(view: FunctionView, *, now_s: float, since_s: float = float("-inf")) -> list[Line]:
    """The last decisions, the newest first, below a title.

    Args:
        view: The function.
        now_s: The runtime's clock.
        since_s: Older ones are left out, but for the one that held then.
    """
    decisions = list(view.decisions)
    newer = [one for one in decisions if one.at_s >= since_s]
    held = [one for one in decisions if one.at_s < since_s][-1:]
    shown = [*held, *newer][-_SHOWN:]
    if not shown:
        return [text("No decision about containers yet", Tone.MUTED)]
    lines = [text("Why: the last decisions about containers", Tone.STRONG)]
    for one in reversed(shown):
        ago = f"{words.age(now_s - one.at_s)} ago"
        lines.append(((f"  {ago:>10}  ", Tone.MUTED), (plain(one.reason), Tone.TEXT)))
    return lines


def why_waits_lines(task: TaskView, view: FunctionView | None, *, now_s: float) -> list[Line]:
    """The decisions since a task waits, for one that does; else nothing."""
    if view is None or task.state is not TaskState.QUEUED:
        return []
    ahead = next((place for place, other in enumerate(view.queued) if other.id == task.id), 0)
    place = text("It is the next one", Tone.TEXT) if not ahead else text(f"{words.counted(ahead, 'task')} before it")
    return [(), place, *why_lines(view, now_s=now_s, since_s=task.queued_at_s)]
