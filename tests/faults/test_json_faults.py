"""A function on `json` that misbehaves: the task tells the cause, and no task gets another's answer (M1, M2, M3)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from docker_parts import docker_runtime
from real_tools import PATIENCE_S, function, real_runtime, write_function

import hotdash
from hotdash.errors import InvalidRequest
from hotdash.functions.spec import Format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

# The payload is Python, as in `DO_AS_TOLD`.
TOLD = r"""
import json, os, signal, sys, time

def write(text):
    data = memoryview(text.encode())
    while data:
        data = data[os.write(1, data):]

def answer(body, **protocol):
    write(json.dumps({"body": body, "protocol": protocol}) + "\n")

while line := sys.stdin.readline():
    request = json.loads(line)
    exec(request["body"])
"""


def told_on_process(folder: Path, runtime: Runtime) -> None:
    runtime.deploy(function(folder / "told", TOLD, format=Format.JSON, timeout_s=10.0))


def told_on_docker(folder: Path, runtime: Runtime) -> None:
    write_function(folder / "told", TOLD, format="json", timeout=10, entrypoint=["python3", "func.py"])
    runtime.deploy(hotdash.load_functions(folder / "told")[0])


DRIVERS = {"process": (real_runtime, told_on_process), "docker": (docker_runtime, told_on_docker)}


@pytest.fixture(scope="module", params=DRIVERS)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A runtime on each driver with the function `told`; what one test breaks, the next finds mended."""
    folder = tmp_path_factory.mktemp("json")
    open_runtime, deploy = DRIVERS[request.param]
    with open_runtime(folder) as runtime:
        deploy(folder, runtime)
        yield runtime


def do(runtime: Runtime, code: str, **keys: object) -> TaskResult:
    return runtime.submit("told", code.encode(), **keys).result(PATIENCE_S)  # type: ignore[arg-type]


def test_an_answers_status_and_headers_are_in_the_result(told):
    result = do(told, "answer('grüße', status_code=201, headers={'X-A': ['1', '2']})", headers={"X-B": "3"})
    assert (result.status, result.status_code, result.body) == ("success", 201, "grüße".encode())
    assert result.headers == {"X-A": "1, 2"}
    failed = do(told, "answer('no', status_code=500)")
    assert (failed.status, failed.error, failed.body) == ("error", "answered 500 Internal Server Error", b"no")
    assert failed.container_id == result.container_id


def test_the_request_says_who_asks_for_what_and_until_when(told):
    before = datetime.now(UTC)
    code = "answer(json.dumps({**request, 'body': ''}))"
    task = told.submit("told", code.encode(), headers={"X-B": "3"}, method="PUT", url="/r/app/told?x=1", timeout_s=5.0)
    request = json.loads(task.result(PATIENCE_S).body)
    assert request["call_id"] == task.id
    assert timedelta(seconds=3) < datetime.fromisoformat(request["deadline"]) - before < timedelta(seconds=8)
    assert request["protocol"] == {
        "type": "http",
        "method": "PUT",
        "request_url": "/r/app/told?x=1",
        "headers": {"X-B": ["3"]},
    }


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("write('DEBUG: here I am\\n')", "not an answer in its format: stdout is not a JSON object: found b'DEBUG"),
        ("write('{debug: here')", "not an answer in its format: stdout is not a JSON object "),
        ("write(json.dumps({'body': 1}))", "not an answer in its format: the answer's body: found 1, allowed text"),
        ('write(\'{"body": "ha\'); os._exit(4)', "the container exited with code 4 in the middle of its answer"),
        ("os._exit(3)", "the container exited with code 3 before it answered"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the container was killed by SIGSEGV before it answered"),
    ],
)
def test_what_is_no_answer_tells_the_cause_at_once_and_the_next_call_gets_a_clean_container(told, code, cause):
    result = do(told, code)
    assert result.status == "error"
    assert result.error is not None
    assert result.error.startswith(cause)
    assert result.run_s < 8.0, "it was not the timeout that ended it"
    after = do(told, "answer('clean')")
    assert (after.status, after.body) == ("success", b"clean")
    assert after.container_id != result.container_id


@pytest.mark.parametrize("surplus", ["answer('of nobody')", "write('x')", "write('{')"])
def test_what_follows_an_answer_is_nobodys(told, surplus):
    code = f"write(json.dumps({{'body': 'mine'}}) + chr(10) + json.dumps({{'body': 'of nobody'}})); {surplus}"
    result = do(told, code)
    after = [do(told, f"answer('{n}')") for n in range(3)]
    assert (result.status, result.body) == ("success", b"mine")
    assert [(each.status, each.body) for each in after] == [("success", b"%d" % n) for n in range(3)]
    assert result.container_id not in {each.container_id for each in after}


def test_a_late_answer_never_reaches_another_task(told):
    late = do(told, "time.sleep(0.5); answer('late')", timeout_s=0.3)
    after = [do(told, f"answer('{n}')") for n in range(5)]
    assert late.status == "timeout"
    assert [each.body for each in after] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_blank_line_after_each_answer_is_fine(told):
    results = [do(told, f"answer('{n}'); write(chr(10))" if n % 2 else f"answer('{n}')") for n in range(6)]
    assert [each.body for each in results] == [b"%d" % n for n in range(6)]


def test_a_payload_that_is_no_text_is_refused_at_once_and_costs_no_container(told):
    before = do(told, "answer('1')")
    with pytest.raises(InvalidRequest, match=r"^payload: found bytes that are not UTF-8 at 0"):
        told.submit("told", b"\xff\xfe")
    assert do(told, "answer('2')").container_id == before.container_id


def test_a_large_answer_comes_back_whole(told):
    result = do(told, "answer('grüße ' * 200_000)")
    assert result.error is None
    assert result.body == "grüße ".encode() * 200_000
