"""The history on the screen, from a real database: found, opened in Logs and Run, replayed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import EPOCH, Clock, FakeControls, Script, busy_script, task_id, until
from msgspec.structs import replace
from real_tools import until as wait_until

from hotdash.dashboard.action import Pane
from hotdash.dashboard.app import HotdashApp
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.screens.main import MainScreen
from hotdash.functions.spec import Format
from hotdash.store.history import History, HistoryLimits
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    Steps = Callable[[MainScreen, Pilot[None], FakeControls], Awaitable[None]]


def history_at(path: Path, *, limits: HistoryLimits | None = None) -> History:
    def no_fault(text: str) -> None:
        raise AssertionError(text)

    limits = replace(limits or HistoryLimits(), max_age_s=1e10)  # the script's clock began years ago
    root = FakeControls(script=Script()).folder
    return History(path=path / "history.db", root=root, on_fault=no_fault, limits=limits, flush_s=0.01)


def remember(
    path: Path,
    script: Script,
    *,
    limits: HistoryLimits | None = None,
    tell: Callable[[Script], None] | None = None,
) -> None:
    """An earlier run of hotdash: what the script tells is in the history afterwards."""
    history = history_at(path, limits=limits)
    feed, told = script.store, script

    class Both:
        def __call__(self, event) -> None:
            feed(event)
            history(event)

    told.store = Both()
    (tell or tell_of_yesterday)(told)
    assert history.close(10)


def tell_of_yesterday(script: Script) -> None:
    script.function("greet", max_concurrency=4)
    script.function("gone", format=Format.HTTP)
    script.container("greet", "c-1")
    script.container("gone", "c-2")
    for number, function, container in ((1, "greet", "c-1"), (2, "gone", "c-2"), (3, "greet", "c-1")):
        this = task_id(100 + number)
        script.queue(function, this, f"payload {number}".encode(), (("X-Number", str(number)),))
        script.start(function, this, container)
        script.line(function, container, f"line of {number}", this)
        script.clock.at += 1.0  # type: ignore[attr-defined]
        if number == 3:
            lines = (f"line of {number}",)
            script.end(this, status=TaskStatus.ERROR, error="the container exited with code 7", stderr_lines=lines)
        else:
            script.end(this, body=f"answer {number}".encode() * number, run_s=0.1 * number, queued_s=0.1 / number)


def show(
    path: Path, script: Script, steps: Steps, *, with_history: bool = True, size: tuple[int, int] = (160, 45)
) -> None:
    """Runs the app on the script and the history, and the steps on the app."""
    controls = FakeControls(script=script)

    async def run() -> None:
        history = history_at(path) if with_history else None
        app = HotdashApp(script.store, controls, archive=history)
        try:
            async with app.run_test(size=size, notifications=True) as pilot:
                await pilot.pause()
                screen = app.screen_stack[0]
                assert isinstance(screen, MainScreen)
                await steps(screen, pilot, controls)
        finally:
            assert history is None or history.close(10)

    asyncio.run(run())


def today() -> Script:
    script = Script(Clock())
    script.function("greet", max_concurrency=4)
    return script


def today_with_a_line() -> Script:
    """A container of this run, too, which has written `of today`."""
    script = today()
    script.container("greet", "c-9")
    script.line("greet", "c-9", "of today")
    return script


async def open_history(screen: MainScreen, pilot: Pilot[None], tasks: int) -> None:
    await pilot.press("H")
    await until(pilot, lambda: len(screen.past.items) == tasks)


def test_the_tasks_pane_says_how_many_there_are_and_the_key_shows_them(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await until(pilot, lambda: "H: 2 earlier" in str(screen.boxes[2].border_title))
        assert "H shows 2 tasks of earlier runs" in "".join(map(unstyled, screen.tasks.empty))
        await open_history(screen, pilot, 2)
        assert screen.past.has_focus
        assert "2 tasks, 2 earlier" in str(screen.boxes[2].border_title)
        await pilot.press("a")
        await until(pilot, lambda: len(screen.past.items) == 3)
        await pilot.press("escape")
        await until(pilot, lambda: screen.tasks.has_focus and not screen.past.display)

    show(tmp_path, today(), steps)


def test_yesterdays_failure_is_opened_in_logs_and_run_and_replayed(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 2)
        await until(pilot, lambda: screen.scope.task_id == task_id(103))
        assert screen.logs.shown_text() == "line of 3"
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "exited with code 7" in screen.run_view.text)
        assert "payload 3" in screen.run_view.text
        await pilot.press("r")
        assert controls.submitted == [("greet", b"payload 3", {"X-Number": "3"})]
        await pilot.press("j")
        await until(pilot, lambda: "answer 1" in screen.run_view.text)
        await pilot.press("1")
        await until(pilot, lambda: screen.opened is None and not screen.scope.task_id)
        controls.script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: "payload 3" in screen.run_view.text)  # of the task that the replay has made

    show(tmp_path, today(), steps)


def test_a_past_failure_is_found_by_the_exception_at_the_end_of_a_long_traceback(tmp_path: Path) -> None:
    def tell(script: Script) -> None:
        script.function("greet")
        script.container("greet", "c-1")
        script.queue("greet", task_id(101))
        script.start("greet", task_id(101), "c-1")
        said = " ⏎ ".join([*(f'File "func.py", line {n}, in handle' for n in range(20)), "KeyError: 'nada'"])
        error = f"the container exited with code 1; its last stderr: {said}"
        script.end(task_id(101), status=TaskStatus.ERROR, error=error)

    async def steps(screen: MainScreen, pilot: Pilot[None], _: FakeControls) -> None:
        await open_history(screen, pilot, 1)
        await pilot.press("slash", *"KeyError", "enter")
        await until(pilot, lambda: len(tasks_in(screen)) == 1)
        assert "KeyError: 'nada' (exit" in "".join(screen.past.render_line(y).text for y in range(3))

    remember(tmp_path, Script(Clock()), tell=tell)
    show(tmp_path, today(), steps)


def test_a_replay_out_of_a_filtered_and_marked_history_shows_the_task_that_it_has_made(tmp_path: Path) -> None:
    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 2)
        await pilot.press("space", "slash", *"exit", "enter")
        await until(pilot, lambda: screen.past.has_focus and len(tasks_in(screen)) == 1)
        await pilot.press("g", "r")
        assert len(controls.submitted) == 1
        controls.script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.tasks.selected is not None and not screen.is_past)
        assert screen.filters[Pane.TASKS].filter is None
        assert not screen.marks

    remember(tmp_path, Script(Clock()))
    show(tmp_path, today(), steps)


def test_a_past_task_is_shown_no_more_once_the_history_is_closed(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("H")
        await until(pilot, lambda: screen.opened is not None)
        assert screen.scope.task_id
        await pilot.press("H")
        await until(pilot, lambda: screen.opened is None)
        assert screen.scope == Scope(function="greet")
        assert screen.tasks.has_focus

    script = Script(Clock())
    script.function("greet")
    show(tmp_path, script, steps)


def test_a_task_of_a_function_that_is_gone_can_be_read_and_its_replay_says_why_not(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        controls.refusal = "no function gone"
        await pilot.press("a")
        await open_history(screen, pilot, 3)
        await pilot.press("slash", *"gone", "enter")
        await until(pilot, lambda: len(screen.past.items) == 1 and screen.past.has_focus)
        await until(pilot, lambda: screen.scope.function == "gone")
        assert screen.logs.shown_text() == "line of 2"
        await pilot.press("r")
        assert "no function gone" in [told.message for told in pilot.app._notifications]

    show(tmp_path, today(), steps)


def test_a_payload_that_was_too_large_to_keep_is_not_replayed(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()), limits=HistoryLimits(payload_bytes=3))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 2)
        await until(pilot, lambda: screen.opened is not None)
        await pilot.press("r")
        assert controls.submitted == []
        assert any("too large for the history" in told.message for told in pilot.app._notifications)

    show(tmp_path, today(), steps)


def test_older_ones_come_when_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(tmp_path, Script(Clock()))
    monkeypatch.setattr("hotdash.dashboard.screens.past_board._PAGE", 1)

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 2)
        assert screen.past.items[1].key == ("older",)
        await pilot.press("right")
        await until(pilot, lambda: [item.key[0] for item in screen.past.items] == ["past", "past"])

    show(tmp_path, today(), steps)


def tasks_in(screen: MainScreen) -> list[str]:
    """The tasks of the history as they are listed, by their number."""
    numbers = {task_id(100 + number): number for number in range(4)}
    return "".join(str(numbers[item.key[3]]) for item in screen.past.items)


def test_o_sorts_the_history_by_each_of_its_orders_and_the_title_says_by_which(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("a")
        await open_history(screen, pilot, 3)
        assert tasks_in(screen) == "321"
        await until(pilot, lambda: screen.opened is not None)
        chosen = screen.past.cursor_key
        for words, tasks in (("by ran", "213"), ("by waited", "123"), ("by state", "321"), ("by size", "213")):
            await pilot.press("o")
            await until(pilot, lambda tasks=tasks: tasks_in(screen) == tasks)
            assert f" · {words} · " in str(screen.boxes[2].border_title)
            assert screen.past.cursor_key == chosen, "the cursor stays with its task"
        assert "SIZE▾" in screen.past.render_line(0).text
        await pilot.press("o")
        await until(pilot, lambda: tasks_in(screen) == "321")
        assert " · by " not in str(screen.boxes[2].border_title)

    show(tmp_path, today(), steps)


def test_space_marks_past_tasks_and_logs_merges_what_was_kept_of_them_with_what_else_is_marked(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))
    script = today_with_a_line()

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("a")
        await open_history(screen, pilot, 3)
        await until(pilot, lambda: screen.logs.shown_text() == "line of 3")
        await pilot.press("space", "j", "j", "space")
        await until(pilot, lambda: screen.logs.shown_text() == "line of 1\nline of 3")
        assert [screen.past.render_line(y).text[1] for y in (1, 2, 3)] == ["◆", " ", "◆"]
        assert str(screen.boxes[3].border_title).startswith("3 2 marked: greet t-")
        await pilot.press("3", "slash", *"of", "enter", "n")
        await until(pilot, lambda: screen.logs.finding.hits == screen.logs.finding.hit == 2)
        await pilot.press("n", "N", "N")
        assert screen.logs.finding.hit == 1
        await pilot.press("escape", "1", "space")
        await until(pilot, lambda: screen.logs.shown_text() == "line of 1\nline of 3\nof today")
        script.line("greet", "c-9", "newer")
        controls.script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.logs.shown_text().endswith("of today\nnewer"))
        await pilot.press("space", "2", "escape")
        await until(pilot, lambda: not screen.marks and screen.past.display)
        await until(pilot, lambda: screen.logs.shown_text() in {"line of 1", "line of 2", "line of 3"})
        await pilot.press("escape")
        await until(pilot, lambda: not screen.past.display)

    show(tmp_path, script, steps)


def test_this_runs_marks_are_shown_though_a_past_task_is_opened(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))
    script = today_with_a_line()

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("space")
        await open_history(screen, pilot, 2)
        await until(pilot, lambda: screen.opened is not None)
        assert screen.logs.shown_text() == "of today"
        await pilot.press("escape")
        await until(pilot, lambda: screen.logs.shown_text() == "line of 3")

    show(tmp_path, script, steps)


@pytest.mark.parametrize("size", [(100, 30), (60, 20)])
@pytest.mark.parametrize("of_all", [True, False])
def test_when_a_task_ended_is_seen_on_every_screen(tmp_path: Path, size: tuple[int, int], of_all: bool) -> None:
    remember(tmp_path, Script(Clock()))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        screen.past._local_time = time.gmtime
        if of_all:
            await pilot.press("a")
        await open_history(screen, pilot, 3 if of_all else 2)
        heading = screen.past.render_line(0).text
        assert "ENDED" in heading
        assert ("FUNCTION" in heading) is of_all
        assert "14 Nov 2023" in screen.past.render_line(1).text
        await pilot.press(*"oooo")
        await until(pilot, lambda: "by size" in str(screen.boxes[2].border_title))
        heading = screen.past.render_line(0).text
        assert "ENDED" in heading
        assert of_all or "SIZE▾" in heading, "what it is sorted by goes before lesser columns"

    show(tmp_path, today(), steps, size=size)


def test_columns_take_no_more_room_than_their_words_so_that_others_have_it(tmp_path: Path) -> None:
    clock = Clock()
    remember(tmp_path, Script(clock))

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        screen.past._time_s = lambda: EPOCH + clock.at
        screen.past._local_time = time.gmtime
        await open_history(screen, pilot, 2)
        assert screen.past.render_line(0).text.split() == ["TASK", "STATE", "ENDED▾", "RAN", "ANSWER,", "WHY"]
        await pilot.press("a")
        await until(pilot, lambda: len(screen.past.items) == 3)
        assert screen.past.render_line(0).text.split() == ["FUNCTION", "STATE", "ENDED▾", "RAN", "ANSWER,", "WHY"]

    show(tmp_path, today(), steps, size=(100, 30))


def test_the_containers_own_lines_are_in_the_logs_of_a_past_task_with_a_sign(tmp_path: Path) -> None:
    def tell(script: Script) -> None:
        this = task_id(101)
        script.function("greet")
        script.container("greet", "c-123456")
        script.line("greet", "c-123456", "loading the model")
        script.queue("greet", this)
        script.start("greet", this, "c-123456")
        script.clock.at += 1.0  # type: ignore[attr-defined]
        script.line("greet", "c-123456", "its own", this)
        script.end(this)

    remember(tmp_path, Script(Clock()), tell=tell)

    def shown(screen: MainScreen) -> list[str]:
        return [screen.logs.render_line(y).text.strip() for y in (0, 1)]

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 1)
        await until(pilot, lambda: shown(screen) == ["· loading the model", "its own"])
        await pilot.press("t", "t")
        await until(pilot, lambda: shown(screen) == ["· loading the model", "+1.000 s   its own"])
        await pilot.press("t")
        await pilot.press("space")
        named = ["c-123456 │ loading the model", f"t-{task_id(101)[:6]} │ its own"]
        await until(pilot, lambda: shown(screen) == named)

    show(tmp_path, today(), steps)


def test_run_tells_how_long_a_past_task_waited_for_its_container_to_start(tmp_path: Path) -> None:
    def tell(script: Script) -> None:
        this = task_id(101)
        script.function("greet")
        script.queue("greet", this)
        script.clock.at += 1.0  # type: ignore[attr-defined]
        script.container("greet", "c-1", idle=False)
        script.clock.at += 2.0  # type: ignore[attr-defined]
        script.start("greet", this, "c-1")
        script.end(this, queued_s=3.0)

    remember(tmp_path, Script(Clock()), tell=tell)

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 1)
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "░ queued 1.0 s   ▒ starting 2.0 s   █ ran 12 ms" in screen.run_view.text)

    show(tmp_path, today(), steps)


def test_without_a_history_the_key_says_so(tmp_path: Path) -> None:
    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("H")
        assert [told.message for told in pilot.app._notifications] == ["no history is kept"]

    show(tmp_path, busy_script(Clock()), steps, with_history=False)


def test_an_unused_history_starts_no_thread_that_reads_before_the_first_picture(tmp_path: Path) -> None:
    history = history_at(tmp_path)
    assert history.reader.version == 0
    history.reader.count()
    wait_until(lambda: history.reader.version == 1, "the count")
    assert dict(history.reader.earlier) == {}
    assert history.close(10)
