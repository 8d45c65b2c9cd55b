"""Tasks: one call of a function, and its answer. A leaf; the values here are frozen and pass freely between threads.

`Task` is the caller's handle. Its result is set exactly once, by whoever owns the task at that moment (the supervisor
while it is queued, the container's serve thread while it runs).
"""

from __future__ import annotations

import os
import threading
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdash.parker import Parker, ParkingLot

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
MAX_PAYLOAD_BYTES = 8 * 2**20  # M11, inclusive

# A header that an answer has more than once is one value, joined by commas; cookies, which hold commas (in dates), by
# what no value can hold.
COOKIES = frozenset({"set-cookie"})
COOKIE_SEPARATOR = "\n"

_ID_BYTES = 12  # 96 random bits: no payload can guess a live id (the design's section 6)
_ID_BATCH = 256
_new_ids: list[str] = []


def new_task_id() -> str:
    """A task's id: 24 lower-case hex digits of the system's randomness.

    The randomness is fetched for 256 ids at a time: one system call a task would be a fifth of the budget for a call.
    """
    while True:
        try:
            return _new_ids.pop()
        except IndexError:
            block = os.urandom(_ID_BYTES * _ID_BATCH).hex()
            width = 2 * _ID_BYTES
            _new_ids.extend(block[at : at + width] for at in range(0, len(block), width))


class TaskStatus(StrEnum):
    """How a task ended."""

    SUCCESS = "success"
    ERROR = "error"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class TaskCause(StrEnum):
    """Why hotdash itself ended a task, whose function may be sound. `TaskResult.error` says it in words."""

    NO_MEMORY = "no memory"
    CLOSED = "closed"  # the runtime closed
    REMOVED = "removed"  # its function was


class TaskState(StrEnum):
    """Where a task is. The only moves are queued → running → ended, running → queued (M4, once), queued → ended."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


class Attribution(StrEnum):
    """How a stderr line was given to its task (the design's section 6)."""

    BY_ID = "id"  # the line carries the task's id
    IN_TASK = "task"  # written while the container ran this task, and known to be so
    BY_TIME = "time"  # came while the container ran this task; its driver copies the streams apart
    CONTAINER = "container"  # written while no task ran


class TaskRequest(NamedTuple):  # as `TaskResult`
    """What a caller asks.

    Args:
        id: See `new_task_id`.
        function: The function's key.
        payload: The body, bytes.
        headers: The caller's headers; checked to hold no CR, LF or NUL.
        method: The HTTP method, `GET` where the caller has none (as in IronFunctions).
        url: What the caller asked for, `/r/app/path?query` from the gateway; the function's route otherwise.
        timeout_s: The caller's own deadline in seconds from submit, or None.
    """

    id: str
    function: str
    payload: bytes
    headers: Mapping[str, str] = NO_HEADERS
    method: str = "GET"
    url: str = "/"
    timeout_s: float | None = None


class TaskResult(NamedTuple):  # not a dataclass: it is made for every task, and this costs a third
    """How a task ended.

    Args:
        task_id: The task's id.
        function: The function's key.
        status: How it ended.
        body: The answer's body; empty where no answer came.
        status_code: The answer's; None where the format has none, or no answer came.
        headers: The answer's, under the names the function wrote.
        error: The cause in words, or None on success.
        stderr_lines: The lines that are this task's, oldest first.
        stderr_dropped: How many older lines were dropped to keep the bound (M11).
        queued_s: Seconds from submit to dispatch (or to the end, if it never ran).
        run_s: Seconds from dispatch to the end; 0.0 if it never ran.
        container_id: Who ran it; empty if it never ran.
        revision: The revision that ran it; 0 if it never ran.
        cause: Why hotdash itself ended it; None where its function or its caller did.
    """

    task_id: str
    function: str
    status: TaskStatus
    body: bytes = b""
    status_code: int | None = None
    headers: Mapping[str, str] = NO_HEADERS
    error: str | None = None
    stderr_lines: tuple[str, ...] = ()
    stderr_dropped: int = 0
    queued_s: float = 0.0
    run_s: float = 0.0
    container_id: str = ""
    revision: int = 0
    cause: TaskCause | None = None

    @property
    def stderr(self) -> list[str]:
        """This task's stderr lines, oldest first: a new list at each call, for the caller to keep."""
        return list(self.stderr_lines)


# Guards every task's result, callbacks and waiting callers against the one race there is: one is added while the
# result is set.
# One lock for all tasks, since it is held for a few instructions and hardly ever contended.
_ending = threading.Lock()


class Task(Struct, eq=False, kw_only=True, weakref=True):
    """The caller's handle of one submitted call. Safe to use from any thread."""

    request: TaskRequest
    submitted_s: float  # the runtime's clock, as are all below
    canceller: Callable[[Task], bool]
    parking: ParkingLot
    state: TaskState = TaskState.QUEUED
    started_s: float = 0.0
    redispatched: bool = False  # M4: at most once
    cancel_requested: bool = False
    _result: TaskResult | None = None
    _waiting: tuple[Parker, ...] = ()
    _callbacks: list[Callable[[Task], object]] | None = None

    @property
    def id(self) -> str:
        """The task's id: 24 hex digits."""
        return self.request.id

    @property
    def function(self) -> str:
        """The function's key."""
        return self.request.function

    def done(self) -> bool:
        """Whether the result is there."""
        return self._result is not None

    def result(self, timeout: float | None = None) -> TaskResult:
        """Waits for the answer.

        Args:
            timeout: Seconds to wait; None waits as long as it takes.

        Returns:
            How the task ended, whatever that was: a failing function is a result.

        Raises:
            TimeoutError: The wait ended first; the task goes on.
        """
        result = self._result
        if result is not None:
            return result
        parker = self.parking.borrow()
        with _ending:
            is_running = self._result is None
            if is_running:
                self._waiting += (parker,)
        if not is_running or parker.park(timeout):
            self.parking.give_back(parker)
        else:
            with _ending:
                self._waiting = tuple(other for other in self._waiting if other is not parker)
            if self._result is None:
                raise TimeoutError(f"task {self.id} of {self.function} has not ended after {timeout} s; it goes on")
        result = self._result
        assert result is not None  # noqa: S101  a parker is unparked only once the result is set
        return result

    @property
    def has_callbacks(self) -> bool:
        """Whether somebody waits for the end by callback."""
        return self._callbacks is not None

    def cancel(self) -> bool:
        """Cancels the task: queued, it never starts; running, its container is retired (M15).

        Returns:
            False if the task had ended already; True if the cancel was delivered. An answer that was just then
            complete stands: the result tells.
        """
        return self.canceller(self)

    def add_done_callback(self, callback: Callable[[Task], object]) -> None:
        """Calls `callback(task)` once the task has ended; at once, in this thread, if it already has.

        Otherwise it is called in the thread that ends the task, so it must be quick; what it raises goes to
        `threading.excepthook` and harms nothing.
        """
        with _ending:
            if self._result is None:
                self._callbacks = [*(self._callbacks or ()), callback]
                return
        _call_back(callback, self)

    def set_result(self, result: TaskResult) -> None:
        """Ends the task; for the runtime, which calls it once.

        Raises:
            RuntimeError: The task has been answered already (R1): a fault of the runtime.
        """
        with _ending:
            if self._result is not None:
                raise RuntimeError(f"task {self.id} was answered twice: {self._result.status}, then {result.status}")
            self._result = result
            callbacks, waiting = self._callbacks, self._waiting
            self._waiting = ()
        for parker in waiting:
            parker.unpark()
        for callback in callbacks or ():
            _call_back(callback, self)


def _call_back(callback: Callable[[Task], object], task: Task) -> None:
    """Runs a caller's callback; what it raises is the caller's to see, not the runtime's to die of."""
    try:
        callback(task)
    except BaseException as error:  # noqa: BLE001  a stranger's code at the top of our thread: reported, never swallowed
        report(error)
