"""`Janitor`: removes images behind the builds' backs, since an engine may take seconds for one (4 to 17 were measured).

Its one thread, `hot:images`, is owned by the `ImageBuilder`: started with the first job, it waits on the queue of jobs,
and for the time to try again what could not be done; it ends when `close` says so, in the middle of a removal if need
be.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine
from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    Job = Callable[[], bool]

AGAIN_S = 2.0  # how soon what could not be done is tried again: somebody else's build ends without a word
LONGEST_S = 60.0  # it takes twice as long each time, up to this: somebody may keep a container of an image for days


class _Closing(Exception):
    """Ends a removal under way."""


class Janitor:
    """Does jobs one after another.

    The condition's lock guards the jobs, those that wait to be tried again, the thread, and whether it is closing.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._jobs: dict[Hashable, Job] = {}
        self._later: dict[Hashable, Job] = {}
        self._again_s = 0.0
        self._wait_s = AGAIN_S
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closing = False

    def do(self, key: Hashable, job: Job) -> None:
        """Queues a job, and what waits to be tried again; never waits, never fails.

        Args:
            key: What it is about; one that has the same key and has not begun is done once.
            job: Says whether it is done. If not, or if it raises what the engine makes it raise, it is tried again:
                with the next job, or in a while.
        """
        with self._changed:
            if self._closing:
                return
            self._jobs = {**self._later, **self._jobs, key: job}
            self._later, self._wait_s = {}, AGAIN_S
            self._changed.notify_all()
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="hot:images", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return  # the system gives no thread; the next job tries again
                self._thread = thread

    def check(self) -> None:
        """Ends the job under way, by raising, once this is closing."""
        if self._closing:
            raise _Closing

    def settle(self, timeout_s: float) -> bool:
        """Waits until all jobs are done that can be now; whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs and not self._busy, timeout_s)

    def close(self) -> None:
        """Drops what is queued, ends what is under way, joins the thread. A second call does nothing."""
        with self._changed:
            self._closing = True
            self._jobs.clear()
            self._later.clear()
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while (found := self._next()) is not None:
            key, job = found
            try:
                is_done = job()
            except _Closing:
                return
            except (OSError, EngineRefusal, NotAnEngine):
                is_done = False
            except Exception as error:  # noqa: BLE001  the top of a thread
                report(error)
                is_done = True
            if not is_done:
                self._put_off(key, job)

    def _next(self) -> tuple[Hashable, Job] | None:
        """Waits for a job, or for the time of those that were put off; None at the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while not self._jobs and not self._closing:
                left_s = self._again_s - time.monotonic() if self._later else None
                if left_s is not None and left_s <= 0:
                    self._jobs, self._later = self._later, {}
                    self._wait_s = min(2 * self._wait_s, LONGEST_S)
                else:
                    self._changed.wait(left_s)
            if self._closing:
                return None
            key = next(iter(self._jobs))
            self._busy = True
            return key, self._jobs.pop(key)

    def _put_off(self, key: Hashable, job: Job) -> None:
        with self._changed:
            if not self._closing and key not in self._jobs:
                self._later[key] = job
                self._again_s = time.monotonic() + self._wait_s
