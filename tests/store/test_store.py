"""`Store`: each event's fold, the bounds, the rings and the figures, on events made by hand."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from made_lines import stderr_line

from hotdash import events as ev
from hotdash.functions.spec import FunctionSpec
from hotdash.states import ContainerState, FunctionState
from hotdash.store import DeployEnd, LineRing, Store
from hotdash.store import records as records_module
from hotdash.task import Attribution, TaskResult, TaskState, TaskStatus

SPEC = FunctionSpec(name="iron/f", folder=Path("/f"), file=Path("/f/func.yaml"))


class Story:
    """A store, and events told to it, each at the next place and at a moment of the story's own."""

    def __init__(self, *functions: str) -> None:
        self.store = Store()
        self.seq = 0
        self.now_s = 100.0
        for function in functions:
            self.tell(ev.FunctionChanged, function=function, spec=SPEC, state=FunctionState.READY)

    def tell(self, kind, *, function="f", **fields):
        self.seq += 1
        event = kind(seq=self.seq, at_s=self.now_s, time_s=self.now_s + 1e9, function=function, **fields)
        self.store(event)
        return event

    def queue(self, task, *, function="f", payload=b"", **more):
        self.tell(ev.TaskQueued, function=function, task_id=task, payload=payload, **more)

    def start(self, task, *, function="f", container="c-1", revision=1):
        self.tell(ev.TaskStarted, function=function, task_id=task, container_id=container, revision=revision)

    def end(self, task, *, function="f", status=TaskStatus.SUCCESS, body=b"", run_s=0.5):
        result = TaskResult(task_id=task, function=function, status=status, body=body, run_s=run_s)
        self.tell(ev.TaskEnded, function=function, result=result)
        return result

    def container(self, kind, *, id="c-1", revision=1, **fields):  # noqa: A002  the event's own word
        self.tell(kind, container_id=id, revision=revision, **fields)

    def line(self, text, *, function="f"):
        return self.tell(
            ev.StderrLine,
            function=function,
            container_id="c-1",
            revision=1,
            task_id="",
            attribution=Attribution.CONTAINER,
            text=text,
        )

    @property
    def f(self):
        return self.store.snapshot().functions["f"]


@pytest.fixture
def story() -> Story:
    return Story("f")


# snapshots -----------------------------------------------------------------------------------------------------------


def test_an_empty_store_is_an_empty_picture():
    snapshot = Store().snapshot()
    assert (snapshot.version, dict(snapshot.functions), snapshot.queued, snapshot.errors) == (0, {}, 0, 0)


def test_the_version_is_the_newest_events_place_and_an_equal_one_is_the_same_picture(story):
    first = story.store.snapshot()
    assert first.version == story.store.version == 1
    assert story.store.snapshot() is first
    story.queue("t")
    assert story.store.snapshot() is not first
    assert first.functions["f"].queue_depth == 0, "a picture does not change"
    assert story.f.queue_depth == 1


def test_what_did_not_change_is_not_made_anew():
    story = Story("f", "g")
    before = story.store.snapshot().functions["g"]
    story.queue("t")
    assert story.store.snapshot().functions["g"] is before


def test_news_are_told_once_to_the_last_who_asked_and_at_once_if_they_are_there(story):
    told: list[str] = []
    story.store.tell_once(lambda: told.append("first"), after=story.store.version)
    story.store.tell_once(lambda: told.append("second"), after=story.store.version)
    assert told == []
    story.line("one")
    story.line("two")
    assert told == ["second"]
    story.store.tell_once(lambda: told.append("late"), after=story.store.version - 1)
    assert told == ["second", "late"]
    story.line("three")
    assert told == ["second", "late"]


def test_no_news_are_missed_by_one_who_asks_while_they_come(story):
    last, woken, seen = story.seq + 5_000, threading.Event(), story.store.version
    folding = threading.Thread(target=lambda: [story.line("x") for _ in range(5_000)], daemon=True)
    folding.start()
    while seen != last:
        story.store.tell_once(woken.set, after=seen)
        assert woken.wait(20), f"not told of what came after {seen} of {last}"
        woken.clear()
        seen = story.store.version
    folding.join(20)


def test_functions_are_in_the_order_of_their_keys():
    assert list(Story("zeta", "alpha", "mid").store.snapshot().functions) == ["alpha", "mid", "zeta"]


def test_a_picture_cannot_be_changed(story):
    with pytest.raises(AttributeError):
        story.f.state = FunctionState.FAILED
    with pytest.raises(TypeError):
        story.store.snapshot().functions["x"] = story.f


# functions and deploys -----------------------------------------------------------------------------------------------


def test_a_functions_state_and_reason_follow_its_events(story):
    story.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.FAILING, reason="3 starts failed")
    assert (story.f.state, story.f.reason) == (FunctionState.FAILING, "3 starts failed")
    story.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.READY)
    assert (story.f.state, story.f.reason) == (FunctionState.READY, "")


def test_a_removed_function_is_shown_until_its_last_task_and_container_are_gone(story):
    story.container(ev.ContainerStarting)
    story.queue("t")
    story.start("t")
    story.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.REMOVED, reason="f was removed")
    assert (story.f.state, [task.id for task in story.f.running]) == (FunctionState.REMOVED, ["t"])
    story.end("t")
    assert "f" in story.store.snapshot().functions
    story.container(ev.ContainerStopped, reason="gone")
    assert dict(story.store.snapshot().functions) == {}
    story.line("late")
    assert dict(story.store.snapshot().functions) == {}


def test_a_removed_function_that_comes_back_has_its_tasks_and_lines(story):
    story.queue("t")
    story.start("t")
    story.line("heard")
    story.end("t")
    story.tell(ev.BuildFailed, reason="no", log=())
    story.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.REMOVED, reason="f was removed")
    assert dict(story.store.snapshot().functions) == {}
    story.tell(ev.FunctionChanged, spec=SPEC, state=FunctionState.BUILDING)
    assert (story.f.calls, story.f.lines, story.f.queue_depth) == (1, 1, 0)
    assert [task.id for task in story.f.ended] == ["t"]
    assert (story.f.revision, story.f.deploy_error) == (0, "")


def test_faults_of_the_file_come_and_go(story):
    story.tell(ev.FunctionFaulty, faults=("a", "b"))
    assert story.f.faults == ("a", "b")
    story.tell(ev.FunctionFaulty, faults=())
    assert story.f.faults == ()


def test_a_build_its_output_and_its_end(story):
    story.tell(ev.BuildStarted)
    story.tell(ev.BuildOutput, text="one")
    story.tell(ev.BuildOutput, text="two")
    assert (story.f.is_building, story.f.build_since_s, story.f.build_log) == (True, 100.0, ("one", "two"))
    failed = story.tell(ev.BuildFailed, reason="pip failed")
    assert (story.f.is_building, story.f.deploy_error) == (False, "pip failed")
    assert (story.f.deploy_end, story.f.deploy_seq) == (DeployEnd.FAILED, failed.seq)
    assert story.f.build_log == ("one", "two"), "it can still be read"
    story.tell(ev.BuildStarted)
    assert story.f.build_log == ()
    assert story.f.deploy_error == "pip failed", "until a deploy succeeds"
    live = story.tell(ev.RevisionLive, revision=2, image_id="abc", build_s=1.0, start_s=0.1, swap_s=0.0)
    assert (story.f.deploy_error, story.f.deploy_end, story.f.deploy_seq) == ("", DeployEnd.LIVE, live.seq)
    assert (story.f.revision, story.f.image_id, story.f.live_since_s) == (2, "abc", 100.0)


def test_a_cancelled_build_ends_without_a_failure(story):
    before = story.f
    story.tell(ev.BuildStarted)
    story.tell(ev.BuildCancelled)
    assert not story.f.is_building
    assert (story.f.deploy_error, story.f.deploy_end) == (before.deploy_error, before.deploy_end)


@pytest.mark.parametrize(
    ("kind", "fields", "end"),
    [
        (ev.DeployFailed, {"reason": "no proof"}, DeployEnd.FAILED),
        (ev.DeployUnchanged, {"revision": 1}, DeployEnd.UNCHANGED),
        (ev.DeployUnchanged, {"revision": 1, "limits_changed": True}, DeployEnd.LIMITS),
    ],
)
def test_the_other_ends_of_a_deploy(story, kind, fields, end):
    story.tell(ev.BuildStarted)
    story.tell(kind, **fields)
    assert (story.f.is_building, story.f.deploy_end, story.f.deploy_error) == (False, end, fields.get("reason", ""))


def test_a_build_log_is_bounded(story, monkeypatch):
    for number in range(records_module.BUILD_LINES_KEPT + 5):
        story.tell(ev.BuildOutput, text=f"{number}")
    assert len(story.f.build_log) == records_module.BUILD_LINES_KEPT
    assert story.f.build_log[0] == "5"


def test_the_last_decision_is_shown(story):
    story.tell(ev.ScalingDecided, reason="starting 1")
    story.tell(ev.ScalingDecided, reason="max_concurrency 1 reached")
    assert story.f.why == "max_concurrency 1 reached"


# containers ----------------------------------------------------------------------------------------------------------


def test_a_containers_life(story):
    story.container(ev.ContainerStarting)
    assert [(c.state, c.pid, c.cold) for c in story.f.containers] == [(ContainerState.STARTING, None, False)]
    story.container(ev.ContainerStarted, pid=77, start_s=0.02)
    story.now_s = 101.0
    story.container(ev.ContainerIdle)
    (view,) = story.f.containers
    assert (view.state, view.since_s, view.pid, view.start_s) == (ContainerState.IDLE, 101.0, 77, 0.02)
    story.queue("t")
    story.start("t")
    (view,) = story.f.containers
    assert (view.state, view.task_id, view.tasks_served) == (ContainerState.BUSY, "t", 0)
    story.end("t")
    (view,) = story.f.containers
    assert (view.task_id, view.tasks_served) == ("", 1)
    story.container(ev.ContainerDraining, reason="r2 is live")
    (view,) = story.f.containers
    assert (view.state, view.reason) == (ContainerState.DRAINING, "r2 is live")
    assert (story.f.hot, story.f.count(ContainerState.DRAINING)) == (0, 1)
    story.container(ev.ContainerStopped, reason="r2 is live")
    assert story.f.containers == ()


def test_a_move_that_no_container_makes_is_a_fault_that_shows(story):
    story.container(ev.ContainerStarting)
    story.container(ev.ContainerDraining, reason="x")
    with pytest.raises(RuntimeError, match="c-1 cannot go from draining to idle"):
        story.container(ev.ContainerIdle)


def test_containers_are_counted_over_all_functions():
    story = Story("f", "g")
    story.tell(ev.ContainerStarting, function="f", container_id="c-1", revision=1)
    story.tell(ev.ContainerStarting, function="g", container_id="c-2", revision=1, cold=True)
    assert story.store.snapshot().count(ContainerState.STARTING) == 2
    assert story.store.snapshot().functions["g"].containers[0].cold


# tasks ---------------------------------------------------------------------------------------------------------------


def test_a_tasks_life(story):
    story.queue("t", payload=b"in", headers=(("A", "1"),))
    (task,) = story.f.queued
    assert (task.id, task.state, task.payload, task.headers) == ("t", TaskState.QUEUED, b"in", (("A", "1"),))
    assert (task.queued_at_s, task.queued_time_s) == (100.0, 1e9 + 100.0)
    story.now_s = 101.0
    story.start("t", container="c-9", revision=3)
    (task,) = story.f.running
    assert (task.state, task.started_at_s, task.container_id, task.revision) == (TaskState.RUNNING, 101.0, "c-9", 3)
    assert story.f.queued == ()
    story.now_s = 102.0
    result = story.end("t")
    (task,) = story.f.ended
    assert (task.state, task.ended_at_s) == (TaskState.ENDED, 102.0)
    assert task.result is result
    assert (story.f.running, story.f.calls, story.f.errors) == ((), 1, 0)


def test_a_task_that_never_ran_ends_from_the_queue(story):
    story.queue("t")
    story.end("t", status=TaskStatus.CANCELLED, run_s=0.0)
    assert (story.f.queued, story.f.calls, story.f.errors) == ((), 1, 0)
    assert story.f.ended[0].started_at_s is None


def test_a_task_put_back_is_the_next_one(story):
    for task in "abc":
        story.queue(task)
    story.start("a")
    story.queue("a", again=True)
    assert [(task.id, task.again) for task in story.f.queued] == [("a", True), ("b", False), ("c", False)]
    assert story.f.running == ()
    assert (story.f.queued[0].container_id, story.f.queued[0].started_at_s) == ("", None)


@pytest.mark.parametrize(("status", "errors"), [("success", 0), ("error", 1), ("timeout", 1), ("cancelled", 0)])
def test_errors_and_timeouts_count_as_errors_and_cancels_do_not(story, status, errors):
    story.queue("t")
    story.start("t")
    story.end("t", status=TaskStatus(status))
    assert (story.f.errors, story.store.snapshot().errors) == (errors, errors)


def test_ended_tasks_are_bounded_by_their_number(story):
    for number in range(records_module.TASKS_KEPT + 3):
        story.queue(f"{number}")
        story.end(f"{number}")
    assert len(story.f.ended) == records_module.TASKS_KEPT
    assert (story.f.ended[0].id, story.f.ended[-1].id) == ("3", f"{records_module.TASKS_KEPT + 2}")
    assert story.store.snapshot().tasks_dropped == 3
    assert story.f.calls == records_module.TASKS_KEPT + 3


def test_ended_tasks_are_bounded_by_their_bytes(story, monkeypatch):
    monkeypatch.setattr(records_module, "TASK_BYTES_KEPT", 1000)
    for number in range(5):
        story.queue(f"{number}", payload=b"x" * 200)
        story.end(f"{number}", body=b"y" * 200)
    assert [task.id for task in story.f.ended] == ["3", "4"]
    assert story.store.snapshot().tasks_dropped == 3
    story.queue("big")
    story.end("big", body=b"y" * 5000)
    assert [task.id for task in story.f.ended] == ["big"], "the newest is always kept"
    story.queue("small")
    story.end("small")
    assert [task.id for task in story.f.ended] == ["small"]


# lines ---------------------------------------------------------------------------------------------------------------


def test_lines_come_once_in_order_over_functions():
    story = Story("f", "g")
    for number in range(6):
        story.line(f"{number}", function="fg"[number % 2])
    batch = story.store.lines_after(0, ["f", "g"])
    assert [line.text for line in batch.lines] == ["0", "1", "2", "3", "4", "5"]
    assert (batch.cursor, batch.lost) == (story.seq, 0)
    assert story.store.lines_after(batch.cursor, ["f", "g"]).lines == ()
    story.line("6")
    again = story.store.lines_after(batch.cursor, ["g", "f"])
    assert [line.text for line in again.lines] == ["6"]
    assert [line.text for line in story.store.lines_after(0, ["g"]).lines] == ["1", "3", "5"]
    assert story.store.lines_after(0, ["unknown"]).lines == ()
    assert story.f.lines == 4


def test_lines_dropped_before_the_store_are_counted(story):
    story.tell(ev.LinesDropped, count=40)
    story.tell(ev.LinesDropped, function="unknown", count=2)
    assert story.store.snapshot().lines_dropped == 42


def test_a_ring_tells_a_late_reader_how_many_lines_it_missed():
    ring = LineRing(capacity=3)
    for seq in (10, 20, 30):
        ring.append(stderr_line(seq))
    assert ([line.seq for line in ring.after(0)[0]], ring.after(0)[1]) == ([30, 20, 10], 0)
    for seq in (40, 50):
        ring.append(stderr_line(seq))
    assert (len(ring), ring.total, ring.dropped) == (3, 5, 2)
    expected = {0: 2, 9: 2, 10: 1, 15: 1, 20: 0, 25: 0, 49: 0, 50: 0}
    assert {seq: ring.after(seq)[1] for seq in expected} == expected
    assert [line.seq for line in ring.after(35)[0]] == [50, 40]
    assert [line.seq for line in ring.after(15)[0]] == [50, 40, 30]


def test_a_ring_counts_a_rings_worth_of_lost_lines_at_most():
    ring = LineRing(capacity=3)
    for seq in range(1, 101):
        ring.append(stderr_line(seq))
    assert (ring.after(0)[1], ring.dropped) == (3, 97)


# figures -------------------------------------------------------------------------------------------------------------


def test_figures_of_nothing_are_zeros(story):
    for figures in (story.store.figures(100.0), story.store.figures(100.0, "f")):
        assert (figures.calls_per_s, figures.p50_s, figures.p95_s, figures.depths) == (0.0, None, None, (0,) * 30)


def test_figures_of_an_unknown_function_or_of_none_are_zeros_too(story):
    assert story.store.figures(100.0, "unknown").depths == (0,) * 30
    assert Store().figures(100.0).depths == (0,) * 30


def test_rates_and_quantiles_are_of_the_last_ten_seconds(story):
    for number in range(1, 101):
        story.queue(f"{number}")
        story.start(f"{number}")
        story.end(f"{number}", run_s=number / 100)
    figures = story.store.figures(105.0, "f")
    assert figures.calls_per_s == 10.0
    assert figures.p50_s == pytest.approx(0.5, abs=0.011)
    assert figures.p95_s == pytest.approx(0.95, abs=0.011)
    assert story.store.figures(111.0).calls_per_s == 0.0


def test_the_deepest_queue_of_each_second_is_kept(story):
    for task in "abc":
        story.queue(task)  # second 100: 3 deep
    story.now_s = 102.5
    story.start("a")
    story.end("a")
    story.start("b")
    story.now_s = 104.0
    story.start("c")
    depths = story.store.figures(106.0).depths
    assert depths[-8:] == (0, 3, 3, 3, 1, 1, 0, 0)
    assert len(depths) == 30
    assert story.store.figures(103.0).depths[-4:] == (3, 3, 3, 1)


def test_the_depth_now_is_that_of_the_seconds_since(story):
    story.queue("a")
    assert story.store.figures(140.0).depths == (1,) * 30
    assert story.store.figures(110.0).depths == (0,) * 19 + (1,) * 11


def test_depths_of_functions_are_added():
    story = Story("f", "g")
    story.queue("a", function="f")
    story.queue("b", function="g")
    story.queue("c", function="g")
    assert story.store.figures(100.0).depths[-1] == 3
    assert story.store.figures(100.0, "g").depths[-1] == 2


def test_old_depths_are_forgotten(story):
    for second in range(500):
        story.now_s = 100.0 + second
        story.queue(f"{second}")
        story.start(f"{second}")
    assert len(story.store._functions["f"].depths) <= 2 * records_module.DEPTH_SECONDS + 1
