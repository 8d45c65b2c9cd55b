"""`hotdash invoke` as its callers see it: what is on standard output and error, and the exit code.

Each test is one process of hotdash or few: they cost a third of a second each.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment, hotdash, shell
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, until, write_function

from hotdash.drivers.syscalls import reads_stdin

ECHO = (
    HTTP
    + r"""
for headers, body in requests():
    write(b"reading\n" + headers.get("x-one", "none").encode() + b" \xff\n", 2)
    write(b"HTTP/1.1 201 Created\r\nX-Served: yes\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
"""
)
BINARY = bytes(range(256)) * 300 + b"\n\n"


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of functions, one of which has a broken file: the others go on."""
    folder = tmp_path_factory.mktemp("cli") / "functions"
    write_function(folder / "echo-folder", ECHO, name="t/echo")
    write_function(folder / "told", DO_AS_TOLD, max_concurrency=4)
    write_function(folder / "tested", "print('hi')", format="default", tests=[{"out": "hi\n"}])
    write_function(folder / "missing", "", entrypoint=["no-such-program"])
    write_function(folder / "unbuildable", "", build=["echo the compiler says no; exit 9"])
    write_function(folder / "broken", "", memory=1, format="htttp")
    return folder


def invoke(functions: Path, *args: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return hotdash(functions, "invoke", str(functions), *args, stdin=stdin)


# the answer ----------------------------------------------------------------------------------------------------------


def test_a_files_bytes_come_back_exactly_and_stderr_is_the_functions(functions, tmp_path):
    (tmp_path / "payload").write_bytes(BINARY)
    done = invoke(functions, "echo", "--file", str(tmp_path / "payload"))
    assert (done.returncode, done.stdout) == (0, BINARY)
    assert done.stderr.decode().splitlines() == ["reading", "none \ufffd"]


def test_json_has_everything_about_the_result(functions):
    args = ("-H", "X-One: a: b", "-H", "X-Two:2", "--json", "--driver", "process")
    done = invoke(functions, "echo-folder", *args, stdin="grüße\n".encode())  # by its folder's name
    assert done.returncode == 0
    fields = json.loads(done.stdout)
    assert re.fullmatch("[0-9a-f]{24}", fields.pop("task_id"))
    assert re.fullmatch("c-[0-9a-f]{6}", fields.pop("container_id"))
    assert 0 < fields.pop("run_s") < PATIENCE_S
    assert 0 <= fields.pop("queued_s") < PATIENCE_S
    assert fields == {
        "function": "echo",
        "status": "success",
        "status_code": 201,
        "headers": {"X-Served": "yes", "Content-Length": "8"},
        "body": "grüße\n",
        "error": None,
        "stderr": ["reading", "a: b \ufffd"],
        "stderr_dropped": 0,
        "revision": 1,
    }


def test_data_goes_as_it_was_typed_though_it_is_no_utf8(functions):
    done = invoke(functions, "echo", "--json", "-d", b"\xff\xfe", stdin=b"not this")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["body_base64"] == "//4="


def test_stderr_lines_come_while_the_call_runs(functions):
    code = """
folder = os.environ["TMPDIR"]
write(folder.encode() + b"\\n", 2)
while not os.path.exists(folder + "/go"): time.sleep(0.005)
answer(b"done")
"""
    process = subprocess.Popen(
        [sys.executable, "-m", "hotdash", "invoke", str(functions), "told", "-d", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(functions),
        cwd=functions.parent,
    )
    try:
        folder = process.stderr.readline().decode().strip()
        assert process.poll() is None
        with open(f"{folder}/go", "w"):  # noqa: PTH123
            pass
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (0, b"done", b"")


def test_a_standard_input_that_does_not_wait_is_read_to_its_end(functions):
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    command = [sys.executable, "-m", "hotdash", "invoke", str(functions), "echo"]
    process = subprocess.Popen(
        command, stdin=reading, stdout=subprocess.PIPE, env=environment(functions), cwd=functions.parent
    )
    os.close(reading)
    os.write(writing, b"one, ")
    until(lambda: select_waits(process.pid), "its wait for more")
    os.write(writing, b"two")
    os.close(writing)
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (0, b"one, two")


def select_waits(pid: int) -> bool:
    """Whether it is in select, pselect6 or poll, by its number on x86-64 or arm64."""
    try:
        number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    except OSError:
        return False
    return number in {"23", "270", "7", "72", "73"}


def test_the_dashboard_is_not_drawn_into_a_file(functions):
    """Textual draws on standard error."""
    master, slave = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hotdash", str(functions)],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
            env=environment(functions),
        )
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 2
    assert done.stderr.startswith(b"hotdash: the dashboard needs a terminal")


def test_a_line_with_the_tasks_id_is_printed_though_it_comes_after_the_answer(functions):
    code = """
import atexit
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the end of stdin ends it, too, and well
atexit.register(write, headers["task-id"].encode() + b" is late\\n", 2)
answer(b"done")
"""
    done = invoke(functions, "told", "-d", code)
    assert (done.returncode, done.stdout) == (0, b"done")
    assert re.fullmatch(rb"[0-9a-f]{24} is late\n", done.stderr)


def test_a_terminal_is_shown_no_escape_sequences_but_a_pipe_gets_them(functions):
    code = r"write(b'\x1b]52;c;ZXZpbA==\x07\x1b[31mred\n', 2); os._exit(3)"
    master, slave = os.openpty()
    seen = b""
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "hotdash", "invoke", str(functions), "told", "-d", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=slave,
            env=environment(functions),
            cwd=functions.parent,
        )
        os.close(slave)
        try:
            while b"code 3" not in seen:
                seen += os.read(master, 4096)
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(master)
    assert b"red" in seen
    assert b"\x1b" not in seen
    assert b"\x07" not in seen
    assert b"\x1b[31mred\n" in invoke(functions, "told", "-d", code).stderr


# exit codes ----------------------------------------------------------------------------------------------------------


def test_1_the_function_failed(functions):
    done = invoke(functions, "told", "-d", "write(b'why\\n', 2); answer(b'no luck\\n', '500 Internal Server Error')")
    assert (done.returncode, done.stdout) == (1, b"no luck\n")
    first, *rest = done.stderr.decode().splitlines()
    assert first == "why"
    assert len(rest) == 1
    assert rest[0].startswith("hotdash: told: error: ")
    assert "500" in rest[0]
    done = invoke(functions, "told", "-d", "os._exit(3)", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == "the container exited with code 3 before it answered"


def test_1_the_build_failed_and_its_words_are_told(functions):
    done = invoke(functions, "unbuildable", "-d", "")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"exited with code 9" in done.stderr
    assert b"the compiler says no" in done.stderr


def test_2_an_unknown_function_and_the_names_there_are(functions):
    done = invoke(functions, "ech", "-d", "")
    assert (done.returncode, done.stdout) == (2, b"")
    last = done.stderr.decode().splitlines()[-1]
    assert "'ech'" in last
    for name in ("echo", "told", "missing", "unbuildable"):
        assert name in last


def test_2_a_broken_function_file_and_all_its_faults(functions):
    done = invoke(functions, "broken", "-d", "")
    assert (done.returncode, done.stdout) == (2, b"")
    faults = re.findall(r"^hotdash: (\S+):(\d+): (\S+): found (.+), allowed (.+)$", done.stderr.decode(), re.MULTILINE)
    file = str(functions / "broken/func.yaml")
    assert [fault[:3] for fault in faults] == [(file, "2", "format"), (file, "4", "memory")]
    assert "htttp" in faults[0][3]
    assert "http" in faults[0][4]


def test_3_no_docker_driver_in_one_sentence(functions):
    done = invoke(functions, "echo", "-d", "", "--driver", "docker")
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.startswith(b"hotdash: ")
    assert done.stderr.count(b"\n") == 1
    assert b"process" in done.stderr


def test_3_the_functions_program_is_not_installed(functions):
    done = invoke(functions, "missing", "-d", "")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no-such-program is not installed" in done.stderr


def test_124_a_timeout(functions):
    done = invoke(functions, "told", "-d", "write(b'began\\n', 2); time.sleep(1000)", "--timeout", "0.7")
    assert (done.returncode, done.stdout) == (124, b"")
    assert re.fullmatch(rb"began\nhotdash: told: timeout: the caller's timeout of 0.7 s [^\n]*\n", done.stderr)


def test_130_ctrl_c_while_it_reads_its_input(functions):
    """(During a call: see `test_nothing_left`.)"""
    process = subprocess.Popen(
        [sys.executable, "-m", "hotdash", "invoke", str(functions), "echo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(functions),
        cwd=functions.parent,
    )
    try:
        until(lambda: reads_stdin(process.pid), "the wait for its input")
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)
        out, err = process.stdout.read(), process.stderr.read()
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (130, b"", b"hotdash: interrupted\n")


# standard output that takes nothing ----------------------------------------------------------------------------------

WAYS_OUT = pytest.mark.parametrize(
    ("to", "why"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")], ids=["full", "closed"]
)


@WAYS_OUT
@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("invoke {} told -d 'answer(b\"hi\")'", "the answer"),
        ("invoke {} told -d 'answer(b\"hi\")' --json", "the result"),
        ("invoke {} told -d 'answer(b\"hi\")' --count 2", "the summary"),
        ("test {}/tested", "the outcome of the tests"),
        ("doctor", "the report"),
        ("init made-$$", "the names of the new files"),
    ],
    ids=["answer", "json", "count", "test", "doctor", "init"],
)
def test_1_standard_output_takes_nothing(functions, to: str, why: str, command: str, what: str):
    done = shell(functions, f"hotdash {command.format(functions)} {to}")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"hotdash: {what} cannot be written to standard output: {why}\n"


def test_an_empty_answer_needs_no_standard_output(functions):
    done = shell(functions, f"hotdash invoke {functions} told -d 'answer(b\"\")' >&-")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_standard_error_costs_no_answer(functions):
    done = shell(functions, f"hotdash invoke {functions} told -d 'answer(b\"hi\")' 2>&-")
    assert (done.returncode, done.stdout) == (0, b"hi")


def test_1_why_the_function_failed_is_told_though_its_answer_cannot_be_written(functions):
    code = 'answer(b"no luck", "500 Internal Server Error")'
    done = shell(functions, f"hotdash invoke {functions} told -d '{code}' >/dev/full")
    unwritten, failed = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert unwritten.startswith("hotdash: the answer cannot be written")
    assert failed.startswith("hotdash: told: error: ")


# many calls ----------------------------------------------------------------------------------------------------------


def test_count_and_concurrency_end_in_a_summary(functions):
    args = ("told", "--count", "40", "--concurrency", "4", "-d")
    done = invoke(functions, *args, "time.sleep(0.002); answer(b'not shown')", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    fields = json.loads(done.stdout)
    assert (fields["calls"], fields["concurrency"], fields["status"]) == (40, 4, {"success": 40})
    assert 1 <= fields["containers"] <= 4
    assert fields["errors"] == {}
    assert 0 < fields["run_s"]["p50"] <= fields["run_s"]["p90"] <= fields["run_s"]["p99"] <= fields["run_s"]["max"]
    done = invoke(functions, *args, "os._exit(3) if int(headers['task-id'], 16) % 2 else answer(b'')")
    assert done.returncode == 1
    text = done.stdout.decode()
    assert text.startswith("40 calls, 4 at once, on ")
    assert re.search(r"success \d+", text)
    assert re.search(r"error \d+", text)
    assert "of: the container exited with code 3 before it answered" in text


# usage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("-H", "no colon"), "'no colon'"),
        (("-d", "x", "--file", "y"), "--data and --file"),
        (("--file", "/no/such/file"), "/no/such/file: No such file or directory"),
        (("-d", "", "--timeout", "-1"), "-1"),
        (("-d", "", "-H", "Bad Name: x"), "Bad Name"),
        (("--count", "0"), "--count"),
        (("--no-such-option",), "--no-such-option"),
    ],
)
def test_2_wrong_usage_is_told(functions, args: tuple[str, ...], words: str):
    done = invoke(functions, "echo", *args)
    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


@pytest.mark.parametrize("how", ["</dev/zero", "--file /dev/zero"])
def test_2_a_payload_without_end_is_read_no_further_than_its_limit(functions, how: str):
    done = shell(functions, f"ulimit -v 2000000; hotdash invoke {functions} echo {how}")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"hotdash: payload: found more than 8388608 bytes, allowed at most 8388608 (8 MiB)\n"


def test_a_payload_of_8_mib_is_none_too_large(functions):
    payload = bytes(8 * 2**20)
    assert invoke(functions, "echo", stdin=payload).stdout == payload


def test_2_standard_input_that_cannot_be_read(functions):
    done = shell(functions, f"hotdash invoke {functions} echo 0>/dev/null")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"hotdash: standard input cannot be read: Bad file descriptor\n"


def test_2_a_folder_that_is_not_there(functions):
    done = hotdash(functions, "invoke", "/no/such/folder", "echo", "-d", "")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"/no/such/folder: found no such folder, allowed a folder of functions" in done.stderr


def test_2_the_dashboard_without_a_terminal_says_what_to_do_instead(functions):
    for args in ((str(functions),), ("dashboard", str(functions))):
        done = hotdash(functions, *args)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.count(b"\n") == 1
        assert b"hotdash invoke" in done.stderr
    done = hotdash(functions, "/no/such/folder")
    assert done.returncode == 2
    assert b"/no/such/folder: found no such folder" in done.stderr


def test_a_reader_that_has_enough_is_no_fault(functions):
    process = subprocess.Popen(
        [sys.executable, "-m", "hotdash", "invoke", str(functions), "told", "-d", "answer(bytes(4_000_000))"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(functions),
        cwd=functions.parent,
    )
    process.stdout.read(10)
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    until(lambda: process.poll() is not None, "the end")
    assert b"Traceback" not in err
    assert b"Exception" not in err


def test_a_functions_own_name_goes_before_anothers_folder(tmp_path, functions):
    write_function(tmp_path / "b", "print('of folder b')", name="t/a", format="default")
    write_function(tmp_path / "c", "print('named b')", name="t/b", format="default")
    done = hotdash(functions, "invoke", str(tmp_path), "b", "-d", "")
    assert done.stdout == b"named b\n"


def test_help_and_version_name_the_contract(functions):
    done = hotdash(functions, "invoke", "--help")
    assert done.returncode == 0
    for option in (
        b"--data",
        b"--file",
        b"--header",
        b"--timeout",
        b"--count",
        b"--concurrency",
        b"--json",
        b"--driver",
    ):
        assert option in done.stdout
    done = hotdash(functions, "--help")
    assert b"[DIR]" in done.stdout
    assert hotdash(functions, "--version").stdout.startswith(b"hotdash, version ")


def test_memory_is_a_budget(functions):
    done = invoke(functions, "told", "--memory", "100", "-d", "answer(b'here')")
    assert done.returncode == 1
    assert b"no memory: needs 128 MB, and there are 100 MB in all (see --memory)" in done.stderr
    assert invoke(functions, "told", "--memory", "128", "-d", "answer(b'here')").stdout == b"here"
    assert invoke(functions, "told", "--memory", "5", "-d", "").returncode == 2
