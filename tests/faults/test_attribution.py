"""Whose stderr line is it? On real processes every line that carries no id is still in its own task's result."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, function, real_runtime, until

from hotdash import events as ev
from hotdash.task import Attribution

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

CONTAINERS = 4
CALLERS = 8

# The payload is "NAME COUNT END": so many lines "NAME: I" in as many writes, the last of which may lack its line feed.
WRITES_LINES = (
    HTTP
    + r"""
for headers, body in requests():
    name, count, end = body.decode().split(" ")
    count = int(count)
    for i in range(count):
        write(f"{name}: {i}".encode() + (b"" if end == "open" and i == count - 1 else b"\n"), 2)
    answer(body)
"""
)


def lines_of(name: str, count: int) -> list[str]:
    return [f"{name}: {i}" for i in range(count)]


def start_warm(runtime: Runtime, folder: Path, code: str) -> None:
    runtime.deploy(function(folder, code, max_concurrency=CONTAINERS, min_warm=CONTAINERS))
    until(
        lambda: [c.state for c in runtime.snapshot().functions[folder.name].containers] == ["idle"] * CONTAINERS,
        "four idle containers",
    )


def call_from_many_threads(runtime: Runtime, *, tasks: int, lines: int, end: str) -> list[TaskResult]:
    barrier = threading.Barrier(CALLERS)

    def caller(number: int) -> list[TaskResult]:
        barrier.wait(PATIENCE_S)
        payloads = [f"t{number}-{i} {lines} {end}".encode() for i in range(tasks // CALLERS)]
        return [runtime.submit("talker", payload).result(PATIENCE_S) for payload in payloads]

    with ThreadPoolExecutor(CALLERS) as pool:
        return [result for results in pool.map(caller, range(CALLERS)) for result in results]


@pytest.mark.parametrize(
    ("tasks", "lines", "end"),
    [
        pytest.param(400, 5, "closed", id="five-lines"),
        pytest.param(400, 5, "open", id="last-line-without-its-end"),
        pytest.param(40, 5_000, "closed", id="flood"),
    ],
)
def test_every_untagged_line_is_in_its_own_tasks_result(tmp_path, tasks: int, lines: int, end: str):
    told: dict[str, list[str]] = {}
    attributions = set()
    dropped = 0

    def listen(event: ev.Event) -> None:
        nonlocal dropped
        if isinstance(event, ev.StderrLine):
            told.setdefault(event.task_id, []).append(event.text)
            attributions.add(event.attribution)
        elif isinstance(event, ev.LinesDropped):  # a flood may be too fast for listeners, never for the result
            dropped += event.count

    with real_runtime(tmp_path) as runtime:
        start_warm(runtime, tmp_path / "talker", WRITES_LINES)
        runtime.subscribe(listen)
        results = call_from_many_threads(runtime, tasks=tasks, lines=lines, end=end)
        assert runtime.flush_events(PATIENCE_S)
    assert len(results) == tasks
    for result in results:
        assert (result.status, result.error) == ("success", None)
        expected = lines_of(result.body.decode().split(" ")[0], lines)
        assert result.stderr == expected
        assert result.stderr_dropped == 0
        rest = iter(expected)
        assert all(text in rest for text in told.get(result.task_id, ())), "listeners are told in the same order"
    assert told.keys() <= {result.task_id for result in results}
    assert sum(map(len, told.values())) + dropped == tasks * lines, "listeners are told each, or how many they missed"
    assert dropped == 0 or lines > 5
    assert attributions == {Attribution.IN_TASK}
    assert len({result.container_id for result in results}) == CONTAINERS


def test_a_flood_that_never_ends_holds_no_answer_up_and_hides_no_line(tmp_path):
    code = (
        HTTP
        + r"""
def flood():
    while True:
        write(b"noise\n" * 500, 2)
threading.Thread(target=flood, daemon=True).start()
for headers, body in requests():
    for i in range(5):
        write(b"%s: %d\n" % (body, i), 2)
    answer(body)
"""
    )
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "talker", code))
        for i in range(8):
            result = runtime.submit("talker", b"t%d" % i).result(PATIENCE_S)
            assert result.status == "success"
            own = [line for line in result.stderr if "noise" not in line]
            assert own == lines_of(f"t{i}", 5)


def test_a_line_goes_to_the_task_whose_id_it_carries_and_else_to_the_one_that_runs(tmp_path):
    told: list[tuple[str, str, Attribution]] = []

    def listen(event: ev.Event) -> None:
        if isinstance(event, ev.StderrLine):
            told.append((event.task_id, event.text, event.attribution))

    with real_runtime(tmp_path) as runtime:
        runtime.subscribe(listen)
        runtime.deploy(function(tmp_path / "f", DO_AS_TOLD))
        first = runtime.submit("f", b"first = headers['task-id']; write(b'own\\n', 2); answer(b'')").result(PATIENCE_S)
        code = b"write(f'late [{first}] x\\nlate {first}0\\nmine\\n'.encode(), 2); answer(b'')"
        second = runtime.submit("f", code).result(PATIENCE_S)
        runtime.submit("f", b"threading.Thread(target=write, args=(b'idle\\n', 2)).start(); answer(b'')")
        until(lambda: any(text == "idle" for _, text, _ in told), "the line of an idle container, or of the last task")
        assert runtime.flush_events(PATIENCE_S)
    assert first.stderr == ["own"]
    assert second.stderr == [f"late {first.task_id}0", "mine"], "a longer word is not the id"
    assert (first.task_id, f"late [{first.task_id}] x", Attribution.BY_ID) in told
    assert (second.task_id, "mine", Attribution.IN_TASK) in told


def test_lines_of_an_idle_container_belong_to_no_task(tmp_path):
    told: list[ev.StderrLine] = []
    flag = tmp_path / "flag"
    code = HTTP + (
        "def late():\n"
        f"    while not os.path.exists({str(flag)!r}): time.sleep(0.002)\n"
        "    write(b'all by itself\\n', 2)\n"
        "for headers, body in requests():\n"
        "    if body: threading.Thread(target=late).start()\n"
        "    answer(body)\n"
    )
    with real_runtime(tmp_path) as runtime:
        runtime.subscribe(lambda event: told.append(event) if isinstance(event, ev.StderrLine) else None)
        runtime.deploy(function(tmp_path / "f", code))
        first = runtime.submit("f", b"x").result(PATIENCE_S)
        flag.touch()
        until(lambda: told, "the line")
        second = runtime.submit("f", b"").result(PATIENCE_S)
    assert (first.stderr, second.stderr) == ([], [])
    assert [(line.task_id, line.text, line.attribution) for line in told] == [
        ("", "all by itself", Attribution.CONTAINER)
    ]
    assert first.container_id == second.container_id == told[0].container_id
