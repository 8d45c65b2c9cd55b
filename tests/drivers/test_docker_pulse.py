"""Whether an engine that does not answer a request is slow or hangs."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from real_tools import PATIENCE_S, until

from hotdash.drivers.docker import pulse as module
from hotdash.drivers.docker.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Iterator


class Engine:
    """Both ends of a request's connection, and the pings that were sent meanwhile."""

    def __init__(self, *, beats: bool) -> None:
        self.ours, self._theirs = socket.socketpair()
        self.beats = beats
        self.pings: list[float] = []

    def ping(self, timeout_s: float) -> bool:
        self.pings.append(timeout_s)
        return self.beats

    def answer(self) -> None:
        self._theirs.send(b"HTTP/1.1 200 OK\r\n")

    def close(self) -> None:
        self.ours.close()
        self._theirs.close()


@pytest.fixture(params=[True, False], ids=["it beats", "it is silent"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(module, "GRACE_S", 0.02)
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    engine = Engine(beats=request.param)
    yield engine
    engine.close()


def test_what_is_answered_at_once_costs_no_ping(engine):
    engine.answer()
    Pulse(ping=engine.ping).wait(engine.ours, None)
    assert engine.pings == []


@pytest.mark.parametrize("engine", [True], indirect=True)
def test_a_slow_engine_is_waited_for_as_long_as_it_beats(engine):
    waits = threading.Thread(target=Pulse(ping=engine.ping).wait, args=(engine.ours, None))
    waits.start()
    until(lambda: len(engine.pings) > 3, "pings while it goes on")
    assert waits.is_alive()
    engine.answer()
    waits.join(PATIENCE_S)
    assert not waits.is_alive()


@pytest.mark.parametrize("engine", [False], indirect=True)
def test_a_silent_engine_is_given_up_and_the_next_request_is_more_impatient(engine, monkeypatch):
    monkeypatch.setattr(module, "SHORT_S", 0.01)
    pulse = Pulse(ping=engine.ping)
    for pings in ([module.PING_S], [module.PING_S, 0.01]):
        with pytest.raises(TimeoutError, match="does not answer a ping"):
            pulse.wait(engine.ours, 1000.0)
        assert engine.pings == pings
    engine.beats = True
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        pulse.wait(engine.ours, 0.1)
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        pulse.wait(engine.ours, 0.1)
    assert engine.pings[-1] == module.PING_S, "it is trusted again"


@pytest.mark.parametrize("engine", [False], indirect=True)
def test_the_impatience_ends_though_short_pings_stay_without_an_answer(engine, monkeypatch):
    monkeypatch.setattr(module, "SHORT_S", 0.01)
    monkeypatch.setattr(module, "_RECENT_S", 0.1)
    pulse = Pulse(ping=engine.ping)

    def asks_at_length_again() -> bool:
        with pytest.raises(TimeoutError):
            pulse.wait(engine.ours, 1000.0)
        return engine.pings.count(module.PING_S) == 2

    until(asks_at_length_again, "a ping of the usual length")
    assert 0.01 in engine.pings


def test_a_requests_own_time_limit_holds(engine):
    began_s = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^timed out$"):
        Pulse(ping=engine.ping).wait(engine.ours, 0.01)
    assert time.monotonic() - began_s < PATIENCE_S
    assert engine.pings == [], "it ran out before anybody asked"
