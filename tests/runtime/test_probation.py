"""Section 7: until its first answer a new revision is on probation; if it ends before, the old one is restored."""

from __future__ import annotations

import threading

import pytest
from runtime_tools import make_spec, until

from hotdash import events as ev
from hotdash.errors import BuildError
from hotdash.states import FunctionState, Occasion
from hotdash.task import Task, TaskStatus


@pytest.fixture
def replaced(bench):
    """r1 has answered, r2 (other sources) is live and has one container, idle, that has answered nothing yet."""
    bench.driver.waits = True
    bench.deploy()
    bench.call(b"old")
    bench.rebuild("1")
    bench.deploy()
    until(lambda: bench.states() == ["idle"])
    return bench


def assert_restored(bench, *, cause: str, read: Task | None = None) -> None:
    """r3 is live, with r1's image, and the failure is told after that; of `read`: that it was in this call."""
    until(lambda: bench.snapshot().revision == 3)
    *_, live = bench.seen(ev.RevisionLive)
    assert (live.revision, live.image_id) == (3, "0" * 64)
    (failed,) = bench.seen(ev.DeployFailed)
    assert failed.seq > live.seq
    where = "" if read is None else f"in call {read.id}, "
    assert failed.reason == f"r2 ended {where}before its first answer; what r1 was serves again, as r3: {cause}", (
        "the last stderr stands last"
    )
    assert (failed.revision, failed.cause, failed.task_id) == (2, cause, "" if read is None else read.id)
    assert bench.snapshot().state == FunctionState.READY


def test_an_idle_one_that_ends_brings_the_old_one_back(replaced):
    bench = replaced
    bench.driver.containers[-1].exit(7)
    assert_restored(bench, cause="the container exited with code 7 while idle")
    result = bench.call(b"again")
    assert (result.status, result.revision) == (TaskStatus.SUCCESS, 3)


def test_a_task_that_was_not_read_runs_on_the_old_one(replaced):
    bench = replaced
    container = bench.driver.containers[-1]

    def end_unread(_):
        container._script = lambda _: None
        container.exit(signal="SIGSEGV")

    container._script = end_unread
    task = bench.submit(b"innocent")
    result = bench.answer(task, b"innocent")
    assert (result.status, result.body, result.revision) == (TaskStatus.SUCCESS, b"innocent", 3)
    assert_restored(bench, cause="the container was killed by SIGSEGV before it answered")


def test_a_task_that_was_read_fails_with_the_cause_and_those_that_wait_run_on_the_old_one(replaced):
    bench = replaced
    read = bench.submit()
    container = bench.asked(read)
    waiting = [bench.submit() for _ in range(2)]
    container.exit(3)
    result = bench.result(read)
    assert (result.status, result.revision) == (TaskStatus.ERROR, 2)
    assert result.error == "the container exited with code 3 before it answered"
    for task in waiting:
        assert bench.answer(task).revision == 3
    assert_restored(bench, cause="the container exited with code 3 before it answered", read=read)


def test_after_its_first_answer_it_is_on_its_own(replaced):
    bench = replaced
    assert bench.call().revision == 2
    read = bench.submit()
    bench.asked(read).exit(3)
    assert bench.result(read).status == TaskStatus.ERROR
    assert bench.call().revision == 2
    assert bench.seen(ev.DeployFailed) == []


@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_is_an_answer_whatever_its_status(replaced, status: int):
    bench = replaced
    bench.call(status=status)
    read = bench.submit()
    bench.asked(read).exit(3)
    bench.result(read)
    assert bench.call().revision == 2


def test_what_the_user_kills_has_not_failed(replaced):
    bench = replaced
    (container,) = bench.snapshot().containers
    bench.runtime.kill(container.id)
    until(lambda: bench.states() == [])
    assert bench.call().revision == 2
    assert bench.seen(ev.DeployFailed) == []


def test_a_container_that_cannot_be_started_is_no_end_of_the_revision(replaced):
    bench = replaced
    (container,) = bench.snapshot().containers
    bench.runtime.kill(container.id)
    until(lambda: bench.states() == [])
    bench.driver.fail_starts = "no more processes"
    task = bench.submit()
    until(lambda: "no more processes" in bench.snapshot().why)
    bench.driver.fail_starts = ""
    bench.elapse(0.1)  # M5's back-off
    assert bench.answer(task).revision == 2


def test_it_can_be_rolled_forward_and_back_from_there(replaced):
    bench = replaced
    bench.driver.containers[-1].exit(7)
    until(lambda: bench.snapshot().revision == 3)
    with pytest.raises(Exception, match="cannot go back to an earlier revision; kept: none yet"):
        bench.runtime.rollback("f")
    bench.rebuild("2")
    assert bench.deploy().revision == 4
    assert bench.runtime.rollback("f").revision == 5
    assert bench.seen(ev.RevisionLive)[-1].image_id == "0" * 64


def test_while_a_newer_one_is_being_made_it_is_tried_again_and_a_newer_one_that_works_replaces_it(replaced):
    bench = replaced
    building, go_on = threading.Event(), threading.Event()
    build = bench.driver.build

    def build_slowly(spec, **more):
        building.set()
        assert go_on.wait(10)
        return build(spec, **more)

    bench.driver.build = build_slowly
    bench.rebuild("2")
    deploying = threading.Thread(target=lambda: bench.runtime.deploy(make_spec()))
    deploying.start()
    assert building.wait(10)
    bench.driver.containers[-1].exit(7)
    until(lambda: "exited with code 7" in bench.snapshot().why or bench.snapshot().containers == ())
    assert bench.snapshot().revision == 2
    go_on.set()
    deploying.join(10)
    assert bench.snapshot().revision == 3
    assert bench.seen(ev.RevisionLive)[-1].image_id == "2" * 64
    assert bench.seen(ev.DeployFailed) == []
    assert bench.call().revision == 3


def test_while_a_newer_one_is_being_made_that_fails_the_old_one_is_restored_after_it(replaced):
    bench = replaced
    building, go_on = threading.Event(), threading.Event()

    def build_badly(_, **__):
        building.set()
        assert go_on.wait(10)
        raise BuildError("no such file", log=())

    build, bench.driver.build = bench.driver.build, build_badly
    errors: list[BaseException] = []

    def deploy() -> None:
        try:
            bench.runtime.deploy(make_spec())
        except BuildError as error:
            errors.append(error)

    deploying = threading.Thread(target=deploy)
    deploying.start()
    assert building.wait(10)
    read = bench.submit()
    bench.asked(read).exit(3)
    assert bench.result(read).revision == 2
    assert bench.snapshot().revision == 2
    go_on.set()
    deploying.join(10)
    assert len(errors) == 1
    assert_restored(bench, cause="the container exited with code 3 before it answered", read=read)
    assert bench.call().revision == 3
    bench.driver.build = build


def test_a_function_that_was_removed_is_not_restored(replaced):
    bench = replaced
    read = bench.submit()
    container = bench.asked(read)
    bench.runtime.undeploy("f")
    container.exit(3)
    assert bench.result(read).status == TaskStatus.ERROR
    assert bench.seen(ev.DeployFailed) == []


def crash(bench, *, code: int) -> int:
    """A task that the live revision reads, and ends in. Returns that revision."""
    read = bench.submit()
    bench.asked(read).exit(code)
    result = bench.result(read)
    assert (result.status, result.error) == (
        TaskStatus.ERROR,
        f"the container exited with code {code} before it answered",
    )
    return result.revision


def deploy_asked(bench) -> int:
    return bench.runtime.deploy(make_spec(), occasion=Occasion(asked=True)).revision


def test_what_is_asked_for_again_after_it_fell_stays_so_that_its_crash_can_be_looked_into(replaced):
    bench = replaced
    assert crash(bench, code=3) == 2
    until(lambda: bench.snapshot().revision == 3)
    assert deploy_asked(bench) == 4
    assert [crash(bench, code=code) for code in (4, 5)] == [4, 4]
    assert bench.call().revision == 4
    assert len(bench.seen(ev.DeployFailed)) == 1
    assert bench.snapshot().state == FunctionState.READY


def test_what_is_saved_while_a_crash_is_looked_into_stays_too_until_something_answers(replaced):
    bench = replaced
    crash(bench, code=3)
    until(lambda: bench.snapshot().revision == 3)
    deploy_asked(bench)
    crash(bench, code=4)
    bench.rebuild("5")
    assert bench.deploy().revision == 5
    assert crash(bench, code=6) == 5
    assert bench.call().revision == 5, "nothing was restored: it was no better"
    bench.rebuild("6")
    assert bench.deploy().revision == 6
    assert crash(bench, code=7) == 6
    until(lambda: bench.snapshot().revision == 7)
    assert bench.seen(ev.RevisionLive)[-1].image_id == "5" * 64, "what has answered is worth going back to"


@pytest.mark.parametrize(
    ("digit", "asked"), [("1", False), ("2", True)], ids=["the same, by a save", "other code, by a key"]
)
def test_probation_is_waived_for_nothing_else(replaced, digit: str, asked: bool):
    bench = replaced
    crash(bench, code=3)
    until(lambda: bench.snapshot().revision == 3)
    bench.rebuild(digit)
    assert bench.runtime.deploy(make_spec(), occasion=Occasion(asked=asked)).revision == 4
    assert crash(bench, code=4) == 4
    until(lambda: bench.snapshot().revision == 5)
    assert bench.call().revision == 5
