"""Each key does its thing, on fake controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, drive, task_id, until
from textual.events import Key
from textual.widgets import Input, TextArea

from hotdash import events as ev
from hotdash.dashboard.actions import ACTIONS, Pane, footer_actions
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.dashboard.screens.help import HelpScreen
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.widgets.log_rows import Times
from hotdash.functions.spec import FunctionTest
from hotdash.states import FunctionState
from hotdash.task import TaskResult, TaskStatus

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp

GREET = 1  # presses of j from the first function to this one
REPORT = 5


def board(app: HotdashApp) -> MainScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


def toasts(app: HotdashApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def edit(pilot: Pilot[None]) -> None:
    """To the Payload tab by its key."""
    await pilot.press("i")
    screen = board(pilot.app)  # type: ignore[arg-type]
    await until(pilot, lambda: screen.payload.has_focus_within and screen.query_one("#payload").has_focus)


async def to_function(pilot: Pilot[None], name: str) -> None:
    screen = board(pilot.app)  # type: ignore[arg-type]
    screen.functions.focus()
    screen.functions.select(("function", name))
    await until(pilot, lambda: screen.scope.function == name and not screen.scope.container_id)


def test_enter_invokes_the_selected_function_with_its_last_payload_and_stays_on_the_tab() -> None:
    script = Script(Clock())
    script.function("greet", tests=(FunctionTest(name="hello", stdin="Ada"),))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("enter")
        assert controls.submitted == [("greet", b"Ada", {})]
        assert board(app).logs.display
        await pilot.press("greater_than_sign", "3", "enter")
        assert len(controls.submitted) == 2
        assert board(app).run_view.display

    drive(script, steps)


@pytest.mark.parametrize("key", ["x", "r"])
def test_no_key_acts_on_a_task_that_the_filter_hides(key: str) -> None:
    script = Script(Clock())
    script.function("greet")
    script.container("greet", "c-aaaaaa", idle=False)
    script.queue("greet", task_id(1))
    script.start("greet", task_id(1), "c-aaaaaa")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("2", "slash", *"zzz", "enter", key)
        assert toasts(app)[-1] == "no task is selected: none matches the filter"
        assert controls.calls == []
        assert controls.submitted == []

    drive(script, steps)


def test_keys_that_come_in_one_go_act_on_the_row_and_the_pane_that_they_went_to() -> None:
    script = Script(Clock())
    for name in ("aa", "bb", "cc"):
        script.function(name)
    script.queue("bb", task_id(1))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        for key in ("j", "j", "enter", "k", "d", "2", "x", "slash"):
            app.post_message(Key(key, None))  # as a terminal gives them, all at once
        await until(pilot, lambda: board(app).focused_pane is Pane.TASKS and isinstance(app.focused, Input))
        assert [function for function, _, _ in controls.submitted] == ["cc"]
        assert controls.calls == [("redeploy", "bb"), ("cancel", task_id(1))]

    drive(script, steps)


def test_i_edits_the_payload_and_headers_then_invokes_and_enter_repeats_them() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await edit(pilot)
        app.screen.query_one("#payload", TextArea).text = '{"name": "Zoë"}'
        app.screen.query_one("#headers", TextArea).text = "no colon"
        await pilot.press("ctrl+s")
        assert controls.submitted == []
        app.screen.query_one("#headers", TextArea).text = "X-A: b"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: controls.submitted)
        expected = ("greet", '{"name": "Zoë"}'.encode(), {"X-A": "b"})
        assert controls.submitted == [expected]
        await until(pilot, lambda: board(app).functions.has_focus and board(app).logs.display)
        await pilot.press("enter")
        assert controls.submitted == [expected, expected]

    drive(busy_script(Clock()), steps)


def test_escape_leaves_the_payload_alone_and_a_binary_one_goes_as_it_came() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "bin")
        await pilot.press("2", "r")
        assert controls.submitted[-1][1] == b"\xff\x00\r\n"
        await edit(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: board(app).tasks.has_focus)
        assert len(controls.submitted) == 1
        await edit(pilot)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(controls.submitted) == 2)
        assert controls.submitted[-1][1] == b"\xff\x00\r\n"

    script = Script(Clock())
    script.function("bin")
    script.queue("bin", task_id(1), b"\xff\x00\r\n")
    drive(script, steps)


def test_the_old_payload_is_selected_so_that_typing_replaces_it() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        assert app.screen.query_one("#payload", TextArea).selected_text == "Ada\nGrace"
        await pilot.press(*"Zoe", "ctrl+s")
        await until(pilot, lambda: controls.submitted)
        assert controls.submitted == [("greet", b"Zoe", {})]

    script = Script(Clock())
    script.function("greet", tests=(FunctionTest(name="hello", stdin="Ada\nGrace"),))
    drive(script, steps)


def test_a_large_payload_is_kept_out_of_the_editor_and_goes_as_it_came_unless_replaced() -> None:
    large = b"x" * (2 * 2**20)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("2", "r")
        await edit(pilot)
        body = app.screen.query_one("#payload", TextArea)
        assert (body.text, body.placeholder) == ("", "2.0 MB, kept as it is; type to replace it")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(controls.submitted) == 2)
        assert controls.submitted[1][1] == large
        await edit(pilot)
        await pilot.press("y", "ctrl+s")
        await until(pilot, lambda: len(controls.submitted) == 3)
        assert controls.submitted[2][1] == b"y"

    script = Script(Clock())
    script.function("big")
    script.queue("big", task_id(1), large)
    drive(script, steps)


def test_x_cancels_the_task_or_the_containers() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "report")
        await pilot.press("j", "x")
        await pilot.press("2", "j", "x")
        assert controls.calls == [("cancel", task_id(21)), ("cancel", task_id(22))]
        await to_function(pilot, "greet")
        await pilot.press("2", "x")
        assert len(controls.calls) == 2
        assert any("has ended already" in toast for toast in toasts(app))

    drive(busy_script(Clock()), steps)


def test_d_redeploys_and_says_when_nothing_changed() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("d")
        assert controls.calls == [("redeploy", "greet")]
        script.feed(ev.BuildStarted, "greet")
        script.feed(ev.DeployUnchanged, "greet", revision=3)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: "greet: nothing changed, still r3" in toasts(app))
        script.live("greet", 4)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: "greet: r4 is live" in toasts(app))

    drive(script, steps)


def test_a_failed_deploy_is_told_and_stays_marked_with_its_log_until_mended() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "thumbnail")
        screen = board(app)
        assert screen.trouble.display
        assert "no matching distribution found" in screen.trouble.text
        script.live("thumbnail", 6)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: not screen.trouble.display)

    drive(script, steps)


@pytest.mark.parametrize(("answer", "killed"), [("y", [("kill", "c-7f3a12")]), ("n", [])])
def test_k_asks_before_it_kills(answer: str, killed: list[tuple[str, str]]) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("j", "K")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("enter")
        assert isinstance(app.screen, ConfirmScreen)
        assert controls.calls == []
        await pilot.press(answer)
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert controls.calls == killed

    drive(busy_script(Clock()), steps)


def test_w_turns_watching_off_and_on() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("w")
        assert not controls.watching
        await pilot.press("w")
        assert controls.calls == [("watch", "False"), ("watch", "True")]

    drive(busy_script(Clock()), steps)


def test_slash_filters_the_focused_pane_and_escape_ends_it() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.press("slash", *"repo", "enter")
        await until(pilot, lambda: {item.key[1] for item in screen.functions.items} == {"report"})
        assert screen.functions.has_focus
        await pilot.press("escape")
        await until(pilot, lambda: len({item.key[1] for item in screen.functions.items}) == 6)
        await to_function(pilot, "greet")
        await pilot.press("2", "slash", *"error", "enter")
        await until(pilot, lambda: len(screen.tasks.items) == 1)
        await pilot.press("escape", "1", "3", "slash", *"!reading")
        await until(pilot, lambda: "reading" not in screen.logs.shown_text())
        shown = screen.logs.shown_text()
        await pilot.press("(")
        await pilot.pause()
        assert screen.logs.shown_text() == shown
        await pilot.press("escape")
        await until(pilot, lambda: "reading" in screen.logs.shown_text())
        assert screen.logs.has_focus

    drive(busy_script(Clock()), steps)


@pytest.mark.parametrize(("leave", "pane"), [("enter", "functions"), ("tab", "tasks")])
def test_a_kept_filter_leaves_the_pane_its_rows_on_a_small_screen(leave: str, pane: str) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        bar = screen.filters[Pane.FUNCTIONS]
        await pilot.press("slash", *"repo")
        assert bar.display
        await pilot.press(leave)
        await until(pilot, lambda: not bar.display and screen.query_one(f"#{pane}").has_focus)
        assert bar.filter is not None
        assert "/repo" in str(screen.boxes[1].border_title)
        await pilot.press("3")
        await until(pilot, lambda: screen.logs.has_focus and screen.functions.size.height >= 2)

    drive(busy_script(Clock()), steps, size=(60, 20))


def test_slash_again_starts_with_the_old_filter_selected() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        bar = board(app).filters[Pane.FUNCTIONS]
        await pilot.press("slash", *"repo", "enter", "slash")
        assert bar.query_one(Input).selected_text == "repo"
        await pilot.press(*"gre", "enter")
        await until(pilot, lambda: {item.key[1] for item in board(app).functions.items} == {"greet"})
        assert bar.filter is not None
        assert bar.filter.typed == "gre"

    drive(busy_script(Clock()), steps)


def test_a_task_cancelled_while_it_waited_says_in_the_logs_that_it_never_ran() -> None:
    script = Script(Clock())
    script.function("greet")
    script.queue("greet", "aa")

    def said(screen: MainScreen) -> str:
        return "".join(map(unstyled, screen.logs.empty))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.press("2")
        await until(pilot, lambda: screen.scope.task_id == "aa")
        assert said(screen) == " this task has written nothing to stderr yet"
        result = TaskResult(task_id="aa", function="greet", status=TaskStatus.CANCELLED, queued_s=1.0)
        script.feed(ev.TaskEnded, "greet", result=result)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: said(screen) == " this task never ran")
        script.container("greet", "c-1")
        script.queue("greet", "bb")
        script.start("greet", "bb", "c-1")
        script.end("bb")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: len(screen.tasks.items) == 2)
        await pilot.press("g")
        await until(pilot, lambda: screen.scope.task_id == "bb")
        assert said(screen) == " this task has written nothing to stderr"

    drive(script, steps)


def test_the_selection_decides_which_lines_are_shown() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "report")
        assert len(screen.logs.buffer.shown) == 6
        await pilot.press("j")
        await until(pilot, lambda: screen.scope.container_id == "c-91d0aa")
        assert len(screen.logs.buffer.shown) == 3
        await pilot.press("2", "j")
        await until(pilot, lambda: screen.scope.task_id == task_id(22))
        assert {line.task_id for line in screen.logs.buffer.shown} == {task_id(22)}  # type: ignore[union-attr]
        await pilot.press("escape")
        await until(pilot, lambda: screen.functions.has_focus and not screen.scope.task_id)

    drive(busy_script(Clock()), steps)


def test_the_cursor_stays_on_its_row_when_rows_move() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "report")
        before = screen.functions.cursor
        script.container("greet", "c-aaaaaa", revision=3)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.functions.cursor != before)
        assert screen.functions.cursor_key == ("function", "report")
        await pilot.press("j")
        assert screen.functions.cursor_key == ("container", "report", "c-91d0aa")
        script.stop("report", "c-91d0aa")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.functions.cursor_key != ("container", "report", "c-91d0aa"))
        assert screen.functions.cursor_key is not None
        assert screen.functions.cursor_key[1] == "report"

    drive(script, steps)


def test_the_cursor_goes_to_its_function_when_its_container_ends() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "greet")
        await pilot.press("j", "j")
        await until(pilot, lambda: screen.scope.container_id)
        assert screen.scope.container_id == "c-03bc9e"
        script.stop("greet", "c-03bc9e", 3)
        script.stop("greet", "c-7f3a12", 3)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.functions.cursor_key == ("function", "greet"))
        await until(pilot, lambda: screen.scope.function == "greet" and not screen.scope.container_id)

    drive(script, steps)


@pytest.mark.parametrize(("removed", "next_one"), [("greet", "hello-sh"), ("thumbnail", "report")])
def test_the_cursor_goes_to_the_nearest_function_when_its_own_is_removed(removed: str, next_one: str) -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, removed)
        script.state(removed, FunctionState.REMOVED)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: f"{removed} was removed" in toasts(app))
        for container in () if removed == "thumbnail" else ("c-7f3a12", "c-03bc9e"):
            script.stop(removed, container, 3)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: screen.scope.function == next_one)
        assert screen.functions.cursor_key == ("function", next_one)

    drive(script, steps)


def test_a_function_that_appears_is_told_but_not_at_the_start() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        script.function("early", revision=0, state=FunctionState.BUILDING)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: "early" in screen.snapshot.functions)
        script.clock.at += 2  # type: ignore[attr-defined]
        script.function("late", revision=0, state=FunctionState.BUILDING)
        await until(pilot, lambda: "late appeared" in toasts(app))
        assert not any("early" in toast for toast in toasts(app))
        for number in range(5):
            script.function(f"more{number}", revision=0, state=FunctionState.BUILDING)
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: any(toast.startswith("more0, more1, more2 and 2 more app") for toast in toasts(app)))

    drive(script, steps)


def test_a_new_warning_of_a_function_file_is_told_once_and_stands_below_its_row() -> None:
    script = Script(Clock())
    script.function("greet", warnings=("/work/functions/greet/func.yaml:3: old: unknown key",))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        assert screen.functions.items[1].key == ("trouble", "greet", "0")
        assert str(screen.functions.row_of(screen.functions.items[1])).endswith(
            "warning: func.yaml:3: old: unknown key"
        )
        assert screen.trouble.display
        for line in (4, 5):  # the second save moves both warnings by a line, and that is no news
            script.clock.at += 3  # type: ignore[attr-defined]
            both = (f"func.yaml:{line}: old: unknown key", f"func.yaml:{line + 4}: memroy: did you mean memory?")
            script.function("greet", warnings=tuple(f"/work/functions/greet/{one}" for one in both))
            await until(pilot, lambda line=line: f"yaml:{line}: old" in screen.trouble.text)  # type: ignore[misc]
        told = [toast for toast in toasts(app) if "warning" in toast]
        assert told == ["greet: warning: func.yaml:8: memroy: did you mean memory?"]

    drive(script, steps)


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (60, 20)])
def test_a_long_name_is_cut_and_its_mark_is_not(size: tuple[int, int]) -> None:
    script = Script(Clock())
    script.function("a-name-of-a-function-that-is-longer-than-any-column-has-room-for")
    script.feed(ev.BuildStarted, next(iter(script.specs)))
    script.feed(ev.BuildFailed, next(iter(script.specs)), reason="exited with code 1")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        row = board(app).functions.render_line(1).text
        assert "a-name" in row
        assert "… !" in row

    drive(script, steps, size=size)


def test_folding_hides_containers_and_long_queues_unfold() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "report")
        rows = len(screen.functions.items)
        await pilot.press("left")
        assert len(screen.functions.items) == rows - 2
        await pilot.press("right")
        assert len(screen.functions.items) == rows
        await pilot.press("2")
        folded = len(screen.tasks.items)
        await pilot.press("right")
        assert len(screen.tasks.items) == 14 > folded
        await pilot.press("a")
        assert len(screen.tasks.items) == 23

    drive(busy_script(Clock()), steps)


def test_f_z_and_t_change_how_the_log_is_shown() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = board(app).logs
        await pilot.press("f", "z", "t")
        assert (logs.follow, logs.wrap, logs.times) == (False, False, Times.CLOCK)
        await pilot.press("f", "z", "t")
        assert (logs.follow, logs.wrap, logs.times) == (True, True, Times.TASK)
        await pilot.press("t")
        assert logs.times is Times.OFF

    drive(busy_script(Clock()), steps)


def test_tab_numbers_and_plus_move_between_panes() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        assert screen.functions.has_focus
        for widget in (screen.tasks, screen.logs, screen.functions):
            await pilot.press("tab")
            assert widget.has_focus
        await pilot.press("3", "3")
        assert screen.run_view.has_focus
        await pilot.press("less_than_sign")
        assert screen.logs.has_focus
        await pilot.press("plus")
        await until(pilot, lambda: screen.logs.size.width > 150)
        await pilot.press("2")
        await until(pilot, lambda: screen.tasks.size.width > 150)
        await pilot.press("escape")
        await until(pilot, lambda: screen.tasks.size.width < 90)

    drive(busy_script(Clock()), steps)


def test_y_copies_what_the_pane_is_about() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("y")
        assert app.clipboard == "greet"
        await pilot.press("2", "y")
        assert app.clipboard == '{"greeting": "Hello, Ada!"}'
        await pilot.press("1", "3", "y")
        assert app.clipboard.startswith("reading the request\nINFO greeting Ada")

    drive(busy_script(Clock()), steps)


def test_e_says_so_where_the_terminal_cannot_be_lent() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("e")
        assert "this terminal cannot be lent to another program" in toasts(app)

    drive(busy_script(Clock()), steps)


def test_the_run_pane_follows_the_selection() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.press("greater_than_sign")
        await to_function(pilot, "greet")
        assert task_id(9) in screen.run_view.text
        await pilot.press("j")
        await until(pilot, lambda: task_id(8) in screen.run_view.text)
        await pilot.press("2", "j", "j", "j")
        await until(pilot, lambda: task_id(6) in screen.run_view.text)
        await to_function(pilot, "hello-sh")
        assert "has not been invoked yet" in screen.run_view.text
        await pilot.press("enter")
        controls.script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: task_id(10_001) in screen.run_view.text)

    drive(busy_script(Clock()), steps)


def test_a_refusal_is_told() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("enter")
        assert "the queue of [/b]crash is full" in toasts(app)

    drive(script, steps, controls=FakeControls(script=script, refusal="the queue of [/b]crash is full"))


def test_q_asks_while_tasks_run_and_leaves_at_once_when_none_do() -> None:
    async def busy(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("enter")
        assert isinstance(app.screen, ConfirmScreen)
        assert app.is_running
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: not app.is_running)

    async def idle(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)

    drive(busy_script(Clock()), busy)
    script = Script(Clock())
    script.function("greet")
    drive(script, idle)


def test_question_mark_shows_every_key() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        controls.driver_reason = "no Docker engine answers at unix:///none"
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = app.screen.query_one("#help").text  # type: ignore[attr-defined]
        assert all(action.description in shown for action in ACTIONS)
        assert "isolates nothing" in shown
        assert controls.driver_reason in shown
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))

    drive(busy_script(Clock()), steps)


def test_the_palette_has_every_action_and_runs_it() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert all(f"{action.label}  ({action.shown})" in commands for action in ACTIONS if action.in_palette)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: not isinstance(app.screen, MainScreen))
        await pilot.press(*"watch")
        await pilot.pause()
        await until(pilot, lambda: app.screen.query("CommandList").first().option_count == 1)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: controls.calls == [("watch", "False")])

    drive(busy_script(Clock()), steps)


def test_every_action_has_a_method_and_no_key_is_given_twice() -> None:
    assert all(hasattr(MainScreen, f"action_{action.id.split('(')[0]}") for action in ACTIONS)
    keys = [key for action in ACTIONS for key in action.key.split(",")]
    assert len(keys) == len(set(keys))
    assert all(footer_actions(pane)[-1].id in {"quit", "palette", ""} for pane in Pane)


def test_clicks_select_fold_and_open() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.click("#functions", offset=(10, 3))
        assert screen.functions.cursor_key == ("function", "greet")
        rows = len(screen.functions.items)
        await pilot.click("#functions", offset=(1, 3))
        assert len(screen.functions.items) == rows - 2
        await pilot.click("#tabs", offset=(10, 0))
        await until(pilot, lambda: screen.run_view.display)
        await pilot.click("#footer", offset=(3, 0))
        await until(pilot, lambda: controls.submitted)

    drive(busy_script(Clock()), steps)


def test_an_empty_folder_says_how_to_make_a_function_and_what_is_wrong() -> None:
    script = Script(Clock())
    controls = FakeControls(
        script=script, told=("broken/func.yaml:2: memory: found 'x', allowed a number",), folder=Path("/some/[/b]where")
    )

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        assert screen.welcome.display
        assert "hello/func.yaml" in screen.welcome.text
        assert "/some/[/b]where" in screen.welcome.text
        assert "broken/func.yaml:2" in screen.welcome.text
        await pilot.press("enter", "x", "K", "d", "r", "y", "slash", "escape")
        script.function("hello")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: not screen.welcome.display)
        await until(pilot, lambda: screen.scope.function == "hello")
        assert screen.notices.display
        assert screen.functions.has_focus

    drive(script, steps, controls=controls)


def test_a_removed_function_leaves_the_screen_usable() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("2")
        for container in ("c-7f3a12", "c-03bc9e"):
            script.stop("greet", container, 3)
        script.state("greet", FunctionState.REMOVED)
        script.clock.at += 1  # type: ignore[attr-defined]
        screen = board(app)
        await until(pilot, lambda: "greet" not in screen.snapshot.functions)
        await pilot.press("greater_than_sign", "enter", "x", "1", "enter")
        assert len(controls.submitted) >= 1

    drive(script, steps)


def test_hostile_names_and_lines_are_shown_as_they_are() -> None:
    script = Script(Clock())
    evil = "[/foo][@click=app.quit]x[/]"
    script.function(evil, state=FunctionState.FAILING, reason=f"\x1b]52;c;aGk=\x07{evil}")
    script.container(evil, "c-000001")
    script.line(evil, "c-000001", f"\x1b[2J{evil}\u202e")
    script.queue(evil, task_id(1), evil.encode())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("enter", "2", "greater_than_sign", "1")
        await edit(pilot)
        await pilot.press("escape", "x", "slash", "[", "escape")
        svg = app.export_screenshot()
        assert "[@click=app.quit]" in svg
        assert "\x1b" not in svg

    drive(script, steps)


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24), (60, 20)])
def test_it_is_usable_at_every_size(size: tuple[int, int]) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        for number, widget in (("1", screen.functions), ("2", screen.tasks), ("3", screen.logs)):
            await pilot.press(number)
            await pilot.pause()
            assert widget.has_focus
            assert widget.size.height >= 2
            assert widget.size.width >= 20

    drive(busy_script(Clock()), steps, size=size)


def test_without_colour_the_words_remain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        assert app.no_color
        svg = app.export_screenshot()
        assert "failing" in svg

    drive(busy_script(Clock()), steps)


@pytest.mark.parametrize("theme", ["textual-light", "textual-dark", "nord", "gruvbox"])
def test_themes(theme: str) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        app.theme = theme
        await pilot.pause()
        assert "greet" in app.export_screenshot()

    drive(busy_script(Clock()), steps)


def test_where_the_tasks_have_one_line_it_is_the_one_that_is_looked_at_or_the_newest() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)

        def row() -> str:
            return screen.tasks.render_line(1).text

        await pilot.press("j", "2", "j", "j", "j")
        chosen = screen.tasks.selected
        assert chosen is not None
        await pilot.press("3")
        await until(pilot, lambda: screen.tasks.size.height == 2 and f"t-{chosen.id[:6]}" in row())
        await pilot.press("1")
        newest = screen.snapshot.functions["greet"].ended[-1]
        await until(pilot, lambda: screen.tasks.size.height == 2 and f"t-{newest.id[:6]}" in row())

    drive(busy_script(Clock()), steps, size=(60, 20))
