"""`Channel`: one container's attached socket, from which two threads read. On the hot path one poll and one receive.

The engine sends stdout and stderr over one socket, so whoever reads it may find the other's bytes. *Whoever waits
reads*: the serve thread, in `read`, takes its answer from the socket itself, with no other thread between; and puts
aside what is stderr, and wakes the *stderr thread*. That one, in `wait_stderr`, reads the socket while the serve thread
does not: while the container is idle. It stays off it while tasks run (two threads woken for each answer cost a quarter
of its time), and looks every `TAKE_OVER_S` whether they still do. A byte that either has read is in a buffer, and who
waits for it is woken, so that it matters to no one who was first.

Both buffers are bounded: with one full nothing is read until its thread has taken from it, and the container waits, as
it would at a pipe; the engine cannot end it meanwhile, so one that stays so while it is idle is given up. From
`let_end` on, what finds no room is thrown away: the container is being killed, and its end has to be seen. The end of
the socket is the end of the container: its engine holds all it writes to until then.
"""

from __future__ import annotations

import select
import ssl
import threading
import time
from typing import TYPE_CHECKING

from hotdash.drivers.base import STDERR_READY, STDOUT_READY
from hotdash.drivers.docker.demux import Demultiplexer
from hotdash.drivers.wakes import close_wake, open_wake, send_wake, take_wakes
from hotdash.errors import ContainerGone, ProtocolError

if TYPE_CHECKING:
    from hotdash.drivers.docker.attachment import Attachment

READ_BYTES = 64 * 2**10
BUFFER_BYTES = 2**20  # of each stream, beyond which nothing is read until it is taken
TAKE_OVER_S = 0.05  # how often the stderr thread looks whether tasks still run
STUCK_S = 2.0  # a container whose stdout is full, while no task runs, for so long is given up
SETTLE_S = 0.003  # measured: 1 ms misplaces a few lines under load, 3 ms none of 2,800
LATE_S = 0.0015  # a wait that ends later than this tells of a busy machine (poll itself is up to 1 ms late)
LONGEST_SETTLE_S = 0.02  # and of the first answer of one that has written none: beside its start that is little
_LONGEST_S = 86_400.0  # poll takes milliseconds in an int: a longer wait returns early, and the loop goes on
_NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Channel:
    """See the module's docstring.

    The lock guards the socket's reading, the demultiplexer and the buffers; it is never held while waiting. `_waiting`
    is held by the stderr thread while it waits; `close` takes it before the descriptors go.

    Args:
        attachment: The socket, which is closed with it.
        merges: Whether stdout counts as stderr.

    Attributes:
        is_over: Whether the socket has ended. Buffers may still hold something.
        fault: Why it ended, where that was no plain end; else empty.
        is_closed: Whether `close` was called.
    """

    def __init__(self, attachment: Attachment, *, merges: bool = False) -> None:
        self._attachment = attachment
        self._socket = attachment.socket
        self._fd = attachment.socket.fileno()
        self._lock = threading.Lock()
        self._waiting = threading.Lock()
        self._demux = Demultiplexer(merges=merges)
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._is_ending = False  # what finds no room is thrown away
        self._has_stderr_ever = False
        self._has_answered = False
        self._is_woken = False  # by `wake`, which `read` has not told yet
        self._is_reading = False  # the serve thread waits in `read`
        self._reads = 0  # counted by the serve thread, compared by the stderr thread
        self.is_over = False
        self.fault = ""
        self.is_closed = False
        self._serve_wake = open_wake()
        self._stderr_wake = open_wake()
        self._reader = _poller(self._fd, self._serve_wake[0])
        self._reader_or_writer = _poller(self._fd, self._serve_wake[0])
        self._reader_or_writer.modify(self._fd, select.POLLIN | select.POLLOUT)
        self._woken_only = _poller(self._serve_wake[0])
        self._stderr_reader = _poller(self._fd, self._stderr_wake[0])
        self._stderr_woken_only = _poller(self._stderr_wake[0])

    # The serve thread's ----------------------------------------------------------------------------------------

    def write(self, data: bytes | memoryview) -> int:
        """Sends what goes at once.

        Raises:
            ContainerGone: The engine takes no more.
        """
        try:
            if not self._attachment.is_tls:
                return self._socket.send(data)
            with self._lock:  # unlike a plain socket, a TLS one takes no sending and receiving at once
                return self._socket.send(data)
        except _NOTHING_YET:
            return 0
        except OSError as error:
            raise ContainerGone(f"its engine takes no more of its stdin: {error.strerror or error}") from error

    def close_stdin(self) -> None:
        """Ends the sending half of the socket, which the engine passes on as the end of stdin."""
        with self._lock:
            if not self.is_closed:
                self._reader_or_writer = self._reader  # a half that is closed is always writable
                self._attachment.close_sending()

    def read(self, timeout_s: float | None, *, or_writable: bool = False) -> bytes | None:
        """See the seam. A wake goes before data, so that no flood starves it; after the end it changes nothing."""
        deadline_s = None
        self._reads += 1
        while True:
            if self._is_woken and not self.is_over:
                self._is_woken = False
                return None
            if self._stdout:
                return self._take_stdout()
            if self.is_over:
                return b""
            if timeout_s is not None:
                if deadline_s is None:
                    deadline_s = time.monotonic() + timeout_s
                elif time.monotonic() >= deadline_s:
                    return None
            left_s = timeout_s if deadline_s is None else max(deadline_s - time.monotonic(), 0.0)
            if self._wait_and_read(left_s, or_writable=or_writable) and not (self._stdout or self.is_over):
                return None

    def _wait_and_read(self, timeout_s: float | None, *, or_writable: bool) -> bool:
        """Waits once for the socket or a wake, and reads. Returns whether there is room on stdin, if that was asked."""
        if len(self._stderr) >= BUFFER_BYTES and not self._is_ending:
            poller = self._woken_only
        else:
            poller = self._reader_or_writer if or_writable else self._reader
        self._is_reading = True
        try:
            events = poller.poll(None if timeout_s is None else min(timeout_s, _LONGEST_S) * 1000.0)
        finally:
            self._is_reading = False
        has_room = False
        for fd, what in events:
            if fd == self._fd:
                if what & ~select.POLLOUT:
                    self._receive(wake_stderr=True)
                has_room = bool(what & select.POLLOUT)
            else:
                take_wakes(self._serve_wake[0])
        return has_room and or_writable

    def look(self) -> int:
        """See the seam; one poll, and a receive if there is anything."""
        self._reads += 1
        if not self.is_over and self._reader.poll(0):
            self._receive(wake_stderr=True)
        ready = STDERR_READY if self._stderr or self.is_over else 0
        if self._stdout or self._is_woken or self.is_over:
            ready |= STDOUT_READY
        return ready

    def settle(self) -> None:
        """Waits for stderr that was written before an answer and comes after it, if this container ever writes any.

        For its first answer it waits in any case, and longest: its stderr may be the first, too, and nothing tells yet
        how late its engine is. It waits on while stderr comes, and where the machine is so busy that the wait itself
        ended late: then its engine is late as well.
        """
        if self._has_answered and not self._has_stderr_ever:
            return
        self._has_answered = True
        now_s = time.monotonic()
        latest_s = now_s + LONGEST_SETTLE_S
        until_s = min(now_s + SETTLE_S, latest_s) if self._has_stderr_ever else latest_s
        while not self.is_over and now_s < until_s and self._has_room():
            events = self._reader.poll((until_s - now_s) * 1000.0)
            now_s = time.monotonic()
            for fd, _ in events:
                if fd == self._fd:
                    self._receive(wake_stderr=False)
                    until_s = min(now_s + SETTLE_S, latest_s)
                    continue
                take_wakes(self._serve_wake[0])
                if self._is_woken:
                    return  # somebody wants the task to end
            if not events and now_s - until_s > LATE_S:
                until_s = min(now_s + SETTLE_S, latest_s)

    # The stderr thread's, and both's ----------------------------------------------------------------------------

    def wait_stderr(self) -> bool:
        """See the seam."""
        seen = -1
        with self._waiting:
            while not self.is_closed:
                if self._stderr:
                    return True
                if self.is_over:
                    break
                if self._is_reading or seen != self._reads:
                    seen = self._reads
                    self._stderr_woken_only.poll(TAKE_OVER_S * 1000.0)
                elif len(self._stdout) >= BUFFER_BYTES and not self._is_ending:
                    if not self._stderr_woken_only.poll(STUCK_S * 1000.0) and seen == self._reads:
                        self._cut("since it wrote more to stdout than anybody had asked for")
                elif any(fd == self._fd for fd, _ in self._stderr_reader.poll(None)):
                    self._receive(wake_stderr=False)
                    continue
                take_wakes(self._stderr_wake[0])
        return False

    def take_stderr(self) -> bytes:
        """See the seam: what has been read of it."""
        if not self._stderr:
            return b""
        with self._lock:
            taken = bytes(self._stderr)
            self._stderr.clear()
            if len(taken) >= BUFFER_BYTES and not self.is_closed:
                send_wake(self._serve_wake[1])
            return taken

    def wait_over(self, timeout_s: float | None) -> bool:
        """Waits for the end of the socket, reading what comes meanwhile as far as there is room.

        Returns:
            Whether it has ended. False also where a full buffer keeps the end from being seen.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        poller = _poller(self._fd)
        while not (self.is_over or self.is_closed):
            if max(len(self._stdout), len(self._stderr)) >= BUFFER_BYTES and not self._is_ending:
                break
            left_s = None if deadline_s is None else max(deadline_s - time.monotonic(), 0.0)
            events = poller.poll(None if left_s is None else min(left_s, _LONGEST_S) * 1000.0)
            if events:
                self._receive(wake_stderr=True)
            elif left_s == 0.0:
                break
        return self.is_over

    # Any thread's ----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """See the seam."""
        self._is_woken = True
        with self._lock:
            if not self.is_closed:
                send_wake(self._serve_wake[1])

    def let_end(self) -> None:
        """The container is being killed: what it still writes finds room or is thrown away, until it ends."""
        with self._lock:
            self._is_ending = True
            self._wake_both()

    def close(self) -> None:
        """Gives back the socket and the descriptors; what is buffered is dropped. Nobody waits in `read` any more."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
            self._wake_both(even_closed=True)
        with self._waiting, self._lock:
            self.is_over = True
            self._stdout.clear()
            self._stderr.clear()
            self._attachment.close()
            for descriptors in (self._serve_wake, self._stderr_wake):
                close_wake(descriptors)

    # ---------------------------------------------------------------------------------------------------------------

    def _take_stdout(self) -> bytes:
        with self._lock:
            data = bytes(self._stdout[:READ_BYTES])
            del self._stdout[:READ_BYTES]
            return data

    def _receive(self, *, wake_stderr: bool) -> None:
        """Reads the socket once, without waiting, and puts what came where it belongs.

        Whoever calls has seen the socket ready; another may have been faster. A TLS socket is read until it is empty:
        what it has decrypted already no poll shows.
        """
        with self._lock:
            if self.is_over or self.is_closed:
                return
            had_stderr, had_stdout = bool(self._stderr), bool(self._stdout)
            while self._has_room():
                try:
                    data = self._socket.recv(READ_BYTES)
                    if not data:
                        self._end("in the middle of a frame" if self._demux.is_within else "")
                        return
                    out, err = self._demux.feed(data)
                except _NOTHING_YET:
                    break
                except (OSError, ProtocolError) as error:
                    self._end(str(error))
                    return
                self._keep(out, err)
                if not self._attachment.is_tls:
                    break
            if wake_stderr:
                if self._stderr and not had_stderr:
                    send_wake(self._stderr_wake[1])
            elif self._stdout and not had_stdout:
                send_wake(self._serve_wake[1])

    def _has_room(self) -> bool:
        return self._is_ending or (len(self._stdout) < BUFFER_BYTES and len(self._stderr) < BUFFER_BYTES)

    def _keep(self, out: bytes, err: bytes) -> None:
        if out and len(self._stdout) < BUFFER_BYTES:
            self._stdout += out
        if err:
            self._has_stderr_ever = True
            if len(self._stderr) < BUFFER_BYTES:
                self._stderr += err

    def _cut(self, fault: str) -> None:
        with self._lock:
            if not self.is_closed:
                self._end(fault)

    def _end(self, fault: str) -> None:
        self.is_over = True
        self.fault = fault
        self._wake_both()

    def _wake_both(self, *, even_closed: bool = False) -> None:
        if even_closed or not self.is_closed:
            send_wake(self._serve_wake[1])
            send_wake(self._stderr_wake[1])


def _poller(*fds: int) -> select.poll:
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return poller
