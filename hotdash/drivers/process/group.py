"""`ProcessGroup`: a process that leads a group of its own, and everything that stays in that group.

Used by the serve thread (spawn, wait), the stderr thread (`settle`) and any thread (`kill`, `signal`).
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hotdash.drivers.base import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hotdash.drivers.process.guardian import Guardian

TICK_S = 0.05  # where an exit cannot be polled for (no pidfd: macOS, Linux before 5.3), how often it is looked for


class ProcessGroup:
    """A process group from its spawn to its leader's reaping.

    The lock guards the leader's reaping (`ended`) and everything sent to the group. A process id can be reused once
    its process is reaped, a group's id once the group is empty too; so nothing is signalled but under the lock and
    before the reaping. The end of the leader is first seen *without* reaping it, then what is left of the group is
    killed, then the leader is reaped. (Where `waitid` is missing, macOS before Python 3.13, the kill follows the
    reaping by some microseconds.)

    Attributes:
        pid: The leader, and the group's id.
        ended: How the leader ended, once a thread has seen it.
        exit_fd: Readable once the leader has ended; -1 where there is no such thing, and after `close`.
    """

    def __init__(self, process: subprocess.Popen[bytes], *, guardian: Guardian) -> None:
        self._process = process
        self._guardian = guardian
        self._lock = threading.Lock()
        self._cause: Exit | None = None
        self.pid = process.pid
        self.ended: Exit | None = None
        self.exit_fd = _open_pidfd(process.pid)

    @classmethod
    def spawn(
        cls,
        args: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        guardian: Guardian,
        stdin: int,
        stdout: int,
        stderr: int,
    ) -> ProcessGroup:
        """Starts a program in a group of its own, known to the guardian.

        Args:
            args: The program, looked for in the environment's PATH, and its arguments.
            folder: Its working directory, and what a relative program is relative to.
            environment: All of its environment.
            guardian: Hears of the group.
            stdin: As for `subprocess.Popen`.
            stdout: As for `subprocess.Popen`.
            stderr: As for `subprocess.Popen`.

        Raises:
            OSError: It could not be started; nothing of it is left.
        """
        guardian.ensure()
        process = subprocess.Popen(
            args,
            cwd=folder,
            env=environment,
            process_group=0,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
        )
        group = cls(process, guardian=guardian)
        try:
            guardian.add(process.pid)
        except OSError:
            group._abandon()
            raise
        return group

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The leader, for its pipes; nobody else may wait for it."""
        return self._process

    def settle(self) -> Exit | None:
        """Looks whether the leader has ended; if so kills what is left of its group, and reaps it. Never waits."""
        with self._lock:
            if self.ended is not None or not self._leader_has_ended():
                return self.ended
            with suppress(ProcessLookupError, PermissionError):  # macOS: not permitted, when all are zombies
                os.killpg(self.pid, signal.SIGKILL)
            self._guardian.discard(self.pid)
            code = self._process.wait()
            self.ended = _exit_of(code, cause=self._cause)
            return self.ended

    def wait(self, timeout_s: float | None) -> Exit | None:
        """Waits for the leader's end, reaps it, and kills what is left of the group; None when the time ran out."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = 0.001
        while (ended := self.settle()) is None:
            left_s = TICK_S if deadline_s is None else deadline_s - time.monotonic()
            if left_s <= 0:
                return None
            if self.exit_fd >= 0:
                poller = select.poll()
                poller.register(self.exit_fd, select.POLLIN)
                poller.poll(None if deadline_s is None else min(left_s, 3600.0) * 1000)
            else:
                time.sleep(min(pause_s, left_s))
                pause_s = min(2 * pause_s, TICK_S)
        return ended

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the whole group, unless the leader has been reaped."""
        with self._lock:
            self._send(number)

    def kill(self, *, cause: Exit | None = None) -> None:
        """Kills the whole group, unless the leader has been reaped. Any thread, any time; does not wait.

        Args:
            cause: Why (it used too much memory): its `Exit` says that then, if it does die of this signal.
        """
        with self._lock:
            if self.ended is None and self._cause is None:
                self._cause = cause
            self._send(signal.SIGKILL)

    def close(self) -> None:
        """Gives back the descriptor; the leader must have been reaped, and nobody may be polling `exit_fd`."""
        fd, self.exit_fd = self.exit_fd, -1
        if fd >= 0:
            os.close(fd)

    def _abandon(self) -> None:
        """Undoes a spawn: kills, reaps, closes the pipes."""
        self.kill()
        self.wait(None)
        self.close()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _send(self, number: signal.Signals) -> None:
        if self.ended is not None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
        if number is signal.SIGKILL:  # a leader may have moved to another group; it is not reaped, so its id is its own
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _leader_has_ended(self) -> bool:
        """Whether it has; where the system can, without reaping it."""
        if hasattr(os, "waitid"):
            # ECHILD: somebody in this process reaps children that are not theirs. It has ended; how, nobody knows.
            with suppress(ChildProcessError):
                return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
            return True
        return self._process.poll() is not None


def _open_pidfd(pid: int) -> int:
    """A descriptor that tells of the end of a process, or -1: then its owner looks every `TICK_S`."""
    if sys.platform == "linux":
        with suppress(OSError):  # no free descriptor, or an old kernel
            return os.pidfd_open(pid)
    return -1


def _exit_of(code: int, *, cause: Exit | None) -> Exit:
    """Reads `Popen.returncode`: negative for a signal. `cause` is what a SIGKILL would have been for."""
    if code >= 0:
        return Exit(code=code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"SIGRTMIN+{-code - signal.SIGRTMIN}"  # most real-time signals have no name in Python
    if cause is not None and -code == signal.SIGKILL:
        return replace(cause, signal=name)
    return Exit(signal=name)
