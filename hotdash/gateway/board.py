"""`TaskBoard`: the tasks that came through the gateway, for `GET /tasks/<id>`. Any thread.

It keeps those that wait and run, and the last ended ones within bounds of number and bytes; of an older one nothing is
known any more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from hotdash.events import StderrLine
from hotdash.report import result_fields
from hotdash.task import TaskState

if TYPE_CHECKING:
    from hotdash.events import Event
    from hotdash.task import Task, TaskResult

_ENDED_KEPT = 1_000
_BYTES_KEPT = 64 * 2**20  # of their answers and stderr
_LINES_KEPT = 1_000  # of a task that runs, and so many bytes; its result has more
_STDERR_BYTES = 2**20


class _Live:
    """A task that waits or runs, and its last lines of stderr. Its owner's lock guards it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.lines: deque[str] = deque()
        self.dropped = 0
        self._bytes = 0

    def add(self, line: str) -> None:
        """Keeps a line, and drops older ones above the bounds."""
        self.lines.append(line)
        self._bytes += _size(line)
        while len(self.lines) > _LINES_KEPT or self._bytes > _STDERR_BYTES:
            self._bytes -= _size(self.lines.popleft())
            self.dropped += 1


def _size(line: str) -> int:
    return len(line.encode("utf-8", "surrogatepass"))


class TaskBoard:
    """See the module's docstring. The lock guards all of it; it is held for a few steps.

    Call it with each event: it takes the stderr of tasks that run.
    """

    def __init__(self, *, ended_kept: int = _ENDED_KEPT, bytes_kept: int = _BYTES_KEPT) -> None:
        self._ended_kept = ended_kept
        self._bytes_kept = bytes_kept
        self._lock = threading.Lock()
        self._live: dict[str, _Live] = {}
        # Not the tasks themselves: they hold their payloads.
        self._ended: OrderedDict[str, tuple[TaskResult, int]] = OrderedDict()
        self._bytes = 0

    def add(self, task: Task) -> None:
        """Keeps a task that has just been submitted."""
        with self._lock:
            self._live[task.id] = _Live(task)
        task.add_done_callback(self._end)

    def fields(self, task_id: str) -> dict[str, Any] | None:
        """What there is to say of a task, for JSON: its state, result (None before its end) and stderr so far."""
        with self._lock:
            live, ended = self._live.get(task_id), self._ended.get(task_id)
            lines, dropped = (list(live.lines), live.dropped) if live else ([], 0)
        if ended is not None:
            result = result_fields(ended[0])
            return _fields(
                task_id,
                ended[0].function,
                TaskState.ENDED,
                result=result,
                stderr=result["stderr"],
                dropped=ended[0].stderr_dropped,
            )
        if live is not None:
            return _fields(task_id, live.task.function, live.task.state, result=None, stderr=lines, dropped=dropped)
        return None

    def __call__(self, event: Event) -> None:
        """In the runtime's event thread."""
        if isinstance(event, StderrLine) and event.task_id in self._live:
            with self._lock:
                live = self._live.get(event.task_id)
                if live is not None:
                    live.add(event.text)

    def _end(self, task: Task) -> None:
        """In the thread that ended it."""
        result = task.result(0)
        size = len(result.body) + sum(map(len, result.stderr_lines))
        with self._lock:
            self._live.pop(task.id, None)
            self._ended[task.id] = (result, size)
            self._bytes += size
            while len(self._ended) > self._ended_kept or (self._bytes > self._bytes_kept and len(self._ended) > 1):
                self._bytes -= self._ended.popitem(last=False)[1][1]


def _fields(
    task_id: str, function: str, state: TaskState, *, result: dict[str, Any] | None, stderr: list[str], dropped: int
) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "function": function,
        "state": state.value,
        "result": result,
        "stderr": stderr,
        "stderr_dropped": dropped,
    }
