"""`Parker`: where a caller waits for a result, and is woken by a thread that goes on at once. A leaf.

A raw lock is the obvious way to wait in CPython, and here the dear one: whoever releases it still holds the
interpreter, so the woken thread runs into that first and sleeps again. Writing to an eventfd gives the interpreter up
while the system call lasts: the woken thread finds it free. On one core a hot echo takes 31 µs in place of 39.
"""

from __future__ import annotations

import os
import select
import threading
from typing import Protocol

_LONGEST_S = 86_400.0  # poll takes milliseconds in an int: a longer wait goes on in steps


class Parker(Protocol):
    """One thread parks and another unparks it, once; then it may be used again."""

    def park(self, timeout_s: float | None = None) -> bool:
        """Waits to be unparked; False when `timeout_s` seconds passed first."""
        ...

    def unpark(self) -> None:
        """Lets the parked thread go on, or the one that parks next. Any thread."""
        ...


class EventfdParker:
    """A parker on Linux.

    Its descriptor is closed when nobody refers to it any more, so that an unpark which is under way never meets a
    number that has become another file's.
    """

    __slots__ = ("_fd", "_poller")

    def __init__(self) -> None:
        """Raises OSError if no descriptor is free."""
        self._fd = -1
        self._fd = os.eventfd(0, os.EFD_CLOEXEC)
        self._poller: select.poll | None = None

    def park(self, timeout_s: float | None = None) -> bool:
        """See `Parker.park`."""
        if timeout_s is not None and not self._poll(timeout_s):
            return False
        os.read(self._fd, 8)
        return True

    def unpark(self) -> None:
        """See `Parker.unpark`."""
        os.eventfd_write(self._fd, 1)

    def _poll(self, timeout_s: float) -> bool:
        if self._poller is None:
            self._poller = select.poll()
            self._poller.register(self._fd, select.POLLIN)
        while timeout_s > _LONGEST_S:
            if self._poller.poll(_LONGEST_S * 1000.0):
                return True
            timeout_s -= _LONGEST_S
        return bool(self._poller.poll(max(timeout_s, 0.0) * 1000.0))

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)


class LockParker:
    """A parker where there are no eventfds, or no descriptor is free."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def park(self, timeout_s: float | None = None) -> bool:
        """See `Parker.park`."""
        return self._lock.acquire(timeout=-1 if timeout_s is None else max(0.0, min(timeout_s, threading.TIMEOUT_MAX)))

    def unpark(self) -> None:
        """See `Parker.unpark`."""
        self._lock.release()


class ParkingLot:
    """Parkers that threads borrow for one wait: as many as ever waited at once. A list's steps are whole: no lock.

    One whose wait ended early is not given back, for an unpark may still be on its way to it: it is left to itself.
    """

    __slots__ = ("_free", "_is_closed")

    def __init__(self) -> None:
        self._free: list[Parker] = []
        self._is_closed = False

    def borrow(self) -> Parker:
        """A parker that nobody else has."""
        try:
            return self._free.pop()
        except IndexError:
            pass
        if hasattr(os, "eventfd"):
            try:
                return EventfdParker()
            except OSError:
                pass
        return LockParker()

    def give_back(self, parker: Parker) -> None:
        """After a park that returned True."""
        self._free.append(parker)
        if self._is_closed:
            self._free.clear()

    def close(self) -> None:
        """Keeps no parkers any more; those that are borrowed go on working."""
        self._is_closed = True
        self._free.clear()
