"""M4: a task that its container certainly did not read; and M5, which bounds how often that may be."""

from __future__ import annotations

import pytest
from runtime_tools import before_the_next_run, http_answer, until

from hotdash import events as ev
from hotdash.runtime.container import EXIT_WAIT_S
from hotdash.runtime.hot import HotContainer
from hotdash.task import TaskStatus


def dispatches(bench):
    """How often tasks were queued, and queued again."""
    again = [event.again for event in bench.seen(ev.TaskQueued)]
    return again.count(False), again.count(True)


def two_have_answered(bench):
    tasks = [bench.submit(), bench.submit()]
    until(lambda: bench.states() == ["busy", "busy"])
    for task in tasks:
        bench.answer(task)
    until(lambda: bench.states() == ["idle", "idle"])


@pytest.fixture
def dies_before_each_task(monkeypatch):
    """Containers end in the instant between their dispatch and the look at them."""
    run = HotContainer._run

    def run_dead(container, task):
        container.io.exit(4)
        return run(container, task)

    monkeypatch.setattr(HotContainer, "_run", run_dead)


def test_what_was_never_sent_may_meet_any_number_of_ended_containers(bench, monkeypatch):
    bench.deploy(max_concurrency=1)
    bench.call()
    for _ in range(4):  # each has answered: M5 has nothing to count
        before_the_next_run(monkeypatch, lambda: bench.driver.containers[-1].exit(0))
        bench.call()
    task = bench.submit(b"x")
    bench.asked(task)
    assert bench.answer(task, b"y").body == b"y"
    assert dispatches(bench) == (6, 4)


def test_one_task_that_was_never_sent_is_put_back_more_than_once(bench, monkeypatch):
    """Of two containers that have answered, and a new one that does not come to it: a failed start, and no more."""
    bench.deploy(max_concurrency=2)
    two_have_answered(bench)
    ends = iter(range(3))
    run = HotContainer._run

    def run_dead(container, task):
        if next(ends, None) is not None:
            container.io.exit(0)
        return run(container, task)

    monkeypatch.setattr(HotContainer, "_run", run_dead)
    task = bench.submit(b"x")
    bench.elapse(0.1)
    assert bench.answer(task, b"y").body == b"y"
    assert dispatches(bench) == (3, 3)
    assert "failing" not in {event.state for event in bench.seen(ev.FunctionChanged)}


def test_containers_that_always_end_before_their_first_request_are_failed_starts(bench, dies_before_each_task):
    bench.deploy(max_concurrency=1)
    tasks = [bench.submit(b"x") for _ in range(2)]
    bench.elapse(0.1)
    bench.elapse(0.2)
    for task in tasks:
        assert bench.result(task).error == (
            "f does not start: 3 starts in a row failed; "
            "the last: the container exited with code 4 before it was sent anything"
        )
    assert len(bench.driver.containers) == 3


def test_one_that_reads_no_more_is_sent_nothing_and_what_it_still_says_is_nobodys(bench):
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    old.stdin_closed = True
    old.write = lambda data, write=old.write: (old.say(http_answer(b"late")), write(data))[1]
    task = bench.submit()
    bench.elapse(EXIT_WAIT_S)  # it lives on; so long its end is waited for
    assert bench.asked(task) is not old
    assert bench.answer(task, b"own").body == b"own"
    stopped = bench.seen(ev.ContainerDraining)[0]
    assert stopped.reason == "the container closed its stdin before it was sent anything, and still runs"


def test_a_task_whose_time_is_over_is_not_put_back(bench):
    bench.deploy()
    bench.call()
    bench.driver.containers[0].end_stdout()
    task = bench.submit(timeout_s=EXIT_WAIT_S)
    bench.elapse(EXIT_WAIT_S)  # it lives on; so long its end is waited for
    assert bench.result(task).status == TaskStatus.TIMEOUT
    assert dispatches(bench) == (2, 0)


def test_what_comes_before_anything_is_sent_costs_no_task(bench, monkeypatch):
    """The pipe takes nothing just now, and it speaks: to a task before this one."""
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    old.write = lambda _: (old.say(http_answer(b"late")), 0)[1]
    task = bench.submit()
    assert bench.asked(task) is not old
    assert bench.answer(task, b"own").body == b"own"


# A task that was sent once already -----------------------------------------------------------------------------------


def a_task_sent_in_vain(bench):
    """A task whose container ended with the request unread, and a second container, at work, that it is given to next.

    Returns:
        The task and that second container.
    """
    bench.deploy(max_concurrency=2, init_timeout_s=3.0, timeout_s=9.0)
    two_have_answered(bench)
    for container in bench.driver.containers:
        container.waits = False
    ended = []

    def end(container):
        ended.append(container)
        container.exit(0)

    for container in bench.driver.containers:
        container._script = end
    task = bench.submit(b"x")
    until(lambda: ended)
    second = next(container for container in bench.driver.containers if container is not ended[0])
    second._script = bench.hold
    until(lambda: dispatches(bench) == (3, 1))
    return task, second


def test_a_task_that_was_sent_once_is_not_sent_to_one_that_is_about_to_end(bench):
    bench.driver.waits = True
    task, second = a_task_sent_in_vain(bench)
    second.exit(0)
    third = bench.asked(task)
    assert third not in bench.driver.containers[:2]
    assert bench.answer(task, b"y").body == b"y"
    assert dispatches(bench) == (3, 2)


def test_a_task_that_was_sent_once_is_sent_when_the_container_waits_for_it(bench):
    task, second = a_task_sent_in_vain(bench)
    bench.elapse(0.005)
    until(lambda: abs(min(bench.clock.deadlines(), default=0) - bench.clock.now() - 0.005) < 1e-6, "another look")
    assert second.unread_bytes() == 0, "it is sent nothing yet"
    second.waits = True
    bench.elapse(0.005)
    assert bench.asked(task) is second
    assert bench.answer(task, b"y").body == b"y"


@pytest.mark.parametrize("act", ["cancel", "kill", "deadline"])
def test_a_task_that_waits_for_its_container_to_be_fit_ends_as_any(bench, act):
    task, second = a_task_sent_in_vain(bench)
    if act == "cancel":
        task.cancel()
    elif act == "kill":
        bench.runtime.kill(second.id)
    else:
        until(bench.clock.deadlines)
        bench.clock.advance(9.0)
    expected = {"cancel": TaskStatus.CANCELLED, "kill": TaskStatus.ERROR, "deadline": TaskStatus.TIMEOUT}
    assert bench.result(task).status == expected[act]
    assert second.unread_bytes() == 0, "it was sent nothing"
