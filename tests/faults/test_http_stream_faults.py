"""A function on `http-stream`, on both drivers: what it is told, and what goes wrong (M1 to M5, M14)."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from docker_parts import docker_runtime
from real_tools import PATIENCE_S, real_runtime, until, write_function

import hotdash
from hotdash.drivers.listening import MAX_PATH_BYTES, SOCKET, unfit_path
from hotdash.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

# The start of a function that listens where it is to. The payload is Python: it answers, or does not.
TOLD = r"""
import json, os, signal, socket, sys, threading, time

PATH = os.environ["FN_LISTENER"].removeprefix("unix:")
listener = socket.socket(socket.AF_UNIX)

def listen(path=PATH):
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()

def frame(body, head="200 OK"):
    body = body.encode()
    return f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

def take(connection):
    stream = connection.makefile("rb")
    line = stream.readline().decode()
    headers = {}
    while text := stream.readline().decode("latin-1").strip():
        name, _, value = text.partition(": ")
        headers[name] = value
    write = connection.sendall
    answer = lambda *args: write(frame(*args))
    if line:  # else it was only looked whether somebody listens
        exec(stream.read(int(headers["Content-Length"])), globals() | locals())

def serve():
    while True:
        threading.Thread(target=take, args=(listener.accept()[0],), daemon=True).start()
"""
SERVES = TOLD + "\nlisten()\nserve()\n"


class Yard:
    """A runtime, and the functions of a module's tests in it."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self.runtime = runtime
        self._folder = folder
        self.is_docker = runtime.driver.name == "docker"

    def deploy(self, name: str, code: str, **keys: object) -> None:
        given = {"format": "http-stream", "entrypoint": ["python3", "func.py"], **keys}
        self.runtime.deploy(hotdash.load_functions(write_function(self._folder / name, code, **given))[0])

    def lives(self, result: TaskResult) -> bool:
        """Whether the container that gave it may still serve."""
        containers = self.runtime.snapshot().functions[result.function].containers
        return any(container.id == result.container_id for container in containers)

    def do(self, code: str, *, name: str = "told", **keys: object) -> TaskResult:
        return self.runtime.submit(name, code.encode(), **keys).result(PATIENCE_S)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=[real_runtime, docker_runtime], ids=["process", "docker"])
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """On each driver, with the function `told`. At the end no folder of a socket is left: both runtimes look."""
    folder = tmp_path_factory.mktemp("s")  # a socket's path must be short
    with request.param(folder) as runtime:
        yard = Yard(runtime, folder)
        yard.deploy("told", SERVES, timeout=10)
        yield yard


def test_the_request_says_who_asks_for_what_and_until_when(yard):
    before = datetime.now(UTC)
    code = "answer(json.dumps([line, headers, {key: os.environ[key] for key in os.environ if key.startswith('FN_')}]))"
    task = yard.runtime.submit(
        "told", code.encode(), headers={"X-B": "3"}, method="PUT", url="/r/app/told?x=1", timeout_s=5.0
    )
    line, headers, environment = json.loads(task.result(PATIENCE_S).body)
    assert line == "POST /call HTTP/1.1\r\n"
    assert headers["Fn-Call-Id"] == task.id
    assert (headers["Fn-Http-Method"], headers["Fn-Http-Request-Url"]) == ("PUT", "/r/app/told?x=1")
    assert (headers["Fn-Http-H-X-B"], headers["Fn-Intent"]) == ("3", "httprequest")
    assert timedelta(seconds=3) < datetime.fromisoformat(headers["Fn-Deadline"]) - before < timedelta(seconds=8)
    assert environment["FN_FORMAT"] == "http-stream"
    assert environment["FN_FN_NAME"] == "told"
    if yard.is_docker:
        assert environment["FN_LISTENER"] == "unix:/tmp/iofs/lsnr.sock"


def test_calls_share_a_container_and_what_is_printed_is_log_wherever_to(yard):
    code = "print('to stdout', flush=True); print('to stderr', file=sys.stderr, flush=True); answer('{}')"
    results = [yard.do(code.replace("{}", str(n))) for n in range(5)]
    assert [(each.status, each.body) for each in results] == [("success", b"%d" % n) for n in range(5)]
    assert len({each.container_id for each in results}) == 1
    if not yard.is_docker:  # there an engine under load may be late with lines
        assert [each.stderr for each in results] == [["to stdout", "to stderr"]] * 5


@pytest.mark.parametrize("end", ["", "connection.shutdown(socket.SHUT_RDWR)", "connection.close()"])
def test_a_function_may_close_the_connection_after_its_answer(yard, end: str):
    results = [yard.do(f"answer('{n}'); {end}") for n in range(4)]
    assert [each.body for each in results] == [b"0", b"1", b"2", b"3"]
    assert len({each.container_id for each in results}) == 1


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("os._exit(3)", "the container exited with code 3 before it answered"),
        ("write(b'HTTP/1.1 200 OK\\r\\nConte'); os._exit(4)", "the container exited with code 4 in the middle of its"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the container was killed by SIGSEGV before it answered"),
        ("write(b'hello')", "not an answer in its format: stdout is not an HTTP/1.1 answer: found b'hello'"),
        ("answer('x', '200 OK\\r\\nFn-Http-Status: 1')", "not an answer in its format: the answer's Fn-Http-Status"),
        ("connection.shutdown(socket.SHUT_RDWR)", "the container closed its socket before it answered, and still runs"),
    ],
)
def test_the_cause_is_told_at_once_and_the_next_call_gets_a_clean_container(yard, code: str, cause: str):
    result = yard.do(code)
    assert result.status == "error"
    assert result.error is not None
    assert result.error.startswith(cause)
    assert result.run_s < 8.0, "it was not the timeout that ended it"
    after = yard.do("answer('clean')")
    assert (after.status, after.body) == ("success", b"clean")
    assert after.container_id != result.container_id


def test_a_late_answer_and_what_follows_one_are_nobodys(yard):
    late = yard.do("time.sleep(0.5); answer('late')", timeout_s=0.3)
    more = yard.do("write(frame('mine') + frame('of nobody'))")
    after = [yard.do(f"answer('{n}')") for n in range(5)]
    assert (late.status, more.body) == ("timeout", b"mine")
    assert [each.body for each in after] == [b"0", b"1", b"2", b"3", b"4"]
    assert not {late.container_id, more.container_id} & {each.container_id for each in after}


def test_a_task_can_be_cancelled_while_it_runs(yard):
    task = yard.runtime.submit("told", b"time.sleep(1000)")
    until(lambda: yard.runtime.snapshot().functions["told"].running, "the task's start")
    assert task.cancel()
    assert task.result(PATIENCE_S).status == "cancelled"
    assert yard.do("answer('clean')").body == b"clean"


def test_one_that_died_while_idle_is_seen_and_the_next_call_starts_another(yard):
    dying = yard.do("answer('x'); threading.Timer(0.05, os._exit, (7,)).start()")
    until(lambda: not yard.lives(dying), "the end of the container")
    after = yard.do("answer('y')")
    assert (dying.status, after.status) == ("success", "success")
    assert after.container_id != dying.container_id


def test_large_payloads_and_answers_go_through_whole(yard):
    payload = b"body = 'grue ' * 400_000; answer(body)  #" + b"x" * 3_000_000
    result = yard.runtime.submit("told", payload).result(PATIENCE_S)
    assert result.error is None
    assert result.body == b"grue " * 400_000


def test_one_that_ends_before_it_listens_is_a_failed_start_with_its_cause(yard):
    yard.deploy("broken", "import sys; print('no config', file=sys.stderr); sys.exit(4)")
    result = yard.do("", name="broken")
    assert result.status == "error"
    assert result.error is not None
    assert "the container exited with code 4 before it listened on its socket" in result.error
    assert "no config" in result.error


@pytest.mark.parametrize(
    "code",
    [
        "time.sleep(1000)",
        "listener.bind(PATH); time.sleep(1000)",
        "open(PATH, 'w').close(); time.sleep(1000)",
    ],
    ids=["nothing there", "nobody accepts", "a plain file"],
)
def test_one_that_never_listens_fails_after_init_timeout(yard, code: str):
    yard.deploy("deaf", TOLD + code, init_timeout=0.3)
    result = yard.do("", name="deaf")
    assert result.error is not None
    assert "nothing listened on its socket within init_timeout of 0.3 s" in result.error
    yard.runtime.undeploy("deaf")


def test_a_link_beside_the_socket_is_followed_as_fdks_make_it(yard):
    yard.deploy("linked", TOLD + "listen(PATH + '.tmp')\nos.symlink(os.path.basename(PATH) + '.tmp', PATH)\nserve()\n")
    assert yard.do("answer('x')", name="linked").body == b"x"


def test_a_link_out_of_the_folder_is_never_followed(tmp_path_factory):
    """Else a container could make hotdash talk to any socket of this machine."""
    folder = tmp_path_factory.mktemp("s")
    elsewhere = folder / "elsewhere.sock"
    calls = []
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(elsewhere))
        other.listen()
        other.settimeout(0.05)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    calls.append(other.accept()[0].close())

        listening = threading.Thread(target=accept)
        with real_runtime(folder) as runtime:
            listening.start()
            yard = Yard(runtime, folder)
            code = TOLD + f"os.symlink({str(elsewhere)!r}, PATH)\ntime.sleep(1000)"
            yard.deploy("liar", code, init_timeout=0.5)
            result = yard.do("", name="liar")
            over.set()
            listening.join()
    assert result.error is not None
    assert "nothing listened on its socket" in result.error
    assert calls == []


def test_a_new_revision_goes_live_once_it_listens_and_one_that_does_not_never_does(yard):
    yard.deploy("changing", SERVES)
    assert yard.do("answer('x')", name="changing").revision == 1
    with pytest.raises(StartError, match=r"nothing listened on its socket within init_timeout of 0\.3 s"):
        yard.deploy("changing", TOLD + "time.sleep(1000)", init_timeout=0.3)
    assert yard.do("answer('x')", name="changing").revision == 1
    yard.deploy("changing", TOLD + "time.sleep(0.3)\nlisten()\nserve()\n")
    result = yard.do("answer('x')", name="changing")
    assert (result.revision, result.body) == (2, b"x")


def test_a_path_that_is_too_long_is_told_with_the_remedy(tmp_path):
    folder = tmp_path / ("x" * (MAX_PATH_BYTES - len(os.fsencode(tmp_path)) - len(SOCKET) - 2))
    assert unfit_path(folder) == ""
    assert "set TMPDIR to a shorter folder" in unfit_path(folder / "y")
