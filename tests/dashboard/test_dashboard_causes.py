"""The runtime's sentences in few words."""

from __future__ import annotations

import pytest
from dashboard_fake import Clock, Script

from hotdash import events as ev
from hotdash.dashboard.causes import cause_lines, row_cause, short_cause, short_why

DIED = "the container exited with code 1 before it answered"
TRACE = "Traceback (most recent call last): ⏎ SyntaxError: invalid syntax"


@pytest.mark.parametrize(
    ("told", "short"),
    [
        (
            f"the container exited with code 3 before it answered; its last stderr: {TRACE}",
            "SyntaxError: invalid syntax (exit code 3)",
        ),
        (f"{DIED}; its last stderr: bye ⏎ see you", "exit code 1: see you"),
        ("the container exited with code 3 before it answered", "exit code 3"),
        ("the container was killed by SIGSEGV in the middle of its answer", "SIGSEGV"),
        ("the container ran out of memory (used 140 MB of 128 MB) before it answered", "out of memory"),
        ("the container closed its stdout before it answered, and still runs", "closed its stdout"),
        ("the container was killed by the user", "killed"),
        ("not an answer in its format: found 'x', allowed HTTP/1.1", "not an answer"),
        ("cancelled by its caller while it waited", "cancelled by you"),
        ("cancelled by its caller while it ran", "cancelled by you"),
        ("no answer within the function's timeout of 30 s", "timeout of 30 s"),
        ("the caller's timeout of 0.5 s passed 0.1 s after dispatch", "caller's timeout of 0.5 s"),
        ("the function answered 500 Internal Server Error", "Internal Server Error"),
        ("answered 503 Service Unavailable", "Service Unavailable"),
        (f"greet does not start: 3 starts in a row failed; the last: {DIED}", "does not start: exit code 1"),
        ("greet cannot run: node is not installed", "node is not installed"),
        ("something else\nand more", "something else"),
        ("\x1b]52;c;aGk=\x07odd", "odd"),
        ("", ""),
    ],
)
def test_a_tasks_error_in_few_words(told: str, short: str) -> None:
    assert short_cause(told) == short


@pytest.mark.parametrize(
    ("told", "row"),
    [
        (
            f"greet: the new revision does not start: {DIED}; its last stderr: {TRACE}",
            "exited with code 1: SyntaxError: invalid syntax",
        ),
        (f"3 starts in a row failed; the last: {DIED}", "exited with code 1"),
        (
            f"3 starts in a row failed ({DIED}; its last stderr: a ⏎ b); trying again",
            "exited with code 1: b; trying again",
        ),
        (
            "greet: build command 1 of 2, `make`, exited with code 2: cc x.c\nx.c:1: error\n",
            "exited with code 2: x.c:1: error",
        ),
        ("the container was killed by SIGKILL while idle", "was killed by SIGKILL"),
        ("node is not installed\nget it", "node is not installed"),
    ],
)
def test_a_deploys_error_for_a_row(told: str, row: str) -> None:
    assert row_cause(told) == row


def test_a_cause_whole_has_a_line_for_each_that_it_quotes() -> None:
    assert cause_lines(f"{DIED}; its last stderr: {TRACE}") == [
        DIED,
        "its last stderr:",
        "│ Traceback (most recent call last):",
        "│ SyntaxError: invalid syntax",
    ]
    assert cause_lines("one\ntwo") == ["one", "two"]


def test_why_a_task_waits_tells_the_containers_first() -> None:
    script = Script(Clock())
    script.function("greet", max_concurrency=3)
    script.container("greet", "c-1", idle=False)
    script.queue("greet", "a")
    script.start("greet", "a", "c-1")
    script.feed(ev.ContainerStarting, "greet", container_id="c-2", revision=1, cold=False)
    script.feed(ev.ScalingDecided, "greet", reason="max_concurrency 3 reached: 1 busy, 2 starting")
    assert short_why(script.store.snapshot().functions["greet"]) == "1/3 busy, 1 starting (max_concurrency)"
    script.feed(ev.ScalingDecided, "greet", reason="1 starting for 2 waiting")
    assert short_why(script.store.snapshot().functions["greet"]) == "1 starting for 2 waiting"
