import itertools
import json
import os
import queue
import select
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hotdash import events
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.states import FunctionState
from hotdash.store.logfile import LogFile, default_path
from hotdash.store.rotating import RotatingLines
from hotdash.task import Attribution, TaskResult, TaskStatus

SPEC = FunctionSpec(
    name="iron/greet",
    folder=Path("/f/greet"),
    file=Path("/f/greet/func.yaml"),
    app="samples",
    path="/hello",
    format=Format.HTTP,
    memory_mb=64,
    max_concurrency=4,
)
SEED_FIELDS = {"app": "samples", "route": "/hello", "memory": 64, "format": "http", "max_concurrency": 4}
_seqs = itertools.count(1)


def of(kind: type[events.Event], function: str = "greet", **fields: Any) -> events.Event:
    return kind(seq=next(_seqs), at_s=1.0, time_s=1_700_000_000.25, function=function, **fields)


def changed(**fields: Any) -> events.Event:
    return of(events.FunctionChanged, spec=SPEC, state=FunctionState.READY, **fields)


def live(revision: int, image: str) -> events.Event:
    return of(events.RevisionLive, revision=revision, image_id=image, build_s=0.0, start_s=0.0, swap_s=0.0)


def line(text: str, *, revision: int = 1, task: str = "t1", function: str = "greet") -> events.Event:
    return of(
        events.StderrLine,
        function,
        container_id="c-1",
        revision=revision,
        task_id=task,
        attribution=Attribution.IN_TASK,
        text=text,
    )


def ended(error: str | None) -> events.Event:
    status = TaskStatus.SUCCESS if error is None else TaskStatus.ERROR
    result = TaskResult(
        task_id="t9", function="greet", status=status, error=error, container_id="c-1", revision=1, run_s=0.5
    )
    return of(events.TaskEnded, result=result)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


@pytest.fixture
def errors() -> queue.Queue[str]:
    return queue.Queue()


@pytest.fixture
def make(tmp_path: Path, errors: queue.Queue[str]) -> Iterator[Callable[..., LogFile]]:
    made: list[LogFile] = []

    def make(**options: Any) -> LogFile:
        options = {"path": tmp_path / "logs" / "hotdash.log", "clock": lambda: 5.0, **options}
        made.append(LogFile(on_error=errors.put, **options))
        return made[-1]

    yield make
    for log in made:
        assert log.close()


def test_a_line_has_the_fields_that_ironfunctions_logs(make, errors):
    log = make()
    log(changed())
    log(live(2, "abc123"))
    log(line("hello", revision=2))
    assert log.close()
    assert read(log.path)[-1] == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "info",
        "msg": "hello",
        "function": "greet",
        "image": "abc123",
        "task": "t1",
        "container": "c-1",
        "revision": 2,
        **SEED_FIELDS,
    }
    assert errors.empty()


def test_a_line_of_no_task_names_none(make):
    log = make()
    log(line("hello", task=""))
    log.close()
    assert "task" not in read(log.path)[0]


def test_a_draining_revisions_lines_keep_their_own_image(make):
    log = make()
    log(live(1, "old"))
    log(live(2, "new"))
    log(line("from the old one", revision=1))
    log.close()
    assert read(log.path)[-1]["image"] == "old"


@pytest.mark.parametrize(
    ("event", "level", "msg", "more"),
    [
        (ended("exited with code 3"), "warning", "exited with code 3", {"task": "t9", "status": "error", "run_s": 0.5}),
        (
            of(events.ContainerStopped, container_id="c-1", revision=1, reason="was killed by SIGSEGV", failed=True),
            "error",
            "was killed by SIGSEGV",
            {"container": "c-1", "revision": 1},
        ),
        (
            of(events.BuildFailed, reason="step 1 failed", log=tuple(map(str, range(30)))),
            "error",
            "step 1 failed",
            {"build": [str(number) for number in range(10, 30)]},
        ),
        (of(events.DeployFailed, reason="it ended at once"), "error", "it ended at once", {}),
        (of(events.FunctionFaulty, faults=("func.yaml:1: x",)), "error", None, {"faults": ["func.yaml:1: x"]}),
        (changed(reason="node is not installed"), "warning", "node is not installed", {"state": "ready"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, events.Event) else "",
)
def test_what_goes_wrong_is_one_line(make, event, level, msg, more):
    log = make()
    log(changed())
    log(event)
    log.close()
    [record] = read(log.path)
    assert record["level"] == level
    assert msg is None or record["msg"] == msg
    assert {**SEED_FIELDS, **more}.items() <= record.items()


def test_what_goes_well_is_not_logged(make):
    log = make()
    log(ended(None))
    log(of(events.ContainerStopped, container_id="c-1", revision=1, reason="idle for 30 s"))
    log(of(events.FunctionFaulty, faults=()))
    log(of(events.ContainerIdle, container_id="c-1", revision=1))
    log.close()
    assert not log.path.parent.exists()


def test_a_flood_is_sampled_and_what_is_omitted_is_counted_by_function(make):
    now_s = 5.0
    log = make(lines_per_s=10, flush_s=60.0, clock=lambda: now_s)
    for number in range(25):
        log(line(str(number)))
    log(line("of another", function="slow"))
    log(ended("a failure is not hidden by the flood"))
    now_s = 6.0
    log(line("the next second"))
    log.close()
    records = read(log.path)
    assert [record["msg"] for record in records[:12]] == [
        *map(str, range(10)),
        "a failure is not hidden by the flood",
        "the next second",
    ]
    assert {record["function"]: record["omitted"] for record in records[12:]} == {"greet": 15, "slow": 1}


def test_lines_that_were_dropped_before_are_counted_too(make):
    log = make()
    log(of(events.LinesDropped, count=7))
    log.close()
    assert read(log.path)[0]["omitted"] == 7


def test_lines_are_written_without_a_close(make, tmp_path):
    """The file is a FIFO here: its reader is told by the system, so that nobody need look again and again."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        log = make(path=fifo, flush_s=0.01)
        log(line("first"))
        assert select.select([reader], [], [], 10.0)[0]
        assert json.loads(os.read(reader, 65536))["msg"] == "first"
    finally:
        os.close(reader)


def test_text_that_is_no_text_and_text_without_end(make):
    log = make()
    log(line("\udcff\x00\x1b[31m\n"))
    log(line("x" * 10_000))
    log.close()
    first, second = read(log.path)
    assert first["msg"] == "\udcff\x00\x1b[31m\n"
    assert second["msg"] == "x" * 8_192 + " … [1808 characters more]"


def test_nothing_is_written_to_the_terminal(make, capfd):
    log = make()
    log(line("hello"))
    log(ended("bad"))
    log.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to offer")
def test_a_full_disk_is_told_once_and_costs_only_the_log(make, errors, capfd):
    log = make(path=Path("/dev/full"), flush_s=0.0)
    log(line("one"))
    assert "No space left on device; hotdash goes on without" in errors.get(timeout=10)
    log(line("two"))
    assert log.close()
    assert errors.empty()
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_cannot_be_is_told(make, errors, tmp_path):
    (tmp_path / "file").write_text("")
    log = make(path=tmp_path / "file" / "hotdash.log")
    log(line("one"))
    assert log.close()
    assert "file/hotdash.log cannot be written: " in errors.get_nowait()


def test_events_after_the_close_are_ignored(make):
    log = make()
    log(line("one"))
    assert log.close()
    log(line("two"))
    assert log.close()
    assert [record["msg"] for record in read(log.path)] == ["one"]


def test_two_files_of_bounded_size(make, tmp_path):
    path = tmp_path / "lines.log"
    lines = RotatingLines(path=path, max_bytes=1_000)
    for number in range(100):
        lines.write([f"{number:04} {'x' * 95}"])
    lines.close()
    assert sorted(found.name for found in tmp_path.iterdir()) == ["lines.log", "lines.log.1"]
    assert path.stat().st_size <= 1_000
    before = path.with_name("lines.log.1")
    assert before.stat().st_size <= 1_000
    numbers = [int(text[:4]) for text in (before.read_text() + path.read_text()).splitlines()]
    assert numbers == list(range(numbers[0], 100))


def test_the_path_is_followed_when_the_file_is_moved_away(tmp_path):
    path = tmp_path / "lines.log"
    lines = RotatingLines(path=path, max_bytes=1_000)
    lines.write(["one"])
    path.rename(tmp_path / "away")
    lines.write(["two"])
    (tmp_path / "other").write_text("three\n")
    (tmp_path / "other").rename(path)
    lines.write(["four"])
    lines.close()
    assert path.read_text() == "three\nfour\n"


def test_the_files_are_the_users_alone(make):
    log = make()
    log(line("a secret"))
    log.close()
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_the_default_path_is_the_systems_place_for_logs(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert default_path().name == "hotdash.log"
    assert default_path().is_relative_to(tmp_path)
    assert not default_path().parent.exists()
