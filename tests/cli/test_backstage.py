"""What is behind the screen: opened after its first picture, closed whenever one leaves."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
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
from hotdash.gateway.address import Address
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
GATEWAY = ("starlette", "uvicorn", "prometheus_client", "hotdash.gateway")


class Stage:
    """A backstage on a stub, and what became of it."""

    def __init__(self, folder: Path, http: Address | None) -> None:
        clock = SystemClock()
        self.failed = threading.Event()
        self.driver = StubDriver(clock=clock)
        self.controls = LiveControls(folder=folder, now_s=clock.now, watching=False)
        plan = Plan(folder=folder, driver="stub", memory_mb=100, is_watching=False, polls=None, http=http)
        self.backstage = Backstage(plan=plan, store=Store(), controls=self.controls, history=None, clock=clock)

    def open(self) -> None:
        self.backstage.open(on_failed=self.failed.set)


@pytest.fixture
def stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Callable[[Callable[[], object]], Stage]]:
    """A stage that opens its driver after this has been called; a test's parameter is where it listens."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = Stage(tmp_path, getattr(request, "param", None))

    def make(first: Callable[[], object]) -> Stage:
        def choose(_name: str) -> OpenedDriver:
            first()
            return OpenedDriver(driver=made.driver, note="a stub", reason="for a test")

        monkeypatch.setattr(opening, "choose_driver", choose)
        return made

    yield make
    made.backstage.close(0)


def none_of_ours_is_left() -> bool:
    ours = {"opening", "events", "stats", "deploy", "log", "gateway"}
    return not ours & {thread.name for thread in threading.enumerate()}


def test_the_first_picture_loads_nothing_that_only_runs_functions() -> None:
    command = [sys.executable, "-c", BEFORE_THE_PICTURE, *NOT_FOR_IT, *HEAVY, *GATEWAY]
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


@pytest.mark.parametrize("stage", [Address(host="127.0.0.1", port=0)], indirect=True)
def test_it_listens_for_http_where_it_is_told_to_and_says_where(stage):
    opened = stage(lambda: None)
    opened.open()
    until(lambda: opened.controls.driver_name, "the driver")
    note, _, url = opened.controls.driver_note.partition("; ")
    assert (note, url.startswith("http://127.0.0.1:")) == ("a stub", True)
    until(lambda: opened.controls.has_read, "the folder to be read")
    with urllib.request.urlopen(f"{url}/health", timeout=PATIENCE_S) as reply:
        assert json.loads(reply.read()) == {"status": "ok"}
    opened.backstage.close(0)
    assert none_of_ours_is_left()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{url}/health", timeout=PATIENCE_S)


@pytest.mark.parametrize("stage", [Address(host="203.0.113.1", port=0)], indirect=True)  # no machine's own (RFC 5737)
def test_where_it_cannot_listen_the_screen_says_so_and_goes_on(stage):
    opened = stage(lambda: None)
    opened.open()
    until(lambda: opened.controls.has_read, "the folder to be read")
    assert opened.controls.driver_note == "a stub"
    (notice,) = opened.controls.notices()
    assert notice.startswith("cannot listen on 203.0.113.1:0 (")


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
