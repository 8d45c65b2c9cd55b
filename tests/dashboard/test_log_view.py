"""The Logs pane under load, and what it does with a reader who scrolls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard_fake import Clock, FakeControls, Script, drive, task_id, until
from rich.style import Style

from hotdash.dashboard.screens.board import FLOOD_LINES, FLOOD_PULL_S, PULL_S
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.widgets.log_view import LogView
from hotdash.task import Attribution

if TYPE_CHECKING:
    import pytest
    from textual.pilot import Pilot
    from textual.strip import Strip

    from hotdash.dashboard.app import HotdashApp


def log_script() -> Script:
    script = Script(Clock())
    script.function("greet")
    script.container("greet", "c-000001")
    return script


def logs_of(app: HotdashApp) -> LogView:
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen.logs


def rows_of(logs: LogView) -> list[str]:
    return [logs.render_line(y).text.rstrip() for y in range(logs.size.height)]


def feed(script: Script, first: int, count: int, *, words: str = "line") -> None:
    for at in range(first, first + count):
        script.line("greet", "c-000001", f"{words} {at}")
    script.clock.at += 1  # type: ignore[attr-defined]


def test_a_flood_costs_what_is_seen_and_not_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    script = log_script()
    painted: list[int] = []
    render_line = LogView.render_line

    def counted(self: LogView, y: int) -> Strip:
        painted.append(y)
        return render_line(self, y)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = logs_of(app)
        monkeypatch.setattr(LogView, "render_line", counted)
        for burst in range(10):
            feed(script, burst * 1_000, 1_000)
            await until(pilot, lambda last=burst: len(logs.buffer) == (last + 1) * 1_000)
        await until(pilot, lambda: rows_of(logs)[-1].endswith("line 9999"))
        # Each pull may be painted twice or so (its rows, then the bar beside them); never once a line.
        assert len(painted) < 10 * 4 * logs.size.height
        feed(script, 10_000, 1_000)
        await until(pilot, lambda: rows_of(logs)[-1].endswith("line 10999"))
        assert len(logs.buffer) == logs.buffer.capacity

    drive(script, steps)


def test_when_nothing_happens_nothing_is_painted_or_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    script = log_script()
    feed(script, 0, 5)
    pulls: list[int] = []

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.pause()
        monkeypatch.setattr(script.store, "snapshot", lambda: pulls.append(1))
        looks = 0

        def look() -> None:
            nonlocal looks
            looks += 1

        timer = app.screen.set_interval(0.02, look)
        await until(pilot, lambda: looks > 10)
        timer.stop()
        assert pulls == []

    drive(script, steps)


def test_scrolling_up_stops_following_and_the_end_follows_again() -> None:
    script = log_script()
    feed(script, 0, 200)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = logs_of(app)
        screen = app.screen
        assert isinstance(screen, MainScreen)
        await pilot.press("3", "k", "k")
        await until(pilot, lambda: not logs.follow)
        top = rows_of(logs)[0]
        feed(script, 200, 30)
        await until(pilot, lambda: logs.unseen == 30)
        assert rows_of(logs)[0] == top
        assert screen.tabs.note[-1][0] == "▼ 30 new"
        await pilot.press("G")
        await until(pilot, lambda: logs.follow and rows_of(logs)[-1].endswith("line 229"))
        assert screen.tabs.note[-1][0] == "following"
        await pilot.press("g")
        await until(pilot, lambda: not logs.follow and rows_of(logs)[0].endswith("line 0"))

    drive(script, steps)


def test_lines_that_left_the_ring_unread_are_told() -> None:
    script = log_script()

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = logs_of(app)
        feed(script, 0, 10)
        await until(pilot, lambda: len(logs.buffer) == 10)
        for at in range(10, 10_510):
            script.line("greet", "c-000001", f"line {at}")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: rows_of(logs)[-1].endswith("line 10509"))
        await pilot.press("3", "g")
        await until(pilot, lambda: logs.scroll_offset.y == 0)
        assert rows_of(logs)[9:12] == ["c-000001 │ line 9", "── 500 lines lost here ──", "c-000001 │ line 510"]

    drive(script, steps)


def test_a_task_has_its_own_lines_without_names_and_by_time_is_marked() -> None:
    script = log_script()
    script.queue("greet", task_id(1))
    script.start("greet", task_id(1), "c-000001")
    script.line("greet", "c-000001", "mine", task_id(1))
    script.line("greet", "c-000001", "perhaps mine", task_id(1), Attribution.BY_TIME)
    script.line("greet", "c-000001", "nobody's")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = logs_of(app)
        name = f"t-{task_id(1)[:6]}"
        assert rows_of(logs)[:3] == [f"{name} │ mine", f"{name}~│ perhaps mine", "c-000001 │ nobody's"]
        await pilot.press("2")
        await until(pilot, lambda: rows_of(logs)[:3] == ["  mine", "~ perhaps mine", ""])

    drive(script, steps)


def test_long_lines_wrap_at_words_or_are_cut_and_moved_sideways() -> None:
    script = log_script()
    script.line("greet", "c-000001", "\x1b[31m" + "word " * 40 + "\x1b[0mend")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = logs_of(app)
        assert rows_of(logs)[0].startswith("c-000001 │ word word")
        assert rows_of(logs)[1].startswith("         │ word word")
        assert any(segment.style and segment.style.color != Style().color for segment in logs.render_line(1))
        assert any(row.endswith("word end") for row in rows_of(logs)[:5])
        await pilot.press("3", "z")
        assert not rows_of(logs)[1]
        await pilot.press("right")
        assert rows_of(logs)[0].startswith("c-000001 │ d word")

    drive(script, steps)


def test_times_are_the_readers_own() -> None:
    script = log_script()
    script.line("greet", "c-000001", "hello")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = logs_of(app)
        await pilot.press("t")
        row = rows_of(logs)[0]
        assert row[2] == row[5] == ":"
        assert row[13:] == "c-000001 │ hello"

    drive(script, steps)


def test_in_a_flood_lines_are_taken_less_often_and_then_as_before() -> None:
    script = log_script()

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs, look = logs_of(app), app.screen_stack[0]._look_now  # type: ignore[attr-defined]
        feed(script, 0, FLOOD_LINES + 1)
        look()
        assert len(logs.buffer) == FLOOD_LINES + 1
        for wait_s, more in ((PULL_S, 0), (FLOOD_PULL_S - PULL_S, 2), (PULL_S, 3)):
            script.line("greet", "c-000001", "one more")
            script.clock.at += wait_s  # type: ignore[attr-defined]
            look()
            assert len(logs.buffer) == FLOOD_LINES + 1 + more, f"after {wait_s} s"

    drive(script, steps)
