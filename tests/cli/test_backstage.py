"""What is behind the screen: opened after its first picture, closed whenever one leaves."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from real_tools import PATIENCE_S, until

from hotdash.backstage import Backstage, Plan
from hotdash.clock import SystemClock
from hotdash.dashboard.live import LiveControls
from hotdash.drivers import opening
from hotdash.drivers.opening import OpenedDriver
from hotdash.drivers.stub import StubDriver
from hotdash.errors import NoDriver
from hotdash.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BEFORE_THE_PICTURE = """
import sys
import hotdash.cli, hotdash.backstage, hotdash.dashboard.app, hotdash.dashboard.live, hotdash.dashboard.taste
import hotdash.store.history, hotdash.store.payloads
print(*sorted(name for name in sys.modules if name in sys.argv))
"""
NOT_FOR_IT = ("hotdash.runtime", "hotdash.drivers.base", "hotdash.functions", "hotdash.events", "hotdash.redeploy")
HEAVY = ("psutil", "watchfiles", "httptools", "ruamel", "pydantic", "docker", "sqlite3", "structlog", "tomllib")


class Stage:
    """A backstage on a stub, and what became of it."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self.failed = threading.Event()
        self.driver = StubDriver(clock=clock)
        self.controls = LiveControls(folder=folder, now_s=clock.now, watching=False)
        plan = Plan(folder=folder, driver="stub", memory_mb=100, is_watching=False, polls=None)
        self.backstage = Backstage(plan=plan, store=Store(), controls=self.controls, history=None, clock=clock)

    def open(self) -> None:
        self.backstage.open(on_failed=self.failed.set)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], object]], Stage]]:
    """A stage that opens its driver after this has been called."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = Stage(tmp_path)

    def make(first: Callable[[], object]) -> Stage:
        def choose(_name: str) -> OpenedDriver:
            first()
            return OpenedDriver(driver=made.driver, note="a stub", reason="for a test")

        monkeypatch.setattr(opening, "choose_driver", choose)
        return made

    yield make
    made.backstage.close(0)


def none_of_ours_is_left() -> bool:
    return not {"opening", "events", "stats", "deploy", "log"} & {thread.name for thread in threading.enumerate()}


def test_the_first_picture_loads_nothing_that_only_runs_functions() -> None:
    command = [sys.executable, "-c", BEFORE_THE_PICTURE, *NOT_FOR_IT, *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert done.stdout.split() == []


def test_it_opens_and_the_controls_are_live(stage):
    opened = stage(lambda: None)
    opened.open()
    until(lambda: opened.controls.has_read, "the folder to be read")
    assert (opened.controls.driver_name, opened.controls.driver_note) == ("stub", "a stub")
    assert opened.controls.driver_reason == "for a test"
    assert opened.controls.notices() == (), "all day above the panes it would cost rows of a small screen"
    opened.backstage.close(0)
    assert none_of_ours_is_left()


def test_left_while_a_driver_is_looked_for_it_closes_what_it_then_gets(stage):
    asked, may = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        assert may.wait(PATIENCE_S)

    slow = stage(wait)
    slow.open()
    assert asked.wait(PATIENCE_S)
    closing = threading.Thread(target=slow.backstage.close, args=(0,))
    closing.start()
    until(lambda: slow.backstage.is_closed, "the close to begin")
    may.set()
    closing.join(PATIENCE_S)
    until(none_of_ours_is_left, "the end of all threads")
    assert slow.controls.driver_name == ""


def test_without_a_driver_it_says_why(stage):
    def refuse() -> None:
        raise NoDriver("no engine answers")

    broken = stage(refuse)
    broken.open()
    assert broken.failed.wait(PATIENCE_S)
    assert isinstance(broken.backstage.error, NoDriver)
    assert not broken.controls.has_read
