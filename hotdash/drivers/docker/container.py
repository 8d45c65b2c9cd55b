"""`DockerContainer`: one container of a Docker engine. Who calls what is the seam's rule (`hotdash.drivers.base`).

What goes through its streams is the `Channel`'s, and costs no request. A request is made, by the thread that asks, for:
how it ended (`wait`, once the stream has), `stop`, `close`. A `kill` is a chore: it goes to the engine from a thread of
the driver's, so that its caller does not wait for an engine that hangs.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hotdash.drivers.base import Exit
from hotdash.drivers.docker.faults import EngineErrors
from hotdash.drivers.docker.processes import is_of_container, program_of
from hotdash.drivers.syscalls import reads_stdin
from hotdash.errors import ContainerGone

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.drivers.base import Stats
    from hotdash.drivers.docker.channel import Channel
    from hotdash.drivers.docker.chores import Chores
    from hotdash.drivers.docker.handle import Handle

END_S = 10.0  # how long the engine may take to kill a container, before that one is given up
_TOLD_S = 5.0  # how long, after the end of the stream, an engine under load may take to tell of the end
_CUT_S = 1.0  # likewise where the stream did not end well, and the container may well live
_UNTOLD_S = 0.2  # how often, while it is waited for, it is looked whether the kill got through to the engine
_LOOK_S = 0.1  # how often the engine is asked about one whose stream is full
_KILL = "SIGKILL"
GIVEN_UP = "its engine does not tell of its end"
_LOST = Exit(lost=f"was given up ({GIVEN_UP})")


class DockerContainer:
    """One running container of the docker driver.

    `_exit_lock` guards the finding of its end: one thread asks the engine, others wait for what that finds.
    """

    is_stderr_late = True  # the engine copies the two streams apart

    def __init__(
        self,
        container_id: str,
        *,
        handle: Handle,
        channel: Channel,
        chores: Chores,
        stats: Callable[[str], Stats | None],
        on_close: Callable[[DockerContainer, str], None],
    ) -> None:
        self._id = container_id
        self._handle = handle
        self._channel = channel
        self._chores = chores
        self._stats = stats
        self._on_close = on_close
        self._exit_lock = threading.Lock()
        self._exit: Exit | None = None
        self._is_killed = False
        self._kill_fault = ""  # why the engine could not be told to kill it
        self._is_closed = False
        self._stdin_closed = False
        self._was_written = False
        self._over_s = float("inf")  # when its stream was first known to have ended; under `_exit_lock`
        self._init_pid: int | None = None  # 0 once it is known to be on another machine
        # The hot path goes straight to the channel:
        self.look = channel.look
        self.read = channel.read
        self.wake = channel.wake
        self.wait_stderr = channel.wait_stderr
        self.take_stderr = channel.take_stderr
        self.settle_stderr = channel.settle

    @property
    def id(self) -> str:
        """See the seam, as for all that follow."""
        return self._id

    @property
    def engine_id(self) -> str:
        """Its id at the engine, in hex."""
        return self._handle.id

    @property
    def is_sight_free(self) -> bool:
        """Once its process is known, or known to be on another machine: that took a request, and an engine may hang."""
        return self._init_pid is not None

    @property
    def pid(self) -> int | None:
        """None: its processes are the engine's, perhaps on another machine."""
        return None

    # The serve thread's ----------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Always: what is written waits in its stdin."""
        return True

    def write(self, data: bytes | memoryview) -> int:
        """An end is seen here when its stream has been read to the end, and not before: the engine takes bytes on."""
        if self._stdin_closed or self._exit is not None or self._channel.is_over:
            raise ContainerGone(f"container {self._id} {self._exit or 'has had the end of its stdin, or has ended'}")
        self._was_written = True
        return self._channel.write(data)

    def close_stdin(self) -> None:
        """The engine passes it on (StdinOnce)."""
        if not self._stdin_closed:
            self._stdin_closed = True
            self._channel.close_stdin()

    def unread_bytes(self) -> int | None:
        """There are three buffers between here and its stdin: that it read nothing is known if nothing was sent."""
        return None if self._was_written else 0

    def waits_for_input(self) -> bool | None:
        """By the system calls it is in, where the engine runs on this machine."""
        if self._exit is not None or self._channel.is_over:
            return False
        if self._init_pid is None:
            try:
                state = self._handle.state()
            except EngineErrors:
                return None
            pid = int(state["Pid"]) if state else 0
            self._init_pid = pid if pid and is_of_container(pid, self._handle.id) else 0
        program = program_of(self._init_pid) if self._init_pid else None
        return None if program is None else reads_stdin(program)

    def wait(self, timeout_s: float | None) -> Exit | None:
        """Reads its stream to the end, then asks the engine, which may take a moment longer than is left."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while self._exit is None and not self._channel.wait_over(timeout_s):
            if self._channel.is_closed or (deadline_s is not None and time.monotonic() >= deadline_s):
                return self._exit
            self._look_if_full(deadline_s)
            timeout_s = None if deadline_s is None else max(deadline_s - time.monotonic(), 0.0)
        found = self._find_exit()
        while found is None and (deadline_s is None or time.monotonic() < deadline_s):
            found = self._find_exit()
        return found

    def stop(self, grace_s: float) -> Exit:
        """SIGTERM goes to the engine's init, which passes it on."""
        if self._exit is None:
            self.close_stdin()
            self._handle.signal("SIGTERM")
            if self.wait(grace_s) is None:
                self._end()
        return self._exit or Exit(lost="could not be stopped")

    def close(self) -> None:
        """Call it once the stderr thread has been joined; it never fails, whatever the engine does.

        What the engine cannot be made to remove now is left to the driver, which tries again.
        """
        if self._is_closed:
            return
        self._is_closed = True
        if self._exit is None:
            self._end()
        self._channel.close()  # before the removal, which waits for a stream that nobody reads any more
        fault = GIVEN_UP if self._exit is _LOST else self._handle.remove()
        self._on_close(self, fault)

    # Any thread's ----------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Safe after `close` too."""
        if self._is_killed or self._exit is not None or self._is_closed:
            return
        self._kill()

    def stats(self) -> Stats | None:
        """What the last look found (see `stats`)."""
        return None if self._exit is not None or self._is_closed else self._stats(self._handle.id)

    # ---------------------------------------------------------------------------------------------------------------

    def _kill(self) -> None:
        """The engine answers once it has ended, and it does not end before its stream has been read: so, a chore."""
        self._is_killed = True
        self._channel.let_end()
        if not self._chores.add(self._send_kill):
            self._send_kill()

    def _send_kill(self) -> None:
        self._kill_fault = self._handle.signal(_KILL)

    def _end(self) -> None:
        """Kills it and waits for its end, but not for ever, and not where the engine could not be told."""
        self._kill()
        deadline_s = time.monotonic() + END_S
        while not self._kill_fault and time.monotonic() < deadline_s:
            if self.wait(_UNTOLD_S) is not None:
                return
        with self._exit_lock:
            if self._exit is None:
                self._exit = _LOST

    def _look_if_full(self, deadline_s: float | None) -> None:
        """Its buffers are full, and nobody takes from them: asks whether it has ended, so that the wait ends, too."""
        try:
            state = self._handle.state()
        except EngineErrors:
            state = None
        if state is None or not state.get("Running"):
            self._channel.let_end()
            return
        left_s = _LOOK_S if deadline_s is None else min(deadline_s - time.monotonic(), _LOOK_S)
        if left_s > 0:
            threading.Event().wait(left_s)

    def _find_exit(self) -> Exit | None:
        """Its stream has ended. None if the engine does not tell of its end, and it may still come to it."""
        if self._exit is not None:
            return self._exit
        with self._exit_lock:
            if self._exit is None:
                self._over_s = min(self._over_s, time.monotonic())
                patience_s = _CUT_S if self._channel.fault else _TOLD_S
                found = self._handle.find_exit(patience_s, was_killed=self._is_killed)
                if found is None and (self._channel.fault or time.monotonic() - self._over_s >= END_S):
                    self._kill()  # it lives, and nothing it says can be heard any more
                    found = Exit(lost=f"was cut off {self._channel.fault or 'by its engine'}, and killed")
                self._exit = found
            return self._exit
