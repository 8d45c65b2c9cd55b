"""`hotdash serve` as its callers have it: JSON lines, calls over HTTP, deploys on save, and a good end."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from command_line import environment, hotdash, shell
from real_tools import DO_AS_TOLD, PATIENCE_S, lives, until, write_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ends = pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])


class Serving:
    """A `hotdash serve` that runs, and the lines it has printed."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def all(self, event: str, **fields: object) -> list[dict[str, Any]]:
        wanted = {"event": event, **fields}
        return [line for line in self.lines if wanted.items() <= line.items()]

    def wait(self, event: str, **fields: object) -> dict[str, Any]:
        until(lambda: self.all(event, **fields) or self.process.poll() is not None, f"the line {event} {fields}")
        return self.all(event, **fields)[0]

    def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        host, _, port = self.wait("Serving")["url"].removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE_S)
        try:
            connection.request(method, path, body)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code


@contextmanager
def serving(folder: Path, *args: str) -> Iterator[Serving]:
    with subprocess.Popen(
        [sys.executable, "-m", "hotdash", "serve", str(folder), "--http", "0", "--driver", "process", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(folder) | {"XDG_STATE_HOME": str(folder.parent / "state")},
    ) as process:
        served = Serving(process)
        try:
            yield served
        finally:
            if process.poll() is None:
                served.end()
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    write_function(tmp_path / "functions" / "told", DO_AS_TOLD)
    return tmp_path / "functions"


def test_it_serves_deploys_on_save_and_tells_all_as_json_lines(functions):
    with serving(functions) as served:
        first = served.wait("Serving")
        assert first["url"].startswith("http://127.0.0.1:")
        assert first["driver"] == "process"
        served.wait("RevisionLive", function="told", revision=1)
        code = b"write(headers['task-id'].encode() + b' here\\n', 2); answer(b'one', '201 Made')"
        assert served.ask("POST", "/r/functions/told", code) == (201, b"one")
        queued = served.wait("TaskQueued")
        assert queued["payload_bytes"] == len(code)
        task_id = queued["task_id"]
        assert served.wait("StderrLine", task_id=task_id)["text"] == f"{task_id} here"
        ended = served.wait("TaskEnded", task_id=task_id)
        assert (ended["status"], ended["status_code"], ended["body_bytes"], ended["error"]) == ("success", 201, 3, None)
        (functions / "told" / "func.py").write_text(DO_AS_TOLD + "\n# changed\n")
        served.wait("RevisionLive", function="told", revision=2)
        assert served.ask("POST", "/r/functions/told", b"answer(b'two')") == (200, b"two")
        assert served.end() == 0
        numbers = [line["seq"] for line in served.lines if "seq" in line]
        assert numbers == list(range(1, len(numbers) + 1)), "no event is missing"


def test_what_it_serves_is_there_as_soon_as_it_says_so(functions):
    with serving(functions) as served:
        assert served.ask("GET", "/health") == (200, b'{"status": "ok"}\n')
        assert served.ask("POST", "/r/functions/told", b"answer(b'first')") == (200, b"first")


@ends
def test_told_to_end_it_answers_what_runs_and_leaves_nothing(functions, tmp_path, number: int, code: int):
    go, pid = tmp_path / "go", tmp_path / "pid"
    wait = f"while not os.path.exists({str(go)!r}): time.sleep(0.01)"
    task = f"open({str(pid)!r}, 'w').write(str(os.getpid()))\n{wait}\nanswer(b'done')"
    answers = []
    with serving(functions) as served:
        served.wait("RevisionLive", function="told")
        call = threading.Thread(target=lambda: answers.append(served.ask("POST", "/r/functions/told", task.encode())))
        call.start()
        served.wait("TaskStarted")
        until(lambda: pid.exists() and pid.read_text(), "the function at work")
        children = [child.pid for child in psutil.Process(served.process.pid).children(recursive=True)]
        served.process.send_signal(number)
        until(lambda: served.ask("GET", "/health")[0] == 503, "the begin of its end")
        go.touch()
        call.join(PATIENCE_S)
        assert served.process.wait(PATIENCE_S) == code
    assert answers == [(200, b"done")]
    assert int(pid.read_text()) in children
    until(lambda: not any(map(lives, children)), "the end of all it started")


@ends
def test_told_to_end_while_it_waits_for_an_engine_it_ends_as_ever(functions, monkeypatch, number: int, code: int):
    with socket.socket(socket.AF_UNIX) as engine:
        place = functions.parent / "mute"
        engine.bind(str(place))
        engine.listen()
        engine.settimeout(PATIENCE_S)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{place}")
        with serving(functions, "--driver", "docker") as served:
            asking, _ = engine.accept()
            with asking:
                assert served.end(number) == code
        assert served.lines == []


def test_it_ends_where_nobody_reads_its_lines_any_more(functions):
    process = subprocess.Popen(
        [sys.executable, "-m", "hotdash", "serve", str(functions), "--http", "0", "--driver", "process"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(functions),
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 1
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def test_what_is_wrong_with_a_function_file_is_told_once(functions):
    write_function(functions / "broken", "", memory=1)
    with serving(functions) as served:
        assert "memory: found 1, allowed" in served.wait("Notice")["text"]
        served.wait("RevisionLive", function="told")
        (functions / "broken" / "func.yaml").write_text("memory: 2\n")
        until(lambda: len(served.all("Notice")) > 1, "the next notice")
        assert "memory: found 2, allowed" in served.all("Notice")[1]["text"]


def test_without_watching_a_save_changes_nothing(functions):
    with serving(functions, "--no-watch") as served:
        served.wait("RevisionLive", function="told", revision=1)
        (functions / "told" / "func.py").write_text(DO_AS_TOLD + "\n# changed\n")
        served.wait("ChangesWait", function="told", count=1)
        assert served.all("RevisionLive", revision=2) == []


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nowhere"], 2, "nowhere: found no such folder, allowed a folder of functions"),
        (["functions", "--http", "localhost"], 2, "--http: found 'localhost', allowed HOST:PORT"),
        (["functions", "--http", "no-such-host.invalid:80"], 1, "cannot listen on no-such-host.invalid:80"),
        (["functions", "--driver", "docker"], 3, "no Docker engine"),
    ],
)
def test_what_cannot_be_is_told_with_its_exit_code(functions, args: list[str], code: int, message: str):
    done = hotdash(functions, "serve", *args, *([] if "--driver" in args else ["--driver", "process"]))
    assert done.returncode == code
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(("to", "why"), [(">&-", "it is closed"), (">/dev/full", "No space left on device")])
def test_standard_output_that_takes_nothing_is_told_with_its_exit_code(functions, to: str, why: str):
    done = shell(functions, f"hotdash serve functions --driver process --http 0 {to}")
    assert done.returncode == 1
    assert f"hotdash: events cannot be written to standard output: {why}\n" in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_it_ends_where_standard_error_takes_nothing_either(functions):
    """A log on a disk that is full; it has no place for a word, but it has an exit code."""
    assert shell(functions, f"hotdash serve {functions} --http 0 >/dev/full 2>/dev/full").returncode == 1


def test_a_port_that_is_taken_is_told_with_its_exit_code(functions):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = hotdash(functions, "serve", "functions", "--driver", "process", "--http", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert b"(Address already in use): name another address with --http HOST:PORT" in done.stderr
