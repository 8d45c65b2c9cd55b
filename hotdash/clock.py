"""Time, injected: the system's clock, and a virtual one for tests. A leaf; used by every thread that waits.

A `Gate` is how one thread waits for another, with a deadline on that clock. It is a raw lock underneath, the cheapest
hand-off that CPython has (a Condition costs three times as much).
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import Protocol


class Gate(Protocol):
    """A gate that one thread waits at and others open. Opening an open gate changes nothing; passing closes it."""

    def open(self) -> None:
        """Lets the waiting thread pass, or the next one that comes."""
        ...

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the gate to open and closes it behind; False when `timeout_s` seconds passed first."""
        ...


class Clock(Protocol):
    """Where all of the runtime's times and timed waits come from."""

    def now(self) -> float:
        """Seconds, never going back."""
        ...

    def time_of(self, at_s: float) -> float:
        """The moment `at_s` of this clock in seconds since 1970."""
        ...

    def gate(self) -> Gate:
        """A new, closed gate."""
        ...


class SystemGate:
    """A gate in real time."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def open(self) -> None:
        """See `Gate.open`."""
        try:
            self._lock.release()
        except RuntimeError:  # it was open already
            return

    def wait(self, timeout_s: float | None = None) -> bool:
        """See `Gate.wait`."""
        if timeout_s is None:
            return self._lock.acquire()
        if not 0.0 <= timeout_s <= threading.TIMEOUT_MAX:
            timeout_s = 0.0 if timeout_s < 0.0 else threading.TIMEOUT_MAX
        return self._lock.acquire(timeout=timeout_s)


class SystemClock:
    """The system's monotonic clock."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    now = staticmethod(time.monotonic)

    def time_of(self, at_s: float) -> float:
        """See `Clock.time_of`; an adjustment of the wall clock after the start is not followed."""
        return at_s + self._offset_s

    def gate(self) -> Gate:
        """See `Clock.gate`."""
        return SystemGate()


class VirtualClock:
    """A clock that stands still until a test advances it. The lock guards the time and every gate made here."""

    def __init__(self, *, start_s: float = 1000.0) -> None:
        self._lock = threading.Lock()
        self._now_s = start_s
        self._waits: list[tuple[float, int, VirtualGate, int]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now_s

    def time_of(self, at_s: float) -> float:
        """See `Clock.time_of`: 1970 began with this clock."""
        return at_s

    def gate(self) -> Gate:
        """See `Clock.gate`."""
        return VirtualGate(self)

    def advance(self, seconds_s: float) -> None:
        """Moves the time on; each wait whose deadline is passed ends, in the order of deadlines."""
        with self._lock:
            until_s = self._now_s + seconds_s
            while self._waits and self._waits[0][0] <= until_s:
                deadline_s, _, gate, wait = heapq.heappop(self._waits)
                self._now_s = max(self._now_s, deadline_s)
                gate.expire(wait)
            self._now_s = until_s

    def deadlines(self) -> list[float]:
        """The deadlines of the waits under way, soonest first: how a test sees that a thread has come to wait."""
        with self._lock:
            return sorted(deadline_s for deadline_s, _, gate, wait in self._waits if gate.is_waiting(wait))

    def register(self, gate: VirtualGate, wait: int, timeout_s: float) -> None:
        """For `VirtualGate`, under the lock: ends that gate's wait at its deadline."""
        heapq.heappush(self._waits, (self._now_s + timeout_s, next(self._numbers), gate, wait))

    @property
    def lock(self) -> threading.Lock:
        """For `VirtualGate`."""
        return self._lock


class VirtualGate:
    """A gate in virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._is_open = False
        self._wait = 0  # counts waits, so that a deadline left over from an earlier one ends nothing
        self._waiting: threading.Lock | None = None
        self._passed = False

    def open(self) -> None:
        """See `Gate.open`."""
        with self._clock.lock:
            if self._waiting is None:
                self._is_open = True
            else:
                self._end(passed=True)

    def wait(self, timeout_s: float | None = None) -> bool:
        """See `Gate.wait`."""
        with self._clock.lock:
            if self._is_open:
                self._is_open = False
                return True
            if timeout_s is not None and timeout_s <= 0:
                return False
            self._wait += 1
            waiting = self._waiting = threading.Lock()
            waiting.acquire()
            if timeout_s is not None:
                self._clock.register(self, self._wait, timeout_s)
        waiting.acquire()
        return self._passed

    def expire(self, wait: int) -> None:
        """For `VirtualClock`, under its lock: the deadline of that wait has passed."""
        if self.is_waiting(wait):
            self._end(passed=False)

    def is_waiting(self, wait: int) -> bool:
        """For `VirtualClock`, under its lock: whether that wait goes on."""
        return self._waiting is not None and self._wait == wait

    def _end(self, *, passed: bool) -> None:
        assert self._waiting is not None  # noqa: S101  both callers looked
        self._passed = passed
        self._waiting.release()
        self._waiting = None
