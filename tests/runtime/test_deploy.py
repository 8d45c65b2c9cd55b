"""Section 7 on the stub driver: build, prove, swap, drain; and what is left alone when one of them fails."""

from __future__ import annotations

import threading

import pytest
from runtime_tools import make_spec, until

from hotdash import events as ev
from hotdash.errors import (
    BuildCancelled,
    BuildError,
    NeedsDocker,
    NeedsRuntime,
    RuntimeClosed,
    SourcesChanged,
    StartError,
    UnknownFunction,
)
from hotdash.functions.spec import Format
from hotdash.task import TaskStatus


@pytest.fixture
def proving(bench):
    """Containers are seen waiting for their input as soon as they run: they are proved at once."""
    start = bench.driver.start

    def start_waiting(spec):
        container = start(spec)
        container.waits = True
        return container

    bench.driver.start = start_waiting
    return bench


class Deploying:
    """A deploy in a thread of its own."""

    def __init__(self, bench, spec, **more):
        self.deployment = self.error = None
        self._deploy = lambda: bench.runtime.deploy(spec, **more)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.deployment = self._deploy()
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.error = error

    def end(self):
        self.thread.join(10)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.deployment


def hold_build(bench):
    """The next build waits until the returned event is set."""
    go, entered = threading.Event(), threading.Event()
    build = bench.driver.build

    def held(spec, *, is_cancelled, **more):
        bench.driver.build = build
        entered.set()
        assert go.wait(10)
        return build(spec, is_cancelled=is_cancelled, **more)

    bench.driver.build = held
    return entered, go


# the first -----------------------------------------------------------------------------------------------------------


def test_the_first_deploy_needs_no_proof_and_starts_nothing(bench):
    deployment = bench.deploy()
    assert (deployment.function, deployment.revision, deployment.changed) == ("f", 1, True)
    assert bench.driver.containers == []
    assert (bench.snapshot().state, bench.snapshot().revision) == ("ready", 1)
    kinds = [type(event).__name__ for event in bench.seen(ev.Event)]
    assert kinds == [
        "FunctionChanged",
        "DeployStarted",
        "BuildStarted",
        "BuildOutput",
        "BuildEnded",
        "FunctionChanged",
        "RevisionLive",
    ]
    assert [event.state.value for event in bench.seen(ev.FunctionChanged)] == ["building", "ready"]


def test_min_warm_containers_are_started_with_the_first_deploy_and_kept(bench):
    bench.deploy(min_warm=2, max_concurrency=3, idle_timeout_s=5.0)
    until(lambda: bench.states() == ["idle", "idle"])
    until(lambda: bench.clock.deadlines() == [1005.0, 1005.0])
    bench.clock.advance(5.0)
    until(lambda: bench.clock.deadlines() == [1010.0, 1010.0], "they are kept and wait again")
    assert bench.states() == ["idle", "idle"]


def test_tasks_queued_during_the_first_build_run_after_it(bench):
    entered, go = hold_build(bench)
    deploying = Deploying(bench, make_spec(max_concurrency=2))
    assert entered.wait(5)
    tasks = [bench.submit(b"%d" % number) for number in range(3)]
    snapshot = bench.snapshot()
    assert (snapshot.state, snapshot.queue_depth, snapshot.why) == ("building", 3, "the first build is under way")
    go.set()
    assert deploying.end().revision == 1
    for number, task in enumerate(tasks):
        assert bench.answer(task, b"%d" % number).body == b"%d" % number


@pytest.mark.parametrize(
    ("error", "state"),
    [(BuildError, "failed"), (NeedsDocker, "needs docker"), (NeedsRuntime, "needs runtime")],
)
def test_tasks_queued_during_a_first_build_that_fails_fail_with_its_reason(bench, error, state):
    entered, go = hold_build(bench)
    build = bench.driver.build

    def fail(*args, **more):
        build(*args, **more)
        raise error("it does not work", log=("line 1", "line 2"))

    bench.driver.build = fail
    deploying = Deploying(bench, make_spec())
    assert entered.wait(5)
    task = bench.submit()
    go.set()
    with pytest.raises(error):
        deploying.end()
    assert (bench.result(task).status, bench.result(task).error) == (TaskStatus.ERROR, "f cannot run: it does not work")
    snapshot = bench.snapshot()
    assert (snapshot.state, snapshot.reason, snapshot.revision) == (state, "it does not work", 0)
    later = bench.submit()
    assert bench.result(later).error == "f cannot run: it does not work", "at once"
    failed = bench.seen(ev.BuildFailed)
    assert [(event.reason, event.log) for event in failed] == [("it does not work", ("line 1", "line 2"))]
    assert bench.deploy().revision == 1, "the failed one took no number"
    bench.call()


def test_a_first_build_that_is_cancelled_is_no_failure_and_what_waits_waits_on(bench):
    newer = threading.Event()
    build = bench.driver.build

    def cancellable(spec, *, is_cancelled, **more):
        if is_cancelled():
            raise BuildCancelled("a newer save follows")
        return build(spec, is_cancelled=is_cancelled, **more)

    bench.driver.build = cancellable
    entered, go = hold_build(bench)
    deploying = Deploying(bench, make_spec(), is_cancelled=newer.is_set)
    assert entered.wait(5)
    task = bench.submit()
    newer.set()
    go.set()
    with pytest.raises(BuildCancelled):
        deploying.end()
    assert not task.done()
    assert (bench.snapshot().state, bench.snapshot().queue_depth) == ("building", 1)
    assert bench.deploy().revision == 1
    assert bench.answer(task, b"in the end").body == b"in the end"
    assert [type(event).__name__ for event in bench.seen(ev.Event) if "Build" in type(event).__name__] == [
        "BuildCancelled",
        *("BuildStarted", "BuildOutput", "BuildEnded"),
    ]
    assert [event.state.value for event in bench.seen(ev.FunctionChanged)] == ["building", "ready"]


def changing(bench, times):
    """The next builds find, so many times, that a source changes while they read it."""
    build, left = bench.driver.build, iter(range(times))

    def read_while_it_changes(spec, **more):
        if next(left, None) is not None:
            raise SourcesChanged("func.py changed while it was read")
        return build(spec, **more)

    bench.driver.build = read_while_it_changes


def test_sources_that_change_while_they_are_read_are_read_again(bench):
    changing(bench, 3)
    deploying = Deploying(bench, make_spec())
    for _ in range(3):
        bench.elapse(0.1)
    assert deploying.end().revision == 1
    assert bench.seen(ev.BuildFailed) == []


def test_sources_that_never_come_to_rest_fail_the_build(bench):
    changing(bench, 100)
    deploying = Deploying(bench, make_spec())
    for _ in range(9):
        bench.elapse(0.1)
    with pytest.raises(SourcesChanged):
        deploying.end()
    assert [event.reason for event in bench.seen(ev.BuildFailed)] == ["func.py changed while it was read"]


def test_a_fault_in_the_driver_fails_the_build_and_what_waits_for_it(bench):
    entered, go = hold_build(bench)
    build = bench.driver.build

    def broken(*args, **more):
        build(*args, **more)
        raise ValueError("of the driver")

    bench.driver.build = broken
    deploying = Deploying(bench, make_spec())
    assert entered.wait(5)
    task = bench.submit()
    go.set()
    with pytest.raises(ValueError, match="of the driver"):
        deploying.end()
    assert bench.result(task).error == "f cannot run: a fault in hotdash: ValueError('of the driver')"
    assert bench.snapshot().state == "failed"


@pytest.mark.parametrize(("fails", "error"), [("the folder is gone", BuildError), ("", UnknownFunction)])
def test_a_function_that_is_removed_while_it_first_builds_stays_removed(bench, fails, error):
    entered, go = hold_build(bench)
    deploying = Deploying(bench, make_spec(min_warm=1))
    assert entered.wait(5)
    task = bench.submit()
    bench.runtime.undeploy("f")
    result = bench.result(task)
    assert (result.status, result.error) == (TaskStatus.CANCELLED, "f was removed before this task started")
    bench.driver.fail_builds = fails
    go.set()
    with pytest.raises(error):
        deploying.end()
    assert [event.state.value for event in bench.seen(ev.FunctionChanged)] == ["building", "removed"]
    assert bench.driver.containers == []


# unchanged -----------------------------------------------------------------------------------------------------------


def test_nothing_changed_is_the_same_revision(bench):
    bench.deploy()
    bench.call()
    deployment = bench.deploy()
    assert (deployment.revision, deployment.changed) == (1, False)
    assert bench.states() == ["idle"]
    assert [(event.revision, event.limits_changed) for event in bench.seen(ev.DeployUnchanged)] == [(1, False)]
    assert len(bench.seen(ev.RevisionLive)) == 1


def test_limits_apply_in_place(bench):
    bench.deploy(max_concurrency=1)
    first, second = bench.submit(), bench.submit()
    bench.asked(first)
    assert bench.snapshot().queue_depth == 1
    deployment = bench.deploy(max_concurrency=2, timeout_s=4.0, max_queue=1)
    assert (deployment.revision, deployment.changed) == (1, False)
    bench.asked(second)
    assert [event.limits_changed for event in bench.seen(ev.DeployUnchanged)] == [True]
    assert bench.seen(ev.FunctionChanged)[-1].spec.max_concurrency == 2
    bench.elapse(4.0)
    assert bench.result(second).status == TaskStatus.TIMEOUT
    bench.answer(first)


@pytest.mark.parametrize("change", [{"config": {"A": "1"}}, {"memory_mb": 256}, {"entrypoint": ("python", "x.py")}])
def test_environment_memory_or_entrypoint_make_a_revision_of_the_same_image(proving, change):
    proving.deploy()
    deployment = proving.deploy(**change)
    assert (deployment.revision, deployment.changed) == (2, True)


# the swap ------------------------------------------------------------------------------------------------------------


def test_a_changed_image_is_proved_swapped_and_the_old_one_drains(proving):
    bench = proving
    bench.deploy(max_concurrency=2)
    first, second = bench.submit(b"old"), bench.submit()
    busy, idle = bench.asked(first), bench.asked(second)
    bench.answer(second)
    bench.rebuild("1")
    deployment = bench.deploy(max_concurrency=2)
    assert (deployment.revision, deployment.changed) == (2, True)
    assert [container.spec.revision for container in bench.driver.containers] == [1, 1, 2, 2]
    until(lambda: idle.is_closed)
    until(lambda: bench.states() == ["draining", "idle", "idle"])
    after = bench.submit()
    assert bench.asked(after) in bench.driver.containers[2:], "those that were proved are the first to serve"
    assert bench.answer(after).revision == 2
    assert bench.answer(first, b"old").revision == 1, "what ran finishes where it ran"
    until(lambda: busy.is_closed)
    reasons = {event.container_id: event.reason for event in bench.seen(ev.ContainerStopped)}
    assert reasons == {idle.id: "r2 is live", busy.id: "r2 is live"}


def test_queued_tasks_run_on_the_new_revision_and_none_after_the_swap_on_the_old(proving):
    bench = proving
    bench.deploy()
    running = bench.submit()
    bench.asked(running)
    queued = [bench.submit() for _ in range(3)]
    bench.rebuild("1")
    bench.deploy()
    for task in queued:
        assert bench.answer(task).revision == 2
    bench.answer(running)
    events = bench.seen(ev.Event)
    swap = next(event.seq for event in events if isinstance(event, ev.RevisionLive) and event.revision == 2)
    started = [(event.seq > swap, event.revision) for event in events if isinstance(event, ev.TaskStarted)]
    assert started == [(False, 1), (True, 2), (True, 2), (True, 2)]


def test_a_draining_container_does_not_count_towards_the_limit(proving):
    bench = proving
    bench.deploy(max_concurrency=1)
    running = bench.submit()
    bench.asked(running)
    bench.rebuild("1")
    bench.deploy(max_concurrency=1)
    task = bench.submit()
    bench.answer(task)
    assert not running.done()
    bench.answer(running)


def test_an_old_container_that_takes_too_long_is_killed_with_the_reason(proving):
    bench = proving
    bench.deploy(drain_timeout_s=8.0)
    running = bench.submit()
    old = bench.asked(running)
    bench.rebuild("1")
    bench.deploy(drain_timeout_s=8.0)
    bench.elapse(8.0)
    result = bench.result(running)
    assert (result.status, result.revision) == (TaskStatus.ERROR, 1)
    assert result.error == "drain_timeout 8 s passed after r2 is live"
    until(lambda: old.is_closed)
    assert [container.revision for container in bench.snapshot().containers] == [2]


def test_a_task_given_to_an_old_one_on_its_way_to_rest_is_not_lost_in_the_swap(proving, late_to_park):
    bench = proving
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    task = bench.submit()
    bench.rebuild("1")
    assert bench.deploy().revision == 2
    late_to_park.set()
    assert bench.asked(task) is old
    assert bench.answer(task).revision == 1, "it was dispatched before the swap"
    until(lambda: old.is_closed)


def test_revisions_after_revisions_under_load_lose_nothing(proving):
    bench = proving
    bench.driver.script = None

    def script(container):
        bench.hold(container)
        container.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    bench.driver.script = script
    bench.deploy(max_concurrency=3)
    stop = threading.Event()
    tasks = []

    def call():
        while not stop.is_set():
            task = bench.submit()
            tasks.append(task)
            bench.result(task)

    callers = [threading.Thread(target=call, daemon=True) for _ in range(3)]
    for caller in callers:
        caller.start()
    for number in range(1, 8):
        seen = len(tasks)
        until(lambda seen=seen: len(tasks) > seen + 3)
        bench.rebuild(f"{number}")
        assert bench.deploy(max_concurrency=3).revision == number + 1
    stop.set()
    for caller in callers:
        caller.join(10)
    assert {bench.result(task).status for task in tasks} == {TaskStatus.SUCCESS}
    assert {bench.result(task).revision for task in tasks} >= {1, 8} - {8}


# the proof -----------------------------------------------------------------------------------------------------------


def test_one_that_is_alive_prove_s_after_its_start_is_proved(bench):
    bench.deploy(prove_s=0.25)
    bench.rebuild("1")
    deploying = Deploying(bench, make_spec(prove_s=0.25))
    until(lambda: bench.driver.containers)
    assert bench.snapshot().revision == 1
    until(bench.clock.deadlines)
    while deploying.thread.is_alive():
        bench.clock.advance(0.01)
        threading.Event().wait(0.0002)
    deployment = deploying.end()
    assert deployment.revision == 2
    assert deployment.start_s >= 0.25
    until(lambda: bench.states() == ["idle"])


def test_one_that_is_seen_at_work_has_prove_s_only_from_then_on_and_init_timeout_at_most(bench):
    """A slow interpreter must not be taken for one that has started: its syntax error may still come."""
    bench.deploy()
    start = bench.driver.start

    def start_working(spec):
        container = start(spec)
        container.waits = False
        return container

    bench.driver.start = start_working
    for digit, end in (("1", "waits"), ("2", "exits")):
        bench.rebuild(digit)
        started = len(bench.driver.containers)
        deploying = Deploying(bench, make_spec(prove_s=0.1, init_timeout_s=10.0))
        until(lambda started=started: len(bench.driver.containers) > started)
        container = bench.driver.containers[-1]
        for _ in range(100):
            until(bench.clock.deadlines)
            bench.clock.advance(0.01)
        assert deploying.thread.is_alive(), "a whole second has passed"
        if end == "exits":
            container.exit(1)
            with pytest.raises(StartError, match="exited with code 1 while it proved itself"):
                deploying.end()
        else:
            container.waits = True
            container.wake()
            assert deploying.end().revision == 2


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda container: container.exit(2), "the container exited with code 2 while it proved itself"),
        (lambda container: container.say(b"hello\n"), "it wrote to stdout before any request: b'hello\\n'"),
    ],
)
def test_one_that_does_not_prove_itself_leaves_the_old_one_serving_and_takes_no_number(bench, end, words):
    bench.deploy()
    bench.call()
    old = bench.driver.containers[0]
    bench.rebuild("1")
    start = bench.driver.start

    def start_broken(spec):
        container = start(spec)
        end(container)
        return container

    bench.driver.start = start_broken
    with pytest.raises(StartError) as caught:
        bench.deploy()
    assert str(caught.value) == f"f: the new revision does not start: {words}"
    bench.driver.start = start
    snapshot = bench.snapshot()
    assert (snapshot.state, snapshot.revision) == ("ready", 1)
    assert bench.asked(task := bench.submit()) is old
    assert bench.answer(task).revision == 1
    assert [event.reason for event in bench.seen(ev.DeployFailed)] == [words]
    until(lambda: bench.states() == ["idle"])
    for container in bench.driver.containers:
        container.waits = True
    bench.rebuild("2")
    bench.driver.start = lambda spec: _waiting(start(spec))
    assert bench.deploy().revision == 2


def _waiting(container):
    container.waits = True
    return container


def test_one_that_cannot_be_started_leaves_the_old_one_serving(bench):
    bench.deploy()
    bench.call()
    bench.rebuild("1")
    bench.driver.fail_starts = "no such program"
    with pytest.raises(StartError, match="no such program"):
        bench.deploy()
    bench.driver.fail_starts = ""
    assert bench.call().revision == 1
    assert bench.snapshot().state == "ready", "the failed proof is no failed start of what serves"


def test_one_whose_start_takes_too_long_is_given_up(bench):
    bench.deploy(init_timeout_s=10.0, prove_s=0.5)
    go = threading.Event()
    start = bench.driver.start
    bench.driver.start = lambda spec: (go.wait(10), start(spec))[1]
    bench.rebuild("1")
    deploying = Deploying(bench, make_spec(init_timeout_s=10.0, prove_s=0.5))
    bench.elapse(20.5)
    with pytest.raises(StartError, match=r"had not started after 20 s \(twice init_timeout\)"):
        deploying.end()
    go.set()
    until(lambda: bench.states() == [])
    bench.driver.start = start
    assert bench.call().revision == 1


def test_a_proving_container_is_outside_the_count_until_the_swap(bench):
    bench.deploy(max_concurrency=1)
    first = bench.submit()
    bench.asked(first)
    bench.rebuild("1")
    deploying = Deploying(bench, make_spec(max_concurrency=1, prove_s=60.0))
    until(lambda: len(bench.driver.containers) == 2)
    second = bench.submit()
    bench.answer(first)
    assert bench.answer(second).revision == 1, "the old one serves everything until then"
    bench.driver.containers[1].waits = True
    bench.driver.containers[1].wake()
    assert deploying.end().revision == 2


def test_a_failed_build_leaves_the_old_one_serving_and_takes_no_number(proving):
    bench = proving
    bench.deploy()
    bench.call()
    bench.rebuild("1")
    bench.driver.fail_builds = "pip failed"
    with pytest.raises(BuildError, match="pip failed"):
        bench.deploy()
    bench.driver.fail_builds = ""
    assert (bench.snapshot().state, bench.snapshot().revision) == ("ready", 1)
    assert bench.call().revision == 1
    assert bench.deploy().revision == 2


def test_a_cancelled_build_changes_nothing(bench):
    bench.deploy()
    with pytest.raises(BuildError):
        bench.runtime.deploy(make_spec(), is_cancelled=lambda: True)
    assert bench.call().revision == 1


# rollback ------------------------------------------------------------------------------------------------------------


def test_rollback_makes_an_earlier_revision_live_without_a_build(proving):
    bench = proving
    bench.deploy(config={"V": "one"})
    bench.rebuild("1")
    bench.deploy(config={"V": "two"})
    builds = len(bench.seen(ev.BuildStarted))
    deployment = bench.runtime.rollback("f")
    assert (deployment.revision, deployment.changed, deployment.build_s) == (3, True, 0.0)
    assert bench.call().revision == 3
    assert len(bench.seen(ev.BuildStarted)) == builds
    spec = bench.driver.containers[-1].spec
    assert (spec.image.id, dict(spec.environment)) == ("0" * 64, {"V": "one"})


def test_rollback_to_a_number_and_to_what_is_not_there(proving):
    bench = proving
    bench.deploy()
    with pytest.raises(StartError, match="f cannot go back to an earlier revision; kept: none yet"):
        bench.runtime.rollback("f")
    for number in range(1, 6):
        bench.rebuild(f"{number}")
        bench.deploy()
    with pytest.raises(StartError, match="f cannot go back to r1; kept: r3, r4, r5"):
        bench.runtime.rollback("f", 1)
    bench.runtime.rollback("f", 4)
    assert bench.seen(ev.RevisionLive)[-1].image_id == "3" * 64
    assert bench.snapshot().revision == 7


def test_images_that_no_kept_revision_needs_are_released(proving):
    bench = proving
    bench.deploy()
    for number in range(1, 6):
        bench.rebuild(f"{number}")
        bench.deploy()
        until(lambda: bench.states() == ["idle"], "the end of the one before: while it drains its image is needed")
    assert [image.id[0] for image in bench.driver.released] == ["0", "1"]


# more ----------------------------------------------------------------------------------------------------------------


def test_a_change_of_the_format_keeps_the_queue(proving):
    bench = proving
    bench.deploy(format=Format.HTTP)
    running = bench.submit(b"hot")
    bench.asked(running)
    queued = [bench.submit(b"%d" % number) for number in range(3)]

    def cold(container):
        if container.stdin_closed:
            container.say(b"cold " + container.consume())
            container.exit(0)

    bench.driver.script = cold
    assert bench.deploy(format=Format.DEFAULT).revision == 2
    for number, task in enumerate(queued):
        result = bench.result(task)
        assert (result.body, result.revision, result.status_code) == (b"cold %d" % number, 2, None)
    assert bench.answer(running, b"hot").revision == 1
    until(lambda: bench.states() == [])
    bench.driver.script = bench.hold
    assert bench.deploy(format=Format.HTTP).revision == 3
    assert bench.call(b"hot again").revision == 3


def test_a_cold_function_is_deployed_without_a_proof_and_running_ones_finish(bench):
    bench.deploy(format=Format.DEFAULT)
    task = bench.submit(b"x")
    until(lambda: bench.driver.containers and bench.driver.containers[0].stdin_closed)
    bench.rebuild("1")
    assert bench.deploy(format=Format.DEFAULT).revision == 2
    assert bench.states() == ["draining"]
    bench.driver.containers[0].exit(0)
    assert bench.result(task).revision == 1


def test_deploys_of_one_function_wait_for_each_other_and_not_for_anothers(bench):
    entered, go = hold_build(bench)
    first = Deploying(bench, make_spec())
    assert entered.wait(5)
    bench.rebuild("1")
    second = Deploying(bench, make_spec(memory_mb=256, format=Format.DEFAULT))
    assert bench.deploy("g").revision == 1
    assert second.thread.is_alive()
    go.set()
    assert first.end().revision == 1
    assert second.end().revision in {1, 2}


def test_a_broken_function_file_is_told_and_changes_nothing(bench):
    bench.deploy()
    bench.runtime.report_faults("f", ("func.yaml:3: memory: found x, allowed …",))
    bench.runtime.report_faults("f", ())
    assert [len(event.faults) for event in bench.seen(ev.FunctionFaulty)] == [1, 0]
    assert bench.call().revision == 1


def test_after_the_close_nothing_can_be_deployed(bench):
    bench.deploy()
    bench.runtime.close(timeout_s=0)
    with pytest.raises(RuntimeClosed):
        bench.deploy("new")
