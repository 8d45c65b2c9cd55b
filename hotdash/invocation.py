"""`hotdash invoke`, behind its options: calls a function once or many times, and waits.

The main thread runs it; many calls have a thread (`caller:N`) each that are under way at once, made and joined here.

stderr lines come in the runtime's event thread and are printed there as they come.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.errors import HotdashError
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.events import Event
    from hotdash.runtime.runtime import Runtime
    from hotdash.task import Task, TaskResult

# A signal that comes in the instant before the main thread waits on a lock, or that the system gives to another thread,
# does not end that wait: its handler would run only after it. So no wait is longer than this.
_STEP_S = 0.2


class StderrPrinter:
    """A listener that prints stderr lines of tasks as they come; sanitized where stderr is a terminal."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, event: Event) -> None:
        """Called in the runtime's event thread."""
        if isinstance(event, ev.StderrLine) and event.task_id:
            print(plain(event.text) if self._is_terminal else event.text, file=sys.stderr, flush=True)  # noqa: T201


def call_once(
    runtime: Runtime, function: str, payload: bytes, *, headers: Mapping[str, str], timeout_s: float | None
) -> TaskResult:
    """One call; its stderr is printed as it comes, until the runtime is closed.

    What came by the answer is printed when this returns. A line that carries the task's id is printed however late it
    is: the Docker engine copies the two streams apart, and a function may log once more as it ends.

    Raises:
        HotdashError: It was not taken.
        KeyboardInterrupt: The user ended it; the task is cancelled.
    """
    runtime.subscribe(StderrPrinter())
    task = runtime.submit(function, payload, headers=headers, timeout_s=timeout_s)
    try:
        result = wait_for(task)
    except KeyboardInterrupt:
        task.cancel()
        raise
    runtime.flush_events()
    return result


def call_many(
    runtime: Runtime,
    function: str,
    payload: bytes,
    *,
    headers: Mapping[str, str],
    timeout_s: float | None,
    count: int,
    concurrency: int,
) -> tuple[list[TaskResult], float]:
    """`count` calls, at most `concurrency` of them under way at once.

    Returns:
        The results in the order of their ends, and the seconds from the first submit to the last answer.

    Raises:
        HotdashError: One was not taken.
    """
    results: list[TaskResult | HotdashError] = []
    numbers = iter(range(count))

    def call() -> None:
        for _ in numbers:  # one iterator for all: each number is taken once
            try:
                task = runtime.submit(function, payload, headers=headers, timeout_s=timeout_s)
            except HotdashError as error:
                results.append(error)
                return
            results.append(wait_for(task))

    began_s = time.perf_counter()
    callers = [threading.Thread(target=call, name=f"caller:{number}", daemon=True) for number in range(concurrency)]
    for caller in callers:
        caller.start()
    for caller in callers:
        while caller.is_alive():
            caller.join(_STEP_S)
    took_s = time.perf_counter() - began_s
    answered = [result for result in results if not isinstance(result, HotdashError)]
    for result in results:
        if isinstance(result, HotdashError):
            raise result
    return answered, took_s


def wait_for(task: Task) -> TaskResult:
    """Waits for a task's result, in steps of `_STEP_S`: see there.

    Raises:
        KeyboardInterrupt: The user ended the wait.
    """
    while True:
        try:
            return task.result(timeout=_STEP_S)
        except TimeoutError:
            continue
