"""`ListeningContainer`: a container that is spoken to on a Unix socket which it listens on, not on stdin and stdout.

It goes around a driver's own container, and differs in what the *serve thread* writes and reads; all else is the inner
one's. What the program prints to stdout is its log: the driver that makes one lets stdout go to stderr.

Each task has a connection of its own, so that nothing of one can be read by the next: it is made when the task's first
byte is written, and closed when the next task is looked at. Functions are not trusted with the path: the socket may be
a link, as FDKs make it when they are ready, but only to a socket beside it, or a container could make hotdash talk to
any socket of this machine.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import sys
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from hotdash.drivers.base import STDERR_READY, STDOUT_READY
from hotdash.drivers.wakes import close_wake, send_wake, take_wakes
from hotdash.errors import ContainerGone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.drivers.base import Container

SOCKET = "lsnr.sock"  # Fn's name for it
MAX_PATH_BYTES = 100  # of the 104 (macOS) or 108 that an address may have: FDKs listen on a longer name first
READ_BYTES = 64 * 2**10
_CONNECT_S = 1.0
_RETRY_S = 0.005  # until a queue of connections that was full is tried again: no descriptor tells of room in it
_LONGEST_S = 86_400.0


class ListeningContainer:
    """See the module's docstring.

    The lock guards the wake's descriptors, which `wake` uses from any thread, against `close`. The connection is the
    serve thread's.

    Args:
        inner: The driver's own.
        folder: Where it listens.
        wake: What `open_wake` gave, closed with this. It is opened before the container is started: where no
            descriptor is free, nothing may be left running.
    """

    def __init__(self, inner: Container, *, folder: Path, wake: tuple[int, int]) -> None:
        self._inner = inner
        self._folder = folder
        self._lock = threading.Lock()
        self._wake = wake
        self._is_woken = False
        self._is_closed = False
        self._has_ended = False  # set by the stderr thread
        self._connection: socket.socket | None = None
        self._was_written = False  # anything, on this connection
        self._idle_poller = select.poll()
        self._idle_poller.register(self._wake[0], select.POLLIN)
        # What is not about the socket is the inner one's; none of these three ever changes:
        self.id, self.pid, self.is_stderr_late = inner.id, inner.pid, inner.is_stderr_late
        self.is_sight_free = True  # its own socket tells
        self.stats = inner.stats
        self.take_stderr = inner.take_stderr
        self.settle_stderr = inner.settle_stderr
        self.wait = inner.wait
        self.stop = inner.stop
        self.kill = inner.kill
        self.close_stdin = inner.close_stdin

    # The serve thread's ----------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """See the seam, as for all that follow: whether the socket is there and accepts."""
        try:
            connection = self._connect()
        except OSError:
            return False
        connection.close()
        return True

    def waits_for_input(self) -> bool | None:
        """It does if it accepts."""
        return not self._has_ended and self.is_ready()

    def look(self) -> int:
        """Ends the connection of the task before: whatever is still to come on it is nobody's."""
        self._hang_up()
        ready = self._inner.look() & STDERR_READY
        if self._has_ended or self._is_woken or self._idle_poller.poll(0):
            ready |= STDOUT_READY
        return ready

    def write(self, data: bytes | memoryview) -> int:
        """The first write of a task connects; it takes nothing while the program's queue of connections is full."""
        try:
            if self._connection is None:
                self._connection = self._connect()
                self._connection.setblocking(False)  # noqa: FBT003  its signature
            count = self._connection.send(data)
        except BlockingIOError:  # of either: the caller goes on after a `read` that is `or_writable`
            return 0
        except OSError as error:
            why = error.strerror or str(error)
            raise ContainerGone(f"container {self.id} takes no call on its socket: {why}") from error
        self._was_written = True
        return count

    def unread_bytes(self) -> int | None:
        """What the system holds for it cannot be told once it has ended: all that is known is that nothing was sent."""
        return None if self._was_written else 0

    def read(self, timeout_s: float | None, *, or_writable: bool = False) -> bytes | None:
        """See the seam. Between tasks there is nothing to read but an end or a wake."""
        deadline_s = None if timeout_s is None else time.monotonic() + min(timeout_s, _LONGEST_S)
        while True:
            if self._is_woken and not self._has_ended:
                self._is_woken = False
                return None
            left_s = None if deadline_s is None else max(deadline_s - time.monotonic(), 0.0)
            if self._has_ended:  # it waits no more: what there is, then the end
                left_s = 0.0
            is_queueing = or_writable and self._connection is None
            if is_queueing:
                left_s = _RETRY_S if left_s is None else min(left_s, _RETRY_S)
            events = self._poller(or_writable=or_writable).poll(None if left_s is None else left_s * 1000.0)
            data = self._take(events)
            if data is not None:
                return data
            if any(what & select.POLLOUT for _, what in events):
                return None
            if self._has_ended:
                return b""
            if (is_queueing or left_s == 0.0) and not self._is_woken:
                return None

    def _take(self, events: list[tuple[int, int]]) -> bytes | None:
        """Takes the wakes, then what came on the connection: b"" at its end, None if nothing did."""
        data: bytes | None = None
        for fd, what in events:
            if fd == self._wake[0]:
                take_wakes(fd)
                self._is_woken = True
            elif what & ~select.POLLOUT and self._connection is not None:
                try:
                    data = self._connection.recv(READ_BYTES)
                except BlockingIOError:
                    continue
                except OSError:  # reset: it is gone, or has closed it with something unread
                    data = b""
        return data

    def _poller(self, *, or_writable: bool) -> select.poll:
        if self._connection is None:
            return self._idle_poller
        poller = select.poll()
        poller.register(self._connection, select.POLLIN | (select.POLLOUT if or_writable else 0))
        poller.register(self._wake[0], select.POLLIN)
        return poller

    def close(self) -> None:
        """See the seam; what is in the socket's folder goes with it."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self._hang_up()
        self._inner.close()
        with self._lock:
            close_wake(self._wake)

    # The stderr thread's ---------------------------------------------------------------------------------------

    def wait_stderr(self) -> bool:
        """The end is seen here."""
        if self._inner.wait_stderr():
            return True
        self._has_ended = True
        self.wake()
        return False

    # Any thread's ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Safe after `close` too."""
        with self._lock:
            if not self._is_closed:
                send_wake(self._wake[1])

    # ---------------------------------------------------------------------------------------------------------------

    def _connect(self) -> socket.socket:
        """A connection to the socket.

        Raises:
            OSError: It is not there (yet), does not accept, or is no socket in its folder.
        """
        path = self._folder / SOCKET
        with suppress(OSError):  # no link, or not there: the next look tells which
            path = self._folder / os.path.basename(os.readlink(path))  # noqa: PTH115, PTH119  never out of the folder
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_CONNECT_S)
            with _held(path) as held:
                connection.connect(held)
        except OSError:
            connection.close()
            raise
        return connection

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._was_written = False


@contextmanager
def _held(path: Path) -> Iterator[str]:
    """The address of the very socket that lies at `path` now: whoever may write there cannot put a link in its place.

    Where a file cannot be held (macOS), the path itself is the address, looked at before and after.

    Raises:
        OSError: There is nothing, or no socket (any more).
    """
    if not sys.platform.startswith("linux"):
        before = _check_socket(path, path.lstat())
        yield str(path)
        if not os.path.samestat(before, path.lstat()):
            raise FileNotFoundError(f"{path} is another socket now")
        return
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_socket(path, os.fstat(fd))
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _check_socket(path: Path, found: os.stat_result) -> os.stat_result:
    if not stat.S_ISSOCK(found.st_mode):
        raise FileNotFoundError(f"{path} is no socket")
    return found


def unfit_path(folder: Path) -> str:
    """Why a socket in `folder` could not be listened on; empty if it could."""
    size = len(os.fsencode(folder / SOCKET))
    if size <= MAX_PATH_BYTES:
        return ""
    return f"the path of its socket would have {size} bytes, allowed {MAX_PATH_BYTES}: set TMPDIR to a shorter folder"
