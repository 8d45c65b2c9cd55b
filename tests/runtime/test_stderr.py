"""Lines of any kind, each given to its task (section 6; M10, M11)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_tools import make_spec, until

from hotdash import events as ev
from hotdash.clock import SystemClock
from hotdash.drivers.base import ContainerSpec
from hotdash.drivers.stub import StubDriver
from hotdash.functions.spec import Format
from hotdash.runtime.bus import EventBus
from hotdash.runtime.stderr import CUT_MARK, LINE_BYTES, TASK_STDERR_BYTES, LineSplitter, StderrTap
from hotdash.task import Attribution

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE, TWO, STRANGER = "1" * 24, "2" * 24, "3" * 24


def split(*pieces: bytes) -> list[str]:
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    return lines + splitter.flush()


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


# the splitter --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"one\n", ["one"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"no newline", ["no newline"]),
        (b"one\n\n\ntwo", ["one", "", "", "two"]),
        (b"\n", [""]),
        (b"windows\r\nold mac\rstill\n", ["windows", "old mac\rstill"]),
        ("größer · 日本\n".encode(), ["größer · 日本"]),
        (b"\xff\xfe bad\n", ["\ufffd\ufffd bad"]),
        (b"cut \xe6\x97\n", ["cut \ufffd"]),
        (b"\x00\x1b[31m\x07\n", ["\x00\x1b[31m\x07"]),
    ],
)
def test_lines_whole_and_byte_by_byte(data, lines):
    assert split(data) == lines
    assert split(*bytewise(data)) == lines


def test_a_line_of_just_the_limit_is_whole():
    line = b"x" * LINE_BYTES
    assert split(line + b"\nnext\n") == [line.decode(), "next"]
    assert split(line[:-1], b"x", b"\nnext\n") == [line.decode(), "next"]


@pytest.mark.parametrize("rest", [b"y", b"y" * LINE_BYTES * 3])
def test_a_longer_line_is_cut_with_a_mark_and_the_next_is_whole(rest):
    data = b"x" * LINE_BYTES + rest + b"\nnext\n"
    expected = ["x" * LINE_BYTES + CUT_MARK, "next"]
    assert split(data) == expected
    pieces = [data[at : at + 10_000] for at in range(0, len(data), 10_000)]
    assert split(*pieces) == expected


def test_a_long_line_is_told_as_soon_as_it_is_too_long():
    splitter = LineSplitter()
    assert splitter.feed(b"x" * LINE_BYTES) == []
    assert splitter.feed(b"x") == ["x" * LINE_BYTES + CUT_MARK]
    assert splitter.feed(b"x" * 1000) == []
    assert splitter.feed(b"end\nnext") == []
    assert splitter.flush() == ["next"]


def test_after_a_flush_a_new_line_begins():
    splitter = LineSplitter()
    splitter.feed(b"half")
    assert splitter.flush() == ["half"]
    assert splitter.flush() == []
    assert splitter.feed(b"other\n") == ["other"]


def test_after_a_flush_of_a_cut_line_a_new_line_begins_too():
    splitter = LineSplitter()
    assert splitter.feed(b"x" * (LINE_BYTES + 1)) == ["x" * LINE_BYTES + CUT_MARK]
    assert splitter.flush() == [], "it has been told"
    assert splitter.feed(b"first\nsecond\n") == ["first", "second"]


@given(st.binary(max_size=300), st.lists(st.integers(min_value=0, max_value=300), max_size=6))
def test_any_bytes_split_anywhere_give_the_same_lines(data, cuts):
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[begin:end] for begin, end in itertools.pairwise(edges)]
    assert split(*pieces) == split(data)


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=20)))
def test_text_comes_back_as_it_was(lines):
    assert split("".join(f"{line}\n" for line in lines).encode()) == lines


# the tap -------------------------------------------------------------------------------------------------------------


class Tapped:
    """A tap on a stub container; `lines()` tells what came out: (text, task, attribution)."""

    def __init__(self, bus: EventBus) -> None:
        self.bus = bus
        self.seen: list[ev.Event] = []
        bus.subscribe(self.seen.append)
        clock = SystemClock()
        driver = StubDriver(clock=clock)
        image = driver.build(make_spec(), on_output=str, is_cancelled=bool)
        spec = ContainerSpec(id="c-1", function="f", app="app", revision=2, image=image, environment={}, memory_mb=128)
        self.container = driver.start(spec)
        self.tap = StderrTap(container=self.container, function="f", revision=2, bus=bus)

    def lines(self) -> list[tuple[str, str, Attribution]]:
        assert self.bus.flush()
        return [
            (event.text, event.task_id, event.attribution) for event in self.seen if isinstance(event, ev.StderrLine)
        ]


@pytest.fixture
def tapped() -> Iterator[Tapped]:
    bus = EventBus(clock=SystemClock())
    bus.start()
    yield Tapped(bus)
    bus.close()


def test_what_came_before_a_task_is_the_containers(tapped):
    tapped.container.complain(b"starting\nno newline")
    tapped.tap.begin(ONE)
    tapped.container.complain(b"mine\n")
    assert tapped.tap.end() == (("mine",), 0)
    assert tapped.lines() == [
        ("starting", "", Attribution.CONTAINER),
        ("no newline", "", Attribution.CONTAINER),
        ("mine", ONE, Attribution.IN_TASK),
    ]


def test_where_stderr_may_be_late_it_is_waited_for_and_lines_are_marked_as_given_by_time(tapped):
    container = tapped.container
    container.is_stderr_late = True
    container.settle_stderr = lambda: container.complain(f"late\nwith {ONE}\n".encode())
    tap = StderrTap(container=container, function="f", revision=2, bus=tapped.bus)
    tap.begin(ONE)
    assert tap.end() == (("late", f"with {ONE}"), 0)
    assert tapped.lines() == [("late", ONE, Attribution.BY_TIME), (f"with {ONE}", ONE, Attribution.BY_ID)]


def test_a_cold_containers_stderr_is_its_tasks_for_certain_though_it_may_be_late(tapped):
    tapped.container.is_stderr_late = True
    tap = StderrTap(container=tapped.container, function="f", revision=2, bus=tapped.bus, task_id=ONE)
    tapped.container.complain(b"mine\n")
    assert tap.end() == (("mine",), 0)
    assert tapped.lines() == [("mine", ONE, Attribution.IN_TASK)]


def test_what_came_before_the_answer_is_the_tasks_also_unfinished(tapped):
    tapped.tap.begin(ONE)
    tapped.container.complain(b"one\ntwo")
    assert tapped.tap.end() == (("one", "two"), 0)
    tapped.tap.begin(TWO)
    assert tapped.tap.end() == ((), 0)


def test_a_line_with_a_known_id_is_that_tasks_whenever_it_comes(tapped):
    tapped.tap.begin(ONE)
    tapped.tap.end()
    tapped.tap.begin(TWO)
    tapped.container.complain(f"late of {ONE}: done\nmine\n[{TWO}] also mine\n".encode())
    assert tapped.tap.end() == (("mine", f"[{TWO}] also mine"), 0), "a late line changes no result"
    tapped.container.complain(f"task={ONE}\nidle\n".encode())
    tapped.tap.begin(STRANGER)
    assert tapped.lines() == [
        (f"late of {ONE}: done", ONE, Attribution.BY_ID),
        ("mine", TWO, Attribution.IN_TASK),
        (f"[{TWO}] also mine", TWO, Attribution.BY_ID),
        (f"task={ONE}", ONE, Attribution.BY_ID),
        ("idle", "", Attribution.CONTAINER),
    ]


@pytest.mark.parametrize(
    "text", [f"x{ONE}", f"{ONE}x", f"{ONE}-{ONE}-1", f"{ONE}{ONE}", STRANGER, ONE[:-1], f"{'A' * 24}"]
)
def test_only_a_whole_token_that_is_a_known_id_counts(tapped, text):
    tapped.tap.begin(ONE)
    tapped.tap.end()
    tapped.tap.begin(TWO)
    tapped.container.complain(text.encode())
    assert tapped.tap.end() == ((text,), 0)
    assert tapped.lines() == [(text, TWO, Attribution.IN_TASK)]


def test_the_ids_of_the_last_thousand_tasks_are_known(tapped):
    ids = [f"{number:024x}" for number in range(1, 1002)]
    for task_id in ids:
        tapped.tap.begin(task_id)
        tapped.tap.end()
    tapped.container.complain(f"{ids[0]}\n{ids[1]}\n{ids[-1]}\n".encode())
    tapped.tap.begin(ONE)
    assert tapped.lines() == [
        (ids[0], "", Attribution.CONTAINER),
        (ids[1], ids[1], Attribution.BY_ID),
        (ids[-1], ids[-1], Attribution.BY_ID),
    ]


def test_a_tasks_lines_are_bounded_and_the_drop_is_told(tapped):
    tapped.tap.begin(ONE)
    line = b"x" * 1023 + b"\n"
    for _ in range(16):
        tapped.container.complain(line * 100)
        tapped.tap._take()
    tapped.container.complain(b"last\n")
    lines, dropped = tapped.tap.end()
    assert len(lines) + dropped == 1601
    assert lines[-1] == "last"
    assert TASK_STDERR_BYTES - 1024 < sum(len(line) + 1 for line in lines) <= TASK_STDERR_BYTES
    tapped.tap.begin(TWO)
    tapped.container.complain(b"one\n")
    assert tapped.tap.end() == (("one",), 0), "the next task begins anew"


@pytest.mark.parametrize(("text", "size_bytes"), [("", 1), ("\N{GRINNING FACE}" * 1000, 4001)])
def test_the_bound_counts_bytes_and_the_end_of_each_line(tapped, text, size_bytes):
    batch = 2**18 // size_bytes
    tapped.tap.begin(ONE)
    for _ in range(5):
        tapped.container.complain(f"{text}\n".encode() * batch)
        tapped.tap._take()
    lines, dropped = tapped.tap.end()
    assert len(lines) == TASK_STDERR_BYTES // size_bytes
    assert len(lines) + dropped == 5 * batch


def test_the_last_words_are_the_last_five_since_the_dispatch(tapped):
    tapped.container.complain(b"starting\n")
    tapped.tap.begin(ONE)
    assert tapped.tap.last_lines() == ("starting",), "before its first task they are the words of its start"
    tapped.tap.end()
    tapped.container.complain(b"idle\n")
    tapped.tap.begin(TWO)
    assert tapped.tap.last_lines() == ()
    tapped.container.complain(b"".join(b"%d\n" % number for number in range(9)))
    tapped.tap.end()
    assert tapped.tap.last_lines() == ("4", "5", "6", "7", "8")


def test_the_stderr_thread_reads_while_no_task_runs_and_ends_with_the_container(bench):
    bench.deploy()
    task = bench.submit()
    container = bench.asked(task)
    bench.answer(task)
    container.complain(b"ticking\n")
    until(lambda: [event.text for event in bench.seen(ev.StderrLine)] == ["ticking"])
    container.complain(b"last words, without an end")
    container.exit(1)
    until(lambda: not bench.snapshot().containers)
    assert [event.text for event in bench.seen(ev.StderrLine)] == ["ticking", "last words, without an end"]
    assert all(event.task_id == "" for event in bench.seen(ev.StderrLine))


@pytest.mark.parametrize("text", [b"early\n", b"early"])
def test_all_that_a_cold_container_writes_is_its_tasks(bench, text):
    start = bench.driver.start

    def start_talking(spec):
        container = start(spec)
        container.complain(text)
        return container

    def script(container):
        if container.stdin_closed:
            container.complain(b"\nlate\n")
            container.exit(0)

    bench.driver.script = script
    bench.driver.start = start_talking
    bench.deploy(format=Format.DEFAULT)
    task = bench.submit(b"x")
    assert [line for line in bench.result(task).stderr if line] == ["early", "late"]
    assert {event.task_id for event in bench.seen(ev.StderrLine)} == {task.id}


def test_every_line_of_many_tasks_over_many_containers_is_in_its_own_result(bench):
    def talk(container):
        data = container.consume()
        body = data.partition(b"\r\n\r\n")[2]
        for number in range(5):
            container.complain(b"%s line %d\n" % (body, number))
        container.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    bench.driver.script = talk
    bench.deploy(max_concurrency=4)
    tasks = [bench.submit(b"%d" % number) for number in range(100)]
    for number, task in enumerate(tasks):
        assert bench.result(task).stderr == [f"{number} line {line}" for line in range(5)]
