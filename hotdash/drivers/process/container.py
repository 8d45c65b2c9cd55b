"""`ProcessContainer`: a process group with three pipes. On the hot path one poll and one read an answer, and no lock.

Who calls what is the seam's rule (`hotdash.drivers.base`). The *serve thread* polls stdout and a descriptor that `wake`
writes to; the *stderr thread* polls stderr and the process's end. It is the stderr thread that sees the end: it kills
what is left of the group, lets stderr be taken to its end, then marks the container ended and wakes the serve thread.

Closing takes two threads: the runtime kills, joins the stderr thread (which ends by itself then), and closes. Should it
close too early, `close` waits for the stderr thread to leave `wait_stderr` before it gives back any descriptor.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import termios
import threading
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING

from hotdash.drivers.base import STDERR_READY, STDOUT_READY
from hotdash.drivers.inside import Inside
from hotdash.drivers.process.group import TICK_S
from hotdash.drivers.syscalls import reads_stdin
from hotdash.drivers.wakes import send_wake, take_wakes
from hotdash.errors import ContainerGone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.drivers.base import Exit, Stats
    from hotdash.drivers.process.group import ProcessGroup
    from hotdash.drivers.process.surroundings import Surroundings
    from hotdash.drivers.process.usage import UsageTable

READ_BYTES = 64 * 2**10  # what a pipe holds
_LONGEST_S = 86_400.0  # poll takes milliseconds in an int: a longer wait returns early, and the caller's loop goes on


class ProcessContainer:
    """One running container of the process driver.

    The lock guards the descriptors against being used after they were given back (their numbers are another file's
    then): by `wake`, `take_stderr` and `close`. It is never held while waiting. `_waiting` is held by the stderr thread
    while it waits; `close` takes it before the descriptors go. What is sent to the group has a lock of its own there.
    """

    def __init__(
        self,
        container_id: str,
        *,
        group: ProcessGroup,
        wake_fds: tuple[int, int],
        around: Surroundings,
        usage: UsageTable,
        command: tuple[str, ...] = (),
        folder: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        process = group.process
        assert process.stdin is not None  # noqa: S101  all three are pipes
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        self._id = container_id
        self._group = group
        self._around = around
        self._usage = usage
        self._inside = Inside(
            shell_command=("/bin/sh", "-i"),
            folder=folder,
            shell_environment=environment or {},
            command=command,
            environment=environment or {},
            mounts=("none: the process driver isolates nothing, all of this machine is seen",),
        )
        self._lock = threading.Lock()
        self._waiting = threading.Lock()
        self._stdin = process.stdin.fileno()
        self._stdout = process.stdout.fileno()
        self._stderr = process.stderr.fileno()
        self._wake_read, self._wake_write = wake_fds
        self._closed = False
        # Read and written by the serve thread alone:
        self._wake_owed = False  # data and a wake came together: the data was returned, the wake is next
        self._stdout_left: int | None = None  # what was in stdout when the container was first seen ended
        self._unread_at_close: int | None = None
        self._unread = array("i", [0])  # for `_count`
        # Written by the stderr thread (or `close`), read by the serve thread:
        self._ended = False
        # Guarded by the lock; what was in stderr when it was first taken from after the end:
        self._stderr_left: int | None = None
        self._held = array("i", [0])  # for `_count`
        for fd in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(fd, False)
        # stdout comes first: what is registered first is reported first, when both have something.
        self._reader = _poller(self._stdout, self._wake_read)
        self._reader_or_writer = _poller(self._stdout, self._wake_read)
        self._reader_or_writer.register(self._stdin, select.POLLOUT)
        self._looker = _poller(self._stdout, self._wake_read, self._stderr)
        self._stderr_poller = _poller(self._stderr, group.exit_fd)

    @property
    def id(self) -> str:
        """See the seam, as for all that follow."""
        return self._id

    @property
    def pid(self) -> int | None:
        """The leader of its group."""
        return self._group.pid

    @property
    def inside(self) -> Inside | None:
        """It from within; None once it has ended or was closed."""
        return None if self._closed or self._group.ended is not None else self._inside

    @property
    def is_sight_free(self) -> bool:
        """Always: the kernel tells."""
        return True

    @property
    def is_stderr_late(self) -> bool:
        """Never: each stream has a pipe of its own."""
        return False

    # The serve thread's ----------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Always: what is written waits in its stdin."""
        return True

    def write(self, data: bytes | memoryview) -> int:
        """An end shows here at once where it alone had its stdin, else when a thread has seen it."""
        if self._stdin < 0 or self._group.ended is not None:
            raise ContainerGone(f"container {self._id} {self._group.ended or 'has had the end of its stdin'}")
        try:
            return os.write(self._stdin, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ContainerGone(f"container {self._id} does not read its stdin any more: {error.strerror}") from error

    def close_stdin(self) -> None:
        """Afterwards what is unread can be told only if it was nothing, or the container had ended already."""
        if self._stdin < 0:
            return
        left = self.unread_bytes()
        self._unread_at_close = left if left == 0 or self._group.ended is not None else None
        with self._lock:
            self._reader_or_writer.unregister(self._stdin)
            self._stdin = -1
            stdin = self._group.process.stdin
            if stdin is not None:
                stdin.close()

    def read(self, timeout_s: float | None, *, or_writable: bool = False) -> bytes | None:
        """Data goes before a wake: where both are there, the data is returned now, and None by the next call.

        After the end a wake changes nothing: `read` waits no more, so its caller sees whatever it was woken for.
        """
        if self._wake_owed:
            self._wake_owed = False
            return None
        if self._ended:
            return self._read_left()
        if timeout_s is not None:
            timeout_s = timeout_s * 1000.0 if 0.0 <= timeout_s <= _LONGEST_S else _clamped_ms(timeout_s)
        events = (self._reader_or_writer if or_writable else self._reader).poll(timeout_s)
        if not events:
            return None
        if events[0][0] == self._stdout:
            if len(events) > 1:
                self._wake_owed = self._take_wake(events) and not self._ended
            return os.read(self._stdout, READ_BYTES)
        self._take_wake(events)
        return self._left_if_ended()

    def look(self) -> int:
        """One poll of stdout, the wake and stderr together."""
        if self._ended or self._wake_owed:
            return STDOUT_READY | STDERR_READY
        ready = 0
        for fd, _ in self._looker.poll(0):
            ready |= STDERR_READY if fd == self._stderr else STDOUT_READY
        return ready

    def unread_bytes(self) -> int | None:
        """Linux tells at the write end, after the reader's death too; no other system does."""
        if sys.platform != "linux":
            return None
        if self._stdin < 0:
            return self._unread_at_close
        return _count(self._stdin, self._unread)

    def waits_for_input(self) -> bool | None:
        """Linux only, by the system calls that its threads and children are in."""
        return False if self._group.ended is not None else reads_stdin(self._group.pid)

    def wait(self, timeout_s: float | None) -> Exit | None:
        """Reaps it, and kills what is left of its group."""
        return self._group.wait(timeout_s)

    def stop(self, grace_s: float) -> Exit:
        """SIGTERM goes to the whole group, and so does SIGKILL."""
        self.close_stdin()
        self._group.send(signal.SIGTERM)
        ended = self._group.wait(grace_s)
        while ended is None:
            self._group.kill()
            ended = self._group.wait(None)
        return ended

    def close(self) -> None:
        """Call it once the stderr thread has been joined (see above); it never fails, whatever the container left."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._group.kill()
        self._group.wait(None)
        with self._waiting:  # the stderr thread has seen the end as well, and leaves
            self._ended = True
        self.close_stdin()
        with self._lock:
            for poller in (self._reader, self._reader_or_writer, self._looker, self._stderr_poller):
                _unregister(poller, self._stdout, self._wake_read, self._stderr, self._group.exit_fd)
            self._stdout = self._stderr = -1
            for stream in (self._group.process.stdout, self._group.process.stderr):
                if stream is not None:
                    stream.close()
            for fd in {self._wake_read, self._wake_write}:
                os.close(fd)
            self._group.close()
        self._around.remove()

    # The stderr thread's, and both's ----------------------------------------------------------------------------

    def wait_stderr(self) -> bool:
        """True at least once after the end, so that what was written last is taken."""
        with self._waiting:
            while not self._closed:
                if self._group.settle() is not None:
                    if self._stderr_left != 0:
                        return True
                    break
                events = self._stderr_poller.poll(None if self._group.exit_fd >= 0 else TICK_S * 1000)
                for fd, what in events:
                    if fd != self._stderr:
                        continue
                    if what & select.POLLIN:
                        return True
                    self._stderr_poller.unregister(fd)  # it closed its stderr and lives on
            self._ended = True
        self.wake()
        return False

    def settle_stderr(self) -> None:
        """Nothing to wait for: what was written is in the pipe."""

    def take_stderr(self) -> bytes:
        """Asks once how much is there and takes that: until it is empty never ends in a flood."""
        with self._lock:
            fd = self._stderr
            if fd < 0:
                return b""
            count = _count(fd, self._held)
            if self._group.ended is not None:
                # What left the group may write for ever: only what is there at the end is the container's.
                if self._stderr_left is None:
                    self._stderr_left = count
                count = min(count, self._stderr_left)
                self._stderr_left -= count
            return _read_exactly(fd, count) if count else b""

    # Any thread's ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Safe after `close` too."""
        with self._lock:
            if not self._closed:
                send_wake(self._wake_write)

    def kill(self) -> None:
        """Safe after `close` too: nothing is sent once the leader has been reaped."""
        self._group.kill()

    def stats(self) -> Stats | None:
        """Of all that is in its group."""
        return None if self._group.ended is not None else self._usage.of(self._group.pid)

    # ---------------------------------------------------------------------------------------------------------------

    def _take_wake(self, events: list[tuple[int, int]]) -> bool:
        """Takes the wakes that have come, if any; tells whether there was one."""
        if all(fd != self._wake_read for fd, _ in events):
            return False
        take_wakes(self._wake_read)
        return True

    def _left_if_ended(self) -> bytes | None:
        return self._read_left() if self._ended else None

    def _read_left(self) -> bytes:
        """What was in stdout when the end was seen; what left the group may hold the pipe open, and write for ever."""
        if self._stdout < 0:
            return b""
        if self._stdout_left is None:
            self._stdout_left = _count(self._stdout, self._unread)
        if self._stdout_left == 0:
            return b""
        data = os.read(self._stdout, min(self._stdout_left, READ_BYTES))
        self._stdout_left -= len(data)
        return data


def _count(fd: int, into: array[int]) -> int:
    """How many bytes the pipe holds; `into`, one C int, is what the system writes it to (half as dear as a new one)."""
    fcntl.ioctl(fd, termios.FIONREAD, into)
    return into[0]


def _read_exactly(fd: int, count: int) -> bytes:
    """Reads bytes that are known to be there."""
    data = os.read(fd, count)
    while len(data) < count:
        more = os.read(fd, count - len(data))
        if not more:
            break
        data += more
    return data


def _clamped_ms(timeout_s: float) -> float:
    return 0.0 if timeout_s < 0 else _LONGEST_S * 1000.0


def _poller(*fds: int) -> select.poll:
    """Waits for data of descriptors; one that is -1 is not there."""
    poller = select.poll()
    for fd in fds:
        if fd >= 0:
            poller.register(fd, select.POLLIN)
    return poller


def _unregister(poller: select.poll, *fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            with suppress(KeyError):
                poller.unregister(fd)
