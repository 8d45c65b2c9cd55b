"""The rules of the design's section 2, by their names, on the stub driver and a virtual clock."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from runtime_tools import before_the_next_run, end_is_seen, http_answer, until

from hotdash import events as ev
from hotdash.errors import InvalidRequest, QueueFull, UnknownFunction
from hotdash.functions.spec import Format
from hotdash.runtime.supervisor import Supervisor
from hotdash.task import Attribution, TaskCause, TaskStatus


def end_of(bench, container):
    """Waits until a container is gone, and returns why it stopped."""
    until(lambda: container.id not in {c.id for f in bench.runtime.snapshot().functions.values() for c in f.containers})
    stopped = {event.container_id: event for event in bench.seen(ev.ContainerStopped)}
    return stopped[container.id]


def cold(bench):
    """A cold function whose script notes what it gets; the payload `N` makes it exit with code N."""

    def script(container):
        if container.stdin_closed:
            payload = container.consume()
            container.say(b"got " + payload)
            container.exit(int(payload) if payload.isdigit() else 0)

    bench.driver.script = script


# R1 ------------------------------------------------------------------------------------------------------------------


def test_r1_every_task_is_answered_exactly_once(bench):
    bench.deploy(max_concurrency=3)
    tasks = [bench.submit(b"%d" % number) for number in range(20)]
    answered = []
    for number, task in enumerate(tasks):
        task.add_done_callback(lambda task: answered.append(task.id))
        result = bench.answer(task, b"%d" % number)
        assert (result.task_id, result.body) == (task.id, b"%d" % number)
    until(lambda: len(answered) == 20)
    assert sorted(answered) == sorted(task.id for task in tasks), "each called back once, by its own container's thread"
    ended = [event.task_id for event in bench.seen(ev.TaskEnded)]
    assert ended == [task.id for task in tasks]


def test_r1_a_callback_may_call_the_function_again_and_wait_for_it(bench):
    bench.deploy(max_concurrency=2)
    first = bench.submit()
    inner = []
    first.add_done_callback(lambda _: inner.append(bench.call(b"inner")))
    result = bench.answer(first)
    assert until(lambda: inner)[0].body == b"inner"
    assert inner[0].container_id != result.container_id, "the thread of the one before runs the callback"


def test_r1_nobody_waits_for_a_callback_of_another(bench):
    bench.deploy(max_concurrency=2)
    first = bench.submit()
    entered, go = threading.Event(), threading.Event()
    first.add_done_callback(lambda _: (entered.set(), go.wait(10)))
    bench.answer(first)
    assert entered.wait(5)
    assert [bench.call(body).body for body in (b"one", b"two")] == [b"one", b"two"]
    go.set()
    until(lambda: bench.states() == ["idle", "idle"])


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ValueError])
def test_r1_what_a_callback_raises_is_reported_and_strands_nobody(bench, error):
    def raise_it(_):
        raise error("of a caller")

    bench.deploy()
    first, second = bench.submit(), bench.submit()
    first.add_done_callback(raise_it)
    bench.answer(first)
    assert bench.answer(second, b"next").body == b"next"
    assert [type(seen) for seen in bench.exceptions] == [error]
    assert len(bench.driver.containers) == 1
    bench.exceptions.clear()


# R2 ------------------------------------------------------------------------------------------------------------------


def test_r2_a_streamable_format_runs_hot(bench):
    bench.deploy()
    results = [bench.call(b"%d" % number) for number in range(3)]
    assert [result.body for result in results] == [b"0", b"1", b"2"]
    assert len({result.container_id for result in results}) == 1
    assert [container.tasks_served for container in bench.snapshot().containers] == [3]


def test_r2_default_runs_cold_a_container_for_each_task(bench):
    cold(bench)
    bench.deploy(format=Format.DEFAULT)
    results = [bench.result(bench.submit(b"x%d" % number)) for number in range(3)]
    assert [result.body for result in results] == [b"got x0", b"got x1", b"got x2"]
    assert [result.status for result in results] == [TaskStatus.SUCCESS] * 3
    assert all(result.status_code is None for result in results)
    assert len({result.container_id for result in results}) == 3
    until(lambda: bench.states() == [])
    assert all(event.cold for event in bench.seen(ev.ContainerStarting))


def test_r2_the_exit_code_of_a_cold_container_decides(bench):
    cold(bench)
    bench.deploy(format=Format.DEFAULT)
    good, bad = bench.result(bench.submit(b"0")), bench.result(bench.submit(b"7"))
    assert (good.status, good.error) == (TaskStatus.SUCCESS, None)
    assert (bad.status, bad.body) == (TaskStatus.ERROR, b"got 7")
    assert bad.error == "the container exited with code 7"
    assert not any(event.failed for event in bench.seen(ev.ContainerStopped))


def test_r2_a_cold_container_that_writes_and_works_on_is_waited_for(bench):
    ended = threading.Event()

    def script(container):
        if container.stdin_closed:
            container.say(b"early")
            container.end_stdout()
            ended.set()

    bench.driver.script = script
    bench.deploy(format=Format.DEFAULT)
    task = bench.submit(b"x")
    assert ended.wait(5)
    until(bench.clock.deadlines)
    assert not task.done()
    bench.driver.containers[0].complain(b"still at it\n")
    bench.driver.containers[0].exit(0)
    result = bench.result(task)
    assert (result.status, result.body, result.stderr) == (TaskStatus.SUCCESS, b"early", ["still at it"])


# R3 ------------------------------------------------------------------------------------------------------------------


def test_r3_the_first_task_starts_one_container_at_once(bench):
    bench.deploy(max_concurrency=4)
    assert bench.states() == []
    task = bench.submit()
    bench.asked(task)
    assert bench.states() == ["busy"]
    assert bench.snapshot().why == "starting 1: 1 task waits, no container runs"
    bench.answer(task)


# R4 ------------------------------------------------------------------------------------------------------------------


def test_r4_saturation_starts_more_up_to_the_limit_and_says_why_the_rest_waits(bench):
    bench.deploy(max_concurrency=2)
    tasks = [bench.submit(b"%d" % number) for number in range(4)]
    assert bench.asked(tasks[0]) is not bench.asked(tasks[1])
    snapshot = bench.snapshot()
    assert (snapshot.queue_depth, snapshot.running, bench.states()) == (2, 2, ["busy", "busy"])
    assert snapshot.why.startswith("max_concurrency 2 reached")
    for task in tasks:
        bench.answer(task)
    assert len(bench.driver.containers) == 2


def test_r4_an_idle_container_is_used_before_another_is_started(bench):
    bench.deploy(max_concurrency=4)
    for _ in range(5):
        bench.call()
    assert len(bench.driver.containers) == 1


def test_r4_the_reason_keeps_up_with_what_runs(bench):
    bench.deploy()
    first, second = bench.submit(), bench.submit()
    bench.asked(first)
    assert bench.snapshot().why == "max_concurrency 1 reached: 1 busy"
    bench.answer(first)
    bench.answer(second)


def test_r4_one_that_idled_out_and_ends_slowly_holds_no_place(bench):
    bench.deploy(max_concurrency=1, idle_timeout_s=5.0)
    bench.call()
    bench.driver.containers[0].ignores_term = True
    bench.elapse(5.0)
    until(lambda: bench.clock.deadlines() == [1006.0], "the wait for its end")
    assert bench.states() == ["draining"]
    bench.call()
    assert bench.states() == ["draining", "idle"]
    bench.elapse(1.0)
    until(lambda: bench.states() == ["idle"])


@pytest.mark.parametrize("tasks", [1, 2, 3, 7])
def test_r4_so_many_tasks_never_start_more_containers(bench, tasks):
    bench.deploy(max_concurrency=50)
    submitted = [bench.submit() for _ in range(tasks)]
    for task in submitted:
        bench.answer(task)
    assert len(bench.driver.containers) <= tasks


# R5 ------------------------------------------------------------------------------------------------------------------


def test_r5_the_queue_is_first_in_first_out(bench):
    bench.deploy()
    tasks = [bench.submit(b"%d" % number) for number in range(10)]
    for task in tasks:
        bench.answer(task)
    assert [event.task_id for event in bench.seen(ev.TaskStarted)] == [task.id for task in tasks]
    assert len(bench.driver.containers) == 1


def test_r5_containers_share_the_queue(bench):
    bench.deploy(max_concurrency=2)
    first, second, third, fourth = (bench.submit() for _ in range(4))
    slow, quick = bench.asked(first), bench.asked(second)
    bench.answer(second)
    assert bench.asked(third) is quick
    bench.answer(third)
    assert bench.asked(fourth) is quick
    bench.answer(fourth)
    assert slow.unread_bytes() == 0
    bench.answer(first)


# R6 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 503])
def test_r6_the_idle_clock_restarts_after_every_task_good_or_bad(bench, status):
    bench.deploy(idle_timeout_s=20.0)
    container = bench.asked(task := bench.submit())
    bench.answer(task)
    until(lambda: bench.clock.deadlines() == [1020.0])
    bench.clock.advance(15.0)
    bench.call(status=status)
    until(lambda: bench.clock.deadlines() == [1035.0])
    bench.clock.advance(19.0)
    assert bench.states() == ["idle"]
    bench.elapse(1.0)
    assert end_of(bench, container).reason == "idle for 20 s"
    assert not end_of(bench, container).failed


def test_r6_the_idle_clock_stops_that_container_alone(bench):
    bench.deploy(max_concurrency=2, idle_timeout_s=20.0)
    first, second = bench.submit(), bench.submit()
    early, late = bench.asked(first), bench.asked(second)
    bench.answer(first)
    until(lambda: 1020.0 in bench.clock.deadlines())
    bench.clock.advance(5.0)
    bench.answer(second)
    until(lambda: 1025.0 in bench.clock.deadlines())
    bench.elapse(15.0)
    end_of(bench, early)
    assert [container.id for container in bench.snapshot().containers] == [late.id]
    bench.elapse(5.0)
    end_of(bench, late)


def test_r6_zero_stops_right_after_the_last_task(bench):
    bench.deploy(idle_timeout_s=0.0)
    tasks = [bench.submit() for _ in range(3)]
    for task in tasks:
        bench.answer(task)
    assert len(bench.driver.containers) == 1, "it serves on while tasks wait"
    assert end_of(bench, bench.driver.containers[0]).reason == "idle_timeout is 0"


def test_r6_a_lower_idle_timeout_holds_for_what_rests_already(bench):
    bench.deploy(idle_timeout_s=30.0)
    bench.call()
    until(lambda: bench.clock.deadlines() == [1030.0])
    assert not bench.deploy(idle_timeout_s=5.0).changed
    bench.elapse(5.0)
    assert end_of(bench, bench.driver.containers[0]).reason == "idle for 5 s"


def test_r6_one_kept_warm_past_an_idle_timeout_of_zero_looks_once_a_second_and_does_not_spin(bench):
    bench.deploy(min_warm=1, idle_timeout_s=0.0)
    bench.call()
    for second in range(1, 4):
        until(lambda second=second: bench.clock.deadlines() == [1000.0 + second])
        bench.clock.advance(1.0)
    assert bench.states() == ["idle"]


# R7 ------------------------------------------------------------------------------------------------------------------


def test_r7_the_functions_timeout_counts_from_dispatch(bench):
    bench.deploy(timeout_s=5.0)
    first, second = bench.submit(), bench.submit()
    bench.asked(first)
    until(lambda: 1005.0 in bench.clock.deadlines())
    bench.clock.advance(4.0)
    bench.answer(first)
    bench.asked(second)
    bench.elapse(5.0)
    result = bench.result(second)
    assert result.status == TaskStatus.TIMEOUT
    assert result.error == "no answer within the function's timeout of 5 s"
    assert (result.queued_s, result.run_s) == (4.0, 5.0)


def test_r7_the_timeout_is_the_tasks_not_the_containers(bench):
    bench.deploy(timeout_s=5.0, idle_timeout_s=100.0)
    for _ in range(4):
        task = bench.submit()
        bench.asked(task)
        until(lambda: bench.clock.now() + 5.0 in bench.clock.deadlines())
        bench.clock.advance(4.0)
        bench.answer(task)
    assert len(bench.driver.containers) == 1


def test_r7_a_callers_timeout_counts_from_submit_also_while_it_runs(bench):
    bench.deploy(timeout_s=30.0)
    first, second = bench.submit(), bench.submit(timeout_s=6.0)
    bench.asked(first)
    until(lambda: 1006.0 in bench.clock.deadlines())
    bench.clock.advance(4.0)
    bench.answer(first)
    bench.asked(second)
    bench.elapse(2.0)
    result = bench.result(second)
    assert result.status == TaskStatus.TIMEOUT
    assert result.error == "the caller's timeout of 6 s passed 2.0 s after dispatch"
    assert (result.queued_s, result.run_s) == (4.0, 2.0)


def test_r7_a_callers_timeout_ends_a_task_in_the_queue(bench):
    bench.deploy()
    first = bench.submit()
    bench.asked(first)
    second, third = bench.submit(timeout_s=2.0), bench.submit()
    bench.elapse(2.0)
    result = bench.result(second)
    assert result.status == TaskStatus.TIMEOUT
    assert result.error == "the caller's timeout of 2 s passed in the queue: max_concurrency 1 reached: 1 busy"
    assert (result.queued_s, result.run_s, result.container_id, result.revision) == (2.0, 0.0, "", 0)
    bench.answer(first)
    bench.answer(third)
    assert second.id not in {event.task_id for event in bench.seen(ev.TaskStarted)}


def test_r7_the_earlier_of_the_two_ends_the_task(bench):
    bench.deploy(timeout_s=3.0)
    task = bench.submit(timeout_s=10.0)
    bench.asked(task)
    bench.elapse(3.0)
    assert bench.result(task).error == "no answer within the function's timeout of 3 s"


def test_r7_a_timeout_that_was_changed_in_place_is_the_one_that_is_named(bench):
    bench.deploy(timeout_s=30.0)
    bench.deploy(timeout_s=5.0)
    task = bench.submit()
    bench.asked(task)
    bench.elapse(5.0)
    assert bench.result(task).error == "no answer within the function's timeout of 5 s"


def test_r7_a_task_that_waited_too_long_for_its_thread_is_not_sent_and_harms_no_container(bench, monkeypatch):
    bench.deploy()
    bench.call()
    container = bench.driver.containers[0]
    before_the_next_run(monkeypatch, lambda: bench.clock.advance(2.0))
    task = bench.submit(timeout_s=1.0)
    result = bench.result(task)
    assert (result.status, result.error) == (
        TaskStatus.TIMEOUT,
        "the caller's timeout of 1 s passed 2.0 s after dispatch",
    )
    assert container.unread_bytes() == 0
    assert bench.call().container_id == container.id


def test_r7_an_ended_task_is_not_kept_until_its_callers_deadline(bench):
    bench.deploy()
    task = bench.submit(timeout_s=3600.0)
    bench.answer(task)
    kept = weakref.ref(task)
    del task
    until(lambda: (gc.collect(), kept() is None)[1], "the end of the task")


def test_r7_a_cold_task_that_takes_too_long_is_ended(bench):
    bench.deploy(format=Format.DEFAULT, timeout_s=4.0)
    task = bench.submit(b"x")
    bench.elapse(4.0)
    assert bench.result(task).status == TaskStatus.TIMEOUT
    until(lambda: bench.states() == [])


# R8 is test_stderr.py's and test_logfile.py's. R9 --------------------------------------------------------------------


def test_r9_when_the_runtime_ends_every_loop_ends_and_every_container_is_stopped(bench):
    threads = set(threading.enumerate())
    bench.deploy(max_concurrency=3)
    bench.deploy("g", format=Format.DEFAULT)
    running = [bench.submit() for _ in range(3)] + [bench.submit(name="g")]
    waiting = [bench.submit() for _ in range(3)]
    for task in running[:3]:
        bench.asked(task)
    bench.runtime.close(timeout_s=0)
    assert all(task.done() for task in (*running, *waiting))
    assert {bench.result(task).status for task in running} == {TaskStatus.ERROR}
    assert {bench.result(task).status for task in waiting} == {TaskStatus.CANCELLED}
    assert all(container.is_closed for container in bench.driver.containers)
    names = [thread.name for thread in set(threading.enumerate()) - threads]
    assert [name for name in names if name.startswith(("hot:", "cold:", "stderr:", "events", "timer"))] == []


# R10 -----------------------------------------------------------------------------------------------------------------


def test_r10_cold_tasks_queue_and_at_most_so_many_run_at_once(bench):
    bench.deploy(format=Format.DEFAULT, max_concurrency=2)
    tasks = [bench.submit(b"x") for _ in range(5)]
    until(lambda: len(bench.driver.containers) == 2)
    snapshot = bench.snapshot()
    assert (snapshot.queue_depth, snapshot.running) == (3, 2)
    assert snapshot.why == "max_concurrency 2 reached: 2 busy"
    for number in range(5):
        until(lambda number=number: len(bench.driver.containers) > number)
        bench.driver.containers[number].exit(0)
    assert [bench.result(task).status for task in tasks] == [TaskStatus.SUCCESS] * 5
    assert [event.task_id for event in bench.seen(ev.TaskStarted)] == [task.id for task in tasks]


# M1 ------------------------------------------------------------------------------------------------------------------


def test_m1_a_late_answer_after_a_timeout_never_reaches_the_next_task(bench):
    bench.deploy(timeout_s=5.0)
    first, second = bench.submit(b"first"), bench.submit(b"second")
    old = bench.asked(first)
    bench.elapse(5.0)
    assert bench.result(first).status == TaskStatus.TIMEOUT
    old.say(http_answer(b"late, for the first"))
    assert bench.asked(second) is not old
    assert bench.answer(second, b"for the second").body == b"for the second"
    assert end_of(bench, old).reason == "a late answer may follow the timeout"
    assert str(old.wait(0)) == "was killed by SIGKILL"


def test_m1_after_a_cancel_the_container_is_retired(bench):
    bench.deploy()
    first, second = bench.submit(), bench.submit()
    old = bench.asked(first)
    assert first.cancel()
    assert bench.result(first).status == TaskStatus.CANCELLED
    old.say(http_answer(b"late"))
    assert bench.asked(second) is not old
    assert bench.answer(second, b"clean").body == b"clean"


def test_m1_an_answer_that_comes_before_the_request_was_read_is_not_its_answer(bench):
    """It came after the look at stdout: nothing but the unread request tells that it is a late one."""
    bench.driver.waits = True
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    old._script = lambda container: container.say(http_answer(b"late"))
    task = bench.submit(b"asked")
    assert bench.asked(task) is not old
    assert bench.answer(task, b"clean").body == b"clean"
    assert end_of(bench, old).reason.startswith("it wrote before it had read anything of the request: b'HTTP/1.1 200 ")
    assert str(old.wait(0)) == "was killed by SIGKILL"


def test_m1_a_task_that_was_read_after_all_before_its_container_was_dead_is_not_run_again(bench):
    bench.driver.waits = True
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    old._script = lambda container: container.say(http_answer(b"late"))
    kill = old.kill
    old.kill = lambda: (old.consume(), kill())
    result = bench.result(bench.submit(b"asked"))
    assert (result.status, result.body) == (TaskStatus.ERROR, b"")
    assert result.error.startswith(
        "not an answer in its format: it wrote before it had read anything of the request: b'HTTP/1.1 200 "
    )
    assert bench.call(b"clean").body == b"clean"


def test_m1_once_a_revision_wrote_out_of_turn_a_container_that_has_answered_is_asked_no_more_before_it_reads(bench):
    """What it wrote behind its answer, in a write of its own, is there by then, and is nobody's answer."""
    bench.deploy()
    first = bench.submit()
    bench.asked(first).say(http_answer(b"one") + http_answer(b"surplus"))
    assert bench.result(first).body == b"one"
    bench.call()
    late = bench.driver.containers[1]
    late.waits_for_input = lambda: (late.say(http_answer(b"late")), True)[1]  # written after the first look at stdout
    task = bench.submit(b"asked")
    assert bench.asked(task) is not late
    assert late.unread_bytes() == 0, "it was sent nothing"
    assert bench.answer(task, b"mine").body == b"mine"
    assert end_of(bench, late).reason.startswith("it wrote to stdout before any request: b'HTTP/1.1 200 ")


def at_work_behind_its_answer(bench):
    """A container that was seen to read, and whose last answer has come though it is not back at its stdin."""
    bench.driver.waits = True
    bench.deploy(max_concurrency=1)
    for is_last in (False, True):
        task = bench.submit()
        container = bench.asked(task)
        bench.clock.advance(0.01)  # of tasks that take so long each is worth a look
        container.waits = not is_last
        container.say(http_answer(b"ok"))
        assert bench.result(task).body == b"ok"
    return container


def is_looked_at(bench):
    return any(deadline_s - bench.clock.now() < 0.0011 for deadline_s in bench.clock.deadlines())


def test_m1_one_that_is_at_work_behind_its_answer_is_sent_nothing_and_what_it_writes_is_nobodys(bench):
    """It was a stray answer: that of the task before would pass for the next one's, and so on."""
    old = at_work_behind_its_answer(bench)
    task = bench.submit(b"asked")
    until(lambda: is_looked_at(bench), "the look at it")
    assert old.unread_bytes() == 0, "it is sent nothing"
    old.say(http_answer(b"of the task before"))
    assert bench.asked(task) is not old
    assert bench.answer(task, b"mine").body == b"mine"
    assert end_of(bench, old).reason.startswith("it wrote to stdout before any request: b'HTTP/1.1 200 ")


def test_m1_one_that_reads_otherwise_than_it_was_seen_to_is_waited_for_once(bench):
    old = at_work_behind_its_answer(bench)
    task, began_s = bench.submit(b"asked"), bench.clock.now()
    while bench.clock.now() < began_s + 0.119:
        until(lambda: is_looked_at(bench), "another look")
        assert old.unread_bytes() == 0, "it is sent nothing yet"
        bench.clock.advance(0.001)
    until(lambda: is_looked_at(bench) or task.id in bench._asked, "the last look")
    bench.clock.advance(0.002)
    assert bench.asked(task) is old
    assert bench.answer(task, b"mine").body == b"mine"
    assert bench.call(b"again").container_id == old.id


@pytest.mark.parametrize("junk", [b"hello\n", b"HTTP/1.1 2OO OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_m1_after_what_is_no_answer_the_container_is_retired(bench, junk):
    bench.deploy()
    first, second = bench.submit(), bench.submit()
    old = bench.asked(first)
    old.say(junk)
    result = bench.result(first)
    assert result.status == TaskStatus.ERROR
    assert result.error.startswith("not an answer in its format: ")
    assert bench.asked(second) is not old
    bench.answer(second)
    assert end_of(bench, old).reason == "what it wrote was not an answer"


# M2 ------------------------------------------------------------------------------------------------------------------


def test_m2_surplus_after_an_answer_retires_the_container_and_the_answer_stands(bench):
    bench.deploy()
    first, second = bench.submit(), bench.submit()
    old = bench.asked(first)
    old.say(http_answer(b"one") + http_answer(b"two"))
    assert (bench.result(first).status, bench.result(first).body) == (TaskStatus.SUCCESS, b"one")
    assert bench.asked(second) is not old
    assert bench.answer(second, b"mine").body == b"mine"
    assert end_of(bench, old).reason == "it wrote more than its answer"


def test_m2_a_blank_line_after_an_answer_is_no_surplus(bench):
    bench.deploy()
    for _ in range(3):
        task = bench.submit()
        bench.asked(task).say(http_answer(b"one") + b"\r\n")
        assert bench.result(task).body == b"one"
    assert len(bench.driver.containers) == 1


def test_m2_a_blank_line_while_idle_is_none_either(bench):
    bench.deploy()
    bench.call()
    bench.driver.containers[0].say(b"\n")
    assert bench.call(b"two").body == b"two"
    assert len(bench.driver.containers) == 1


@pytest.mark.parametrize("blank", [b"\r\n", b"\n\n", b"\n\n\n\n"])
def test_m2_a_blank_line_that_comes_as_the_next_request_goes_out_is_none_either(bench, blank):
    """It was written after the answer before, and comes after the look at stdout: the request is still unread."""
    bench.deploy()
    bench.call()
    (container,) = bench.driver.containers
    container._script = lambda container: container.say(blank)
    task = bench.submit()
    until(lambda: len(container._stdin) and not container._stdout, "the blank line, read before the request was")
    container._script = bench.hold
    bench.hold(container)
    assert bench.answer(task, b"mine").body == b"mine"
    assert len(bench.driver.containers) == 1


def test_m2_bytes_before_a_request_retire_the_container_and_no_task_sees_them(bench):
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    old.say(http_answer(b"unasked"))
    task = bench.submit(b"asked")
    assert bench.asked(task) is not old
    assert bench.answer(task, b"asked").body == b"asked"
    assert "wrote to stdout before any request" in end_of(bench, old).reason
    assert end_of(bench, old).failed


# M3 ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [({"code": 3}, "exited with code 3"), ({"signal": "SIGSEGV"}, "was killed by SIGSEGV")],
)
def test_m3_a_container_that_dies_answers_its_task_at_once_with_the_cause(bench, how, words):
    bench.deploy()
    task = bench.submit()
    container = bench.asked(task)
    container.complain(b"Traceback:\n  boom\n")
    container.exit(**how)
    result = bench.result(task)
    assert result.status == TaskStatus.ERROR
    assert result.error == f"the container {words} before it answered; its last stderr: Traceback: ⏎   boom"
    assert result.stderr == ["Traceback:", "  boom"]
    assert result.run_s == 0.0, "not after the timeout"
    assert end_of(bench, container).failed


def test_m3_a_death_in_the_middle_of_an_answer_says_so(bench):
    bench.deploy()
    task = bench.submit()
    container = bench.asked(task)
    container.say(http_answer(b"hello")[:-2])
    container.exit(1)
    assert bench.result(task).error == "the container exited with code 1 in the middle of its answer"


def test_m3_a_container_that_closes_its_stdout_and_lives_is_told_apart(bench):
    bench.deploy()
    task = bench.submit()
    container = bench.asked(task)
    container.end_stdout()
    bench.elapse(1.0)  # what is waited for its exit
    assert bench.result(task).error == "the container closed its stdout before it answered, and still runs"
    end_of(bench, container)


def test_m3_a_status_of_500_or_more_is_an_error_and_the_container_serves_on(bench):
    bench.deploy()
    bad, good = bench.call(b"sorry", status=500), bench.call(status=404)
    assert (bad.status, bad.status_code, bad.body) == (TaskStatus.ERROR, 500, b"sorry")
    assert "500" in bad.error
    assert (good.status, good.status_code, good.error) == (TaskStatus.SUCCESS, 404, None)
    assert bad.container_id == good.container_id


# M4 ------------------------------------------------------------------------------------------------------------------


def test_m4_a_task_whose_container_died_unread_is_dispatched_again(bench):
    dying = []

    def script(container):
        if dying:
            bench.hold(container)
        else:
            dying.append(container)
            container.exit(signal="SIGABRT")

    bench.driver.script = script
    bench.driver.waits = True
    bench.deploy()
    task = bench.submit(b"x")
    until(lambda: 1000.1 in bench.clock.deadlines(), "the back-off after a failed start")
    assert bench.snapshot().why == (
        "start 1 of 3 failed (the container was killed by SIGABRT before it answered); trying again in 0.1 s"
    )
    bench.elapse(0.1)
    assert bench.answer(task, b"y").body == b"y"
    assert [event.again for event in bench.seen(ev.TaskQueued)] == [False, True]
    assert len(bench.driver.containers) == 2


def test_m4_a_task_that_was_sent_is_dispatched_again_once_only(bench):
    bench.driver.script = lambda container: container.exit(4)
    bench.driver.waits = True
    bench.deploy(max_concurrency=1)
    task = bench.submit(b"x")
    bench.elapse(0.1)
    result = bench.result(task)
    assert result.status == TaskStatus.ERROR
    assert result.error == (
        "the container exited with code 4 before it answered; "
        "it had not read the request, and neither had the container before it"
    )
    assert len(bench.driver.containers) == 2
    assert [event.again for event in bench.seen(ev.TaskQueued)] == [False, True]


def test_m4_a_task_that_was_read_is_never_dispatched_again(bench):
    def script(container):
        container.consume(1)
        container.exit(4)

    bench.driver.script = script
    bench.deploy()
    result = bench.result(bench.submit(b"x"))
    assert result.error == "the container exited with code 4 before it answered"
    assert [event.again for event in bench.seen(ev.TaskQueued)] == [False]


def test_m4_one_that_died_while_idle_is_noticed_and_gone(bench):
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    old.exit(9)
    assert end_of(bench, old).reason == "the container exited with code 9 while idle"
    assert bench.call(b"two").body == b"two"


def test_m4_a_task_put_back_is_the_next_one(bench):
    bench.driver.waits = True
    bench.deploy(max_concurrency=1)
    bench.call()
    old = bench.driver.containers[0]
    bench.driver.script = bench.hold
    old._script = lambda container: container.exit(1)
    first, second = bench.submit(b"first"), bench.submit(b"second")
    bench.answer(first)
    bench.answer(second)
    order = [event.task_id for event in bench.seen(ev.TaskStarted)][1:]
    assert order == [first.id, first.id, second.id]


def test_m4_a_leaving_container_takes_no_task_and_none_is_stranded(bench):
    bench.deploy()
    first = bench.submit()
    old = bench.asked(first)
    second = bench.submit()
    bench.runtime.kill(old.id)
    assert bench.result(first).error == "the container was killed by the user"
    assert bench.asked(second) is not old
    bench.answer(second)
    started = {event.task_id: event.container_id for event in bench.seen(ev.TaskStarted)}
    assert started[second.id] != old.id


def test_m4_one_that_ends_right_after_its_answer_does_not_rest(bench):
    def script(container):
        bench.hold(container)
        container.say(http_answer(b"last"))
        container.exit(0)
        end_is_seen(container)

    bench.driver.script = script
    bench.deploy(max_concurrency=2)
    results = [bench.result(bench.submit()) for _ in range(3)]
    assert [(result.status, result.body) for result in results] == [(TaskStatus.SUCCESS, b"last")] * 3
    until(lambda: bench.states() == [])
    assert bench.seen(ev.ContainerIdle) == []
    assert bench.snapshot().state == "ready", "they have served: no failed starts"


def test_m4_what_it_wrote_before_a_task_that_it_never_read_is_not_that_tasks(bench):
    def die_when_looked_at(method):
        def die(*args, **more):
            old.complain(b"of my own accord\n")
            old.exit(3)
            return method(*args, **more)

        return die

    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    for name in ("look", "read"):  # whichever is called first
        if hasattr(old, name):
            setattr(old, name, die_when_looked_at(getattr(old, name)))
    task = bench.submit()
    assert bench.asked(task) is not old
    assert bench.answer(task).stderr == []
    lines = [(event.text, event.task_id, event.attribution) for event in bench.seen(ev.StderrLine)]
    assert lines == [("of my own accord", "", Attribution.CONTAINER)]


def test_m4_a_task_given_to_one_that_is_on_its_way_to_rest_runs_there_though_the_function_is_removed(
    bench, late_to_park
):
    bench.deploy()
    first = bench.submit()
    container = bench.asked(first)
    bench.answer(first)
    second = bench.submit(b"second")
    bench.runtime.undeploy("f")
    late_to_park.set()
    assert bench.asked(second) is container
    assert bench.answer(second, b"kept").body == b"kept"
    until(lambda: container.is_closed)


def test_m4_a_task_given_to_one_that_is_on_its_way_to_rest_is_answered_though_it_is_killed(bench, late_to_park):
    bench.deploy()
    bench.call()
    container = bench.driver.containers[0]
    task = bench.submit()
    assert bench.runtime.kill(container.id)
    late_to_park.set()
    assert bench.result(task).error == "the container was killed by the user"
    assert container.unread_bytes() == 0, "it was sent nothing"
    until(lambda: container.is_closed)


def test_m4_a_task_of_a_callback_runs_though_the_function_is_removed_at_once(bench):
    bench.deploy()
    first = bench.submit()
    then = []

    def at_the_end(_):
        then.append(bench.submit(b"second"))
        bench.runtime.undeploy("f")

    first.add_done_callback(at_the_end)
    container = bench.asked(first)
    bench.answer(first)
    second = until(lambda: then)[0]
    assert bench.asked(second) is container
    assert bench.answer(second, b"kept").body == b"kept"


# M5 ------------------------------------------------------------------------------------------------------------------


def fail_three_times(bench):
    """The first start has failed by now, or is about to."""
    bench.elapse(0.1)
    bench.elapse(0.2)


def test_m5_three_failed_starts_in_a_row_fail_what_waits_with_the_reason(bench):
    bench.driver.fail_starts = "no such program: func.py"
    bench.deploy()
    tasks = [bench.submit() for _ in range(3)]
    fail_three_times(bench)
    for task in tasks:
        result = bench.result(task)
        assert result.status == TaskStatus.ERROR
        assert result.error == "f does not start: 3 starts in a row failed; the last: no such program: func.py"
    snapshot = bench.snapshot()
    assert (snapshot.state, snapshot.queue_depth) == ("failing", 0)
    assert snapshot.reason == "3 starts in a row failed; the last: no such program: func.py"
    assert len(bench.seen(ev.ContainerStarting)) == 3


def test_m5_the_next_submit_tries_again_and_a_success_makes_it_ready(bench):
    bench.driver.fail_starts = "broken"
    bench.deploy()
    bench.submit()
    fail_three_times(bench)
    until(lambda: bench.snapshot().state == "failing")
    until(lambda: bench.states() == [])
    again = bench.submit()
    assert bench.result(again).status == TaskStatus.ERROR, "one try, at once"
    assert len(bench.seen(ev.ContainerStarting)) == 4
    bench.driver.fail_starts = ""
    until(lambda: bench.states() == [])
    assert bench.call(b"mended").body == b"mended"
    assert bench.snapshot().state == "ready"


def test_m5_a_redeploy_tries_again(bench):
    bench.driver.fail_starts = "broken"
    bench.deploy()
    bench.submit()
    fail_three_times(bench)
    until(lambda: bench.snapshot().state == "failing")
    bench.driver.fail_starts = ""
    assert not bench.deploy().changed
    assert bench.snapshot().state == "ready"
    assert bench.call(b"mended").body == b"mended"


def test_m5_containers_that_end_before_their_first_answer_count_as_failed_starts(bench):
    bench.driver.script = lambda container: container.exit(1)
    bench.driver.waits = True
    bench.deploy(max_concurrency=1)
    tasks = [bench.submit(b"%d" % number) for number in range(4)]
    fail_three_times(bench)
    results = [bench.result(task) for task in tasks]
    assert all(result.status == TaskStatus.ERROR for result in results)
    assert "neither had the container before it" in results[0].error
    assert {result.error for result in results[2:]} == {
        "f does not start: 3 starts in a row failed; the last: the container exited with code 1 before it answered"
    }
    assert bench.snapshot().state == "failing"


def test_m5_an_answer_in_between_starts_the_count_anew(bench):
    bench.driver.fail_starts = "broken"
    bench.deploy(idle_timeout_s=0.0)
    for _ in range(3):
        bench.driver.fail_starts = "broken"
        task = bench.submit()
        until(lambda: bench.snapshot().why.startswith("start 1 of 3 failed"))
        bench.driver.fail_starts = ""
        bench.elapse(0.1)
        bench.answer(task)
        until(lambda: bench.states() == [])
    assert bench.snapshot().state == "ready"


@pytest.mark.parametrize("min_warm", [0, 1])
def test_m5_one_whose_end_is_seen_before_its_first_task_is_a_failed_start_and_no_hot_loop(bench, monkeypatch, min_warm):
    has_started, start = Supervisor.has_started, bench.driver.start

    def started_late(supervisor, container, **more):  # as on a busy machine
        until(lambda: container.end_cause)
        has_started(supervisor, container, **more)

    def start_dead(spec):
        assert len(bench.driver.containers) < 10, "started without end"
        container = start(spec)
        container.complain(b"no such module\n")
        container.exit(1)
        return container

    monkeypatch.setattr(Supervisor, "has_started", started_late)
    bench.driver.start = start_dead
    bench.deploy(min_warm=min_warm)
    task = bench.submit()
    fail_three_times(bench)
    assert bench.result(task).error == (
        "f does not start: 3 starts in a row failed; the last: "
        "the container exited with code 1 while idle; its last stderr: no such module"
    )
    until(lambda: bench.states() == [])
    assert len(bench.driver.containers) == 3


def test_m5_one_kept_warm_that_ends_before_any_task_is_a_failed_start_with_its_last_words(bench):
    bench.deploy(min_warm=1)
    until(lambda: bench.states() == ["idle"])
    bench.driver.containers[0].complain(b"lost the\ndatabase\n")
    bench.driver.containers[0].exit(1)
    cause = "the container exited with code 1 while idle; its last stderr: lost the ⏎ database"
    until(lambda: bench.snapshot().why == f"start 1 of 3 failed ({cause}); trying again in 0.1 s")
    until(lambda: bench.states() == [])
    bench.elapse(0.1)
    until(lambda: bench.states() == ["idle"])
    assert bench.snapshot().state == "ready"


def test_m5_a_fault_of_the_driver_is_a_failed_start_and_no_hot_loop(bench):
    starts = []

    def start(spec):
        assert len(starts) < 10, "started without end"
        starts.append(spec)
        raise OSError("too many open files")

    bench.driver.start = start
    bench.deploy()
    task = bench.submit()
    fail_three_times(bench)
    assert bench.result(task).error == (
        "f does not start: 3 starts in a row failed; the last: a fault in hotdash: OSError('too many open files')"
    )
    until(lambda: bench.states() == [])
    assert [type(error) for error in bench.exceptions] == [OSError] * 3
    bench.exceptions.clear()


def test_m5_a_thread_that_cannot_be_started_is_a_failed_start(bench, monkeypatch):
    start = threading.Thread.start

    def start_others(thread):
        if thread.name.startswith("hot:"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_others)
    bench.deploy()
    task = bench.submit()
    fail_three_times(bench)
    assert bench.result(task).error == (
        "f does not start: 3 starts in a row failed; the last: no thread could be started: can't start new thread"
    )
    bench.runtime.close(timeout_s=0)  # it joins nothing that never ran


def test_m5_a_cold_task_that_was_sent_nowhere_is_tried_as_often_as_any(bench):
    bench.driver.fail_starts = "broken"
    bench.deploy(format=Format.DEFAULT)
    task = bench.submit(b"x")
    fail_three_times(bench)
    assert bench.result(task).error == "f does not start: 3 starts in a row failed; the last: broken"


def test_m5_only_a_first_answer_starts_the_count_anew_and_while_others_serve_what_waits_waits_on(bench):
    bench.deploy(max_concurrency=2)
    bench.call()
    bench.driver.fail_starts = "address in use"
    tasks = [bench.submit() for _ in range(4)]
    for failure in (1, 2):
        until(lambda failure=failure: bench.snapshot().why.startswith(f"start {failure} of 3 failed (address in use)"))
        bench.answer(tasks.pop(0))  # of the healthy one: not its first
        bench.elapse(0.1 * failure)
    until(lambda: bench.snapshot().state == "failing")
    until(lambda: bench.snapshot().why == "3 starts in a row failed (address in use); trying again in 5.0 s")
    until(lambda: bench.states() == ["busy"])
    assert len(bench.seen(ev.ContainerStarting)) == 4
    assert not any(task.done() for task in tasks)
    bench.driver.fail_starts = ""
    bench.elapse(5.0)
    second = bench.asked(tasks[-1])
    assert bench.snapshot().state == "failing", "until it has answered"
    bench.answer(tasks[-1])
    assert bench.snapshot().state == "ready"
    bench.answer(tasks[0])
    assert second is bench.driver.containers[-1]


def test_m5_a_read_request_before_a_death_is_no_failed_start(bench):
    bench.deploy()
    for _ in range(4):
        task = bench.submit()
        container = bench.asked(task)
        container.exit(1)
        assert bench.result(task).status == TaskStatus.ERROR
        end_of(bench, container)
    assert bench.snapshot().state == "ready"


# M6 ------------------------------------------------------------------------------------------------------------------


def test_m6_a_saturated_or_broken_function_never_delays_another(bench):
    bench.deploy("slow")
    stuck = [bench.submit(name="slow") for _ in range(20)]
    bench.asked(stuck[0])
    bench.driver.scripts["broken"] = lambda container: container.exit(1)
    bench.deploy("broken")
    broken = bench.submit(name="broken")
    bench.deploy("quick")
    for number in range(10):
        assert bench.call(b"%d" % number, name="quick").body == b"%d" % number
    assert not any(task.done() for task in (*stuck, broken))


# M7 ------------------------------------------------------------------------------------------------------------------


def test_m7_a_removed_function_is_gone_and_its_containers_too(bench):
    bench.deploy()
    bench.call()
    container = bench.driver.containers[0]
    bench.runtime.undeploy("f")
    assert "f" not in bench.runtime.snapshot().functions
    with pytest.raises(UnknownFunction):
        bench.submit()
    with pytest.raises(UnknownFunction):
        bench.runtime.undeploy("f")
    until(lambda: container.is_closed)
    assert bench.seen(ev.FunctionChanged)[-1].state == "removed"


def test_m7_what_runs_and_waits_at_the_removal_is_answered(bench):
    bench.deploy()
    running, waiting = bench.submit(), bench.submit()
    container = bench.asked(running)
    bench.runtime.undeploy("f")
    assert bench.answer(running, b"one").body == b"one"
    assert bench.answer(waiting, b"two").body == b"two"
    until(lambda: container.is_closed)


def test_m7_a_removed_functions_threads_end(bench):
    before = set(threading.enumerate())
    bench.deploy(max_concurrency=3)
    tasks = [bench.submit() for _ in range(3)]
    for task in tasks:
        bench.answer(task)
    bench.runtime.undeploy("f")
    until(lambda: set(threading.enumerate()) <= before)


def test_m7_a_task_that_runs_too_long_after_the_removal_is_killed(bench):
    bench.deploy(drain_timeout_s=3.0)
    task = bench.submit()
    container = bench.asked(task)
    bench.runtime.undeploy("f")
    bench.elapse(3.0)
    assert bench.result(task).error == "drain_timeout 3 s passed after f was removed"
    assert bench.result(task).cause is TaskCause.REMOVED
    until(lambda: container.is_closed)


def test_m7_what_still_waits_then_is_answered_too_and_starts_nothing(bench):
    bench.deploy(drain_timeout_s=3.0)
    running, *waiting = [bench.submit() for _ in range(3)]
    bench.asked(running)
    bench.runtime.undeploy("f")
    bench.elapse(3.0)
    assert bench.result(running).status == TaskStatus.ERROR
    ends = {(result.status, result.error, result.cause) for result in map(bench.result, waiting)}
    error = "drain_timeout 3 s passed after f was removed before this task started"
    assert ends == {(TaskStatus.CANCELLED, error, TaskCause.REMOVED)}
    until(lambda: bench.driver.containers[0].is_closed)
    assert len(bench.driver.containers) == 1


def test_m7_what_drains_after_the_removal_can_be_cancelled_and_killed_by_its_id(bench):
    bench.deploy(max_concurrency=2)
    first, second = bench.submit(), bench.submit()
    one, two = bench.asked(first), bench.asked(second)
    bench.runtime.undeploy("f")
    assert bench.runtime.cancel(first.id)
    assert bench.runtime.kill(two.id)
    assert bench.result(first).status == TaskStatus.CANCELLED
    assert bench.result(second).error == "the container was killed by the user"
    until(lambda: one.is_closed and two.is_closed)
    assert not bench.runtime.kill(two.id)


def test_m7_a_removed_function_that_does_not_start_stays_removed(bench):
    bench.driver.fail_starts = "broken"
    bench.deploy()
    task = bench.submit()
    until(lambda: bench.snapshot().why.startswith("start 1 of 3 failed"))
    bench.runtime.undeploy("f")
    fail_three_times(bench)
    assert bench.result(task).error.startswith("f does not start: 3 starts in a row failed")
    assert [event.state.value for event in bench.seen(ev.FunctionChanged)] == ["building", "ready", "removed"]


def test_m7_a_function_of_the_same_name_may_come_again(bench):
    bench.deploy()
    bench.call()
    bench.runtime.undeploy("f")
    assert bench.deploy().revision == 1
    assert bench.call(b"anew").body == b"anew"


# M8 ------------------------------------------------------------------------------------------------------------------


def test_m8_a_hot_container_is_given_the_functions_config_and_nothing_else(bench, monkeypatch):
    monkeypatch.setenv("SECRET_OF_HOTDASH", "no")
    bench.deploy(config={"LIMIT": "3", "NAME": "x"})
    bench.runtime.submit("f", b"", headers={"X-Token": "of this task"})
    until(lambda: bench.driver.containers)
    assert dict(bench.driver.containers[0].spec.environment) == {"LIMIT": "3", "NAME": "x"}


def test_m8_a_cold_container_is_given_its_own_tasks_variables_only(bench):
    cold(bench)
    bench.deploy(format=Format.DEFAULT, config={"LIMIT": "3"})
    first = bench.submit(b"x", headers={"X-Token": "one"})
    bench.result(first)
    second = bench.submit(b"x", headers={"Other": "two"})
    bench.result(second)
    one, two = (dict(container.spec.environment) for container in bench.driver.containers)
    assert (one["LIMIT"], one["TASK_ID"], one["HEADER_X_TOKEN"]) == ("3", first.id, "one")
    assert (two["LIMIT"], two["TASK_ID"], two["HEADER_OTHER"]) == ("3", second.id, "two")
    assert "HEADER_X_TOKEN" not in two
    assert "HEADER_OTHER" not in one


# M9 ------------------------------------------------------------------------------------------------------------------


def test_m9_nothing_that_is_shared_can_be_changed(bench):
    headers = {"X-A": "1"}
    bench.deploy()
    task = bench.submit(headers=headers)
    headers["X-B"] = "2"
    result = bench.answer(task)
    snapshot = bench.runtime.snapshot()
    assert dict(task.request.headers) == {"X-A": "1"}
    for thing, name in [
        (result, "body"),
        (task.request, "payload"),
        (snapshot, "functions"),
        (snapshot.functions["f"], "state"),
        (snapshot.functions["f"].containers[0], "state"),
        (bench.seen(ev.TaskEnded)[0], "result"),
    ]:
        with pytest.raises(AttributeError):
            setattr(thing, name, None)
    for mapping in (task.request.headers, result.headers, snapshot.functions):
        with pytest.raises(TypeError):
            mapping["x"] = "y"
    result.stderr.append("not kept")
    assert result.stderr == []
    assert isinstance(snapshot.functions["f"].containers, tuple)


# M11 -----------------------------------------------------------------------------------------------------------------


def test_m11_a_full_queue_refuses_with_the_reason_and_nothing_is_told_of_it(bench):
    bench.deploy(max_queue=2)
    running = bench.submit()
    bench.asked(running)
    waiting = [bench.submit(), bench.submit()]
    with pytest.raises(QueueFull) as caught:
        bench.submit()
    assert str(caught.value) == (
        "f: 2 tasks wait already, and max_queue is 2; they wait because: max_concurrency 1 reached: 1 busy"
    )
    for task in (running, *waiting):
        bench.answer(task)
    assert bench.call().status == TaskStatus.SUCCESS
    assert len(bench.seen(ev.TaskQueued)) == 4


@pytest.mark.parametrize(
    "more", [{"headers": {"X": "a\r\nb"}}, {"headers": {"X\n": "a"}}, {"headers": {"X": "a\0"}}, {"timeout_s": -1.0}]
)
def test_m11_what_cannot_be_sent_is_refused_at_submit(bench, more):
    bench.deploy()
    with pytest.raises(InvalidRequest):
        bench.submit(**more)
    assert bench.seen(ev.TaskQueued) == []


def test_m11_an_unknown_function_is_refused_with_a_suggestion(bench):
    with pytest.raises(UnknownFunction, match="there is none yet"):
        bench.submit(name="greet")
    bench.deploy("greet")
    bench.deploy("report")
    with pytest.raises(UnknownFunction, match="no function 'gret': did you mean greet"):
        bench.submit(name="gret")
    with pytest.raises(UnknownFunction, match="there is greet, report"):
        bench.submit(name="zzz")


# M15 -----------------------------------------------------------------------------------------------------------------


def test_m15_a_queued_task_that_is_cancelled_never_starts(bench):
    bench.deploy()
    running, queued, last = bench.submit(), bench.submit(), bench.submit()
    bench.asked(running)
    assert queued.cancel()
    result = bench.result(queued)
    assert (result.status, result.error) == (TaskStatus.CANCELLED, "cancelled by its caller while it waited")
    assert not queued.cancel(), "it has ended"
    bench.answer(running)
    bench.answer(last)
    assert queued.id not in {event.task_id for event in bench.seen(ev.TaskStarted)}


def test_m15_a_running_task_is_cancelled_and_its_container_retired(bench):
    bench.deploy()
    task = bench.submit()
    container = bench.asked(task)
    container.complain(b"half way\n")
    assert bench.runtime.cancel(task.id)
    result = bench.result(task)
    assert (result.status, result.error) == (TaskStatus.CANCELLED, "cancelled by its caller while it ran")
    assert result.stderr == ["half way"]
    end_of(bench, container)
    assert str(container.wait(0)) == "was killed by SIGKILL"


def test_m15_a_cancelled_task_whose_container_ends_without_reading_it_is_cancelled(bench):
    def script(container):
        assert until(lambda: tasks)[0].cancel()
        container.exit(1)

    tasks = []
    bench.deploy()
    bench.call()
    bench.driver.containers[0]._script = script
    tasks.append(bench.submit())
    result = bench.result(tasks[0])
    assert (result.status, result.error) == (TaskStatus.CANCELLED, "cancelled by its caller while it ran")


@pytest.mark.parametrize("when", ["as it is sent", "before it is sent"])
def test_m15_a_killed_containers_task_tells_the_kill_though_it_was_not_read(bench, monkeypatch, when):
    def kill(container):
        assert bench.runtime.kill(container.id, reason="enough of it")
        container.exit(9)

    bench.deploy()
    bench.call()
    container = bench.driver.containers[0]
    if when == "as it is sent":
        container._script = kill
    else:
        before_the_next_run(monkeypatch, lambda: kill(container))
    result = bench.result(bench.submit())
    assert (result.status, result.error) == (TaskStatus.ERROR, "enough of it")
    assert end_of(bench, container).reason == "enough of it"


def test_m15_a_running_cold_task_is_cancelled(bench):
    bench.deploy(format=Format.DEFAULT)
    task = bench.submit(b"x")
    until(lambda: bench.driver.containers and bench.driver.containers[0].stdin_closed)
    assert task.cancel()
    assert bench.result(task).status == TaskStatus.CANCELLED
    until(lambda: bench.states() == [])


def test_m15_the_cancel_of_what_has_ended_or_never_was_is_false(bench):
    bench.deploy()
    task = bench.submit()
    bench.answer(task)
    assert not task.cancel()
    assert not bench.runtime.cancel(task.id)
    assert not bench.runtime.cancel("0" * 24)
    assert task.result().status == TaskStatus.SUCCESS


def test_m15_a_cancel_in_a_container_that_still_starts(bench, monkeypatch):
    go = threading.Event()
    start = bench.driver.start
    monkeypatch.setattr(bench.driver, "start", lambda spec: (go.wait(5), start(spec))[1])
    bench.deploy()
    task = bench.submit()
    assert task.cancel()
    assert bench.result(task).status == TaskStatus.CANCELLED
    go.set()
    until(lambda: bench.states() == ["idle"])
    assert bench.call(b"next").body == b"next"
    assert len(bench.driver.containers) == 1
