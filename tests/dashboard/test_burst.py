"""Many calls at once: what is asked, how many are under way, what is told, and how it is ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, drive, task_id, until
from real_tools import DO_AS_TOLD, function, real_runtime
from real_tools import until as until_real
from test_dashboard_keys import board, to_function, toasts

from hotdash.dashboard.burst import Burst, BurstPlan
from hotdash.dashboard.burst_words import burst_line, burst_summary
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.live import LiveControls
from hotdash.dashboard.screens.burst import BurstScreen
from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.dashboard.screens.main import MainScreen
from hotdash.errors import UnknownFunction
from hotdash.redeploy.deployer import Deployer
from hotdash.store.payloads import Payload
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp


def a_burst(calls: int, at_once: int) -> tuple[Burst, FakeControls]:
    script = Script(Clock())
    script.function("greet")
    controls = FakeControls(script=script)
    plan = BurstPlan(function="greet", payload=Payload(body=b"Ada"), calls=calls, at_once=at_once)
    return Burst(controls=controls, plan=plan), controls


def notes(app: HotdashApp) -> list[str]:
    """The rows that say what goes on with a function."""
    functions = board(app).functions
    return [str(functions.row_of(item)) for item in functions.items if item.key[0] == "note"]


async def ask(pilot: Pilot[None], *keys: str) -> None:
    """Opens the dialog on `greet`, and types."""
    await to_function(pilot, "greet")
    await pilot.press("B")
    await until(pilot, lambda: isinstance(pilot.app.screen, BurstScreen))
    await pilot.press(*keys)


def test_so_many_are_under_way_and_each_end_sends_the_next() -> None:
    burst, controls = a_burst(7, 3)
    burst.push()
    assert len(controls.submitted) == 3
    for number in range(7):
        assert len(controls.submitted) == min(7, 3 + number)
        assert not burst.tally.is_over
        controls.end(controls.ids[number], TaskStatus.ERROR if number == 2 else TaskStatus.SUCCESS)
    assert burst.tally.is_over
    assert burst.tally.ends == {TaskStatus.SUCCESS: 6, TaskStatus.ERROR: 1}
    assert {payload for _, payload, _ in controls.submitted} == {b"Ada"}


def test_a_full_queue_is_waited_for() -> None:
    burst, controls = a_burst(5, 4)
    controls.room = 0  # others fill it
    burst.push()
    assert (burst.tally.sent, burst.tally.fault, burst.tally.is_over) == (0, "", False)
    controls.room = 2
    burst.push()
    assert burst.tally.sent == 2
    for number in range(5):
        controls.end(controls.ids[number])
    assert (burst.tally.is_over, burst.tally.ended) == (True, 5)


def end_at_once(controls: FakeControls) -> None:
    """Every call ends before `submit` returns."""
    submit = controls.submit

    def ends_at_once(*arguments: object, **named: object) -> str:
        new_id = submit(*arguments, **named)  # type: ignore[arg-type]
        controls.end(new_id)
        return new_id

    controls.submit = ends_at_once  # type: ignore[assignment, method-assign]


def test_what_ends_before_submit_returns_is_counted_and_piles_up_no_stack() -> None:
    burst, controls = a_burst(5_000, 2)
    end_at_once(controls)
    pushes = 0
    while not burst.tally.is_over:
        burst.push(1_000)
        pushes += 1
    assert (pushes, burst.tally.ended, burst.stop()) == (5, 5_000, ())


def test_an_end_sends_on_while_nothing_is_under_way_that_could() -> None:
    """Ends that come as another thread sends leave it to that one, which must not go while they do."""
    burst, controls = a_burst(5_000, 1)
    burst.push()
    end_at_once(controls)
    controls.end(controls.ids[0])
    assert (burst.tally.is_over, burst.tally.ended) == (True, 5_000)


def test_a_runtime_that_takes_no_more_ends_it_and_is_named() -> None:
    burst, controls = a_burst(5, 2)
    burst.push()

    def refuse(*_arguments: object, **_named: object) -> str:
        raise UnknownFunction("no function greet")

    controls.submit = refuse  # type: ignore[assignment, method-assign]
    for task in list(controls.on_ends):
        controls.end(task)
    assert burst.tally.is_over
    assert burst_summary(burst.tally).startswith(
        "greet: burst: 2 of 5 calls in 0 s, 2 success; then: no function greet"
    )


def test_stopped_it_sends_no_more_and_names_what_is_under_way() -> None:
    burst, controls = a_burst(9, 3)
    burst.push()
    controls.end(controls.ids[0])
    assert set(burst.stop()) == set(controls.ids[1:4])
    assert (burst.tally.is_stopped, burst.tally.unsent) == (True, 0)
    assert "no more are sent" in unstyled(burst_line(burst.tally, cancel_key="x"))
    for task in list(controls.on_ends):
        controls.end(task, TaskStatus.CANCELLED)
    assert len(controls.submitted) == 4
    assert "4 of 9 calls" in burst_summary(burst.tally)


def test_a_fault_of_hotdashs_own_in_sending_ends_the_burst_and_is_not_hidden() -> None:
    burst, controls = a_burst(5, 2)
    burst.push()

    def break_down(*_arguments: object, **_named: object) -> str:
        raise RuntimeError("out of threads")

    controls.submit = break_down  # type: ignore[assignment, method-assign]
    first, second = list(controls.on_ends)
    with pytest.raises(RuntimeError, match="out of threads"):
        controls.end(first)
    controls.end(second)
    tally = burst.tally
    assert (tally.is_over, tally.sent, tally.ended) == (True, 2, 2)
    assert tally.fault == "a fault in hotdash"
    assert not burst._is_sending


@pytest.mark.parametrize("calls", [1, 9])
def test_a_call_that_is_being_sent_as_it_is_stopped_is_cancelled_by_its_sender(calls: int) -> None:
    burst, controls = a_burst(calls, 1)
    submit = controls.submit

    def is_stopped_meanwhile(*arguments: object, **named: object) -> str:
        new_id = submit(*arguments, **named)  # type: ignore[arg-type]
        assert burst.stop() == ()
        assert not burst.tally.is_over
        return new_id

    controls.submit = is_stopped_meanwhile  # type: ignore[assignment, method-assign]
    burst.push()
    assert controls.calls == [("cancel", controls.ids[0])]
    assert len(controls.ids) == 1


def test_on_a_real_runtime_a_queue_of_two_fails_no_call_of_a_burst(tmp_path: Path) -> None:
    spec = function(tmp_path / "functions" / "told", DO_AS_TOLD, max_queue=2, max_concurrency=2)
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(spec)
        deployer = Deployer(runtime=runtime, folder=spec.folder.parent, watch=False)
        controls = LiveControls(folder=spec.folder.parent, now_s=runtime.clock.now, watching=False)
        controls.attach(runtime=runtime, deployer=deployer, driver_note="")
        plan = BurstPlan(function="told", payload=Payload(body=b"answer(b'ok')"), calls=200, at_once=16)
        burst = Burst(controls=controls, plan=plan)

        def is_over() -> bool:
            burst.push()
            return burst.tally.is_over

        until_real(is_over, "the burst's end")
        assert burst.tally.ends == {TaskStatus.SUCCESS: 200}
        assert "200 calls in" in burst_summary(burst.tally)


def test_b_asks_for_both_numbers_tells_how_far_it_is_and_how_it_went() -> None:
    script = busy_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await ask(pilot, *"50", "space", *"8", "enter")
        await until(pilot, lambda: len(controls.submitted) == 8)
        controls.end(controls.ids[0], TaskStatus.ERROR)
        for number in range(1, 20):
            controls.end(controls.ids[number])
        script.clock.at += 1  # type: ignore[attr-defined]
        told = "20 of 50  19 success  1 error  8 at once  x ends it"
        await until(pilot, lambda: any(told in note for note in notes(app)))
        assert len(controls.on_ends) == 8
        await pilot.press("B")
        assert "a burst of greet is under way: x on its row ends it" in toasts(app)
        while controls.on_ends:
            controls.end(next(iter(controls.on_ends)))
        await until(pilot, lambda: any("burst: 50 calls in" in toast for toast in toasts(app)))
        assert any("50 calls in" in note and "49 success, 1 error" in note for note in notes(app))
        script.clock.at += 60  # type: ignore[attr-defined]
        await until(pilot, lambda: not notes(app))
        await ask(pilot)
        assert [line.value for line in app.screen.query("NumberInput")] == ["50", "8"]  # type: ignore[attr-defined]

    drive(script, steps)


def test_the_dialog_refuses_what_is_no_number_and_says_so() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await ask(pilot, *"5x")
        fault = app.screen.query_one(".dialog-fault")
        assert "digits alone, not 'x'" in str(fault.render())
        assert app.screen.query_one("#burst").value == "5"  # type: ignore[attr-defined]
        await pilot.press("backspace", "enter")
        assert isinstance(app.screen, BurstScreen)
        assert "calls: a number from 1 to 10,000" in str(fault.render())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        assert not controls.submitted

    drive(busy_script(Clock()), steps)


def test_more_than_a_hundred_calls_are_asked_about() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await ask(pilot, *"101", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, BurstScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert not controls.submitted
        await pilot.press("y")
        await until(pilot, lambda: len(controls.submitted) == 8)

    drive(busy_script(Clock()), steps)


def test_x_on_the_functions_row_ends_the_burst_and_all_that_waits_or_runs_once_the_user_says_yes() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await ask(pilot, *"40", "space", *"5", "enter")
        await until(pilot, lambda: len(controls.submitted) == 5)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert not controls.calls
        await pilot.press("y")
        await until(pilot, lambda: len(controls.calls) == 5)
        assert {task for _, task in controls.calls} == set(controls.ids)
        assert any("5 tasks cancelled; 35 calls of the burst not sent" in toast for toast in toasts(app))
        while controls.on_ends:
            controls.end(next(iter(controls.on_ends)), TaskStatus.CANCELLED)
        await until(pilot, lambda: any("burst: 5 of 40 calls" in toast for toast in toasts(app)))
        assert len(controls.submitted) == 5

    drive(busy_script(Clock()), steps)


def test_x_on_a_functions_row_cancels_one_task_unasked_and_several_only_when_the_user_says_yes() -> None:
    script = busy_script(Clock())
    script.queue("thumbnail", task_id(90))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "thumbnail")
        await pilot.press("x")
        assert controls.calls == [("cancel", task_id(90))]
        await to_function(pilot, "report")
        for answer, cancelled in (("n", 1), ("y", 15)):
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press(answer)
            await until(pilot, lambda: isinstance(app.screen, MainScreen))
            await until(pilot, lambda cancelled=cancelled: len(controls.calls) == cancelled)  # type: ignore[misc]
        assert [task for _, task in controls.calls[-2:]] == [task_id(21), task_id(22)]  # what runs comes last
        assert "14 tasks cancelled" in toasts(app)

    drive(script, steps)


@pytest.mark.parametrize(
    ("rows", "told"),
    [(("space", "j", "space"), "2 marked tasks cancelled"), (("space", "G", "space"), "2 marked tasks cancelled")],
    ids=["two that run", "one that runs, one that waits"],
)
def test_x_cancels_all_marked_tasks(rows: tuple[str, ...], told: str) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "report")
        await pilot.press("2", "right", *rows, "g", "j", "j", "j", "x")
        assert len(controls.calls) == 2
        assert told in toasts(app)

    drive(busy_script(Clock()), steps)
