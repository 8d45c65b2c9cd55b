"""What removes old images: what it cannot do now, it does later."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from real_tools import PATIENCE_S, until

from hotdash.drivers.docker.images import janitor as module
from hotdash.drivers.docker.images.janitor import Janitor
from hotdash.drivers.docker.wire import EngineRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def janitor() -> Iterator[Janitor]:
    janitor = Janitor()
    yield janitor
    janitor.close()
    assert "hot:images" not in {thread.name for thread in threading.enumerate()}


class Job:
    """Is done once it is let; counts how often it was tried."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.tries = 0
        self.may_end = False
        self._fault = fault

    def __call__(self) -> bool:
        self.tries += 1
        if self._fault is not None and not self.may_end:
            raise self._fault
        return self.may_end


@pytest.mark.parametrize(
    "fault", [None, OSError("the engine is away"), EngineRefusal(409, "a container uses it")], ids=str
)
def test_what_cannot_be_done_is_tried_again_until_it_is(janitor, monkeypatch, fault):
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    job = Job(fault)
    janitor.do("a", job)
    until(lambda: job.tries > 2, "more tries")
    job.may_end = True
    until(lambda: not janitor._later and janitor.settle(PATIENCE_S), "its end")
    tries = job.tries
    janitor.do("b", lambda: True)
    assert janitor.settle(PATIENCE_S)
    assert job.tries == tries, "what is done is done"


def test_the_next_job_brings_what_was_put_off_along(janitor, monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 1000.0)
    job = Job()
    janitor.do("a", job)
    assert janitor.settle(PATIENCE_S)
    job.may_end = True
    janitor.do("b", lambda: True)
    assert janitor.settle(PATIENCE_S)
    assert job.tries == 2


def test_the_tries_become_rare_until_there_is_something_new(janitor, monkeypatch):
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    monkeypatch.setattr(module, "LONGEST_S", 0.04)
    job = Job()
    janitor.do("a", job)
    until(lambda: janitor._wait_s == 0.04, "the longest wait")
    tries = job.tries
    until(lambda: job.tries > tries, "a try after the longest wait")
    waits: list[float] = []
    janitor.do("b", lambda: waits.append(janitor._wait_s) is None)
    until(lambda: waits, "the new one")
    assert waits == [0.01]


def test_the_same_job_twice_in_line_is_done_once(janitor):
    go, job = threading.Event(), Job()
    job.may_end = True
    janitor.do("first", lambda: go.wait(PATIENCE_S))
    for _ in range(3):
        janitor.do("a", job)
    go.set()
    assert janitor.settle(PATIENCE_S)
    assert job.tries == 1


def test_closing_drops_what_was_put_off(janitor):
    job = Job()
    janitor.do("a", job)
    assert janitor.settle(PATIENCE_S)
    janitor.close()
    janitor.do("a", job)
    assert job.tries == 1
