"""What a driver brings to the contract suite: a `DriverHarness`. A driver more is one entry in `HARNESSES`."""

from __future__ import annotations

import os
import sys
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import contract_behaviours
from contract_behaviours import Behaviour

from hotdash.drivers.base import Container, ContainerSpec, Driver, Image
from hotdash.drivers.process import ProcessDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_S = 20.0  # how long something that must come is waited for, on a machine under load


class DriverHarness(ABC):
    """Starts containers that behave as the suite asks. Made for one test, with a folder of its own."""

    driver: Driver
    has_processes = False  # whether its containers are processes here, with a pid to look at
    may_not_know_unread = False  # whether `unread_bytes` is None on this system

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


HARNESSES: dict[str, type[DriverHarness]] = {"process": ProcessHarness}


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


def open_descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"))  # noqa: PTH208  names, not paths
