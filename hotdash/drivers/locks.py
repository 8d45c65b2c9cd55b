"""Lock files, by which the hotdashes of a user agree on what they share. Any thread.

All locks are flock's: the kernel frees them with the process, whatever it died of. What lies at PATH has its lock at
PATH.lock; a folder's own lock, which whoever changes the folder holds, is `.lock` in it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_SUFFIX = ".lock"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def lock_path(path: Path) -> Path:
    """The lock file of what lies, or would lie, at `path`."""
    return path.with_name(path.name + LOCK_SUFFIX)


def open_lock(path: Path) -> int:
    """Opens the lock file of `path`, made (0600) if need be, without locking it; the caller closes it."""
    return os.open(lock_path(path), _FLAGS, 0o600)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder's own lock; waits for it."""
    lock_fd = os.open(folder / LOCK_SUFFIX, _FLAGS, 0o600)
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock_fd)


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Holds the lock of `path` if nobody else does, and tells whether it does."""
    lock_fd = open_lock(path)
    try:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(lock_fd)


def take_lock(path: Path, *, shared: bool, wait: bool) -> int | None:
    """Locks what lies at `path`, also where others may remove its lock file while they hold it.

    Returns:
        The descriptor, which the caller closes to give the lock up; None if somebody else holds it and `wait` is False.
    """
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    while True:
        lock_fd = open_lock(path)
        try:
            fcntl.flock(lock_fd, how)
            if _is_there(path, lock_fd):
                return lock_fd
        except BlockingIOError:
            os.close(lock_fd)
            return None
        except BaseException:
            os.close(lock_fd)
            raise
        os.close(lock_fd)  # of a file that was removed meanwhile; there is, or will be, another


def is_free(lock: Path, *, shared: bool = False) -> bool | None:
    """Whether a lock could be had. It is not kept, and no lock file is made for it.

    Args:
        lock: The lock file itself.
        shared: Whether others may share it.

    Returns:
        None if the file cannot be opened: most likely it is not there.
    """
    try:
        lock_fd = os.open(lock, _FLAGS & ~os.O_CREAT)
    except OSError:
        return None
    try:
        fcntl.flock(lock_fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock_fd)
    return True


def _is_there(path: Path, lock_fd: int) -> bool:
    try:
        return os.path.samestat(lock_path(path).stat(), os.fstat(lock_fd))
    except FileNotFoundError:
        return False
