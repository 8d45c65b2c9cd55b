from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import psutil
import pytest
from descriptors import open_descriptors
from docker_parts import yard  # noqa: F401  fixtures, as the next
from docker_tools import docker_host, engine, workshop  # noqa: F401

from hotdash.drivers.process import ProcessDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Where the driver makes its run folder."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def driver(cache: Path, runs: Path) -> Iterator[ProcessDriver]:
    """A process driver, of which nothing may be left."""
    threads = threading.active_count()
    descriptors = open_descriptors()
    driver = ProcessDriver(cache_dir=cache, run_parent=runs, path=os.environ["PATH"])
    yield driver
    driver.close()
    assert list(runs.iterdir()) == []
    assert psutil.Process().children(recursive=True) == []
    assert open_descriptors() <= descriptors
    assert threading.active_count() <= threads
