"""`Chores`: requests to the engine that nobody is to wait for: kills, asked for by whatever thread.

The threads `docker:chores` are the driver's: started when there is something to do and none is free, at most `THREADS`
(an engine that hangs on one request may still answer another); each waits for the next chore, and ends when the driver
closes, which joins them. One is never cut short: each has its client's time limit.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = 4


class Chores:
    """Does things in threads of its own. The condition's lock guards the line of chores, the threads and `_closed`."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._line: deque[Callable[[], None]] = deque()
        self._threads: list[threading.Thread] = []
        self._free = 0
        self._closed = False

    def add(self, chore: Callable[[], None]) -> bool:
        """Has it done soon.

        Returns:
            False if it will not be: this is closed, or the system gives no thread.
        """
        with self._ready:
            if self._closed:
                return False
            self._line.append(chore)
            if self._free >= len(self._line):
                self._ready.notify()
            elif len(self._threads) < THREADS:
                thread = threading.Thread(target=self._run, name="docker:chores", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    if not self._threads:
                        self._line.remove(chore)
                        return False
                else:
                    self._threads.append(thread)
            return True

    def close(self) -> None:
        """Does what is in line, then ends the threads."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._line:
                    if self._closed:
                        return
                    self._free += 1
                    self._ready.wait()
                    self._free -= 1
                chore = self._line.popleft()
            try:
                chore()
            except Exception as error:  # noqa: BLE001  the thread's top
                report(error)
