"""`Gatherer`: puts together what the events tell of a task: its payload comes first, its lines then, its answer last.

Not locked: the runtime's event thread alone calls it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from hotdash.events import (
    ContainerStarting,
    ContainerStopped,
    FunctionChanged,
    StderrLine,
    TaskEnded,
    TaskQueued,
    TaskStarted,
)
from hotdash.store.history.values import EndedTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.events import Event

LINES_KEPT = 2_000  # of a task that runs; the store's ring holds the same texts
OWN_KEPT = 200  # of a container's own, from its start or its last task on, until the next one takes them with it


class _Open(Struct, kw_only=True):
    queued: TaskQueued
    starting_s: float = 0.0
    lines: deque[StderrLine] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))


class Gatherer:
    """Knows the tasks that have not ended, and the containers that have run none yet."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}
        self._open: dict[str, _Open] = {}
        self._own: dict[str, deque[StderrLine]] = {}  # by container
        self._born_s: dict[str, float] = {}  # containers without a task so far: the first one waited for their start
        self._taken: dict[type[Event], Callable[[Any], EndedTask | None]] = {
            StderrLine: self._line,
            TaskQueued: self._queued,
            TaskStarted: self._started,
            TaskEnded: self._ended,
            ContainerStarting: self._starting,
            ContainerStopped: self._stopped,
            FunctionChanged: self._function,
        }

    def take(self, event: Event) -> EndedTask | None:
        """Takes an event.

        Returns:
            The task that has ended with it, if one has.
        """
        taken = self._taken.get(type(event))
        return None if taken is None else taken(event)

    def _line(self, event: StderrLine) -> None:
        if (task := self._open.get(event.task_id)) is not None:
            task.lines.append(event)
        elif not event.task_id:
            self._own.setdefault(event.container_id, deque(maxlen=OWN_KEPT)).append(event)

    def _queued(self, event: TaskQueued) -> None:
        if not event.again:
            self._open[event.task_id] = _Open(queued=event)

    def _started(self, event: TaskStarted) -> None:
        born_s = self._born_s.pop(event.container_id, None)
        own = self._own.pop(event.container_id, None)
        if (born_s is None and own is None) or (task := self._open.get(event.task_id)) is None:
            return
        if born_s is not None:
            task.starting_s = event.at_s - max(task.queued.at_s, born_s)
        if own is not None:
            task.lines.extend(own)

    def _starting(self, event: ContainerStarting) -> None:
        self._born_s[event.container_id] = event.at_s

    def _stopped(self, event: ContainerStopped) -> None:
        self._born_s.pop(event.container_id, None)
        self._own.pop(event.container_id, None)

    def _function(self, event: FunctionChanged) -> None:
        self._folders[event.function] = str(event.spec.folder)

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
            starting_s=task.starting_s,
        )
