"""What enter and r send, what they say of it, and which row is meant."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, drive, task_id, until
from deploy_story import deploys_script
from test_dashboard_keys import board, to_function, toasts
from test_history_pane import history_at, remember, today

from hotdash.dashboard.actions import Pane
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.words import short_id

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp
    from hotdash.dashboard.widgets.list_table import ListTable


def footer(app: HotdashApp) -> str:
    bar = board(app).footer
    return unstyled(bar.line_for(200))


def cursor_row(table: ListTable) -> str:
    assert table.cursor is not None
    return table.render_line(table.cursor + 1 - table.scroll_offset.y).text


@pytest.mark.parametrize(
    ("payload", "told"),
    [(b"Ada", "Ada"), (b"", "an empty payload"), (b"x" * 99, "x" * 39 + "…"), (b"\xff\0", "2 B, binary")],
)
def test_enter_says_what_was_sent(payload: bytes, told: str) -> None:
    script = Script(Clock())
    script.function("greet")
    script.queue("greet", task_id(1), payload)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("2", "r", "enter")
        assert controls.submitted[-1][1] == payload
        assert toasts(app)[-1] == f"greet: sent {told}"
        assert "enter new call" in footer(app)
        await pilot.press("1")
        await until(pilot, lambda: "enter invoke" in footer(app))

    drive(script, steps)


def test_enter_on_a_past_task_sends_nothing_and_says_what_to_press(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))
    archive, script = history_at(tmp_path), today()

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("H")
        await until(pilot, lambda: board(app).opened is not None)
        await until(pilot, lambda: board(app).footer.pane is Pane.HISTORY)
        assert "enter" not in footer(app)
        assert "r replay" in footer(app)
        await pilot.press("enter")
        assert not controls.submitted
        assert toasts(app) == ["r invokes with this task's payload; enter invokes in the functions and tasks"]
        past = board(app).opened
        assert past is not None
        await pilot.press("r")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: not board(app).is_past and board(app).scope.task_id == controls.ids[0])
        assert toasts(app)[-1] == f"{short_id(controls.ids[0])} repeats {short_id(past.task.id)}"
        assert board(app).tasks.has_focus

    try:
        drive(script, steps, archive=archive)
    finally:
        assert archive.close(10)


def test_enter_on_a_revision_sends_nothing_and_says_what_to_press() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("3", "less_than_sign", "enter")
        assert not controls.submitted
        assert "u makes this revision live, d deploys what is on disk" in toasts(app)[-1]

    drive(deploys_script(Clock()), steps)


@pytest.mark.parametrize("size", [(160, 45), (60, 20)])
def test_r_goes_to_the_new_task_and_names_both(size: tuple[int, int]) -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "report")
        await pilot.press("2", "j", "j", "greater_than_sign")
        await until(pilot, lambda: screen.scope.task_id == task_id(23))
        await pilot.press("r")
        assert toasts(app)[-1] == f"{short_id(controls.ids[0])} repeats {short_id(task_id(23))}"
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.scope.task_id == controls.ids[0])  # the last of a queue that was folded
        assert screen.tasks.cursor_key == ("task", "report", controls.ids[0])
        assert controls.ids[0] in screen.run_view.text
        await pilot.press("3", "r")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: controls.ids[1] in screen.run_view.text)
        assert screen.run_view.has_focus
        await pilot.press("2", "r", "g")  # who goes elsewhere is not called back
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(
            pilot, lambda: any(task.id == controls.ids[2] for task in screen.snapshot.functions["report"].queued)
        )
        assert screen.scope.task_id == task_id(21)

    drive(script, steps, size=size)


def test_the_cursor_of_a_table_that_has_no_say_in_what_is_shown_is_dim() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "greet")
        await pilot.press("2", "j")
        assert cursor_row(screen.tasks).startswith("▌")
        await pilot.press("3")
        assert cursor_row(screen.tasks).startswith("▌")  # the log is that task's still
        await pilot.press("1")
        assert cursor_row(screen.functions).startswith("▌")
        assert cursor_row(screen.tasks).startswith("▏")
        await pilot.press("2", "a", "g")
        await until(pilot, lambda: screen.scope.function == "report")
        assert cursor_row(screen.functions).startswith("▏")

    drive(busy_script(Clock()), steps)


def test_the_tasks_and_run_tell_when_a_task_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Clock())
    script.function("greet")
    script.container("greet", "c-1")
    script.queue("greet", task_id(1))
    script.start("greet", task_id(1), "c-1")
    script.end(task_id(1), run_s=65.0)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        tasks = board(app).tasks
        called_s = board(app).snapshot.functions["greet"].ended[0].queued_time_s
        clock, ended = (time.strftime("%H:%M:%S", time.localtime(at_s)) for at_s in (called_s, called_s + 65.0004))
        monkeypatch.setattr(time, "time", lambda: called_s + 70)
        tasks._time_s = lambda: called_s + 70
        assert clock in str(tasks.row_of(tasks.items[0]))
        tasks._time_s = lambda: called_s + 2 * 86_400
        assert f"  {time.localtime(called_s).tm_mday} Nov  " in str(tasks.row_of(tasks.items[0]))
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: f"called     {clock}, ended {ended}" in board(app).run_view.text)

    drive(script, steps)


def test_the_history_tells_below_its_rows_what_runs_and_the_way_back(tmp_path: Path) -> None:
    remember(tmp_path, Script(Clock()))
    archive, script = history_at(tmp_path), busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        def below() -> str:
            return str(board(app).boxes[2].border_subtitle or "")

        await to_function(pilot, "report")
        await pilot.press("H")
        await until(pilot, lambda: below() == "this run: 2 running, 12 queued · H shows it")
        script.end(task_id(21))
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: below() == "this run: 1 running, 12 queued, 1 ended · H shows it")
        await pilot.press("H")
        await until(pilot, lambda: not below())

    try:
        drive(script, steps, archive=archive)
    finally:
        assert archive.close(10)


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (60, 20)])
def test_what_is_told_does_not_cover_the_newest_lines_of_the_log(size: tuple[int, int]) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        board(app).tell("a word, and some more of them, so that it takes the room that it may take", is_bad=True)
        await pilot.press("y", "W")
        await until(pilot, lambda: len(app.screen.query("Toast")) == 3)
        await pilot.pause()
        logs = board(app).logs.region
        regions = [toast.region for toast in app.screen.query("Toast")]
        assert all(region.area for region in regions)
        assert not any(region.overlaps(logs) for region in regions)
        assert not any(region.y <= 0 or region.bottom >= size[1] for region in regions)  # the header, the footer

    drive(busy_script(Clock()), steps, size=size)
