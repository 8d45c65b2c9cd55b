from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from runtime_tools import Bench

from hotdash.runtime.hot import HotContainer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def exceptions(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What reaches `threading.excepthook` during a test."""
    seen: list[BaseException] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args.exc_value))
    return seen


@pytest.fixture
def bench(exceptions: list[BaseException]) -> Iterator[Bench]:
    """A runtime on the stub; what a test leaves of it is a failure."""
    threads = set(threading.enumerate())
    bench = Bench()
    bench.exceptions = exceptions
    yield bench
    bench.close(threads)


@pytest.fixture
def late_to_park(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Containers come to rest, but their threads wait on their way to the gate until the event is set."""
    go = threading.Event()
    park = HotContainer._park
    monkeypatch.setattr(HotContainer, "_park", lambda container: (go.wait(10), park(container))[1])
    yield go
    go.set()
