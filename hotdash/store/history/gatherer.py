"""`Gatherer`: puts together what the events tell of a task: its payload comes first, its lines then, its answer last.

Not locked: the runtime's event thread alone calls it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.events import FunctionChanged, StderrLine, TaskEnded, TaskQueued
from hotdash.store.history.values import EndedTask

if TYPE_CHECKING:
    from hotdash.events import Event

LINES_KEPT = 2_000  # of a task that runs; the store's ring holds the same texts


class _Open(Struct, kw_only=True):
    queued: TaskQueued
    lines: deque[StderrLine] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))


class Gatherer:
    """Knows the tasks that have not ended."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._open: dict[str, _Open] = {}

    def take(self, event: Event) -> EndedTask | None:
        """Takes an event.

        Returns:
            The task that has ended with it, if one has.
        """
        if isinstance(event, StderrLine):
            if (task := self._open.get(event.task_id)) is not None:
                task.lines.append(event)
        elif isinstance(event, TaskQueued):
            if not event.again:
                self._open[event.task_id] = _Open(queued=event)
        elif isinstance(event, TaskEnded):
            return self._ended(event)
        elif isinstance(event, FunctionChanged):
            self._folders[event.function] = str(event.spec.folder)
        return None

    def _ended(self, event: TaskEnded) -> EndedTask | None:
        task = self._open.pop(event.task_id, None)
        if task is None:
            return None
        return EndedTask(
            folder=self._folders.get(event.function, event.function),
            queued_time_s=task.queued.time_s,
            ended_time_s=event.time_s,
            payload=task.queued.payload,
            headers=task.queued.headers,
            result=event.result,
            lines=tuple(task.lines),
        )
