"""What a driver brings to the contract suite: a `DriverHarness`. A driver more is one entry in `HARNESSES`."""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import contract_behaviours
from contract_behaviours import Behaviour
from docker_parts import DockerYard

from hotdash.clock import SystemClock
from hotdash.drivers.base import Container, ContainerSpec, Driver, Image
from hotdash.drivers.process import ProcessDriver
from hotdash.drivers.stub import StubContainer, StubDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    Script = Callable[[StubContainer], object]

PATIENCE_S = 20.0  # how long something that must come is waited for, on a machine under load


class DriverHarness(ABC):
    """Starts containers that behave as the suite asks. Made for one test, with a folder of its own."""

    driver: Driver
    has_processes = False  # whether its containers are processes here, with a pid to look at
    may_not_know_unread = False  # whether `unread_bytes` is None on this system
    sees_streams_closed = True  # whether it is seen that a container that lives on has closed a stream

    @abstractmethod
    def __init__(self, folder: Path) -> None: ...

    @abstractmethod
    def start(self, behaviour: Behaviour) -> Container:
        """A container that has just been started."""

    @abstractmethod
    def start_impossible(self) -> Container:
        """Starts what cannot be started, so raises StartError."""

    def close(self) -> None:
        self.driver.close()


class ProcessHarness(DriverHarness):
    has_processes = True
    may_not_know_unread = sys.platform != "linux"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = folder / "runs"
        self._runs.mkdir()
        self.driver = ProcessDriver(cache_dir=folder / "cache", run_parent=self._runs)
        self._count = 0

    def start(self, behaviour: Behaviour) -> Container:
        return self.run(sys.executable, "-I", "-S", contract_behaviours.__file__, behaviour.value)

    def start_impossible(self) -> Container:
        return self.run("./there-is-no-such-program")

    def close(self) -> None:
        super().close()
        assert list(self._runs.iterdir()) == [], "a temporary folder is left"

    def run(self, *args: str) -> Container:
        self._count += 1
        image = Image(id="0" * 64, function="f", folder=self.folder, entrypoint=args)
        spec = ContainerSpec(
            id=f"c-{self._count:06x}", function="f", app="app", revision=1, image=image, environment={}, memory_mb=64
        )
        return self.driver.start(spec)


class StubHarness(DriverHarness):
    """Each behaviour as a script; a script is called whenever something comes on stdin, at its end, and at SIGTERM."""

    def __init__(self, folder: Path) -> None:
        self.driver = StubDriver(clock=SystemClock())
        self._image = Image(id="0" * 64, function="f", folder=folder, entrypoint=())
        self._count = 0

    def start(self, behaviour: Behaviour) -> Container:
        self._count += 1
        spec = ContainerSpec(
            id=f"c-{self._count:06x}",
            function="f",
            app="app",
            revision=1,
            image=self._image,
            environment={},
            memory_mb=64,
        )
        begin, script = STUB_BEHAVIOURS[behaviour]
        self.driver.script = script
        container = self.driver.start(spec)
        begin(container)
        return container

    def start_impossible(self) -> Container:
        self.driver.fail_starts = "there is no such program"
        return self.start(Behaviour.ECHO)


class DockerHarness(DriverHarness):
    """The same program as the process driver's, in a container.

    The engine adds a process of its own to each container, which holds the streams open until the end.
    """

    may_not_know_unread = True
    sees_streams_closed = False

    def __init__(self, folder: Path) -> None:
        self._yard = DockerYard(folder)
        self.driver = self._yard.driver

    def start(self, behaviour: Behaviour) -> Container:
        program = Path(contract_behaviours.__file__).read_text(encoding="utf-8")
        return self._yard.start("python3", "-I", "-S", "-c", program, behaviour.value)

    def start_impossible(self) -> Container:
        return self._yard.start("sh", image="hotdash-tests/there-is-no-such-image:1")

    def close(self) -> None:
        self._yard.close()


def _nothing(container: StubContainer) -> None:
    """Neither reads nor writes."""


def _ready(container: StubContainer) -> None:
    container.say(b"ready\n")


def _echo(container: StubContainer) -> None:
    container.say(container.consume())
    if container.stdin_closed:
        container.exit(0)


def _numbers(answer: Callable[[StubContainer, int], None]) -> Callable[[StubContainer], None]:
    def script(container: StubContainer) -> None:
        for line in container.consume().split():
            answer(container, int(line))

    return script


def _complain(container: StubContainer, number: int) -> None:
    container.complain(b"e" * number)
    container.say(b"%d\n" % number)


def _exits(container: StubContainer) -> None:
    container.say(b"out\n")
    container.complain(b"err\n")
    container.exit(3)


def _crashes(container: StubContainer) -> None:
    if container.consume():
        container.exit(signal="SIGSEGV")


def _dies_unread(container: StubContainer) -> None:
    if container.unread_bytes():
        container.exit(signal="SIGABRT")


def _closes_stdin(container: StubContainer) -> None:
    container.close_stdin()
    container.say(b"ready\n")


def _floods(container: StubContainer) -> None:
    def flood() -> None:
        pause = threading.Event()
        while container.stats() is not None:
            for _ in range(10):
                container.complain(b"flood\n" * 500)
            pause.wait(0.001)

    threading.Thread(target=flood, daemon=True).start()


def _ignore_term(container: StubContainer) -> None:
    container.ignores_term = True
    container.say(b"ready\n")


def _exits_at_term(container: StubContainer) -> None:
    if container.was_terminated:
        container.exit(7)


STUB_BEHAVIOURS: dict[Behaviour, tuple[Script, Script]] = {  # what it does when it begins, and its script
    Behaviour.ECHO: (_nothing, _echo),
    Behaviour.EXITS: (_exits, _nothing),
    Behaviour.CRASHES: (_ready, _crashes),
    Behaviour.WRITES_STDERR: (_nothing, _numbers(_complain)),
    Behaviour.ANSWERS_BIG: (_nothing, _numbers(lambda container, number: container.say(b"a" * number))),
    Behaviour.IGNORES_TERM: (_ignore_term, _nothing),
    Behaviour.EXITS_AT_TERM: (_ready, _exits_at_term),
    Behaviour.CLOSES_STDOUT: (StubContainer.end_stdout, _echo),
    Behaviour.CLOSES_STDERR: (_nothing, _echo),
    Behaviour.CLOSES_STDIN: (_closes_stdin, _nothing),
    Behaviour.NEVER_READS: (_ready, _nothing),
    Behaviour.DIES_UNREAD: (_ready, _dies_unread),
    Behaviour.FLOODS_STDERR: (_floods, _nothing),
}


HARNESSES: dict[str, type[DriverHarness]] = {
    "process": ProcessHarness,
    "stub": StubHarness,
    "docker": DockerHarness,
}


def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Waits until a condition holds; fails if it does not come to."""
    deadline_s = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"{what} did not come to hold"
        pause.wait(0.002)


def read_exactly(container: Container, count: int) -> bytes:
    """Reads so many bytes; fails at the end of stdout."""
    data = b""
    while len(data) < count:
        chunk = container.read(PATIENCE_S)
        assert chunk, f"{chunk!r} after {len(data)} of {count} bytes"
        data += chunk
    assert len(data) == count
    return data


def read_to_end(container: Container) -> bytes:
    """Reads all until b""."""
    data = b""
    while chunk := container.read(PATIENCE_S):
        data += chunk
    assert chunk == b"", "the time ran out"
    return data


def write_all(container: Container, data: bytes) -> None:
    """Writes all, waiting in `read` for room; what the container answers meanwhile is not expected."""
    view = memoryview(data)
    while view:
        taken = container.write(view)
        view = view[taken:]
        if not taken:
            assert container.read(PATIENCE_S, or_writable=True) is None


def fill(container: Container) -> int:
    """Writes until it takes no more, nor a moment later (an engine in between takes some, too). Returns how much."""
    taken = 0
    while True:
        while count := container.write(bytes(65_536)):
            taken += count
        container.read(0.2, or_writable=True)
        if not container.write(b"x"):
            return taken
        taken += 1


class StderrThread:
    """The stderr thread of a container, as the runtime has one: joined before `close`. The lock is the caller's."""

    def __init__(self, container: Container) -> None:
        self.lock = threading.Lock()
        self.taken = bytearray()
        self._container = container
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._container.wait_stderr():
            self.take()

    def take(self) -> None:
        """Takes what is there now; for this thread and the serve thread."""
        with self.lock:
            self.taken += self._container.take_stderr()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the stderr thread did not end"
