"""M13 and R9 as far as the runtime goes: the close answers everything and leaves nothing."""

from __future__ import annotations

import threading

import pytest
from runtime_tools import http_answer, make_spec, until

from hotdash import events as ev
from hotdash.clock import SystemClock
from hotdash.drivers.stub import StubDriver
from hotdash.errors import RuntimeClosed
from hotdash.functions.spec import Format
from hotdash.runtime.runtime import Runtime
from hotdash.task import TaskCause, TaskStatus


class Closing:
    """A close in a thread of its own."""

    def __init__(self, bench, timeout_s):
        self.thread = threading.Thread(target=bench.runtime.close, args=(timeout_s,), daemon=True)
        self.thread.start()

    def end(self):
        self.thread.join(10)
        assert not self.thread.is_alive(), "the close does not end"


def refuses(bench):
    try:
        bench.submit()
    except RuntimeClosed:
        return True
    return False


def test_closing_an_idle_runtime_ends_at_once_and_leaves_nothing(bench):
    bench.deploy()
    bench.call()
    container = bench.driver.containers[0]
    bench.runtime.close()
    assert container.is_closed
    assert str(container.wait(0)) == "was killed by SIGTERM", "asked to end, not killed"
    assert bench.driver.is_closed


def test_running_and_waiting_tasks_run_to_their_end_if_there_is_time(bench):
    bench.deploy()
    running = bench.submit()
    bench.asked(running)
    waiting = [bench.submit() for _ in range(3)]
    closing = Closing(bench, 10.0)
    until(lambda: 1010.0 in bench.clock.deadlines(), "the close has begun")
    assert refuses(bench)
    for task in (running, *waiting):
        assert bench.answer(task, b"in time").body == b"in time"
    closing.end()
    assert len(bench.driver.containers) == 1


def test_a_waiting_task_gets_a_container_even_while_it_closes(bench):
    bench.deploy(timeout_s=4.0)
    running = bench.submit()
    bench.asked(running)
    waiting = bench.submit()
    closing = Closing(bench, 10.0)
    until(lambda: 1010.0 in bench.clock.deadlines())
    bench.elapse(4.0)
    assert bench.result(running).status == TaskStatus.TIMEOUT
    assert bench.answer(waiting, b"in a new one").body == b"in a new one"
    closing.end()
    assert len(bench.driver.containers) == 2


def test_what_finds_no_time_is_answered_waiting_ones_cancelled_running_ones_killed(bench):
    bench.deploy()
    running = bench.submit()
    container = bench.asked(running)
    waiting = bench.submit()
    closing = Closing(bench, 3.0)
    bench.elapse(3.0)
    closing.end()
    assert bench.result(waiting).status == TaskStatus.CANCELLED
    assert bench.result(waiting).error == "RuntimeClosed: the runtime closed before this task started"
    assert bench.result(waiting).cause is TaskCause.CLOSED
    assert bench.result(running).status == TaskStatus.ERROR
    assert bench.result(running).error == "RuntimeClosed: the runtime closed"
    assert bench.result(running).cause is TaskCause.CLOSED
    assert str(container.wait(0)) == "was killed by SIGKILL"


def test_tasks_that_wait_for_a_first_build_are_cancelled_at_the_close(bench):
    go, entered = threading.Event(), threading.Event()
    build = bench.driver.build

    def held(spec, **more):
        entered.set()
        go.wait(10)
        return build(spec, **more)

    bench.driver.build = held
    errors = []

    def deploy():
        try:
            bench.deploy()
        except Exception as error:  # noqa: BLE001  the test looks at it
            errors.append(error)

    deploying = threading.Thread(target=deploy, daemon=True)
    deploying.start()
    assert entered.wait(5)
    task = bench.submit()
    bench.runtime.close(timeout_s=5.0)
    assert bench.result(task).status == TaskStatus.CANCELLED
    assert bench.result(task).error.startswith("RuntimeClosed: ")
    go.set()
    deploying.join(10)
    assert len(errors) == 1, "the build is told that it is cancelled"


def test_a_deploy_that_is_under_way_at_the_close_starts_nothing_after_it(bench):
    """Its build did not hear of the close in time, and succeeds."""
    bench.deploy()
    bench.rebuild("1")
    go, entered = threading.Event(), threading.Event()
    image = bench.driver.build(make_spec(), on_output=str, is_cancelled=bool)
    bench.driver.build = lambda spec, **more: (entered.set(), go.wait(10), image)[-1]
    errors = []

    def deploy():
        with pytest.raises(RuntimeClosed) as caught:
            bench.deploy()
        errors.append(caught.value)

    deploying = threading.Thread(target=deploy, daemon=True)
    deploying.start()
    assert entered.wait(5)
    bench.runtime.close(timeout_s=0)
    go.set()
    deploying.join(10)
    assert len(errors) == 1
    assert bench.driver.containers == []


def refused_close(bench, refusals):
    try:
        bench.runtime.close()
    except RuntimeError as error:
        refusals.append(str(error))


def test_a_close_from_a_callback_is_refused_at_once_and_closes_nothing(bench):
    bench.deploy()
    task = bench.submit()
    refusals = []
    task.add_done_callback(lambda _: refused_close(bench, refusals))
    bench.answer(task)
    until(lambda: refusals)
    assert refusals == ["close() may not be called from a callback of the runtime: hand it to another thread"]
    assert bench.call(b"on").body == b"on"


def test_a_close_from_a_listener_likewise(bench):
    refusals = []
    unsubscribe = bench.runtime.subscribe(lambda _: refused_close(bench, refusals))
    bench.deploy()
    until(lambda: refusals)
    unsubscribe()
    assert refusals[0].startswith("close() may not be called from a callback")
    assert bench.call(b"on").body == b"on"


def test_threads_that_were_made_and_not_started_yet_are_remembered_for_the_join(bench):
    bench.deploy()
    supervisor = bench.runtime._manager.find("f").supervisor
    early, later = (threading.Thread(target=str, name=name) for name in ("early", "later"))
    supervisor.threads.adopt(early)
    supervisor.threads.adopt(later)
    assert supervisor.threads.owns(early)
    for thread in (early, later):
        thread.start()
        thread.join()
    supervisor.threads.adopt(third := threading.Thread(target=str))
    assert [supervisor.threads.owns(thread) for thread in (early, later, third)] == [False, False, True]
    supervisor.threads.forget(third)
    assert not supervisor.threads.owns(third)


def test_tasks_in_a_back_off_are_tried_again_while_it_closes(bench):
    bench.driver.fail_starts = "not yet"
    bench.deploy()
    task = bench.submit()
    until(lambda: 1000.1 in bench.clock.deadlines())
    closing = Closing(bench, 10.0)
    until(lambda: 1010.0 in bench.clock.deadlines())
    bench.driver.fail_starts = ""
    bench.elapse(0.1)
    assert bench.answer(task, b"now").body == b"now"
    closing.end()


def test_submit_after_the_close_raises_and_the_message_says_why(bench):
    bench.deploy()
    bench.runtime.close()
    with pytest.raises(RuntimeClosed, match="no more tasks are taken"):
        bench.submit()
    with pytest.raises(RuntimeClosed):
        bench.submit(name="unknown")


def test_closing_twice_does_nothing_more(bench):
    bench.deploy()
    bench.call()
    bench.runtime.close()
    events = len(bench.events)
    bench.runtime.close()
    assert len(bench.events) == events


def test_a_second_close_waits_for_the_first(bench):
    bench.deploy()
    task = bench.submit()
    bench.asked(task)
    first = Closing(bench, 10.0)
    until(lambda: 1010.0 in bench.clock.deadlines())
    second = Closing(bench, 0.0)
    assert second.thread.is_alive()
    bench.answer(task)
    first.end()
    second.end()
    assert bench.driver.is_closed


def test_all_events_have_been_delivered_when_it_returns(bench):
    bench.deploy(max_concurrency=4)
    tasks = [bench.submit() for _ in range(20)]
    bench.asked(tasks[0])
    bench.runtime.close(timeout_s=0)
    ended = [event.task_id for event in bench.events if isinstance(event, ev.TaskEnded)]
    assert sorted(ended) == sorted(task.id for task in tasks)
    starting = [event.container_id for event in bench.events if isinstance(event, ev.ContainerStarting)]
    stopped = [event.container_id for event in bench.events if isinstance(event, ev.ContainerStopped)]
    assert sorted(starting) == sorted(stopped)


def test_a_removed_function_that_still_drains_is_ended_too(bench):
    bench.deploy()
    task = bench.submit()
    container = bench.asked(task)
    bench.runtime.undeploy("f")
    bench.runtime.close(timeout_s=0)
    assert bench.result(task).status == TaskStatus.ERROR
    assert container.is_closed


def test_leaving_the_block_closes_in_real_time_too():
    before = set(threading.enumerate())
    driver = StubDriver(clock=SystemClock())
    with Runtime(driver=driver) as runtime:
        runtime.deploy(make_spec(max_concurrency=4))
        runtime.deploy(make_spec("g", idle_timeout_s=0.0))
        tasks = [runtime.submit(name, b"%d" % number) for number in range(50) for name in ("f", "g")]
    assert all(task.result(0).status == TaskStatus.SUCCESS for task in tasks)
    assert set(threading.enumerate()) <= before
    assert driver.is_closed


def test_callers_who_submit_while_it_closes_get_an_answer_or_an_error(bench):
    bench.driver.script = lambda container: (bench.hold(container), container.say(http_answer()))
    bench.deploy(max_concurrency=2)
    bench.deploy("g", format=Format.DEFAULT)
    tasks, refused = [], []

    def call():
        while True:
            try:
                task = bench.submit()
            except RuntimeClosed as error:
                refused.append(error)
                return
            tasks.append(task)
            bench.result(task)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(3)]
    for caller in callers:
        caller.start()
    until(lambda: len(tasks) > 20)
    bench.runtime.close(timeout_s=0)
    for caller in callers:
        caller.join(10)
    assert len(refused) == 3
    assert {bench.result(task).status for task in tasks} <= {
        TaskStatus.SUCCESS,
        TaskStatus.ERROR,
        TaskStatus.CANCELLED,
    }
