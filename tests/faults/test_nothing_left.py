"""After hotdash nothing is left: no process, thread, descriptor or folder, whatever its end was (M13)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, function, lives, pids_in, real_runtime, until, write_function

from hotdash.functions.spec import Format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Starts one child in its group and one in a session of its own, tells all three pids, and never answers.
HANGS = (
    HTTP
    + """
for headers, body in requests():
    children = [subprocess.Popen(["sleep", "1000"], start_new_session=new) for new in (False, True)]
    with open(os.environ["PIDS"], "a") as file:
        file.write(f"{os.getpid()} {children[0].pid} {children[1].pid}\\n")
    time.sleep(1000)
"""
)


def test_leaving_a_runtime_that_had_all_kinds_of_ends_leaves_nothing(tmp_path):
    pids = tmp_path / "pids"
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "told", DO_AS_TOLD, max_concurrency=3))
        runtime.deploy(function(tmp_path / "hangs", HANGS, config={"PIDS": str(pids)}, timeout_s=3.0))  # to start in
        runtime.deploy(function(tmp_path / "cold", "print(input())", format=Format.DEFAULT))
        runtime.deploy(function(tmp_path / "broken", "import nothing_of_that_name"))
        codes = (b"answer(b'')", b"os._exit(3)", b"os.abort()", b"write(b'junk\\n')", b"open('left', 'w'); answer(b'')")
        tasks = [runtime.submit("told", code) for code in codes]
        tasks += [
            runtime.submit("hangs"),
            runtime.submit("cold", b"x\n"),
            runtime.submit("cold"),
            runtime.submit("broken"),
        ]
        results = [task.result(PATIENCE_S) for task in tasks]
        assert {result.status for result in results} == {"success", "error", "timeout"}
        runtime.undeploy("cold")
    assert len(pids_in(pids)) == 3
    until(lambda: not any(map(lives, pids_in(pids))), "the end of all that a function started")


def test_an_error_in_the_block_leaves_nothing_though_a_task_runs(tmp_path):
    pids = tmp_path / "pids"

    def crash() -> None:
        with real_runtime(tmp_path) as runtime:
            runtime.deploy(function(tmp_path / "hangs", HANGS, config={"PIDS": str(pids)}))
            task = runtime.submit("hangs")
            until(lambda: len(pids_in(pids)) == 3, "the function's start")
            assert not task.done()
            runtime.close(0.1)  # as its caller in a hurry does
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    until(lambda: not any(map(lives, pids_in(pids))), "the end of all that a function started")


class Hotdash:
    """`hotdash invoke` in a process of its own, with calls under way that never end."""

    def __init__(self, folder: Path, *, calls: int) -> None:
        self.pids_file = folder / "pids"
        self.runs = folder / "runs"
        self.runs.mkdir()
        write_function(
            folder / "functions/hangs", HANGS, config={"PIDS": str(self.pids_file)}, max_concurrency=calls, timeout=1000
        )
        count = ("--count", str(calls), "--concurrency", str(calls)) if calls > 1 else ()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hotdash", "invoke", str(folder / "functions"), "hangs", "-d", "", *count],
            env=os.environ | {"TMPDIR": str(self.runs), "XDG_CACHE_HOME": str(folder / "cache")},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            until(lambda: len(pids_in(self.pids_file)) == 3 * calls or self.process.poll() is not None, "the calls")
            assert self.process.poll() is None, self.process.communicate()
            self.pids = {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Whatever a test found: leaves nothing of it to the next."""
        self.process.kill()
        self.process.communicate()
        for pid in pids_in(self.pids_file):
            if lives(pid):
                os.kill(pid, signal.SIGKILL)

    def assert_nothing_is_left(self) -> None:
        assert self.pids > set(pids_in(self.pids_file)), "the guardian, too"
        until(lambda: not any(map(lives, self.pids)), "the end of all processes")
        until(lambda: list(self.runs.iterdir()) == [], "the end of the run folder")


@pytest.fixture
def hanging(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Hotdash]:
    hotdash = Hotdash(tmp_path, calls=request.param)
    yield hotdash
    hotdash.end()


@pytest.mark.parametrize("hanging", [1], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_a_call_leaves_nothing(hanging, number):
    hanging.process.send_signal(number)
    out, err = hanging.process.communicate(timeout=PATIENCE_S)
    assert (hanging.process.returncode, out, err) == (130, "", "hotdash: interrupted\n")
    hanging.assert_nothing_is_left()


@pytest.mark.parametrize("hanging", [3], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_during_many_calls_leaves_nothing(hanging, number):
    hanging.process.send_signal(number)
    hanging.process.communicate(timeout=PATIENCE_S)
    assert hanging.process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    hanging.assert_nothing_is_left()


@pytest.mark.parametrize("hanging", [1], indirect=True)
def test_a_second_ctrl_c_ends_it_as_well(hanging):
    hanging.process.send_signal(signal.SIGINT)
    hanging.process.send_signal(signal.SIGTERM)
    _out, err = hanging.process.communicate(timeout=PATIENCE_S)
    # In its last moments, when Python has given the signals back, one ends it as it ends any program.
    assert hanging.process.returncode == 130 or (hanging.process.returncode, err) == (-15, "hotdash: interrupted\n"), (
        err
    )
    assert "Traceback" not in err
    hanging.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_interrupted_leaves_nothing(tmp_path, number):
    runs = tmp_path / "runs"
    runs.mkdir()
    pids = tmp_path / "pids"
    write_function(tmp_path / "f", "", build=[f"echo $$ >{pids}; sleep 1000"])
    hotdash = subprocess.Popen(
        [sys.executable, "-m", "hotdash", "invoke", str(tmp_path / "f"), "f", "-d", ""],
        env=os.environ | {"TMPDIR": str(runs), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        until(lambda: pids_in(pids), "the build")
        children = [child.pid for child in psutil.Process(hotdash.pid).children(recursive=True)]
        hotdash.send_signal(number)
        out, err = hotdash.communicate(timeout=PATIENCE_S)
    finally:
        hotdash.kill()
        hotdash.communicate()
    assert (hotdash.returncode, out) == (130 if number == signal.SIGINT else -signal.SIGKILL, "")
    assert "Traceback" not in err
    assert set(pids_in(pids)) < set(children)
    until(lambda: not any(map(lives, children)), "the end of all processes")
    until(lambda: list(runs.iterdir()) == [], "the end of the run folder")
