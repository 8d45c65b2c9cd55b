"""`Guardian`: hotdash's end of the pipe to the small process that kills what hotdash would leave (M13).

Used by any thread that starts or reaps a process group. The other end is `guardian_main`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from hotdash.drivers.process import guardian_main

if TYPE_CHECKING:
    from hotdash.drivers.process.surroundings import RunFolder

_CLOSE_S = guardian_main.SCAN_LIMIT_S + 5.0  # its own bound, and time to remove the folders


class GuardianError(OSError):
    """The guardian could not be started; without it nothing else is."""


class Guardian:
    """Tells the guardian process of process groups; starts it when it is first needed, again if it died.

    The lock guards `_process`, `_pipe` and `_groups`, and keeps the lines on the pipe in the order of what happened.
    The pipe's write end is close-on-exec and no container inherits it: it ends when hotdash does, however that is.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._groups: set[int] = set()

    @property
    def pid(self) -> int | None:
        """The guardian process, or None while there is none."""
        with self._lock:
            return None if self._process is None else self._process.pid

    def ensure(self) -> None:
        """Sees to it that the guardian runs; called before anything is started.

        Raises:
            GuardianError: It cannot be started (no memory, too many processes or open files).
        """
        with self._lock:
            self._ensure()

    def add(self, group: int) -> None:
        """Puts a process group under watch.

        Raises:
            GuardianError: The guardian had died and cannot be started again.
        """
        with self._lock:
            self._groups.add(group)
            if not self._tell(b"+%d\n" % group):
                self._drop()  # dead or dying: nobody reads
                self._ensure()  # the new one hears of all groups, this one too

    def discard(self, group: int) -> None:
        """Ends the watch over a group that has been killed; called before its leader is reaped, and its id free."""
        with self._lock:
            self._groups.discard(group)
            self._tell(b"-%d\n" % group)

    def close(self) -> None:
        """Ends the guardian, which kills what is left and removes the run folder; returns once it is reaped.

        Bounded: a guardian that does not end in time is killed, and its work done here. A second call does nothing.
        """
        with self._lock:
            process, self._process = self._process, None
            if process is None:
                self._run.remove()
                return
            self._tell(b".\n")
            os.close(self._pipe)
            self._pipe = -1
            groups = tuple(self._groups)
        try:
            process.wait(_CLOSE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._run.path.exists():
            guardian_main.sweep(str(self._run.path), groups, settled=True)

    def _tell(self, line: bytes) -> bool:
        """Writes one line; False if nobody reads. Lines are far below PIPE_BUF, so each arrives whole."""
        if self._pipe < 0:
            return False
        try:
            os.write(self._pipe, line)
        except BrokenPipeError:
            return False
        return True

    def _drop(self) -> None:
        """Reaps a guardian that is dead or of no use."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            os.close(self._pipe)
            self._process, self._pipe = None, -1

    def _ensure(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._drop()
        try:
            self._start()
        except OSError as error:
            raise GuardianError(error.errno, error.strerror, sys.executable) from error
        for group in self._groups:
            self._tell(b"+%d\n" % group)

    def _start(self) -> None:
        read_end, write_end = os.pipe()  # neither is inherited
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", guardian_main.__file__, str(self._run.path)],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,  # a terminal's Ctrl-C and hang-up are for hotdash, not for this
            )
        except OSError:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        self._pipe = write_end
