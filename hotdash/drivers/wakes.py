"""`Wake`s: what a thread waits for beside its data, and any other thread makes ready. Any thread."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_ONE = (1).to_bytes(8, sys.byteorder)  # what an eventfd adds; a pipe takes it as well


def open_wake() -> tuple[int, int]:
    """The descriptors to wait on and to write to: one eventfd on Linux, a pipe elsewhere.

    Raises:
        OSError: No descriptor is free.
    """
    if hasattr(os, "eventfd"):
        fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        return fd, fd
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    return read_end, write_end


def send_wake(fd: int) -> None:
    """Makes the other end ready. It does so also where it is ready already: one that is full has wakes enough."""
    with suppress(BlockingIOError):
        os.write(fd, _ONE)


def take_wakes(fd: int) -> None:
    """Takes all that were sent, if any."""
    with suppress(BlockingIOError):
        os.read(fd, 4096)


def close_wake(descriptors: tuple[int, int]) -> None:
    """Gives back what `open_wake` returned, which may be one descriptor twice."""
    for fd in set(descriptors):
        os.close(fd)
