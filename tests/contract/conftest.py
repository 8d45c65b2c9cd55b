from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
import pytest
from contract_harness import HARNESSES, DriverHarness, until
from descriptors import open_descriptors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DRIVERS_OWN = {"memory", "docker:chores", "docker:stats"}  # threads that a driver has until it is closed


def _new_threads(known: set[threading.Thread]) -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread not in known}


@pytest.fixture(params=HARNESSES)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DriverHarness]:
    """A harness for each driver. Whatever a test did, nothing may be left of it: the last sentence of the contract."""
    kind = HARNESSES[request.param]
    threads = set(threading.enumerate())
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    descriptors = open_descriptors()
    harness = kind(tmp_path)
    containers = []
    start = harness.start

    def start_and_remember(*args, **kwargs):
        containers.append(start(*args, **kwargs))
        return containers[-1]

    harness.start = start_and_remember  # type: ignore[method-assign]
    try:
        yield harness
    finally:
        for container in containers:
            container.kill()
        until(lambda: _new_threads(threads) <= DRIVERS_OWN, "the end of all threads")
        for container in containers:
            container.close()
        harness.close()
    assert _new_threads(threads) == set()
    assert open_descriptors() <= descriptors
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in children]
    assert left == [], "children or zombies are left"
