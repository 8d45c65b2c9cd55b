"""What the screen's controls do on a real runtime, where it is more than handing a call on."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from hotdash.clock import SystemClock
from hotdash.dashboard.live import LiveControls
from hotdash.drivers.stub import StubDriver
from hotdash.errors import HotdashError, report
from hotdash.runtime.runtime import Runtime


def test_a_fault_of_a_thread_becomes_a_notice_and_no_traceback_across_the_screen(tmp_path, monkeypatch, capsys):
    clock = SystemClock()
    deployer = SimpleNamespace(notices=lambda: ("of the deployer",), watching=True)
    with Runtime(driver=StubDriver(clock=clock), clock=clock) as runtime:
        controls = LiveControls(folder=tmp_path, now_s=clock.now)
        controls.attach(runtime=runtime, deployer=deployer, driver_note="")  # type: ignore[arg-type]
        monkeypatch.setattr(threading, "excepthook", controls.tell_of_fault)
        report(ValueError("odd"))
        assert controls.notices() == ("of the deployer", "a fault in hotdash, in MainThread: ValueError('odd')")
    assert capsys.readouterr().err == ""


def test_before_there_is_a_runtime_keys_are_refused_and_a_choice_waits_for_it(tmp_path):
    clock = SystemClock()
    asked: list[bool] = []
    deployer = SimpleNamespace(notices=tuple, watching=True, set_watching=asked.append)
    controls = LiveControls(folder=tmp_path, now_s=clock.now)
    assert (controls.watching, controls.has_read, controls.notices()) == (True, False, ())
    with pytest.raises(HotdashError, match="still opening"):
        controls.submit("greet", b"", {})
    controls.set_watching(False)
    assert not controls.watching
    with Runtime(driver=StubDriver(clock=clock), clock=clock) as runtime:
        controls.attach(runtime=runtime, deployer=deployer, driver_note="")  # type: ignore[arg-type]
        assert (controls.driver_name, asked) == ("stub", [False])
