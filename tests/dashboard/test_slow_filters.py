"""No expression that a user may type keeps the screen from painting, whatever the lines are."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, drive, until
from made_lines import stderr_line
from textual.widgets import Label

from hotdash.dashboard.action import Pane
from hotdash.dashboard.filters import BadFilter, Filter, parse_filter
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.log_buffer import LogBuffer, Lost, text_of
from hotdash.dashboard.screens.main import MainScreen
from hotdash.states import FunctionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp
    from hotdash.events import StderrLine

LONG = "a" * 2**16
BLOCKED_S = 5.0  # with `re` alone each of these takes hours


def lines(count: int, words: str = "line {}") -> Iterator[StderrLine]:
    return (stderr_line(at, words.format(at)) for at in range(count))


def filter_of(typed: str) -> Filter:
    found = parse_filter(typed)
    assert found is not None
    return found


@pytest.mark.parametrize("typed", ["(a+)+b", r"(\w+\s?)+\d", "(a|aa)+c", r"a.*a.*a.*\d", r"\w*\d", "!(a+)+b"])
def test_a_filter_that_takes_too_long_gives_up_at_once_and_lets_everything_through(typed: str) -> None:
    found, told = filter_of(typed), list[bool]()
    found.on_slow = lambda: told.append(found.is_too_slow)
    began_s = time.thread_time()
    assert [found.matches(LONG), found.matches(LONG), found.matches("b 0 c")] == [True, True, True]
    assert time.thread_time() - began_s < BLOCKED_S
    assert told == [True]
    assert found.spans("aab", 10) == []


def test_many_lines_that_are_each_a_little_slow_are_together_too_slow() -> None:
    texts = [("lorem ipsum " * 6000)[: 2**15]] * 2_000
    found = filter_of(r"[a-z]*[a-z]*\d")
    began_s = time.thread_time()
    kept = found.kept(texts, str)
    assert found.is_too_slow
    assert len(texts) // 2 < len(kept) < len(texts)  # none matches; from where it gave up all are let through
    assert time.thread_time() - began_s < BLOCKED_S


def test_marking_matches_is_too_slow_where_finding_one_is_not() -> None:
    found = filter_of(r"\w*\d")
    text = f"1{LONG}"
    assert found.matches(text)
    assert found.spans(text, 100) == []
    assert found.is_too_slow


@pytest.mark.parametrize(
    ("typed", "text", "spans"),
    [
        ("err|warn", "an ERR, a warning", [(3, 6), (10, 14)]),
        (r"\d+ ms", "3 ms and 44 ms", [(0, 4), (9, 14)]),
        (r"(?:a|b)+\d", "ab1 c ba2", [(0, 3), (6, 9)]),
        (r"\p{Lu}\w", "aÄb", [(1, 3)]),
        ("[[:digit:]]x", "1x", [(0, 2)]),
        ("[a&&b]|[c||d]|[e~~f]", "a&b", [(0, 1), (1, 2), (2, 3)]),
        ("[!--x]y", "-y", [(0, 2)]),
    ],
)
def test_an_expression_means_the_same_whichever_library_serves_it(
    typed: str, text: str, spans: list[tuple[int, int]]
) -> None:
    found = filter_of(typed)
    assert found.matches(text)
    assert found.spans(text, 10) == spans
    assert not found.matches("nothing")


@pytest.mark.parametrize("typed", ["wor(", "a**", "[b", r"\q", "(?a)(?u)x", "((a{1000}){1000}){1000}", "(" * 5_000])
def test_what_cannot_be_compiled_is_told_and_costs_no_memory(typed: str) -> None:
    with pytest.raises(BadFilter, match=r"."):
        parse_filter(typed)


_IMPORTS = """
import sys, hotdash.dashboard.app
from hotdash.dashboard.filters import parse_filter
for typed in ("error|warn", "erro+r"):
    parse_filter(typed).matches("x")
    print("regex" in sys.modules)
"""


def test_the_library_is_imported_for_the_first_expression_that_needs_it() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _IMPORTS],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("typed", ["", "1", "!1", "[13]+"])
@pytest.mark.parametrize("wrap_width", [0, 10])
def test_lines_looked_at_in_parts_are_shown_as_if_at_once(typed: str, wrap_width: int) -> None:
    parts, whole = LogBuffer(capacity=1_000, work_s=0), LogBuffer(capacity=1_000, work_s=1e9)
    for buffer in (parts, whole):
        buffer.filter, buffer.wrap_width = parse_filter(typed), wrap_width
        every = [*lines(1_500, "a line with some words {}")]
        buffer.append([Lost(count=3), *every[:900]])
        buffer.arrange()
        assert buffer.is_behind == (buffer is parts)
        buffer.append(every[900:])  # some go that were not looked at yet
    before = len(parts.shown)
    parts.work()
    assert len(parts.shown) - before <= 64
    parts.finish()
    assert not parts.is_behind
    assert [text_of(entry) for entry in parts.shown] == [text_of(entry) for entry in whole.shown]
    assert (parts.rows, parts.hits) == (whole.rows, whole.hits)
    assert [parts.at(row) for row in range(parts.rows)] == [whole.at(row) for row in range(whole.rows)]


class Heartbeat:
    """The longest time that the screen's loop was kept from its other work."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._task = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        while True:
            before_s = time.perf_counter()
            await asyncio.sleep(0.005)
            self.longest_s = max(self.longest_s, time.perf_counter() - before_s)

    def end(self) -> None:
        self._task.cancel()


def long_script() -> Script:
    """Lines, and a row, over which a repeat within a repeat never ends."""
    script = Script(Clock())
    script.function("greet", state=FunctionState.FAILING, reason="a" * 60)
    script.container("greet", "c-aaaaaa")
    for _ in range(200):
        script.line("greet", "c-aaaaaa", LONG)
    return script


@pytest.mark.parametrize(("pane", "box"), [("1", Pane.FUNCTIONS), ("3", Pane.LOGS)])
def test_keys_are_painted_while_a_filter_that_never_ends_is_typed(pane: str, box: Pane) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = app.screen
        assert isinstance(screen, MainScreen)
        await pilot.press(pane)
        beat = Heartbeat()
        bar = screen.filters[box]
        await pilot.press("slash", *"(a|aa)+c")
        fault = bar.query_one(".filter-fault", Label)
        await until(pilot, lambda: "too slow" in str(fault.render()))
        await pilot.press("x")
        await until(pilot, lambda: "(a|aa)+cx" in bar.prepare().render_line(0).text)
        await pilot.press("enter")
        title = (lambda: screen.boxes[1].border_title) if pane == "1" else (lambda: unstyled(screen.tabs.note))
        await until(pilot, lambda: "too slow, not used" in str(title()))
        beat.end()
        assert beat.longest_s < BLOCKED_S
        assert screen.functions.items
        assert screen.logs.buffer.rows >= 200
        await pilot.press("n")
        said = "too slow" if box is Pane.LOGS else "nothing is searched for"
        await until(pilot, lambda: any(said in note.message for note in app._notifications))

    drive(long_script(), steps)
