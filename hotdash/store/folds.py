"""`Folds`: the records of all functions, and what each event changes in them.

No lock and no thread: it belongs to the store, which holds its lock. It stands on the events, so it is imported with
the first of them and not with the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdash import events as ev
from hotdash.states import ContainerState, FunctionState, Origin
from hotdash.store.records import FunctionRecord
from hotdash.store.rings import LineRing
from hotdash.store.snapshot import Decision, DeployEnd, Fallen
from hotdash.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.events import Event
    from hotdash.store.records import ContainerRecord

_FAILED = frozenset({TaskStatus.ERROR, TaskStatus.TIMEOUT})  # a cancel is its caller's wish
REMOVED_KEPT = 16  # functions whose folders are gone: a rename or another branch may bring them back


class Folds:
    """What is known of every function.

    Args:
        functions: Filled and emptied; by key.
        lines_kept: Of each function's stderr.

    Attributes:
        lines_dropped: By the runtime, before any listener saw them.
        tasks_dropped: Ended ones that were taken from the records to keep their bound.
    """

    def __init__(self, functions: dict[str, FunctionRecord], *, lines_kept: int) -> None:
        self.functions = functions
        self.lines_dropped = 0
        self.tasks_dropped = 0
        self._lines_kept = lines_kept
        self._removed: dict[str, FunctionRecord] = {}  # the last few, in the order of their removal

    def fold(self, event: Event) -> None:
        """Changes what the event says has changed; an event of another kind changes nothing here."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def _on_function_changed(self, event: ev.FunctionChanged) -> None:
        record = self.functions.get(event.function) or self._removed.pop(event.function, None)
        if record is None:
            record = FunctionRecord(
                key=event.function,
                spec=event.spec,
                state=event.state,
                depth_at_s=event.at_s,
                ring=LineRing(capacity=self._lines_kept),
            )
        self.functions[event.function] = record
        if record.state is FunctionState.REMOVED:  # it is back, and so are its tasks and lines
            record.forget_deploys()
        record.spec = event.spec
        record.state = event.state
        record.reason = event.reason
        record.touch()
        self._drop_if_drained(record)

    def _on_function_faulty(self, event: ev.FunctionFaulty) -> None:
        if record := self._touched(event):
            record.faults = event.faults

    def _on_deploy_started(self, event: ev.DeployStarted) -> None:
        if record := self._touched(event):
            record.build_log.clear()
            record.deploys.started(event)

    def _on_build_started(self, event: ev.BuildStarted) -> None:
        if record := self._touched(event):
            record.is_building = True
            record.build_since_s = event.at_s
            record.build_log.clear()

    def _on_build_step(self, event: ev.BuildStep) -> None:
        if record := self._touched(event):
            record.deploys.step(event)

    def _on_build_output(self, event: ev.BuildOutput) -> None:
        if record := self._touched(event):
            record.build_log.append(event.text)
            record.deploys.output(event)

    def _on_build_ended(self, event: ev.BuildEnded) -> None:
        if record := self._touched(event):
            record.is_building = False
            record.deploys.build_ended(event)

    def _on_rollback_started(self, event: ev.RollbackStarted) -> None:
        if record := self._touched(event):
            record.deploys.rollback_started(event)

    def _on_changes_wait(self, event: ev.ChangesWait) -> None:
        if record := self._touched(event):
            record.held, record.waiting, record.waiting_count = event.held, event.paths, event.count

    def _on_build_failed(self, event: ev.BuildFailed) -> None:
        if record := self._deploy_ended(event, DeployEnd.FAILED, event.reason):
            record.deploys.failed(event)

    def _on_build_cancelled(self, event: ev.BuildCancelled) -> None:
        if record := self._touched(event):
            record.is_building = False
            record.deploys.forget_running()

    def _on_deploy_failed(self, event: ev.DeployFailed) -> None:
        if record := self._deploy_ended(event, DeployEnd.FAILED, event.reason):
            if not event.revision:
                record.deploys.failed(event)
            else:
                record.deploys.fell(event)
                record.fallen = Fallen(revision=event.revision, cause=event.cause, task_id=event.task_id)

    def _on_deploy_unchanged(self, event: ev.DeployUnchanged) -> None:
        if record := self._deploy_ended(event, DeployEnd.LIMITS if event.limits_changed else DeployEnd.UNCHANGED):
            record.deploys.unchanged()

    def _on_revision_live(self, event: ev.RevisionLive) -> None:
        record = self.functions.get(event.function)
        if record is not None:
            # A rollback mends nothing: the sources on disk still cannot be deployed.
            still = event.origin is Origin.ROLLBACK and record.deploys.is_broken
            fallen = record.fallen if still else None
            self._deploy_ended(event, DeployEnd.LIVE, record.deploy_error if still else "")
            record.fallen = fallen
            record.deploys.live(event)
            record.revision = event.revision
            record.image_id = event.image_id
            record.live_since_s = event.at_s

    def _on_scaling_decided(self, event: ev.ScalingDecided) -> None:
        if record := self._touched(event):
            record.why = event.reason
            record.decisions.append(Decision(at_s=event.at_s, reason=event.reason))

    def _on_container_starting(self, event: ev.ContainerStarting) -> None:
        if record := self._touched(event):
            record.containers[event.container_id] = record.new_container(event)

    def _on_container_started(self, event: ev.ContainerStarted) -> None:
        record = self.functions.get(event.function)
        if record is not None and (container := self._container(event)):
            container.pid = event.pid
            container.start_s = event.start_s
            record.starts += 1
            record.starts_s += event.start_s

    def _on_container_idle(self, event: ev.ContainerIdle) -> None:
        if container := self._container(event):
            container.move(ContainerState.IDLE, event.at_s)

    def _on_container_draining(self, event: ev.ContainerDraining) -> None:
        if container := self._container(event):
            container.move(ContainerState.DRAINING, event.at_s)
            container.reason = event.reason

    def _on_container_stopped(self, event: ev.ContainerStopped) -> None:
        if record := self._touched(event):
            record.containers.pop(event.container_id, None)
            self._drop_if_drained(record)

    def _on_stderr_line(self, event: ev.StderrLine) -> None:
        if record := self._touched(event):
            record.ring.append(event)

    def _on_lines_dropped(self, event: ev.LinesDropped) -> None:
        self.lines_dropped += event.count

    def _on_task_queued(self, event: ev.TaskQueued) -> None:
        record = self._touched(event)
        if record is None:
            return
        before = len(record.queued)
        task = record.running.pop(event.task_id, None)
        if task is None:
            task = record.new_task(event)
            record.queued[task.id] = task
        else:  # put back: it had waited longest, so it is the next one
            task.state, task.again, task.started_at_s = TaskState.QUEUED, event.again, None
            task.container_id, task.revision = "", 0
            task.touch()
            record.queued = {task.id: task, **record.queued}
        record.note_depth(event.at_s, before=before)

    def _on_task_started(self, event: ev.TaskStarted) -> None:
        record = self._touched(event)
        task = None if record is None else record.queued.pop(event.task_id, None)
        if record is None or task is None:
            return
        record.note_depth(event.at_s, before=len(record.queued) + 1)
        task.state, task.started_at_s = TaskState.RUNNING, event.at_s
        task.container_id, task.revision = event.container_id, event.revision
        task.touch()
        record.running[task.id] = task
        if container := record.containers.get(event.container_id):
            if not container.tasks_served:
                task.starting_s = event.at_s - max(task.queued_at_s, container.born_s)
            container.move(ContainerState.BUSY, event.at_s)
            container.since_s = event.at_s  # also where it goes from one task straight to the next
            container.task_id = task.id

    def _on_task_ended(self, event: ev.TaskEnded) -> None:
        record = self._touched(event)
        if record is None:
            return
        before = len(record.queued)
        task = record.running.pop(event.task_id, None) or record.queued.pop(event.task_id, None)
        if task is None:
            return
        result = event.result
        task.state, task.ended_at_s, task.result = TaskState.ENDED, event.at_s, result
        task.touch()
        if len(record.queued) != before:
            record.note_depth(event.at_s, before=before)
        if container := record.containers.get(task.container_id):
            if not container.tasks_served and result.status is TaskStatus.SUCCESS:  # a timeout tells of no start's cost
                record.first_runs += 1
                record.first_runs_s += result.run_s
            container.task_id = ""
            container.tasks_served += 1
        record.calls += 1
        record.errors += result.status in _FAILED
        if result.run_s:
            record.rates.append((event.at_s, result.run_s, result.container_id))
        self.tasks_dropped += record.end(task)
        self._drop_if_drained(record)

    def _drop_if_drained(self, record: FunctionRecord) -> None:
        """A removed function is shown until its last task and container are gone; its past is kept for its return."""
        if record.state is FunctionState.REMOVED and not (record.containers or record.queued or record.running):
            self.functions.pop(record.key, None)
            self._removed[record.key] = record
            while len(self._removed) > REMOVED_KEPT:
                del self._removed[next(iter(self._removed))]

    def _touched(self, event: Event) -> FunctionRecord | None:
        """The function's record, marked as changed; None once the function has been removed."""
        record = self.functions.get(event.function)
        if record is not None:
            record.touch()
        return record

    def _container(self, event: ev.ContainerEvent) -> ContainerRecord | None:
        record = self._touched(event)
        return None if record is None else record.containers.get(event.container_id)

    def _deploy_ended(self, event: Event, end: DeployEnd, error: str = "") -> FunctionRecord | None:
        if record := self._touched(event):
            record.is_building = False
            record.deploy_error = error
            record.fallen = None
            record.deploy_end = end
            record.deploy_seq = event.seq
        return record


# A dict, not a `singledispatchmethod`: that took a third of the time of folding.
_FOLDS: dict[type[Event], Callable[[Folds, Any], None]] = {
    ev.FunctionChanged: Folds._on_function_changed,
    ev.FunctionFaulty: Folds._on_function_faulty,
    ev.DeployStarted: Folds._on_deploy_started,
    ev.BuildStarted: Folds._on_build_started,
    ev.BuildStep: Folds._on_build_step,
    ev.BuildOutput: Folds._on_build_output,
    ev.BuildEnded: Folds._on_build_ended,
    ev.BuildFailed: Folds._on_build_failed,
    ev.BuildCancelled: Folds._on_build_cancelled,
    ev.RollbackStarted: Folds._on_rollback_started,
    ev.ChangesWait: Folds._on_changes_wait,
    ev.DeployFailed: Folds._on_deploy_failed,
    ev.DeployUnchanged: Folds._on_deploy_unchanged,
    ev.RevisionLive: Folds._on_revision_live,
    ev.ScalingDecided: Folds._on_scaling_decided,
    ev.ContainerStarting: Folds._on_container_starting,
    ev.ContainerStarted: Folds._on_container_started,
    ev.ContainerIdle: Folds._on_container_idle,
    ev.ContainerDraining: Folds._on_container_draining,
    ev.ContainerStopped: Folds._on_container_stopped,
    ev.StderrLine: Folds._on_stderr_line,
    ev.LinesDropped: Folds._on_lines_dropped,
    ev.TaskQueued: Folds._on_task_queued,
    ev.TaskStarted: Folds._on_task_started,
    ev.TaskEnded: Folds._on_task_ended,
}
