"""What the screen's controls do on a real runtime, where it is more than handing a call on."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from hotdash.clock import SystemClock
from hotdash.dashboard.live import LiveControls
from hotdash.drivers.stub import StubDriver
from hotdash.errors import report
from hotdash.runtime.runtime import Runtime


def test_a_fault_of_a_thread_becomes_a_notice_and_no_traceback_across_the_screen(tmp_path, monkeypatch, capsys):
    clock = SystemClock()
    deployer = SimpleNamespace(notices=lambda: ("of the deployer",))
    with Runtime(driver=StubDriver(clock=clock), clock=clock) as runtime:
        controls = LiveControls(runtime=runtime, deployer=deployer, folder=tmp_path, driver_note="")  # type: ignore[arg-type]
        monkeypatch.setattr(threading, "excepthook", controls.tell_of_fault)
        report(ValueError("odd"))
        assert controls.notices() == ("of the deployer", "a fault in hotdash, in MainThread: ValueError('odd')")
    assert capsys.readouterr().err == ""
