"""M12: what starts, by memory: who makes room for whom, and what a task is told in the end."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest
from runtime_tools import PATIENCE_S, Bench, until

from hotdash import events as ev
from hotdash.drivers.stub import answer_http
from hotdash.errors import HotdashError, StartError
from hotdash.functions.spec import Format
from hotdash.task import TaskCause

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def small(exceptions: list[BaseException]) -> Iterator[Bench]:
    """A runtime with room for two containers of 128 MB."""
    threads = set(threading.enumerate())
    bench = Bench(memory_mb=256)
    bench.exceptions = exceptions
    yield bench
    bench.close(threads)


def used(bench: Bench) -> int:
    return bench.runtime.snapshot().memory_used_mb


def rests(bench: Bench, *names: str) -> None:
    for name in names:
        until(lambda name=name: bench.states(name) == ["idle"], f"{name} at rest")


def test_no_more_start_than_fit_and_the_reason_says_who_has_the_memory(small):
    small.deploy("greet", max_concurrency=8)
    tasks = [small.submit(name="greet") for _ in range(5)]
    assert len(small.snapshot("greet").containers) == 2
    assert used(small) == 256
    why = "no memory: needs 128 MB, 256 MB of 256 MB in use by greet 256 MB"
    assert small.snapshot("greet").why.endswith(why)
    for task in tasks:
        assert small.answer(task).status == "success"
    assert len(small.driver.containers) == 2


def test_the_longest_idle_container_of_another_function_makes_room(small):
    for name in ("older", "newer", "third"):
        small.deploy(name)
    for name in ("older", "newer"):
        small.call(name=name)
        rests(small, name)
        small.clock.advance(1)
    assert small.call(b"here", name="third").body == b"here"
    assert small.states("older") == []
    assert small.states("newer") == ["idle"]
    [stopped] = [event for event in small.seen(ev.ContainerStopped) if event.function == "older"]
    assert stopped.reason == "its memory is needed for third"
    assert not stopped.failed
    assert used(small) == 256


def test_one_that_is_busy_is_left_alone_and_makes_room_when_it_rests(small):
    for name in ("one", "two", "third"):
        small.deploy(name)
    running = [small.submit(name="one"), small.submit(name="two")]
    for task in running:
        small.asked(task)
    waits = small.submit(name="third")
    assert small.snapshot("third").why == ("no memory: needs 128 MB, 256 MB of 256 MB in use by one 128 MB, two 128 MB")
    small.answer(running[1])
    assert small.answer(waits).status == "success"
    assert small.states("one") == ["busy"]
    small.answer(running[0])


def test_as_many_make_room_as_are_needed_and_none_in_vain(small):
    small.deploy("small-1", memory_mb=64)
    small.deploy("small-2", memory_mb=64)
    small.deploy("busy", memory_mb=64)
    small.deploy("large", memory_mb=200)
    busy = small.submit(name="busy")
    small.asked(busy)
    for name in ("small-1", "small-2"):
        small.call(name=name)
        rests(small, name)
    waits = small.submit(name="large")
    assert small.states("small-1") == small.states("small-2") == ["idle"], "stopped, though that does not suffice"
    small.answer(busy)
    assert small.answer(waits).status == "success"
    assert used(small) == 200


def test_others_make_room_as_soon_as_a_leaving_one_has_ended_its_task_though_it_takes_its_time_to_end(small):
    for name in ("leaving", "other"):
        small.deploy(name)
    small.deploy("large", memory_mb=256)
    running = small.submit(name="leaving")
    container = small.asked(running)
    container.ignores_term = True
    small.call(name="other")
    rests(small, "other")
    small.runtime.undeploy("leaving")
    waits = small.submit(name="large")
    assert small.states("other") == ["idle"], "the two together would not do yet"
    small.answer(running)
    try:
        until(lambda: container.was_terminated)
        until(lambda: small.states("other") == [], "room made by the other")
    finally:
        container.exit(0)
    assert small.answer(waits).status == "success"


def test_others_make_room_as_soon_as_one_that_is_killed_is_about_to_end(small):
    """It is being started just then, and ends when that is done."""
    small.deploy("other")
    small.call(name="other")
    rests(small, "other")
    go, start = threading.Event(), small.driver.start
    small.driver.start = lambda spec: (go.wait(PATIENCE_S), start(spec))[1]
    small.deploy("slow")
    task = small.submit(name="slow")
    [slow] = until(lambda: small.snapshot("slow").containers)
    small.deploy("large", memory_mb=256)
    waits = small.submit(name="large")
    assert small.states("other") == ["idle"], "the two together would not do yet"
    task.cancel()
    small.runtime.kill(slow.id)
    until(lambda: small.states("other") == [], "room made by the other")
    assert not waits.done()
    go.set()
    assert small.answer(waits).status == "success"


def test_a_task_that_waits_too_long_fails_with_the_reason(small):
    for name in ("one", "two"):
        small.deploy(name)
    small.deploy("third", wait_timeout_s=7.0)
    running = [small.submit(name="one"), small.submit(name="two")]
    for task in running:
        small.asked(task)
    first = small.submit(name="third")
    small.clock.advance(4)
    second = small.submit(name="third")
    small.elapse(3)
    result = small.result(first)
    assert result.status == "error"
    assert result.error == (
        "no memory: needs 128 MB, 256 MB of 256 MB in use by one 128 MB, two 128 MB; it waited 7 s (wait_timeout)"
    )
    assert result.cause is TaskCause.NO_MEMORY
    assert not second.done()
    small.elapse(4)
    assert small.result(second).error == result.error
    for task in running:
        small.answer(task)
    assert small.call(name="third").status == "success"


def test_with_a_container_of_its_own_at_work_a_task_waits_on(small):
    small.deploy("one", max_concurrency=4, wait_timeout_s=1.0)
    small.deploy("two")
    other, own = small.submit(name="two"), small.submit(name="one")
    small.asked(other)
    small.asked(own)
    waits = small.submit(name="one")
    small.clock.advance(5)
    assert small.runtime._budget.is_wanted
    small.answer(own)
    small.asked(waits)
    until(lambda: not small.runtime._budget.is_wanted, "a line without those that want nothing more")
    assert small.answer(waits).status == "success"
    small.answer(other)


def test_what_can_never_fit_fails_at_once(small):
    small.deploy("huge", memory_mb=257, min_warm=1)
    result = small.result(small.submit(name="huge"))
    assert result.status == "error"
    assert result.error == "no memory: needs 257 MB, and there are 256 MB in all (see --memory)"
    assert result.cause is TaskCause.NO_MEMORY
    small.rebuild("1", "huge")
    with pytest.raises(StartError, match="no memory: needs 257 MB"):
        small.deploy("huge", memory_mb=257)


def test_functions_that_are_kept_warm_do_not_stop_each_other(small):
    small.deploy("one", min_warm=1)
    small.deploy("two", min_warm=1)
    rests(small, "one", "two")
    small.deploy("three", min_warm=1)
    assert small.states("three") == []
    assert small.snapshot("three").why.startswith("no memory: needs 128 MB")
    assert small.call(name="three").status == "success"  # a task does
    rests(small, "three")
    [evicted] = [name for name in ("one", "two") if not small.states(name)]
    assert small.seen(ev.ContainerStopped)[0].function == evicted
    for _ in range(3):  # nothing goes on among them
        small.clock.advance(0.5)
        assert small.states("three") == ["idle"]
    assert len(small.driver.containers) == 3
    small.runtime.undeploy("three")
    rests(small, evicted)  # it waited for just that


def test_kept_warm_ones_make_room_last(small):
    small.deploy("warm", min_warm=1)
    rests(small, "warm")
    small.clock.advance(5)
    small.deploy("other")
    small.call(name="other")
    rests(small, "other")
    small.deploy("third")
    small.call(name="third")
    assert small.states("warm") == ["idle"]
    assert small.states("other") == []


def test_a_task_that_is_cancelled_wants_nothing_more(small):
    for name in ("one", "two", "third"):
        small.deploy(name)
    running = [small.submit(name="one"), small.submit(name="two")]
    for task in running:
        small.asked(task)
    waits = small.submit(name="third")
    own_time = small.submit(name="third", timeout_s=2.0)
    assert waits.cancel()
    assert small.runtime._budget.is_wanted
    small.elapse(2)
    assert small.result(own_time).status == "timeout"
    assert "no memory" in small.result(own_time).error
    until(lambda: not small.runtime._budget.is_wanted)
    for task in running:
        small.answer(task)
    rests(small, "one", "two")  # for nobody


def test_a_cold_function_waits_for_memory_too(small):
    small.deploy("cold", format=Format.DEFAULT, max_concurrency=8)
    tasks = [small.submit(name="cold") for _ in range(4)]
    for done in range(4):
        started = until(lambda done=done: small.driver.containers[done:], "the next container")
        assert used(small) <= 256
        started[0].exit(0)
    assert [small.result(task).status for task in tasks] == ["success"] * 4
    until(lambda: used(small) == 0, "empty books")


# deploys -------------------------------------------------------------------------------------------------------------


def deploy_in_thread(bench: Bench, name: str, **changes: object) -> tuple[threading.Thread, list[object]]:
    outcome: list[object] = []

    def deploy() -> None:
        try:
            outcome.append(bench.deploy(name, **changes))
        except HotdashError as error:
            outcome.append(error)

    thread = threading.Thread(target=deploy)
    thread.start()
    return thread, outcome


def test_a_proof_finds_room_at_the_cost_of_others_first(small):
    small.driver.script = answer_http
    small.deploy("one")
    small.deploy("two")
    for name in ("one", "two"):
        assert small.result(small.submit(name=name)).status == "success"
        rests(small, name)
        small.clock.advance(1)
    small.rebuild("1", "one")
    thread, outcome = deploy_in_thread(small, "one")
    container = until(lambda: small.driver.containers[2:], "the proving container")[0]
    container.waits = True
    small.clock.advance(0.01)
    until(lambda: outcome or small.clock.advance(0.01), "the deploy")
    thread.join()
    assert outcome[0].revision == 2
    assert small.states("two") == []


def test_a_proof_that_finds_no_room_leaves_the_old_revision_serving(small):
    small.deploy("one", wait_timeout_s=3.0)
    small.deploy("two")
    running = [small.submit(name="one"), small.submit(name="two")]
    for task in running:
        small.asked(task)
    small.rebuild("1", "one")
    thread, outcome = deploy_in_thread(small, "one", wait_timeout_s=3.0)
    small.elapse(3)
    thread.join()
    assert isinstance(outcome[0], StartError)
    assert "no memory: needs 128 MB, 256 MB of 256 MB in use by one 128 MB, two 128 MB" in str(outcome[0])
    assert small.seen(ev.DeployFailed)[-1].reason.startswith("no memory")
    for task in running:
        small.answer(task)
    assert small.call(name="one").revision == 1


def test_a_proof_that_waits_for_memory_ends_with_its_function(small):
    small.deploy("one")
    small.deploy("two")
    running = [small.submit(name="one"), small.submit(name="two")]
    for task in running:
        small.asked(task)
    small.rebuild("1", "one")
    thread, outcome = deploy_in_thread(small, "one")
    until(lambda: small.runtime._budget.is_wanted)
    small.runtime.undeploy("one")
    thread.join(PATIENCE_S)
    assert "one was removed" in str(outcome[0])
    for task in running:
        small.answer(task)


# storms --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_after_a_storm_the_books_are_empty(seed, exceptions):
    """Functions that do not all fit, tasks cancelled at random, containers that die and that do not start."""
    dice = random.Random(seed)
    threads = set(threading.enumerate())
    bench = Bench(memory_mb=300)
    bench.exceptions = exceptions

    def script(container: object) -> None:
        if dice.random() < 0.05:
            container.exit(9)
        answer_http(container)

    bench.driver.script = script
    names = [f"f{number}" for number in range(5)]
    for number, name in enumerate(names):
        bench.deploy(name, memory_mb=60 + 30 * number, max_concurrency=3, min_warm=number % 2, wait_timeout_s=1000.0)
    tasks = []
    greatest = 0
    for _ in range(200):
        tasks.append(bench.submit(name=dice.choice(names)))
        if dice.random() < 0.1:
            dice.choice(tasks).cancel()
        greatest = max(greatest, used(bench))
    until(lambda: all(task.done() for task in tasks) or bench.clock.advance(0.05), "an answer to each")
    assert 200 < greatest <= 300
    assert not any("no memory" in (bench.result(task).error or "") for task in tasks)
    for name in names:
        bench.runtime.undeploy(name)
    until(lambda: used(bench) == 0 or bench.clock.advance(0.05), "empty books")
    bench.close(threads)
