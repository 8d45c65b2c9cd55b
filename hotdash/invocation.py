"""`hotdash invoke`, behind its options: deploys one function, calls it, and waits. The main thread runs it.

stderr lines come in the runtime's event thread and are printed there as they come.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.events import Event
    from hotdash.runtime.runtime import Runtime
    from hotdash.task import Task, TaskResult


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
    """One call; its stderr is printed as it comes, and all of it before this returns.

    Raises:
        HotdashError: It was not taken.
        KeyboardInterrupt: The user ended it; the task is cancelled.
    """
    unsubscribe = runtime.subscribe(StderrPrinter())
    task = runtime.submit(function, payload, headers=headers, timeout_s=timeout_s)
    try:
        result = _wait(task)
    except KeyboardInterrupt:
        task.cancel()
        raise
    runtime.flush_events()
    unsubscribe()
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
        The results in the order of submits, and the seconds from the first submit to the last answer.
    """
    places = threading.Semaphore(concurrency)
    began_s = time.perf_counter()
    tasks = []
    for _ in range(count):
        places.acquire()
        task = runtime.submit(function, payload, headers=headers, timeout_s=timeout_s)
        task.add_done_callback(lambda _: places.release())
        tasks.append(task)
    results = [_wait(task) for task in tasks]
    return results, time.perf_counter() - began_s


def _wait(task: Task) -> TaskResult:
    """Waits in steps: a wait without a limit on a raw lock would not let a signal's handler raise until it ends."""
    while True:
        try:
            return task.result(timeout=3600)
        except TimeoutError:
            continue
