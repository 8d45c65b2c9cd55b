"""`Lanes`: one piece of work at a time for each function, many functions side by side.

A thread `deploy:<key>`, owned by this, is made when there is work for a function and none runs; it waits on nothing but
the work itself, and ends when nothing newer is asked for. Newer work takes the place of what waits, and what runs is
told to end while it can: so of fifty saves the first is built, and the last.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from hotdash.states import NO_OCCASION, Occasion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hotdash.functions.spec import FunctionSpec


class Deploy(Struct, frozen=True, kw_only=True):
    """Make what is on disk live.

    Args:
        spec: The function as its file is now.
        paths: What may have changed since the sources were last looked at.
        occasion: What led to it, so far as that is known.
    """

    spec: FunctionSpec
    paths: frozenset[Path]
    occasion: Occasion = NO_OCCASION


class Rollback(Struct, frozen=True, kw_only=True):
    """Make an earlier revision live; None for the one before the live one."""

    revision: int | None


Job = Deploy | Rollback


class Work(Protocol):
    """What a lane's thread calls; it reports its own faults."""

    def __call__(self, key: str, job: Job, *, is_overtaken: Callable[[], bool]) -> object:
        """Does one job; `is_overtaken` tells that a newer one waits."""
        ...


class Lanes:
    """The lanes of all functions. The lock guards what is asked for, and the threads.

    Args:
        work: Does a job, in the function's own thread.
    """

    def __init__(self, *, work: Work) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._asked: dict[str, Job] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._is_closed = False

    def ask(self, key: str, job: Job) -> Job | None:
        """Wants `job` done next.

        Returns:
            The job that waited and will not be done now; None if there was none, or `job` has taken it in.
        """
        with self._lock:
            if self._is_closed:
                return None
            waited = self._asked.get(key)
            if isinstance(waited, Deploy) and isinstance(job, Deploy):
                job = Deploy(spec=job.spec, paths=job.paths | waited.paths, occasion=job.occasion)
                waited = None
            self._asked[key] = job
            if key not in self._threads:
                thread = threading.Thread(target=self._run, args=(key,), name=f"deploy:{key}", daemon=True)
                self._threads[key] = thread
                thread.start()
            return waited

    def next(self, key: str) -> Job | None:
        """What waits to be done for a function."""
        return self._asked.get(key)

    def drop(self, key: str) -> None:
        """Forgets what waits for a function."""
        with self._lock:
            self._asked.pop(key, None)

    def close(self) -> None:
        """Takes no more, and waits for what runs."""
        with self._lock:
            self._is_closed = True
            self._asked.clear()
            threads = list(self._threads.values())
        for thread in threads:
            thread.join()

    def _run(self, key: str) -> None:
        """A `deploy:` thread."""
        while True:
            with self._lock:
                job = self._asked.pop(key, None)
                if job is None:
                    del self._threads[key]
                    return
            self._work(key, job, is_overtaken=lambda: key in self._asked)
