"""The channel, over sockets of the test's own: who reads, what finds no room, how it ends; with and without TLS."""

from __future__ import annotations

import random
import socket
import ssl
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from real_tools import PATIENCE_S, until
from test_docker_far import certificates

from hotdash.drivers.base import STDERR_READY, STDOUT_READY
from hotdash.drivers.docker import channel as module
from hotdash.drivers.docker.attachment import Attachment
from hotdash.drivers.docker.channel import BUFFER_BYTES, Channel
from hotdash.errors import ContainerGone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(payload)) + payload


def tls_pair(files: Path) -> tuple[socket.socket, socket.socket]:
    """The engine's end and hotdash's end of a TLS connection."""
    near = ssl.create_default_context(cafile=files / "ca.pem")
    far = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    far.load_cert_chain(files / "cert.pem", files / "key.pem")
    here, there = socket.socketpair()
    wrapped: list[socket.socket] = []
    server = threading.Thread(target=lambda: wrapped.append(far.wrap_socket(there, server_side=True)))
    server.start()
    here = near.wrap_socket(here, server_hostname="localhost")
    server.join()
    return wrapped[0], here


class Client:
    """As docker-py's, as far as an `Attachment` uses it: hands out a socket that is attached already."""

    def __init__(self, attached: socket.socket) -> None:
        self._attached = attached

    def attach_socket(self, container_id: str, params: object) -> socket.socket:
        return self._attached


class Ends:
    """A channel, and the engine's end of its socket."""

    def __init__(self, engine: socket.socket, here: socket.socket) -> None:
        self.engine = engine
        engine.settimeout(PATIENCE_S)
        self.channel = Channel(Attachment(Client(here), "0"))  # type: ignore[arg-type]
        self._threads: list[threading.Thread] = []

    def send(self, *frames: bytes) -> None:
        self.engine.sendall(b"".join(frames))

    def in_thread(self, function: object, *args: object) -> threading.Thread:
        thread = threading.Thread(target=function, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
        return thread

    def drain(self) -> bytearray:
        """A stderr thread, as the runtime has one; returns what it will have taken."""
        taken = bytearray()

        def run() -> None:
            while self.channel.wait_stderr():
                taken.extend(self.channel.take_stderr())

        self.in_thread(run)
        return taken

    def close(self) -> None:
        with suppress(OSError):
            self.engine.shutdown(socket.SHUT_RDWR)
        self.channel.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        self.engine.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and a certificate: made once, since that takes half a second."""
    return certificates(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture(params=["plain", "tls"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    is_plain = request.param == "plain"
    pair = socket.socketpair() if is_plain else tls_pair(request.getfixturevalue("files"))
    ends = Ends(*pair)
    yield ends
    ends.close()


def test_stdout_and_stderr_of_one_read_go_to_whom_they_belong(ends):
    ends.send(frame(1, b"out"), frame(2, b"err"), frame(1, b"put"))
    data = b""
    while len(data) < 6:
        data += ends.channel.read(PATIENCE_S)
    assert data == b"output"
    assert ends.channel.take_stderr() == b"err"


def test_a_look_tells_what_there_is_and_costs_nothing_of_it(ends):
    assert ends.channel.look() == 0
    ends.send(frame(2, b"err"))
    until(lambda: ends.channel.look() == STDERR_READY, "stderr")
    ends.send(frame(1, b"out"))
    until(lambda: ends.channel.look() == STDERR_READY | STDOUT_READY, "both")
    assert (ends.channel.read(0), ends.channel.take_stderr()) == (b"out", b"err")


def test_the_end_of_stdin_is_sent_and_what_comes_after_it_is_read(ends):
    assert ends.channel.write(b"last") == 4
    ends.channel.close_stdin()
    assert ends.engine.recv(10) == b"last"
    assert ends.engine.recv(10) == b""
    ends.send(frame(1, b"answer"))
    assert ends.channel.read(PATIENCE_S) == b"answer"


def test_whichever_thread_reads_every_byte_comes_once_and_in_its_order(ends):
    chance = random.Random(7)
    frames = [(chance.choice([1, 2]), chance.randbytes(chance.randrange(3000))) for _ in range(600)]
    expected = [b"".join(payload for stream, payload in frames if stream == wanted) for wanted in (1, 2)]

    def send() -> None:
        for number, (stream, payload) in enumerate(frames):
            ends.send(frame(stream, payload))
            if number % 150 == 149:
                threading.Event().wait(2 * module.TAKE_OVER_S)  # so that the stderr thread takes over in between

    taken = ends.drain()
    ends.in_thread(send)
    came = bytearray()
    pause = threading.Event()
    while len(came) < len(expected[0]):
        came += ends.channel.read(chance.choice([0, 0.001, PATIENCE_S])) or b""
        if chance.random() < 0.02:
            pause.wait(0.01)
    assert bytes(came) == expected[0]
    until(lambda: len(taken) == len(expected[1]), "all of stderr")
    assert bytes(taken) == expected[1]


def test_with_stderr_full_nothing_more_is_read_until_some_is_taken(ends):
    chunk = frame(2, bytes(65_536))
    sent = ends.in_thread(lambda: [ends.send(chunk) for _ in range(64)])
    until(lambda: ends.channel.read(0) or len(ends.channel._stderr) >= BUFFER_BYTES, "a full buffer")
    for _ in range(20):
        assert ends.channel.read(0.001) is None
    assert len(ends.channel._stderr) < BUFFER_BYTES + 2 * len(chunk)
    assert sent.is_alive(), "who writes waits"
    total = 0
    while total < 64 * 65_536:
        total += len(ends.channel.take_stderr())
        ends.channel.read(0.001)
    assert total == 64 * 65_536


def test_what_fills_stdout_while_no_task_runs_is_given_up(ends, monkeypatch):
    monkeypatch.setattr(module, "STUCK_S", 0.05)
    ends.drain()

    def flood() -> None:
        with suppress(OSError):
            while True:
                ends.send(frame(1, bytes(65_536)))

    ends.in_thread(flood)
    until(lambda: ends.channel.is_over, "its end")
    assert "more to stdout than anybody had asked for" in ends.channel.fault


def test_from_the_killing_on_what_finds_no_room_is_thrown_away_and_the_end_is_seen(ends):
    sent = ends.in_thread(lambda: [ends.send(frame(1, bytes(65_536)), frame(2, bytes(65_536))) for _ in range(64)])
    until(lambda: ends.channel.wait_over(0.01) or len(ends.channel._stderr) >= BUFFER_BYTES // 2, "much of it")
    ends.channel.let_end()
    over = ends.in_thread(ends.channel.wait_over, PATIENCE_S)
    sent.join(PATIENCE_S)
    ends.engine.shutdown(socket.SHUT_RDWR)
    over.join(PATIENCE_S)
    assert ends.channel.is_over
    assert len(ends.channel._stdout) < BUFFER_BYTES + 2 * 65_536


@pytest.mark.parametrize(
    ("data", "whole", "fault"),
    [
        (frame(1, b"whole"), b"whole", ""),
        (frame(1, b"cut off")[:-4], b"cut", "in the middle of a frame"),
        (b"HTTP/1.1 500", b"", "not one of frames"),
    ],
)
def test_how_the_stream_ends_is_known(ends, data, whole, fault):
    ends.send(data)
    ends.engine.shutdown(socket.SHUT_RDWR)
    assert ends.channel.wait_over(PATIENCE_S)
    assert fault in ends.channel.fault
    assert bool(ends.channel.fault) is bool(fault)
    assert b"".join(iter(lambda: ends.channel.read(0), b"")) == whole
    assert ends.channel.look() == STDERR_READY | STDOUT_READY
    assert ends.channel.wait_stderr() is False


def test_an_engine_that_has_gone_takes_no_more(ends):
    ends.engine.close()
    with pytest.raises(ContainerGone, match="takes no more"):
        until(lambda: ends.channel.write(bytes(65_536)) < 0, "the refusal")


def test_settling_waits_for_the_first_answer_and_then_only_for_those_who_write_stderr(ends, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_S", PATIENCE_S)
    monkeypatch.setattr(module, "LONGEST_SETTLE_S", PATIENCE_S)
    waiting = ends.in_thread(ends.channel.settle)
    ends.send(frame(2, b"late"))
    until(lambda: ends.channel._stderr == b"late", "the late line")
    assert waiting.is_alive()
    ends.channel.wake()
    waiting.join(PATIENCE_S)
    assert not waiting.is_alive(), "a wake ends it"
    ends.channel._has_stderr_ever = False
    ends.channel.settle()


def test_a_stderr_thread_that_waits_is_woken_by_who_reads_for_it(ends):
    taken = ends.drain()
    reader = ends.in_thread(ends.channel.read, PATIENCE_S)
    ends.send(frame(2, b"words"))
    until(lambda: taken == b"words", "the words")
    ends.send(frame(1, b"done"))
    reader.join(PATIENCE_S)
