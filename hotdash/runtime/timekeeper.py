"""`Timekeeper`: calls back at deadlines that no waiting thread watches: a queued task's, a back-off's, a drain's.

One thread (`timer`, owned by the timekeeper, made by `start`, joined by `close`) waits at a gate for the soonest
deadline or a sooner one; it ends at `close`, and what is still due then is forgotten.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from typing import TYPE_CHECKING

from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.clock import Clock


class Timekeeper:
    """Runs quick callbacks at their time. The lock guards the heap of deadlines; callbacks run outside it."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._gate = clock.gate()
        self._is_closed = False
        self._thread = threading.Thread(target=self._keep, name="timer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def at(self, deadline_s: float, callback: Callable[[], object]) -> None:
        """Calls `callback()` once `deadline_s` has come, in the timekeeper's thread.

        There is no way to take it back: the callback looks whether it still matters.
        """
        with self._lock:
            heapq.heappush(self._due, (deadline_s, next(self._numbers), callback))
            is_soonest = self._due[0][2] is callback
        if is_soonest:
            self._gate.open()

    def close(self) -> None:
        """Ends and joins the thread."""
        with self._lock:
            self._is_closed = True
            self._due.clear()
        self._gate.open()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join()

    def _keep(self) -> None:
        """The thread: see the module's docstring."""
        while True:
            with self._lock:
                if self._is_closed:
                    return
                now_s = self._clock.now()
                ready = []
                while self._due and self._due[0][0] <= now_s:
                    ready.append(heapq.heappop(self._due)[2])
                wait_s = self._due[0][0] - now_s if self._due else None
            for callback in ready:
                try:
                    callback()
                except Exception as error:  # noqa: BLE001  the thread's top: one callback's fault must not end the others
                    report(error)
            if not ready:
                self._gate.wait(wait_s)
