"""The contract of a container for one that listens: what differs is what goes over its socket."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from contract_harness import PATIENCE_S, StderrThread, read_exactly, read_to_end, until
from descriptors import open_descriptors

from hotdash.drivers.base import STDOUT_READY, ContainerSpec, Image
from hotdash.drivers.listening import MAX_PATH_BYTES
from hotdash.drivers.process import ProcessDriver
from hotdash.errors import ContainerGone, StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.drivers.base import Container

LISTENS = """
import os, socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.environ["FN_LISTENER"].removeprefix("unix:"))
listener.listen()
while True:
    connection = listener.accept()[0]
"""
ECHO = """
    try:
        while data := connection.recv(65536): connection.sendall(data)
    except OSError:  # nobody waits for it any more
        pass
"""
ANSWERS_AND_ENDS = "    if connection.recv(65536): connection.sendall(b'last words'); os._exit(3)\n"
NEVER_READS = "    time.sleep(1000)\n"
QUEUE_OF_ONE = """
import os, socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.environ["FN_LISTENER"].removeprefix("unix:"))
listener.listen(0)
while not os.path.exists("ACCEPTS"):
    time.sleep(0.01)
while True:
    connection = listener.accept()[0]
"""
PRINTS = "    if connection.recv(65536): print('to stdout', flush=True); connection.sendall(b'x')\n"


class Den:
    """A process driver, and containers of it that listen."""

    def __init__(self, folder: Path, runs: Path) -> None:
        self.driver = ProcessDriver(cache_dir=folder / "cache", run_parent=runs)
        self._folder = folder
        self.runs = runs
        self._count = 0
        self._threads: list[tuple[Container, StderrThread]] = []

    def start(self, code: str, *, listens: str = LISTENS, is_ready: bool = True) -> Container:
        self._count += 1
        entrypoint = (sys.executable, "-I", "-S", "-c", listens + code)
        image = Image(id="0" * 64, function="f", folder=self._folder, entrypoint=entrypoint)
        container = self.driver.start(
            ContainerSpec(
                id=f"c-{self._count:06x}",
                function="f",
                app="app",
                revision=1,
                image=image,
                environment={},
                memory_mb=64,
                listens=True,
            )
        )
        self._threads.append((container, StderrThread(container)))
        if is_ready:
            until(container.is_ready, "its readiness")
        return container

    def printed(self, container: Container) -> bytes:
        return next(bytes(thread.taken) for known, thread in self._threads if known is container)

    def close(self) -> None:
        for container, thread in self._threads:
            container.kill()
            thread.join()
            container.close()
            container.close()
            container.wake()
        self.driver.close()


@pytest.fixture
def den(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Den]:
    """Nothing is left of it: no descriptor, no folder."""
    descriptors = open_descriptors()
    runs = tmp_path_factory.mktemp("s")  # a socket's path must be short
    den = Den(tmp_path, runs)
    yield den
    den.close()
    assert open_descriptors() <= descriptors
    assert list(runs.iterdir()) == []


def test_each_task_has_a_connection_of_its_own(den):
    container = den.start(ECHO)
    for word in (b"one", b"two"):
        assert container.look() == 0
        assert container.unread_bytes() == 0
        assert container.write(word) == 3
        assert container.unread_bytes() is None
        assert read_exactly(container, 3) == word
    assert container.write(b"of nobody") == 9
    assert container.look() & STDOUT_READY == 0, "what was still to come went with its connection"
    assert container.write(b"three") == 5
    assert read_exactly(container, 5) == b"three"


def test_a_read_ends_with_its_time_or_a_wake(den):
    container = den.start(ECHO)
    began_s = time.monotonic()
    assert container.read(0.05) is None
    assert time.monotonic() - began_s >= 0.05
    container.write(b"x")
    read_exactly(container, 1)
    container.wake()
    assert container.look() & STDOUT_READY
    assert container.read(PATIENCE_S) is None
    waking = threading.Timer(0.05, container.wake)
    waking.start()
    assert container.read(None) is None
    waking.join()
    assert container.read(0) is None


def test_a_write_takes_what_goes_and_a_read_tells_of_room(den):
    container = den.start(ECHO)
    sent = came = 0
    while sent < 5_000_000:
        count = container.write(bytes(1_000_000))
        sent += count
        if not count:
            came += len(container.read(PATIENCE_S, or_writable=True) or b"")
    while came < sent:
        came += len(container.read(PATIENCE_S) or b"")
    assert came == sent


def test_a_write_to_one_that_never_reads_takes_no_more_at_last(den):
    container = den.start(NEVER_READS)
    taken = 0
    while count := container.write(bytes(65_536)):
        taken += count
    assert 0 < taken < 4 * 2**20
    assert container.read(0.02, or_writable=True) is None


def test_a_call_to_a_full_queue_of_connections_goes_once_there_is_room(den, tmp_path):
    accepts = tmp_path / "ACCEPTS"
    container = den.start(ECHO, listens=QUEUE_OF_ONE.replace("ACCEPTS", str(accepts)))
    assert not container.is_ready(), "the look at its readiness fills the queue"
    assert container.write(b"word") == 0
    began_s = time.monotonic()
    assert container.read(PATIENCE_S, or_writable=True) is None
    assert time.monotonic() - began_s < PATIENCE_S / 2, "it is tried again long before the call's time is over"
    assert container.write(b"word") == 0
    accepts.touch()
    until(lambda: container.read(PATIENCE_S, or_writable=True) is None and container.write(b"word") == 4, "room")
    assert read_exactly(container, 4) == b"word"


def test_what_it_wrote_before_its_end_is_read_then_the_end(den):
    container = den.start(ANSWERS_AND_ENDS)
    container.write(b"x")
    assert read_to_end(container) == b"last words"
    end = container.wait(PATIENCE_S)
    assert end is not None
    assert end.code == 3
    until(lambda: container.look() & STDOUT_READY, "the end to be seen")
    assert container.read(None) == b""
    assert not container.is_ready()
    with pytest.raises(ContainerGone, match="takes no call on its socket"):
        container.write(b"x")


def test_what_it_prints_to_stdout_is_log(den):
    container = den.start(PRINTS)
    container.write(b"x")
    assert read_exactly(container, 1) == b"x"
    until(lambda: den.printed(container) == b"to stdout\n", "its line")


def test_one_that_does_not_listen_yet_is_not_ready(den):
    container = den.start("", is_ready=False)
    until(container.is_ready, "its readiness")
    assert container.waits_for_input()
    container.kill()
    assert container.wait(PATIENCE_S) is not None
    until(lambda: container.waits_for_input() is False, "that it is told")


@pytest.mark.parametrize("nth", [1, 2])
def test_a_start_for_which_no_descriptor_is_free_leaves_nothing_running(den, monkeypatch, nth):
    """Of the two that tell of wakes, as when other threads take what is free between them."""
    den.start(ECHO)
    before, descriptors = _children(), open_descriptors()
    asked = itertools.count(1)
    real = os.eventfd

    def eventfd(*args: int) -> int:
        if next(asked) == nth:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(*args)

    monkeypatch.setattr(os, "eventfd", eventfd)
    with pytest.raises(StartError, match="too many open files"):
        den.start(ECHO)
    assert _children() == before
    assert open_descriptors() <= descriptors
    den.start(ECHO)


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def test_a_link_put_in_the_sockets_place_while_it_is_looked_at_leads_nowhere(den, tmp_path_factory, monkeypatch):
    """Just before hotdash connects, however quick the container is: the socket that was looked at is the one."""
    container = den.start(ECHO)
    with socket.socket(socket.AF_UNIX) as elsewhere:
        address = tmp_path_factory.mktemp("e") / "elsewhere.sock"
        elsewhere.bind(str(address))
        elsewhere.listen()
        elsewhere.setblocking(False)
        place = next(den.runs.rglob("lsnr.sock"))

        class Swapping(socket.socket):
            def connect(self, to: str) -> None:
                place.unlink()
                place.symlink_to(address)
                super().connect(to)

        monkeypatch.setattr(socket, "socket", Swapping)
        container.look()
        assert container.write(b"word") == 4
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert read_exactly(container, 4) == b"word"


def test_a_socket_that_could_not_have_its_path_is_a_failed_start(tmp_path):
    deep = tmp_path / ("x" * MAX_PATH_BYTES)
    deep.mkdir()
    den = Den(tmp_path, deep)
    with pytest.raises(StartError, match=r"the path of its socket would have .* set TMPDIR to a shorter folder"):
        den.start(ECHO)
    den.close()
    assert list(deep.iterdir()) == []
