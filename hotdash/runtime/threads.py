"""`ContainerThreads`: the serve threads of one function's containers, which its supervisor owns and joins."""

from __future__ import annotations

import threading


class ContainerThreads:
    """Threads that may still run. The lock guards the set, nothing else; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()

    def adopt(self, thread: threading.Thread) -> None:
        """Remembers a thread, about to be started, for `join`; forgets those that have ended."""
        with self._lock:
            self._threads = {known for known in self._threads if known.ident is None or known.is_alive()}
            self._threads.add(thread)

    def forget(self, thread: threading.Thread) -> None:
        """A thread that was adopted could not be started."""
        with self._lock:
            self._threads.discard(thread)

    def owns(self, thread: threading.Thread) -> bool:
        """Whether it is one of these."""
        with self._lock:
            return thread in self._threads

    def join(self) -> None:
        """Joins them all; they have been told to end."""
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join()
