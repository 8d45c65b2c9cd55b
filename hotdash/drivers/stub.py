"""The scripted, in-memory driver that ships for tests: no process, no descriptor, any clock.

A *script* is called, in the thread that writes, with each container's stdin as it comes; it answers through the
container's own methods (`say`, `complain`, `end_stdout`, `exit`); it is called, too, when stdin is closed
(`stdin_closed`) and at SIGTERM (`was_terminated`). A test may call those itself, from its own thread,
and so decides the order of everything. `answer_http` is the script of a function that answers at once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hotdash.clock import SystemGate
from hotdash.drivers.base import STDERR_READY, STDOUT_READY, ContainerSpec, Exit, Image, Stats, no_step
from hotdash.errors import BuildError, ContainerGone, StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.clock import Clock
    from hotdash.drivers.base import OnStep
    from hotdash.functions.spec import FunctionSpec

    Script = Callable[["StubContainer"], object]

PIPE_BYTES = 65_536


class StubContainer:
    """A container that lives in memory. The lock guards its three streams and its end."""

    def __init__(self, *, spec: ContainerSpec, clock: Clock, script: Script) -> None:
        self.spec = spec
        self.id = spec.id
        self.pid: int | None = None  # there is no process to name
        self.stdin_closed = False
        self.was_terminated = False  # asked to end
        self.ignores_term = False  # and so does not, unless its script does
        self.is_closed = False
        self.waits: bool | None = None  # what `waits_for_input` says
        self.is_stderr_late = False  # a test may say so
        self.is_sight_free = True  # likewise
        self.is_deaf = False  # a test may say that it is not ready yet
        self.settles = 0  # how often `settle_stderr` was called
        self._clock = clock
        self._script = script
        self._lock = threading.Lock()
        self._stdin = bytearray()
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._stdout_ended = False
        self._exit: Exit | None = None
        self._is_woken = False
        self._readable = clock.gate()
        self._ended = clock.gate()
        self._stderr_ready = SystemGate()

    def is_ready(self) -> bool:
        """See the seam; a test may say that it is not."""
        return not self.is_deaf

    # ---- the script's side

    def consume(self, count: int | None = None) -> bytes:
        """Reads stdin: all that is there, or `count` bytes of it."""
        with self._lock:
            taken = bytes(self._stdin[:count])
            del self._stdin[: len(taken)]
        self._readable.open()  # it may be writable again
        return taken

    def say(self, data: bytes) -> None:
        """Writes to stdout; one that has ended writes nothing more."""
        with self._lock:
            if self._exit is None:
                self._stdout += data
        self._readable.open()

    def complain(self, data: bytes) -> None:
        """Writes to stderr; likewise."""
        with self._lock:
            if self._exit is None:
                self._stderr += data
        self._stderr_ready.open()

    def end_stdout(self) -> None:
        """Closes stdout and lives on."""
        with self._lock:
            self._stdout_ended = True
        self._readable.open()

    def exit(self, code: int | None = 0, *, signal: str | None = None) -> None:
        """Ends, by a code or a signal; the first end stands."""
        with self._lock:
            if self._exit is None:
                self._exit = Exit(code=None if signal else code, signal=signal)
        self._stderr_ready.open()
        self._readable.open()
        self._ended.open()

    # ---- the runtime's side: `hotdash.drivers.base.Container`

    def write(self, data: bytes | memoryview) -> int:
        """See the seam."""
        with self._lock:
            if self._exit is not None or self.stdin_closed:
                raise ContainerGone(f"container {self.id} reads no more")
            taken = bytes(data[: PIPE_BYTES - len(self._stdin)])
            self._stdin += taken
        if taken:
            self._script(self)
        return len(taken)

    def close_stdin(self) -> None:
        """See the seam; the script is told by `stdin_closed`."""
        if not self.stdin_closed:
            self.stdin_closed = True
            if self._exit is None:
                self._script(self)

    def read(self, timeout_s: float | None, *, or_writable: bool = False) -> bytes | None:
        """See the seam; a wake goes before data, so that a flood does not starve it."""
        deadline_s = None if timeout_s is None else self._clock.now() + timeout_s
        while True:
            with self._lock:
                if self._is_woken and self._exit is None:
                    self._is_woken = False
                    return None
                if self._stdout:
                    data = bytes(self._stdout[:PIPE_BYTES])
                    del self._stdout[: len(data)]
                    return data
                if self._stdout_ended or self._exit is not None:
                    return b""
                if or_writable and len(self._stdin) < PIPE_BYTES:
                    return None
            left_s = None if deadline_s is None else deadline_s - self._clock.now()
            if left_s is not None and left_s <= 0:
                return None
            self._readable.wait(left_s)

    def look(self) -> int:
        """See the seam."""
        with self._lock:
            is_quiet = not (self._stdout or self._stdout_ended or self._exit or self._is_woken)
            return (0 if is_quiet else STDOUT_READY) | (STDERR_READY if self._stderr else 0)

    def unread_bytes(self) -> int | None:
        """See the seam."""
        with self._lock:
            return len(self._stdin)

    def wake(self) -> None:
        """See the seam."""
        with self._lock:
            self._is_woken = True
        self._readable.open()

    def waits_for_input(self) -> bool | None:
        """See the seam; a script says so by `waits`."""
        return self.waits

    def wait_stderr(self) -> bool:
        """See the seam."""
        while True:
            with self._lock:
                if self._stderr:
                    return True
                if self._exit is not None:
                    return False
            self._stderr_ready.wait()

    def settle_stderr(self) -> None:
        """See the seam; counted."""
        self.settles += 1

    def take_stderr(self) -> bytes:
        """See the seam."""
        with self._lock:
            taken = bytes(self._stderr)
            self._stderr.clear()
            return taken

    def wait(self, timeout_s: float | None) -> Exit | None:
        """See the seam."""
        if self._exit is None:
            self._ended.wait(timeout_s)
        return self._exit

    def stop(self, grace_s: float) -> Exit:
        """See the seam: the script is told of the end of stdin, then of SIGTERM, of which it ends if it may."""
        self.close_stdin()
        if self._exit is None:
            self.was_terminated = True
            self._script(self)
        if not self.ignores_term:
            self.exit(signal="SIGTERM")
        elif self.wait(grace_s) is None:
            self.kill()
        assert self._exit is not None  # noqa: S101
        return self._exit

    def kill(self) -> None:
        """See the seam."""
        self.exit(signal="SIGKILL")

    def stats(self) -> Stats | None:
        """See the seam."""
        return None if self._exit is not None else Stats(memory_bytes=2**20, cpu_s=0.0, pids=1)

    def close(self) -> None:
        """See the seam."""
        self.kill()
        self.is_closed = True


def answer_http(container: StubContainer) -> None:
    """A script: answers each whole `http` request at once, with its own body."""
    data = container.consume()
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
        )
        body, data = rest[:length], rest[length:]
        container.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


class StubDriver:
    """Builds nothing and starts `StubContainer`s.

    Args:
        clock: Of the runtime under test.
        script: For every container; `scripts` takes one by its function's key first.
    """

    name = "stub"

    def __init__(self, *, clock: Clock, script: Script = answer_http) -> None:
        self.script = script
        self.scripts: dict[str, Script] = {}
        self.containers: list[StubContainer] = []  # every one ever started, oldest first
        self.fail_builds = ""  # a message: builds fail with it
        self.fail_starts = ""  # likewise
        self.waits: bool | None = None  # what `waits_for_input` says of a new container
        self.image_ids: dict[str, str] = {}  # by function key: a new one is a new build
        self.released: list[Image] = []
        self.is_closed = False
        self._clock = clock

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        """See the seam."""
        for number, command in enumerate(spec.build, start=1):
            on_step(number, len(spec.build), command)
        on_output(f"building {spec.key}")
        if self.fail_builds or is_cancelled():
            raise BuildError(self.fail_builds or "cancelled", log=(f"building {spec.key}",))
        image_id = self.image_ids.get(spec.key, "0" * 64)
        return Image(id=image_id, function=spec.key, folder=None, entrypoint=spec.entrypoint or ())

    def release(self, image: Image) -> None:
        """See the seam."""
        self.released.append(image)

    def start(self, spec: ContainerSpec) -> StubContainer:
        """See the seam."""
        if self.fail_starts:
            raise StartError(self.fail_starts)
        script = self.scripts.get(spec.function, self.script)
        container = StubContainer(spec=spec, clock=self._clock, script=script)
        container.waits = self.waits
        self.containers.append(container)
        return container

    def close(self) -> None:
        """See the seam."""
        self.is_closed = True
