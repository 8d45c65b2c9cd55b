"""`Janitor`: removes images behind the builds' backs, since an engine may take seconds for one (4 to 17 were measured).

Its one thread, `hot:images`, is owned by the `ImageBuilder`: started with the first job, it waits on the queue of jobs,
and ends when `close` says so, in the middle of a removal if need be.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine
from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable


class _Closing(Exception):
    """Ends a removal under way."""


class Janitor:
    """Does jobs one after another. The condition's lock guards the queue, the thread, and whether it is closing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closing = False

    def do(self, job: Callable[[], None]) -> None:
        """Queues a job, which may raise what the engine makes it raise: the next build tries again."""
        with self._changed:
            if self._closing:
                return
            self._jobs.append(job)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="hot:images", daemon=True)
                self._thread.start()

    def check(self) -> None:
        """Ends the job under way, by raising, once this is closing."""
        if self._closing:
            raise _Closing

    def settle(self, timeout_s: float) -> bool:
        """Waits until all jobs are done; whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout_s)

    def close(self) -> None:
        """Drops what is queued, ends what is under way, joins the thread. A second call does nothing."""
        with self._changed:
            self._closing = True
            self._jobs.clear()
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._jobs or self._closing)
                if self._closing:
                    return
                job = self._jobs.popleft()
                self._busy = True
            try:
                job()
            except _Closing:
                return
            except (OSError, EngineRefusal, NotAnEngine):
                continue  # the images stay; the next build of the function tries again
            except Exception as error:  # noqa: BLE001  the top of a thread
                report(error)
