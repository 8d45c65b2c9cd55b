"""`hotdash test` as its callers see it: what it prints of tests that pass, fail and cannot run, and the exit code."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment, hotdash
from real_tools import HTTP, PATIENCE_S, write_function

from hotdash.differences import difference

if TYPE_CHECKING:
    from pathlib import Path

# Answers the payload in capitals, with what the environment and the headers say; a payload may also ask for trouble.
FUNCTION = (
    HTTP
    + r"""
for headers, body in requests():
    if body == b"exit":
        write(b"no more\n", 2)
        os._exit(3)
    if body == b"hang":
        time.sleep(1000)
    if body == b"log":
        write(b"one\ntwo\n", 2)
    told = os.environ.get("WHO", "nobody") + " " + headers.get("who", "none")
    text = body.upper() + b"|" + told.encode() + b"\n"
    answer(b"\xff\0" if body == b"bytes" else text, "500 No" if body == b"no" else "200 OK")
"""
)


def run(functions: Path, *args: str) -> tuple[int, list[str], str]:
    """The exit code, the lines on standard output without their times, and what is on standard error."""
    done = hotdash(functions, "test", str(functions), *args, "--driver", "process")
    assert b"Traceback" not in done.stderr
    return done.returncode, re.sub(r"\(\d+ ms\)", "(N ms)", done.stdout.decode()).splitlines(), done.stderr.decode()


def functions_of(folder: Path, **functions: dict[str, object]) -> Path:
    for name, keys in functions.items():
        write_function(folder / "functions" / name, FUNCTION, **keys)
    return folder / "functions"


def test_tests_that_pass_are_told_one_by_one(tmp_path):
    tests = [
        {"name": "plain", "in": "a", "out": "A|nobody none\n"},
        {"name": "with variables", "in": "a", "out": "A|ada ada\n", "env": {"WHO": "ada", "NOT A HEADER": "x"}},
        {"in": "log", "out": "LOG|nobody none\n", "err": "one\ntwo\n"},
        {"name": "only that it succeeds", "in": "bytes"},
    ]
    code, lines, errors = run(functions_of(tmp_path, upper={"tests": tests}, zero={}))
    assert lines == [
        "upper",
        "  passed  plain  (N ms)",
        "  passed  with variables  (N ms)",
        "  passed  test 3  (N ms)",
        "  passed  only that it succeeds  (N ms)",
        "zero: no tests",
        "4 passed, 0 failed, on the process driver",
    ]
    assert (code, errors) == (0, "")


def test_what_differs_is_told_and_the_others_go_on(tmp_path):
    tests = [
        {"name": "out", "in": "a", "out": "A|nobody none"},
        {"name": "err", "in": "log", "err": "one\n"},
        {"name": "a status of 500 is no success", "in": "no", "out": "NO|nobody none\n"},
        {"name": "it ends", "in": "exit"},
        {"name": "it hangs", "in": "hang"},
        {"name": "not text", "in": "bytes", "out": "text"},
        {"name": "fine", "in": "a", "out": "A|nobody none\n"},
    ]
    functions = functions_of(tmp_path, upper={"tests": tests, "timeout": 1}, another={"tests": [{"in": "a"}]})
    code, lines, errors = run(functions)
    assert lines == [
        "another",
        "  passed  test 1  (N ms)",
        "upper",
        "  FAILED  out",
        '          out: expected "A|nobody none"',
        '               found    "A|nobody none\\n"',
        "  FAILED  err",
        "          err: - expected, + found",
        "             one",
        "            +two",
        "  FAILED  a status of 500 is no success",
        "          error: answered 500 No",
        "  FAILED  it ends",
        "          error: the container exited with code 3 before it answered; its last stderr: no more",
        "          stderr:",
        "            no more",
        "  FAILED  it hangs",
        "          timeout: no answer within the function's timeout of 1 s",
        "  FAILED  not text",
        '          out: expected "text"',
        "               found    2 bytes that are no text: b'\\xff\\x00'",
        "  passed  fine  (N ms)",
        "2 passed, 6 failed, on the process driver",
    ]
    assert (code, errors) == (1, "")


def test_one_function_alone_by_its_key_or_its_folder(tmp_path):
    functions = functions_of(tmp_path, one={"name": "t/first", "tests": [{"in": "a"}]}, two={"tests": [{"in": "exit"}]})
    for name in ("first", "one"):
        code, lines, _ = run(functions, name)
        assert (code, lines[0], lines[-1]) == (0, "first", "1 passed, 0 failed, on the process driver")
    assert run(functions, "two")[0] == 1
    code, lines, errors = run(functions, "three")
    assert (code, lines) == (2, [])
    assert "no function 'three'; there is first, two" in errors


def test_one_that_cannot_be_built_or_started_has_failed_all_its_tests(tmp_path):
    tests = [{"in": "a"}, {"in": "b"}]
    functions = functions_of(
        tmp_path,
        unbuildable={"tests": tests, "build": ["echo the compiler says no; exit 9"]},
        fine={"tests": tests},
    )
    code, lines, _ = run(functions)
    assert code == 1
    assert lines[:4] == ["fine", "  passed  test 1  (N ms)", "  passed  test 2  (N ms)", "unbuildable"]
    assert lines[4].startswith("  FAILED  unbuildable: ")
    assert "          the compiler says no" in lines
    assert lines[-1] == "2 passed, 2 failed, on the process driver"


def test_one_that_cannot_run_here_is_told_and_the_others_go_on(tmp_path):
    functions = functions_of(tmp_path, fine={"tests": [{"in": "a"}]})
    other = functions / "other"
    other.mkdir()
    (other / "func.yaml").write_text("image: busybox\ntests:\n- in: a\n")
    code, lines, _ = run(functions)
    assert code == 3
    assert lines[-2].startswith("  not run: other runs the image busybox: run it with --driver docker")
    assert lines[-1] == "1 passed, 0 failed, 1 function not run, on the process driver"


def test_a_broken_file_is_told_and_the_others_are_tested(tmp_path):
    functions = functions_of(tmp_path, broken={"memory": 1}, fine={"tests": [{"in": "a"}]})
    code, lines, errors = run(functions)
    assert code == 2
    assert lines[-1] == "1 passed, 0 failed, on the process driver"
    assert re.search(r"func.yaml:\d+: memory: found 1, allowed", errors)


def test_without_functions_it_says_how_to_make_one(tmp_path):
    (tmp_path / "functions").mkdir()
    code, lines, errors = run(tmp_path / "functions")
    assert (code, lines) == (2, [])
    assert "hotdash init NAME" in errors


def test_ctrl_c_ends_it_with_130(tmp_path):
    functions = functions_of(tmp_path, upper={"tests": [{"in": "a"}, {"in": "hang"}]})
    process = subprocess.Popen(
        [sys.executable, "-m", "hotdash", "test", str(functions), "--driver", "process"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(functions),
    )
    assert process.stdout is not None
    while b"passed" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (130, b"hotdash: interrupted\n")


@pytest.mark.parametrize(
    ("expected", "found", "lines"),
    [
        ("", b"", ['out: expected ""', '     found    ""']),
        ("a\tb", b"a \x1b[31m", ['out: expected "a\\tb"', '     found    "a \\u001b[31m"']),
        ("x" * 101, b"\xff" * 60, ["out: expected 101 characters", "     found    60 bytes that are no text: b'"]),
        ("a\nb\nc\n", b"a\nB\nc", ["out: - expected, + found", "   a", "  -b", "  +B", "   c"]),
        ("a\nb\nc\n", b"a\nB\nc", ["out: - expected, + found", "  +(no line feed at its end)"]),
        ("a\n" * 20, b"b\n" + b"a\n" * 18 + b"b\n", ["  -a", "  +b", "  …"]),
        ("[/x]\n\x1b]52;c\n", b"", ["out: - expected, + found", "  -[/x]"]),
    ],
)
def test_a_difference_shows_what_cannot_be_seen_and_nothing_that_a_terminal_obeys(expected, found, lines):
    told = difference("out", expected, found)
    assert all(any(line.startswith(wanted) for line in told) for wanted in lines), told
    assert all(line.isprintable() for line in told)


def test_a_long_difference_is_cut():
    told = difference("out", "".join(f"{n}\n" for n in range(200)), b"")
    assert len(told) == 62
    assert told[-1] == "  … 140 more lines"
