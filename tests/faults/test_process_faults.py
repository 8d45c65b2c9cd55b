"""What goes wrong in a real process: the task tells the true cause, and the next task gets a clean container."""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from typing import TYPE_CHECKING

import pytest
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, function, lives, pids_in, real_runtime, until

from hotdash.errors import InvalidRequest
from hotdash.functions.spec import Format

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

MIB = 2**20
PROMPT_S = 5.0  # far below any timeout, far above what a busy machine needs


class Told:
    """A deployed function that runs the payload as Python (`DO_AS_TOLD`), one task at a time."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self.runtime = runtime
        self.file = folder / "file"  # for functions to write into
        runtime.deploy(function(folder / "told", DO_AS_TOLD, config={"FILE": str(self.file)}))

    def do(self, code: str, *, timeout_s: float | None = None) -> TaskResult:
        return self.runtime.submit("told", code.encode(), timeout_s=timeout_s).result(PATIENCE_S)

    def is_gone(self, container_id: str) -> bool:
        return all(container.id != container_id for container in self.runtime.snapshot().functions["told"].containers)

    def assert_next_is_clean(self, after: TaskResult, *, same: bool = False) -> None:
        result = self.do("answer(b'clean')")
        assert (result.status, result.body, result.error) == ("success", b"clean", None)
        assert (result.container_id == after.container_id) is same


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with real_runtime(tmp_path) as runtime:
        yield Told(runtime, tmp_path)


# ends ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("os._exit(3)", "the container exited with code 3 before it answered"),
        ("sys.exit(0)", "the container exited with code 0 before it answered"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the container was killed by SIGSEGV before it answered"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "the container was killed by SIGKILL before it answered"),
        (
            "write(b'HTTP/1.1 200 OK\\r\\nContent-Le'); os._exit(4)",
            "the container exited with code 4 in the middle of its answer",
        ),
        (
            "write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhalf'); os.kill(os.getpid(), signal.SIGTERM)",
            "the container was killed by SIGTERM in the middle of its answer",
        ),
    ],
)
def test_a_crash_tells_how_it_ended_and_when(told, code: str, cause: str):
    began_s = time.monotonic()
    result = told.do(code)
    assert time.monotonic() - began_s < PROMPT_S
    assert (result.status, result.error, result.body, result.status_code) == ("error", cause, b"", None)
    told.assert_next_is_clean(result)


def test_a_crash_tells_the_last_lines_of_stderr(told):
    result = told.do("write(b'opening the file\\n', 2); open('/no/such/file')")
    assert result.error.startswith("the container exited with code 1 before it answered; its last stderr: ")
    assert result.error.endswith("FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file'")
    assert result.stderr[0] == "opening the file"
    assert result.stderr[-1].startswith("FileNotFoundError")
    told.assert_next_is_clean(result)


def test_one_that_dies_right_after_each_answer_harms_no_task(told):
    results = [told.do(f"answer(b'{i}'); os._exit(5)") for i in range(15)]
    assert [(result.status, result.body) for result in results] == [("success", b"%d" % i) for i in range(15)]
    assert len({result.container_id for result in results}) == 15


def test_a_killed_container_tells_who_did_it(told):
    task = told.runtime.submit("told", b"open(os.environ['FILE'], 'w').write(f'{os.getpid()}\\n'); time.sleep(1000)")
    until(lambda: pids_in(told.file), "the function's start")
    (container,) = told.runtime.snapshot().functions["told"].containers
    assert told.runtime.kill(container.id)
    result = task.result(PATIENCE_S)
    assert (result.status, result.error) == ("error", "the container was killed by the user")
    until(lambda: not lives(container.pid), "the end of the process")
    told.assert_next_is_clean(result)


# time ----------------------------------------------------------------------------------------------------------------


def test_a_timeout_ends_the_process_and_the_next_task_gets_another(told):
    result = told.do("open(os.environ['FILE'], 'w').write(f'{os.getpid()}\\n'); time.sleep(1000)", timeout_s=0.5)
    assert result.status == "timeout"
    assert "the caller's timeout of 0.5 s passed" in result.error
    (pid,) = pids_in(told.file)
    until(lambda: not lives(pid), "the end of the process")
    told.assert_next_is_clean(result)


def test_a_late_answer_never_reaches_another_task(tmp_path):
    """Answers that come around their deadlines: each task has its own answer, or none."""
    dice = random.Random(2)  # as good as any, and the same each time
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "told", DO_AS_TOLD, max_concurrency=2))
        tasks = [
            runtime.submit(
                "told", f"time.sleep({dice.uniform(0, 0.02)}); answer(b'own {i}')".encode(), timeout_s=0.05 + 0.012 * i
            )
            for i in range(30)
        ]
        results = [task.result(PATIENCE_S) for task in tasks]
        calm = [runtime.submit("told", b"answer(b'calm')").result(PATIENCE_S) for _ in range(3)]
    for i, result in enumerate(results):
        assert result.status in {"success", "timeout"}
        assert result.body == (b"own %d" % i if result.status == "success" else b"")
    assert [(result.status, result.body) for result in calm] == [("success", b"calm")] * 3


def test_cancel_queued_and_running(told):
    running = told.runtime.submit("told", b"open(os.environ['FILE'], 'a').write(f'{os.getpid()}\\n'); time.sleep(1000)")
    queued = told.runtime.submit("told", b"open(os.environ['FILE'], 'a').write('0\\n'); answer(b'')")
    until(lambda: pids_in(told.file), "the function's start")
    assert queued.cancel()
    result = queued.result(PATIENCE_S)
    assert (result.status, result.container_id, result.run_s) == ("cancelled", "", 0.0)
    assert result.error == "cancelled by its caller while it waited"
    assert not running.done()
    assert running.cancel()
    result = running.result(PATIENCE_S)
    assert (result.status, result.error) == ("cancelled", "cancelled by its caller while it ran")
    assert not running.cancel()
    (pid,) = pids_in(told.file)
    until(lambda: not lives(pid), "the end of the process")
    told.assert_next_is_clean(result)
    assert pids_in(told.file) == [pid], "the cancelled one never ran"


# stdout --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("surplus", ["frame(b'two')", "b'debug\\n'", "b'\\0'", "b'HTTP/1.1 100 Continue\\r\\n\\r\\n'"])
def test_what_follows_an_answer_in_the_same_write_is_nobodys(told, surplus: str):
    result = told.do(f"write(frame(b'one') + {surplus})")
    assert (result.status, result.body, result.error) == ("success", b"one", None)
    told.assert_next_is_clean(result)


def test_a_blank_line_after_an_answer_is_fine(told):
    result = told.do("write(frame(b'one') + b'\\r\\n')")
    assert result.body == b"one"
    told.assert_next_is_clean(result, same=True)


def test_junk_in_an_idle_container_reaches_no_task(told):
    code = "answer(b'one'); write(frame(b'not asked for')); open(os.environ['FILE'], 'w').write('0\\n')"
    result = told.do(code)
    assert result.body == b"one"
    # On a busy machine both come in one read: then the container is killed, perhaps before it gets to the file.
    until(lambda: pids_in(told.file) or told.is_gone(result.container_id), "the junk")
    told.assert_next_is_clean(result)


@pytest.mark.parametrize("junk", ["print('DEBUG: x', flush=True)", "write(b'DEBUG: x\\n' * 20_000)"])
def test_junk_before_the_answer_is_an_error_that_shows_it(told, junk: str):
    result = told.do(f"{junk}; answer(b'late')")
    assert result.status == "error"
    assert result.error.startswith("not an answer in its format: ")
    assert "DEBUG: x" in result.error
    assert result.body == b""
    told.assert_next_is_clean(result)


def test_junk_before_any_request_is_the_cause_until_it_is_mended(tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    code = DO_AS_TOLD.replace(
        "for headers", f"if os.path.exists({str(flag)!r}): print('HELLO', flush=True)\nfor headers"
    )
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "told", code))
        for _ in range(4):
            result = runtime.submit("told", b"answer(b'x')").result(PATIENCE_S)
            assert result.status == "error"
            assert "HELLO" in result.error
        flag.unlink()
        result = runtime.submit("told", b"answer(b'x')").result(PATIENCE_S)
        assert (result.status, result.body) == ("success", b"x")
        assert runtime.snapshot().functions["told"].state == "ready"


def test_a_closed_stdout_is_told(told):
    result = told.do("os.close(1); os._exit(7)")
    assert result.error == "the container exited with code 7 before it answered"
    result = told.do("os.close(1); time.sleep(1000)")
    assert result.status == "error"
    assert result.error == "the container closed its stdout before it answered, and still runs"
    told.assert_next_is_clean(result)


# size ----------------------------------------------------------------------------------------------------------------


def test_eight_mib_go_in_and_come_out_whole(tmp_path):
    code = HTTP + (
        "stdin = sys.stdin.buffer.raw\n"  # echoes what it has, before it has read all: neither side may wait
        "while head := stdin.read(1):\n"
        "    while not head.endswith(b'\\r\\n\\r\\n'): head += stdin.read(1)\n"
        "    left = int(head.lower().split(b'content-length:')[1].split(b'\\r\\n')[0])\n"
        "    write(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % left)\n"
        "    while left:\n"
        "        piece = stdin.read(min(left, 50_000))\n"
        "        left -= len(piece)\n"
        "        write(piece)\n"
    )
    payload = random.Random(8).randbytes(8 * MIB)
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "echo", code))
        for size in (8 * MIB, 0, 1, 8 * MIB):
            result = runtime.submit("echo", payload[:size]).result(PATIENCE_S)
            assert result.error is None
            assert hashlib.sha256(result.body).digest() == hashlib.sha256(payload[:size]).digest()
        with pytest.raises(InvalidRequest, match="8388609"):
            runtime.submit("echo", payload + b"x")


def test_one_that_never_reads_times_out_whatever_the_payload(tmp_path):
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "deaf", "import time; time.sleep(1000)", timeout_s=0.2))
        results = [runtime.submit("deaf", bytes(size)).result(PATIENCE_S) for size in (8 * MIB, 0)]
    assert [result.status for result in results] == ["timeout", "timeout"]
    assert results[0].error == "no answer within the function's timeout of 0.2 s"
    assert results[0].container_id != results[1].container_id


def test_one_that_ends_without_reading_does_not_start_and_that_is_told(tmp_path):
    file = tmp_path / "file"
    code = f"import os; open({str(file)!r}, 'a').write(f'{{os.getpid()}}\\n'); os._exit(3)"
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "deaf", code))
        result = runtime.submit("deaf", bytes(8 * MIB)).result(PATIENCE_S)
        assert result.status == "error"
        assert result.error.startswith("deaf does not start: 3 starts in a row failed; the last: ")
        assert "exited with code 3" in result.error
    assert len(pids_in(file)) == 3


def test_an_answer_before_all_was_read_stands_and_the_container_is_not_used_again(tmp_path):
    code = HTTP + (
        "while (line := sys.stdin.buffer.raw.read(1)):\n"
        "    while not line.endswith(b'\\n'): line += sys.stdin.buffer.raw.read(1)\n"
        "    answer(line.strip())\n"
        "    time.sleep(1000)\n"
    )
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "hasty", code))
        first = runtime.submit("hasty", bytes(8 * MIB), method="PUT").result(PATIENCE_S)
        second = runtime.submit("hasty", bytes(8 * MIB), method="POST").result(PATIENCE_S)
    assert [(result.status, result.body) for result in (first, second)] == [
        ("success", b"PUT / HTTP/1.1"),
        ("success", b"POST / HTTP/1.1"),
    ]
    assert first.container_id != second.container_id


# children ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_session", [False, True])
def test_a_child_that_keeps_the_pipes_open_delays_no_cause(tmp_path, own_session: bool):
    with real_runtime(tmp_path) as runtime:
        told = Told(runtime, tmp_path)
        began_s = time.monotonic()
        result = told.do(
            f"child = subprocess.Popen(['sleep', '1000'], start_new_session={own_session})\n"
            "open(os.environ['FILE'], 'w').write(f'{child.pid}\\n')\n"
            "write(b'last words\\n', 2)\n"
            "os._exit(3)"
        )
        assert time.monotonic() - began_s < PROMPT_S
        assert result.error == "the container exited with code 3 before it answered; its last stderr: last words"
        assert result.stderr == ["last words"]
        told.assert_next_is_clean(result)
        (pid,) = pids_in(told.file)
        if not own_session:
            until(lambda: not lives(pid), "the end of the child")
    until(lambda: not lives(pid), "the end of the child, at the latest with the runtime")


def test_a_cold_one_is_done_when_it_ends_whatever_its_child_holds(tmp_path):
    file = tmp_path / "file"
    with real_runtime(tmp_path) as runtime:
        spec = function(
            tmp_path / "cold",
            "",
            format=Format.DEFAULT,
            entrypoint=("/bin/sh", "-c", f"sleep 1000 & echo $! >{file}; cat"),
        )
        runtime.deploy(spec)
        began_s = time.monotonic()
        result = runtime.submit("cold", b"hello").result(PATIENCE_S)
        assert time.monotonic() - began_s < PROMPT_S
        assert (result.status, result.body, result.error) == ("success", b"hello", None)
        (pid,) = pids_in(file)
        until(lambda: not lives(pid), "the end of the child")


def test_cold_ones_tell_how_they_ended(tmp_path):
    with real_runtime(tmp_path) as runtime:
        entrypoint = ("/bin/sh", "-c", "echo so far; eval $(cat)")
        spec = function(tmp_path / "cold", "", format=Format.DEFAULT, entrypoint=entrypoint, timeout_s=20.0)
        runtime.deploy(spec)
        for code, cause in (
            (b"exit 3", "the container exited with code 3"),
            (b"kill -SEGV $$", "the container was killed by SIGSEGV"),
            (b"echo ouch >&2; exit 4", "the container exited with code 4; its last stderr: ouch"),
        ):
            result = runtime.submit("cold", code).result(PATIENCE_S)
            assert (result.status, result.error, result.body) == ("error", cause, b"so far\n")
        result = runtime.submit("cold", b"sleep 1000", timeout_s=0.3).result(PATIENCE_S)
        assert result.status == "timeout"
        assert runtime.submit("cold", b"echo fine").result(PATIENCE_S).body == b"so far\nfine\n"


# the end of the runtime ---------------------------------------------------------------------------------------------


def test_one_that_ignores_sigterm_and_the_end_of_stdin_cannot_hold_the_close_up(tmp_path):
    with real_runtime(tmp_path) as runtime:
        told = Told(runtime, tmp_path)
        # Its loop over requests is what the end of stdin would end; this task leaves a thread that keeps it alive.
        code = (
            "signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Thread(target=time.sleep, args=(1000,)).start()"
        )
        assert told.do(f"{code}; answer(str(os.getpid()).encode())").status == "success"
        (container,) = runtime.snapshot().functions["told"].containers
        began_s = time.monotonic()
        runtime.close(10.0)
        assert time.monotonic() - began_s < PROMPT_S
        assert not lives(container.pid)


def test_the_close_waits_for_what_runs_only_so_long(tmp_path):
    with real_runtime(tmp_path) as runtime:
        told = Told(runtime, tmp_path)
        hanging = runtime.submit("told", b"open(os.environ['FILE'], 'w').write('0\\n'); time.sleep(1000)")
        waiting = runtime.submit("told", b"answer(b'')")
        until(lambda: pids_in(told.file), "the function's start")
        began_s = time.monotonic()
        runtime.close(0.1)
        assert time.monotonic() - began_s < PROMPT_S
    assert "RuntimeClosed" in hanging.result(0).error
    assert (waiting.result(0).status, waiting.result(0).container_id) == ("cancelled", "")
    assert "RuntimeClosed" in waiting.result(0).error


# environment ---------------------------------------------------------------------------------------------------------


def test_nothing_of_hotdashs_environment_reaches_a_function_or_a_build(tmp_path, monkeypatch):
    monkeypatch.setenv("HOTDASH_TEST_SECRET", "s3cr3t")
    always = {"PATH", "HOME", "TMPDIR", "LANG"}
    config = {"LIMIT": "3", "GREETING": "hello = world"}
    say = "import json\nsay = lambda: json.dumps(dict(os.environ)).encode()\n"
    with real_runtime(tmp_path) as runtime:
        build = ("env > built.txt",)
        spec = function(
            tmp_path / "hot", say + DO_AS_TOLD.replace("import os,", "import os, json,"), config=config, build=build
        )
        runtime.deploy(spec)
        hot = json.loads(runtime.submit("hot", b"answer(say())").result(PATIENCE_S).body)
        built = runtime.submit("hot", b"answer(open('built.txt', 'rb').read())").result(PATIENCE_S).body
        cold_code = "import json, os; print(json.dumps(dict(os.environ)))"
        runtime.deploy(function(tmp_path / "cold", cold_code, format=Format.DEFAULT, config=config))
        result = runtime.submit("cold", b"", headers={"X-One": "1"}).result(PATIENCE_S)
        cold = json.loads(result.body)
    assert hot.keys() == always | config.keys()
    assert b"s3cr3t" not in built
    assert b"HOME=" in built
    assert cold.keys() == always | config.keys() | {"METHOD", "ROUTE", "REQUEST_URL", "HEADER_X_ONE", "TASK_ID"}
    assert cold["TASK_ID"] == result.task_id
    for environment in (hot, cold):
        assert {key: environment[key] for key in config} == config
        assert environment["PATH"] == os.environ["PATH"]
        assert "s3cr3t" not in "".join(environment.values())


def test_nothing_of_one_call_is_seen_by_the_next_cold_one(tmp_path):
    code = "import os, pathlib; home = pathlib.Path.home(); print(sorted(os.listdir(home))); (home / 'left').touch()"
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "cold", code, format=Format.DEFAULT))
        bodies = [runtime.submit("cold").result(PATIENCE_S).body for _ in range(2)]
    assert bodies == [b"[]\n", b"[]\n"]
