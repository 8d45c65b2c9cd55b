"""`hotdash init`: what it writes passes its tests on both drivers, and nothing that is there is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from command_line import hotdash
from docker_parts import docker_runtime
from real_tools import real_runtime

import hotdash as api
from hotdash.function_tests import run_tests
from hotdash.functions.starters import write_starter

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime


def init(functions: Path, *args: str) -> subprocess.CompletedProcess[bytes]:
    return hotdash(functions, "init", *args)


@pytest.fixture(scope="module", params=[real_runtime, docker_runtime], ids=["process", "docker"])
def runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with request.param(tmp_path_factory.mktemp("init")) as runtime:
        yield runtime


@pytest.mark.parametrize("kind", ["python", "node", "shell"])
def test_a_new_function_passes_its_tests_and_logs(runtime, request, tmp_path, kind: str):
    if kind == "node":
        request.getfixturevalue("node")
    write_starter(tmp_path / f"my-{kind}", runtime=kind)
    (spec,) = api.load_functions(tmp_path)
    verdicts = list(run_tests(runtime, spec))
    assert (spec.key, spec.warnings, spec.runtime) == (f"my-{kind}", (), kind)
    assert [verdict.error for verdict in verdicts] == ["", ""]
    assert all(verdict.passed for verdict in verdicts)
    if runtime.driver.name == "process":
        assert all(verdict.result.stderr for verdict in verdicts)


def test_it_says_what_it_wrote_and_what_to_do_next(tmp_path):
    done = init(tmp_path / "functions", "functions/hello")
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "functions/hello/func.yaml",
        "functions/hello/func.py",
        "try it: hotdash test functions/hello",
    ]
    tested = hotdash(tmp_path / "functions", "test", "functions/hello", "--driver", "process")
    assert tested.returncode == 0
    assert tested.stdout.endswith(b"2 passed, 0 failed, on the process driver\n")


@pytest.mark.parametrize("name", ["true", "1.5", "a.b-c_d", "007"])
def test_a_name_that_yaml_would_read_otherwise_stays_a_name(tmp_path, name: str):
    write_starter(tmp_path / name, runtime="python3.11")
    (spec,) = api.load_functions(tmp_path)
    assert (spec.key, spec.runtime) == (name, "python3.11")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("there",), "there: there is something in it already; nothing was written"),
        (("file",), "file: File exists; nothing was written"),
        (("there/inner",), "there is a function: one within it would not be found"),
        (("new", "--runtime", "cobol"), "--runtime: found 'cobol', allowed python, node, shell"),
        (("new", "--runtime", ""), "--runtime: found '', allowed"),
        (("no name",), "NAME: found 'no name', allowed"),
        (("/",), "NAME: found '', allowed"),
        ((), "Missing argument 'NAME'"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(tmp_path, args, message: str):
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "func.py").write_text("mine")
    (folder / "func.yaml").write_text("mine: too")
    (tmp_path / "file").write_text("mine as well")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = init(folder, *args)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_an_empty_folder_will_do(tmp_path):
    (tmp_path / "new").mkdir()
    assert init(tmp_path / "new", "new").returncode == 0
