"""After hotdash no child lives, however it ended (M13)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import guarded_hotdash
import pytest
from process_tools import PATIENCE_S, end, function, lives, never, start, start_python, until

from hotdash.drivers.process import guardian_main
from hotdash.drivers.process.guardian import Guardian
from hotdash.drivers.process.surroundings import RunFolder
from hotdash.errors import BuildError, StartError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hotdashes(tmp_path: Path, runs: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Those that a test started."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for hotdash in started:
        hotdash.kill()
        hotdash.communicate()


def open_hotdash(hotdashes, folder: Path, how: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A hotdash with two containers that have three children each: its pids, the guardian's first."""
    hotdash = subprocess.Popen(
        [sys.executable, guarded_hotdash.__file__, str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    hotdashes.append(hotdash)
    pids = [int(pid) for pid in hotdash.stdout.readline().split()]
    assert len(pids) == 9
    return hotdash, pids


def assert_all_gone(pids: list[int], runs: Path) -> None:
    try:
        until(lambda: not any(map(lives, pids)), "the end of all processes")
    finally:
        for pid in pids:
            end(pid)
    assert list(runs.iterdir()) == [], "a run folder is left"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_after_a_signal_nothing_lives(hotdashes, tmp_path, runs, number):
    hotdash, pids = open_hotdash(hotdashes, tmp_path, "wait")
    assert all(map(lives, pids))
    hotdash.send_signal(number)
    hotdash.wait(PATIENCE_S)
    assert_all_gone(pids, runs)


@pytest.mark.parametrize("how", ["exit", "raise", "os-exit"])
def test_after_an_end_without_close_nothing_lives(hotdashes, tmp_path, runs, how):
    hotdash, pids = open_hotdash(hotdashes, tmp_path, how)
    hotdash.wait(PATIENCE_S)
    assert_all_gone(pids, runs)


def test_one_hotdash_ends_only_its_own(hotdashes, tmp_path, runs):
    other = tmp_path / "other"
    (other / "runs").mkdir(parents=True)
    first, first_pids = open_hotdash(hotdashes, tmp_path, "wait")
    second, second_pids = open_hotdash(hotdashes, other, "wait")
    first.kill()
    first.wait(PATIENCE_S)
    assert_all_gone(first_pids, runs)
    assert all(map(lives, second_pids))
    second.kill()
    second.wait(PATIENCE_S)
    assert_all_gone(second_pids, other / "runs")


def test_the_guardian_is_out_of_the_terminals_reach(driver, tmp_path):
    start(driver, tmp_path, "/bin/true").close()
    pid = driver.guardian.pid
    assert os.getsid(pid) == pid
    container = start(driver, tmp_path, "sleep", "1000")
    until(lambda: _ignored(pid) >= {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}, "the guardian's start")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    assert container.wait(0.05) is None
    assert lives(pid)
    container.close()


def _ignored(pid: int) -> set[int]:
    status = Path(f"/proc/{pid}/status").read_text()
    mask = int(next(line for line in status.splitlines() if line.startswith("SigIgn")).split()[1], 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def test_nothing_runs_before_it_is_needed(driver):
    assert driver.guardian.pid is None


def test_a_dead_guardian_is_replaced_and_the_new_one_knows_all(driver, tmp_path, runs):
    first = start(driver, tmp_path, "sleep", "1000")
    dead = driver.guardian.pid
    os.kill(dead, signal.SIGKILL)
    second = start(driver, tmp_path, "sleep", "1000")
    until(lambda: not lives(dead))
    third = start(driver, tmp_path, "sleep", "1000")
    assert driver.guardian.pid != dead
    driver.close()  # without closing its containers: the new guardian kills those of the old one too
    for container in (first, second, third):
        assert str(container.wait(PATIENCE_S)) == "was killed by SIGKILL"
        container.close()


def test_closing_ends_what_left_its_group(driver, tmp_path):
    code = "import subprocess; print(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid, flush=True)"
    container = start_python(driver, tmp_path, code)
    child = int(container.read(PATIENCE_S))
    container.wait(PATIENCE_S)
    container.close()
    assert lives(child)
    pid = driver.guardian.pid
    driver.close()
    assert not lives(pid)
    until(lambda: not lives(child))
    end(child)


def test_a_guardian_that_cannot_be_started_is_the_cause_that_is_told(driver, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(
        StartError, match=r"the guardian, .* could not be: No such file or directory \(/no/such/python\)"
    ):
        start(driver, tmp_path, "/bin/true")
    with pytest.raises(BuildError, match="the guardian"):
        driver.build(function(tmp_path / "f", build=("true",)), on_output=print, is_cancelled=never)


def test_closing_twice_and_without_a_start_is_fine(driver):
    driver.close()
    driver.close()


def test_a_guardian_that_hangs_does_not_hold_up_the_close(tmp_path, runs, monkeypatch):
    monkeypatch.setattr("hotdash.drivers.process.guardian._CLOSE_S", 0.05)
    run = RunFolder(parent=runs)
    guardian = Guardian(run)
    left = run.make("c-000001")
    (left.home / "file").touch()
    guardian.ensure()
    os.kill(guardian.pid, signal.SIGSTOP)
    sleeper = subprocess.Popen(["sleep", "1000"], process_group=0)
    guardian.add(sleeper.pid)
    guardian.close()
    assert sleeper.wait(PATIENCE_S) == -signal.SIGKILL
    assert list(runs.iterdir()) == []


def test_the_sweep_waits_for_a_child_that_shows_its_environment_late(tmp_path, monkeypatch):
    scans = [0, 1, 0, 0, 0, 7]
    monkeypatch.setattr(guardian_main, "kill_marked", lambda folder: scans.pop(0))
    guardian_main.sweep(str(tmp_path / "run"), [])
    assert scans == [7], "three scans in a row found none"


def test_what_cannot_be_removed_does_not_hang_the_sweep(tmp_path, monkeypatch):
    (tmp_path / "run/stuck/file").mkdir(parents=True)

    def refuse(*args, **kwargs):
        raise PermissionError

    monkeypatch.setattr(os, "rmdir", refuse)
    guardian_main.remove_tree(tmp_path / "run")
    assert (tmp_path / "run").exists()


def test_links_are_removed_and_not_followed(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "run/below").mkdir(parents=True)
    (tmp_path / "run/below/link").symlink_to(tmp_path / "kept")
    (tmp_path / "run/link").symlink_to(tmp_path / "kept")
    guardian_main.remove_tree(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert (tmp_path / "kept/file").exists()
