"""The history on the screen, from a real database: found, opened in Logs and Run, replayed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from dashboard_fake import Clock, FakeControls, Script, busy_script, task_id, until
from msgspec.structs import replace
from real_tools import until as wait_until

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

    import pytest
    from textual.pilot import Pilot

    Steps = Callable[[MainScreen, Pilot[None], FakeControls], Awaitable[None]]


def history_at(path: Path, *, limits: HistoryLimits | None = None) -> History:
    def no_fault(text: str) -> None:
        raise AssertionError(text)

    limits = replace(limits or HistoryLimits(), max_age_s=1e10)  # the script's clock began years ago
    root = FakeControls(script=Script()).folder
    return History(path=path / "history.db", root=root, on_fault=no_fault, limits=limits, flush_s=0.01)


def remember(path: Path, script: Script, *, limits: HistoryLimits | None = None) -> None:
    """An earlier run of hotdash: what the script tells is in the history afterwards."""
    history = history_at(path, limits=limits)
    feed, told = script.store, script

    class Both:
        def __call__(self, event) -> None:
            feed(event)
            history(event)

    told.store = Both()
    tell_of_yesterday(told)
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
        if number == 3:
            lines = (f"line of {number}",)
            script.end(this, status=TaskStatus.ERROR, error="the container exited with code 7", stderr_lines=lines)
        else:
            script.end(this, body=f"answer {number}".encode())


def show(path: Path, script: Script, steps: Steps, *, with_history: bool = True) -> None:
    """Runs the app on the script and the history, and the steps on the app."""
    controls = FakeControls(script=script)

    async def run() -> None:
        history = history_at(path) if with_history else None
        app = HotdashApp(script.store, controls, archive=history)
        try:
            async with app.run_test(size=(160, 45), notifications=True) as pilot:
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
    monkeypatch.setattr("hotdash.dashboard.screens.past._PAGE", 1)

    async def steps(screen: MainScreen, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_history(screen, pilot, 2)
        assert screen.past.items[1].key == ("older",)
        await pilot.press("right")
        await until(pilot, lambda: [item.key[0] for item in screen.past.items] == ["past", "past"])

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
