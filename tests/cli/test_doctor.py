"""`hotdash doctor`: what each check says of each machine, and the command on this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fake_engine import fake_engine
from msgspec.structs import replace
from real_tools import PATIENCE_S

from hotdash import doctor
from hotdash.doctor import Check, can_run, fields, text
from hotdash.drivers.docker.endpoint import EngineInfo
from hotdash.examination import is_writable, size_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

PROCESS = {"system": "Linux", "fault": "", "has_pidfd": True, "has_proc": True}
TERMINAL = {"is_terminal": True, "columns": 160, "lines": 45, "environment": {"TERM": "xterm-256color"}}
NO_ENGINE = {"info": None, "location": "", "found_by": "", "fault": "no engine answers at x: it is off: start it"}
INFO = EngineInfo(
    id="A:B",
    name="vm",
    version="20.10.24",
    api_version="1.41",
    os="linux",
    architecture="x86_64",
    system="Debian 12",
    cpus=2,
    memory_bytes=8_000_000_000,
    rootless=False,
    cgroup_version="2",
    storage="overlay2",
    limits=(),
)
ENGINE = {"location": "unix:///d.sock", "found_by": "DOCKER_HOST", "fault": ""}
PROGRAM = {"path": "/bin/node", "version": "v20.1.0", "used_for": "functions in JavaScript"}
INOTIFY = {"system": "Linux", "watches": 65_536, "instances": 128}
CACHE = {"is_writable": True, "size_bytes": 2_000_000}
MIB = 2**20

# a check; its state; parts of what was found; parts of the remedy, none where there must be no remedy
CASES = [
    (doctor.check_hotdash("0.1.0"), "ok", ["0.1.0"], []),
    (doctor.check_python((3, 11, 7), "/v/python"), "ok", ["3.11.7 (/v/python)"], []),
    (doctor.check_python((3, 9, 2), "/v/python"), "warn", ["3.9.2"], ["3.11 or newer"]),
    (doctor.check_platform("Linux", "6.1", "x86_64", 2), "ok", ["Linux 6.1, x86_64, 2 CPUs"], []),
    (doctor.check_platform("Darwin", "24.1", "arm64", 8), "ok", ["macOS"], []),
    (doctor.check_platform("Windows", "11", "AMD64", 8), "warn", ["Windows"], ["WSL"]),
    (doctor.check_process(**PROCESS), "ok", ["guardian starts", "pidfds work", "/proc can be read"], []),
    (doctor.check_process(**PROCESS | {"has_pidfd": False}), "warn", ["no pidfds"], ["Linux 5.3"]),
    (doctor.check_process(**PROCESS | {"has_proc": False}), "warn", ["/proc cannot be read"], ["mount /proc"]),
    (
        doctor.check_process(**PROCESS | {"system": "Darwin", "has_pidfd": False, "has_proc": False}),
        "ok",
        ["guardian starts"],
        [],
    ),
    (doctor.check_process(**PROCESS | {"fault": "no more processes"}), "missing", ["no more processes"], ["TMPDIR"]),
    (doctor.check_docker(**NO_ENGINE), "missing", ["no engine answers at x: it is off"], ["start it"]),
    (
        doctor.check_docker(INFO, **ENGINE),
        "ok",
        ["engine 20.10.24 (API 1.41) at unix:///d.sock (DOCKER_HOST)", "Debian 12, x86_64, 2 CPUs, 8.0 GB"],
        [],
    ),
    (
        doctor.check_docker(replace(INFO, limits=("it cannot limit memory",)), **ENGINE),
        "warn",
        ["it cannot limit memory"],
        ["cgroup_enable=memory", "functions are not held to their limits"],
    ),
    (
        doctor.check_docker(replace(INFO, limits=("it cannot limit memory",), rootless=True), **ENGINE),
        "warn",
        ["rootless"],
        ["cgroups version 2"],
    ),
    (doctor.check_docker(replace(INFO, os="windows"), **ENGINE), "warn", [], ["Linux containers"]),
    (doctor.check_buildkit("/bin/docker", "buildx v1"), "ok", ["buildx v1 (/bin/docker)"], []),
    (doctor.check_buildkit("", "/bin/docker has no buildx"), "warn", ["has no buildx"], ["install docker-buildx"]),
    (doctor.check_program("node", **PROGRAM), "ok", ["v20.1.0 (/bin/node)"], []),
    (doctor.check_program("sh", path="/bin/sh", version="", used_for="x"), "ok", ["/bin/sh"], []),
    (
        doctor.check_program("node", **PROGRAM | {"path": None}),
        "missing",
        ["not in PATH"],
        ["install it: functions in JavaScript need it"],
    ),
    (
        doctor.check_program("node", **PROGRAM | {"version": None}),
        "warn",
        ["/bin/node does not tell its version"],
        ["node --version"],
    ),
    (doctor.check_open_files(1_024, None), "ok", ["1,024, enough for about 160 containers"], []),
    (doctor.check_open_files(None, None), "ok", ["no limit"], []),
    (doctor.check_open_files(256, None), "warn", ["256", "about 32 containers"], ["ulimit -n 4096"]),
    (doctor.check_open_files(32, 2_000), "warn", ["about 0 containers"], ["ulimit -n 2000"]),
    (doctor.check_processes(None, 90), "ok", ["no limit; 90 run"], []),
    (doctor.check_processes(4_000, 90), "ok", ["4,000 allowed; 90 run"], []),
    (doctor.check_processes(100, 90), "warn", ["100 allowed"], ["ulimit -u"]),
    (doctor.check_inotify(**INOTIFY), "ok", ["65,536 folders may be watched, by 128 programs"], []),
    (doctor.check_inotify(**INOTIFY | {"watches": 100}), "warn", ["100 folders"], ["max_user_watches=65536"]),
    (doctor.check_inotify(**INOTIFY | {"instances": 1}), "warn", ["by 1 programs"], ["max_user_instances=256"]),
    (doctor.check_inotify(**INOTIFY | {"watches": None}), "warn", ["cannot be read"], ["press d"]),
    (doctor.check_inotify(system="Darwin", watches=None, instances=None), "ok", ["not needed"], []),
    (doctor.check_memory(2_000 * MIB, 8_000 * MIB), "ok", ["2.1 GB available of 8.4 GB"], []),
    (doctor.check_memory(100 * MIB, 8_000 * MIB), "warn", ["104.9 MB available"], ["128 MB"]),
    (doctor.check_cache(Path("/c"), **CACHE), "ok", ["/c (2.0 MB)"], []),
    (doctor.check_cache(Path("/c"), **CACHE | {"size_bytes": None}), "ok", ["/c (not made yet)"], []),
    (
        doctor.check_cache(Path("/c"), **CACHE | {"is_writable": False}),
        "missing",
        ["/c cannot be written"],
        ["XDG_CACHE_HOME"],
    ),
    (doctor.check_log(Path("/l"), **CACHE), "ok", ["/l (2.0 MB)"], []),
    (doctor.check_log(Path("/l"), **CACHE | {"is_writable": False}), "warn", ["nothing is logged"], ["XDG_STATE_HOME"]),
    (doctor.check_history(Path("/h"), **CACHE, tasks=7, fault=""), "ok", ["/h (7 tasks, 2.0 MB)"], []),
    (
        doctor.check_history(Path("/h"), **CACHE | {"is_writable": False}, tasks=7, fault=""),
        "warn",
        ["no history is kept"],
        ["XDG_STATE_HOME"],
    ),
    (doctor.check_history(Path("/h"), **CACHE, tasks=0, fault="/h: it is damaged"), "warn", ["damaged"], ["move"]),
    (doctor.check_terminal(**TERMINAL), "ok", ["160 columns, 45 lines, 256 colours"], []),
    (doctor.check_terminal(**TERMINAL | {"columns": 60}), "warn", ["60 columns"], ["make it larger"]),
    (doctor.check_terminal(**TERMINAL | {"is_terminal": False}), "warn", ["redirected"], ["hotdash invoke does not"]),
    (doctor.check_terminal(**TERMINAL | {"environment": {"TERM": "dumb"}}), "warn", ["TERM is dumb"], ["set TERM"]),
    (doctor.check_terminal(**TERMINAL | {"environment": {}}), "warn", ["TERM is not set"], ["set TERM"]),
    (
        doctor.check_terminal(**TERMINAL | {"environment": {"TERM": "xterm", "NO_COLOR": "1"}}),
        "ok",
        ["no colours, as NO_COLOR asks"],
        [],
    ),
    (
        doctor.check_terminal(**TERMINAL | {"environment": {"TERM": "xterm", "COLORTERM": "truecolor"}}),
        "ok",
        ["16 million colours"],
        [],
    ),
    (doctor.check_terminal(**TERMINAL | {"environment": {"TERM": "linux"}}), "ok", ["few colours"], []),
]


@pytest.mark.parametrize(("check", "state", "found", "remedy"), CASES)
def test_what_is_said_of_each_finding(check: Check, state: str, found: list[str], remedy: list[str]):
    assert check.state == state
    assert [part for part in found if part not in check.found] == []
    assert [part for part in remedy if part not in check.remedy] == []
    assert bool(check.remedy) is bool(remedy)


def test_functions_can_run_unless_what_all_of_them_need_is_missing():
    fine = [doctor.check_process(**PROCESS), doctor.check_docker(**NO_ENGINE), doctor.check_cache(Path("/c"), **CACHE)]
    assert can_run(fine)
    assert not can_run([*fine, doctor.check_process(**PROCESS | {"fault": "no memory"})])
    assert not can_run([*fine, doctor.check_cache(Path("/c"), **CACHE | {"is_writable": False})])
    assert can_run([*fine, doctor.check_process(**PROCESS | {"has_pidfd": False})])


def test_the_text_is_aligned_and_safe_for_a_terminal():
    checks = [
        doctor.check_hotdash("1"),
        doctor.check_process(**PROCESS),
        doctor.check_docker(**NO_ENGINE | {"fault": "no engine: \x1b[31mred\x1b]0;x\x07\n: start it"}),
    ]
    assert text(checks).splitlines() == [
        "hotdash",
        "  ok       hotdash  1",
        "drivers",
        "  ok       process  its guardian starts; pidfds work; /proc can be read",
        "  missing  docker   no engine: red↵",
        "                    what to do: start it",
        "",
        "Functions can run here.",
    ]
    assert text([doctor.check_process(**PROCESS | {"fault": "x"})]).endswith("cannot run here: no driver can.")


def test_the_fields_are_the_checks():
    check = doctor.check_docker(**NO_ENGINE)
    assert json.loads(json.dumps(fields([check]))) == {
        "can_run": True,
        "checks": [
            {
                "group": "drivers",
                "name": "docker",
                "state": "missing",
                "found": check.found,
                "remedy": check.remedy,
                "needed": False,
            }
        ],
    }


def test_what_is_on_disk(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "e" / "file").write_bytes(bytes(100))
    (tmp_path / "d" / "other").write_bytes(bytes(11))
    (tmp_path / "d" / "loop").symlink_to(tmp_path)
    assert size_bytes(tmp_path / "d") == 111, "what a link leads to is not counted"
    assert size_bytes(tmp_path / "d" / "other") == 11
    assert size_bytes(tmp_path / "none") is None
    assert is_writable(tmp_path / "d")
    assert is_writable(tmp_path / "d" / "other")
    assert is_writable(tmp_path / "not" / "made" / "yet")
    assert not is_writable(tmp_path / "d" / "other" / "below-a-file")


# the command ---------------------------------------------------------------------------------------------------------


def run(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hotdash", "doctor", *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def places(tmp_path: Path) -> Mapping[str, str]:
    (tmp_path / "runs").mkdir()
    (tmp_path / "bin").mkdir()
    node = tmp_path / "bin" / "node"
    node.write_text("#!/bin/sh\nprintf 'v99.9.9 \\033[31m\\nmore'\n")
    node.chmod(0o755)
    return {
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "TMPDIR": str(tmp_path / "runs"),
        "PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin",
        "DOCKER_HOST": f"unix://{tmp_path / 'none'}",
    }


def test_it_tells_what_is_here_and_leaves_nothing(places, tmp_path):
    done = run(**places)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line for line in lines if line and not line.startswith(" ")] == [
        "hotdash",
        "drivers",
        "runtimes",
        "limits",
        "files",
        "terminal",
        "Functions can run here.",
    ]
    assert "\x1b" not in done.stdout
    assert f"v99.9.9  ({tmp_path / 'bin' / 'node'})" in done.stdout
    assert list((tmp_path / "runs").iterdir()) == []
    assert not (tmp_path / "cache").exists(), "looking makes nothing"


def test_json(places):
    done = run("--json", **places)
    told = json.loads(done.stdout)
    assert (done.returncode, told["can_run"]) == (0, True)
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert states["docker"] == "missing"
    assert "BuildKit" not in states
    assert states["process"] == "ok"
    assert states["terminal"] == "warn"
    assert states["node"] == "ok"
    assert len(states) == len(told["checks"])


def test_the_engine_that_would_be_used_is_named(places, tmp_path_factory):
    with fake_engine(tmp_path_factory.mktemp("e") / "s") as engine:
        done = run(**places | {"DOCKER_HOST": engine.host})
    assert done.returncode == 0
    assert f"docker      engine 20.10.24 (API 1.41) at {engine.host} (DOCKER_HOST); linux" in done.stdout
    assert "BuildKit" in done.stdout


def test_without_a_place_for_images_no_driver_can_run(places, tmp_path):
    (tmp_path / "file").touch()
    done = run(**places | {"XDG_CACHE_HOME": str(tmp_path / "file"), "PATH": str(tmp_path)})
    assert done.returncode == 3
    assert f"{tmp_path / 'file' / 'hotdash'} cannot be written" in done.stdout
    assert "node        not in PATH" in done.stdout
    assert done.stdout.endswith("Functions cannot run here: no driver can.\n")
