"""Section 7: a deploy starts as many containers as the old revision has warm, so that it causes no cold start."""

from __future__ import annotations

import threading

import pytest
from runtime_tools import Bench, until

from hotdash import events as ev
from hotdash.errors import StartError
from hotdash.states import ContainerState


@pytest.fixture
def proving(bench):
    bench.driver.waits = True
    return bench


def warm_up(bench: Bench, count: int, **keys: object) -> None:
    """Deploys the function and has it run `count` containers, all idle."""
    bench.deploy(**keys)
    tasks = [bench.submit() for _ in range(count)]
    for task in tasks:
        bench.asked(task)
    for task in tasks:
        bench.answer(task)
    until(lambda: bench.states() == ["idle"] * count)


@pytest.mark.parametrize(("warm", "limit", "expected"), [(0, 4, 1), (1, 4, 1), (3, 4, 3), (4, 4, 4), (3, 2, 2)])
def test_as_many_are_started_as_were_warm_within_the_limit(proving, warm: int, limit: int, expected: int):
    bench = proving
    warm_up(bench, warm, max_concurrency=4)
    bench.rebuild("1")
    bench.deploy(max_concurrency=limit)
    assert [container.spec.revision for container in bench.driver.containers].count(2) == expected
    until(lambda: bench.states() == ["idle"] * expected)


def test_those_that_are_busy_count_as_warm_and_those_that_leave_do_not(proving):
    bench = proving
    warm_up(bench, 3, max_concurrency=3)
    running = bench.submit()
    bench.asked(running)
    gone = next(container for container in bench.snapshot().containers if container.state == ContainerState.IDLE)
    bench.runtime.kill(gone.id)
    bench.rebuild("1")
    bench.deploy(max_concurrency=3)
    assert [container.spec.revision for container in bench.driver.containers].count(2) == 2
    bench.answer(running)


def test_min_warm_is_there_at_the_swap(proving):
    bench = proving
    bench.deploy(max_concurrency=3, min_warm=2)
    until(lambda: bench.states() == ["idle", "idle"])
    bench.rebuild("1")
    bench.deploy(max_concurrency=3, min_warm=2)
    events = bench.seen(ev.Event)
    swap = next(event.seq for event in events if isinstance(event, ev.RevisionLive) and event.revision == 2)
    starts = [event.seq < swap for event in events if isinstance(event, ev.ContainerStarting) and event.revision == 2]
    assert starts == [True, True]


def test_tasks_that_wait_at_the_swap_run_at_once_in_all_of_them(proving):
    bench = proving
    bench.deploy(max_concurrency=2)
    running = [bench.submit() for _ in range(2)]
    for task in running:
        bench.asked(task)
    queued = [bench.submit() for _ in range(2)]
    bench.rebuild("1")
    bench.deploy(max_concurrency=2)
    assert len({bench.asked(task).id for task in queued}) == 2, "both run, each in its own container of r2"
    assert len(bench.driver.containers) == 4, "and none was started for them after the swap"
    for task in (*running, *queued):
        bench.answer(task)


def test_one_that_finds_no_memory_is_done_without(exceptions):
    threads = set(threading.enumerate())
    bench = Bench(memory_mb=4 * 128)
    bench.exceptions = exceptions
    bench.driver.waits = True
    warm_up(bench, 3, max_concurrency=3)
    bench.rebuild("1")
    assert bench.deploy(max_concurrency=3).revision == 2
    assert [container.spec.revision for container in bench.driver.containers].count(2) == 1
    bench.close(threads)


def exit_from(bench: Bench, *, revision: int, nth: int) -> None:
    """Lets the `nth` container of a revision, and all after it, end as soon as they are started."""
    start = bench.driver.start

    def start_and_perhaps_exit(spec):
        container = start(spec)
        if spec.revision == revision and sum(c.spec.revision == revision for c in bench.driver.containers) >= nth:
            container.waits = None
            container.exit(7)
        return container

    bench.driver.start = start_and_perhaps_exit


def test_one_that_is_not_fit_is_done_without_and_gone(proving):
    bench = proving
    warm_up(bench, 3, max_concurrency=3)
    exit_from(bench, revision=2, nth=3)
    bench.rebuild("1")
    assert bench.deploy(max_concurrency=3).revision == 2
    until(lambda: bench.states() == ["idle", "idle"])
    until(lambda: bench.driver.containers[-1].is_closed)
    assert bench.seen(ev.DeployFailed) == []


def test_if_the_first_is_not_fit_no_other_is_started(proving):
    bench = proving
    warm_up(bench, 3, max_concurrency=3)
    exit_from(bench, revision=2, nth=1)
    bench.rebuild("1")
    with pytest.raises(StartError, match="exited with code 7"):
        bench.deploy(max_concurrency=3)
    assert [container.spec.revision for container in bench.driver.containers].count(2) == 1
    until(lambda: bench.states() == ["idle"] * 3)
