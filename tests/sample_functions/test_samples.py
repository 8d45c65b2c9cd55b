"""Every sample does what its function file says, and the flaky one fails in each of its ways with the true cause."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker_parts import docker_runtime
from real_tools import real_runtime

import hotdash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.functions.spec import FunctionSpec, FunctionTest
    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

FOLDER = Path(__file__).parents[2] / "sample_functions"
SPECS = {spec.key: spec for spec in hotdash.load_functions(FOLDER)}
CASES = [
    pytest.param(spec, test, id=f"{spec.key}-{test.name.replace(' ', '_')}")
    for spec in SPECS.values()
    for test in spec.tests
]
PATIENCE_S = 20.0


@pytest.fixture(scope="module", params=[real_runtime, docker_runtime], ids=["process", "docker"])
def samples(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A runtime on each driver, to which each test deploys what it needs: deployed again, nothing changes."""
    with request.param(tmp_path_factory.mktemp("samples")) as runtime:
        yield runtime


def call(
    samples: Runtime, key: str, payload: bytes, *, stderr: Callable[[TaskResult], list[str] | None], **keys: object
) -> TaskResult:
    """Calls a function, and checks what came on stderr.

    With Docker lines are given by time, and those of an engine under load may be late: there it is called up to three
    times, until they were in time.
    """
    for _ in range(3 if samples.driver.name == "docker" else 1):
        result = samples.submit(key, payload, **keys).result(PATIENCE_S)
        expected = stderr(result)
        if expected is None or result.stderr == expected:
            return result
    assert result.stderr == expected
    return result


def test_there_is_one_of_each_kind():
    assert {"celsius", "emoji", "flaky", "greet", "roman", "slow-report", "slugify", "wordcount"} <= SPECS.keys()
    for spec in SPECS.values():
        assert spec.tests, f"{spec.key} has no tests"
        assert (spec.folder / "Dockerfile").is_file()
        assert spec.warnings == ()
        assert spec.config["REGION"], "what app.yaml gives to all"


def test_samples_import_nothing_of_hotdash():
    for file in (*FOLDER.glob("*/*.py"), *FOLDER.glob("*/*.js"), *FOLDER.glob("*/*.sh")):
        assert "import hotdash" not in file.read_text()
        assert "from hotdash" not in file.read_text()


@pytest.mark.parametrize(("spec", "test"), CASES)
def test_a_sample_answers_as_its_file_says(samples, request, spec: FunctionSpec, test: FunctionTest):
    if (spec.folder / "func.js").exists():
        request.getfixturevalue("node")
    samples.deploy(replace(spec, config={**spec.config, "STEP_S": "0.001"}))
    lines = None if test.stderr is None else test.stderr.splitlines()
    result = call(samples, spec.key, test.stdin.encode(), headers=dict(test.env), stderr=lambda _: lines)
    assert (result.error, result.status) == (None, "success")
    if test.stdout is not None:
        assert result.body.decode() == test.stdout


def test_the_cold_sample_and_the_slow_one_tell_their_progress(samples):
    samples.deploy(SPECS["wordcount"])
    counts = ["counting lines", "counting words", "counting bytes"]
    result = call(samples, "wordcount", b"a b\n", stderr=lambda result: [f"task {result.task_id}: reading", *counts])
    assert result.status_code is None
    samples.deploy(replace(SPECS["slow-report"], config={"STEP_S": "0.001", "REGION": "here"}))
    steps = ["report for region here: 2 steps", "  step 1 of 2 #.", "  step 2 of 2 ##"]
    call(samples, "slow-report", b"2", stderr=lambda _: steps)


def test_emoji_is_built_once(samples):
    samples.deploy(SPECS["emoji"])
    again = samples.deploy(SPECS["emoji"])
    assert not again.changed


@pytest.mark.parametrize(
    ("wish", "status", "cause", "stays"),
    [
        ("fail", "error", "500", True),
        ("exit", "error", "the container exited with code 3 before it answered", False),
        ("crash", "error", "the container was killed by SIGSEGV before it answered", False),
        ("junk", "error", "not an answer in its format: .*DEBUG: here I am", False),
        ("hang", "timeout", "no answer within the function's timeout of 0.3 s", False),
    ],
)
def test_flaky_tells_the_true_cause_and_the_next_call_gets_a_clean_container(
    samples, wish: str, status: str, cause: str, stays: bool
):
    spec = replace(SPECS["flaky"], timeout_s=10.0, max_concurrency=1)
    samples.deploy(spec)
    assert samples.submit("flaky", b"hello").result(PATIENCE_S).body == b"fine\n"
    samples.deploy(replace(spec, timeout_s=0.3 if wish == "hang" else 10.0))  # of the same revision
    result = call(samples, "flaky", wish.encode(), stderr=lambda result: [f"{result.task_id} asked for: {wish}"])
    samples.deploy(spec)
    after = samples.submit("flaky", b"hello").result(PATIENCE_S)
    assert result.status == status
    assert result.error is not None
    assert re.search(cause, result.error), result.error
    assert result.body == (b"could not reach the database\n" if wish == "fail" else b"")
    assert (after.status, after.body, after.error) == ("success", b"fine\n", None)
    assert (after.container_id == result.container_id) is stays
