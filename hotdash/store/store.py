"""`Store`: folds the runtime's events into immutable snapshots and bounded rings.

It has a lock and no thread: the runtime's event thread calls it with each event, the screen's thread reads from it.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hotdash.states import ContainerState, FunctionState, Origin
from hotdash.store.rings import LINES_KEPT, LineBatch, LineRing
from hotdash.store.sampling import memory_of, quantile, sample_function, series_of
from hotdash.store.snapshot import DEPTH_SECONDS, RATE_WINDOW_S, Decision, DeployEnd, Figures, Snapshot
from hotdash.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hotdash import events as ev
    from hotdash.events import Event, StderrLine
    from hotdash.store.records import ContainerRecord, FunctionRecord
    from hotdash.store.sampling import Usage
    from hotdash.store.series import SeriesView

_FAILED = frozenset({TaskStatus.ERROR, TaskStatus.TIMEOUT})  # a cancel is its caller's wish
REMOVED_KEPT = 16  # functions whose folders are gone: a rename or another branch may bring them back


class Store:
    """The one listener the screen needs: `runtime.subscribe(store)`.

    The lock guards every record and ring. Folding holds it for microseconds; a snapshot for as long as it takes to
    copy what changed since the last one.

    Args:
        lines_kept: Of each function's stderr.
    """

    def __init__(self, *, lines_kept: int = LINES_KEPT) -> None:
        self._lock = threading.Lock()
        self._folds: dict[type[Event], Callable[[Store, Any], None]] = {}  # the event thread's
        self._lines_kept = lines_kept
        self._functions: dict[str, FunctionRecord] = {}
        self._removed: dict[str, FunctionRecord] = {}  # the last few, in the order of their removal
        self._version = 0
        self._lines_dropped = 0
        self._tasks_dropped = 0
        self._snapshot = Snapshot(version=0)

    @property
    def version(self) -> int:
        """The place of the newest event folded; reading it needs no lock."""
        return self._version

    def __call__(self, event: Event) -> None:
        """Folds one event. Called in the order of events, by one thread."""
        if not self._folds:
            self._folds = _folds()
        fold = self._folds.get(type(event))
        with self._lock:
            if fold is not None:
                fold(self, event)
            self._version = event.seq

    def snapshot(self) -> Snapshot:
        """The picture at the newest event; the same object as before if there was none since."""
        with self._lock:
            if self._snapshot.version != self._version:
                self._snapshot = Snapshot(
                    version=self._version,
                    functions=MappingProxyType({key: record.view() for key, record in sorted(self._functions.items())}),
                    lines_dropped=self._lines_dropped,
                    tasks_dropped=self._tasks_dropped,
                )
            return self._snapshot

    def lines_after(self, seq: int, functions: Iterable[str]) -> LineBatch:
        """The stderr lines of these functions after place `seq`, in the order of events.

        Args:
            seq: 0 for all that is kept, or the `cursor` of the batch before.
            functions: Their keys; unknown ones have no lines.
        """
        with self._lock:
            newer: list[StderrLine] = []
            lost = total = 0
            for key in functions:
                record = self._functions.get(key)
                if record is not None:
                    total += record.ring.total
                    lines, missed = record.ring.after(seq)
                    newer.extend(lines)
                    lost += missed
            cursor = self._version
        newer.sort(key=lambda line: line.seq)
        return LineBatch(lines=tuple(newer), cursor=cursor, lost=lost, total=total)

    def lines_total(self, functions: Iterable[str]) -> int:
        """How many stderr lines of these functions there have ever been."""
        with self._lock:
            return sum(self._functions[key].ring.total for key in functions if key in self._functions)

    def figures(self, now_s: float, function: str | None = None) -> Figures:
        """Rates over the last seconds, of one function (its key) or of all.

        Args:
            now_s: The runtime's clock.
            function: None for all; an unknown one has zeros.
        """
        with self._lock:
            records = [record for key, record in self._functions.items() if function is None or key == function]
            runs = sorted(run for record in records for at, run, _ in record.rates if at > now_s - RATE_WINDOW_S)
            depths = [record.depths_until(now_s) for record in records]
            memory_bytes = memory_of(records)
        return Figures(
            calls_per_s=len(runs) / RATE_WINDOW_S,
            p50_s=quantile(runs, 0.50),
            p95_s=quantile(runs, 0.95),
            depths=tuple(map(sum, zip(*depths, strict=True))) or (0,) * DEPTH_SECONDS,
            memory_bytes=memory_bytes,
        )

    def sample(self, now_s: float, usage: Mapping[str, Usage]) -> bool:
        """Takes a second's values of every function's series; about once a second, by one thread.

        Args:
            now_s: The runtime's clock.
            usage: What each container uses, by its id; those that are missing use nothing that is known.

        Returns:
            Whether there was anything to measure.
        """
        with self._lock:
            return sum(sample_function(record, now_s, usage) for record in self._functions.values()) > 0

    def series(self, now_s: float, function: str, container_id: str = "") -> SeriesView | None:
        """The last 15 minutes of a function, or of a container of it; None if there is no such one."""
        with self._lock:
            record = self._functions.get(function)
            return None if record is None else series_of(record, container_id, now_s)

    # ---- one method an event; the others change nothing here (see `_folds`)

    def _on_function_changed(self, event: ev.FunctionChanged) -> None:
        record = self._functions.get(event.function) or self._removed.pop(event.function, None)
        if record is None:
            from hotdash.store.records import FunctionRecord  # noqa: PLC0415  not before there is a function

            record = FunctionRecord(
                key=event.function,
                spec=event.spec,
                state=event.state,
                depth_at_s=event.at_s,
                ring=LineRing(capacity=self._lines_kept),
            )
        self._functions[event.function] = record
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
            record.deploys.failed(event, revision=event.revision)

    def _on_deploy_unchanged(self, event: ev.DeployUnchanged) -> None:
        if record := self._deploy_ended(event, DeployEnd.LIMITS if event.limits_changed else DeployEnd.UNCHANGED):
            record.deploys.unchanged()

    def _on_revision_live(self, event: ev.RevisionLive) -> None:
        record = self._functions.get(event.function)
        if record is not None:
            # A rollback mends nothing: the sources on disk still cannot be deployed.
            still = event.origin is Origin.ROLLBACK and record.deploys.is_broken
            self._deploy_ended(event, DeployEnd.LIVE, record.deploy_error if still else "")
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
        record = self._functions.get(event.function)
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
        self._lines_dropped += event.count

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
            if not container.tasks_served:
                record.first_runs += 1
                record.first_runs_s += result.run_s
            container.task_id = ""
            container.tasks_served += 1
        record.calls += 1
        record.errors += result.status in _FAILED
        if result.run_s:
            record.rates.append((event.at_s, result.run_s, result.container_id))
        self._tasks_dropped += record.end(task)
        self._drop_if_drained(record)

    def _drop_if_drained(self, record: FunctionRecord) -> None:
        """A removed function is shown until its last task and container are gone; its past is kept for its return."""
        if record.state is FunctionState.REMOVED and not (record.containers or record.queued or record.running):
            self._functions.pop(record.key, None)
            self._removed[record.key] = record
            while len(self._removed) > REMOVED_KEPT:
                del self._removed[next(iter(self._removed))]

    def _touched(self, event: Event) -> FunctionRecord | None:
        """The function's record, marked as changed; None once the function has been removed."""
        record = self._functions.get(event.function)
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
            record.deploy_end = end
            record.deploy_seq = event.seq
        return record


def _folds() -> dict[type[Event], Callable[[Store, Any], None]]:
    """What folds each kind of event. A dict, not a `singledispatchmethod`: that took a third of the time of folding."""
    from hotdash import events as ev  # noqa: PLC0415  many classes, slow to make: not before there is an event

    return {
        ev.FunctionChanged: Store._on_function_changed,
        ev.FunctionFaulty: Store._on_function_faulty,
        ev.DeployStarted: Store._on_deploy_started,
        ev.BuildStarted: Store._on_build_started,
        ev.BuildStep: Store._on_build_step,
        ev.BuildOutput: Store._on_build_output,
        ev.BuildEnded: Store._on_build_ended,
        ev.BuildFailed: Store._on_build_failed,
        ev.BuildCancelled: Store._on_build_cancelled,
        ev.RollbackStarted: Store._on_rollback_started,
        ev.ChangesWait: Store._on_changes_wait,
        ev.DeployFailed: Store._on_deploy_failed,
        ev.DeployUnchanged: Store._on_deploy_unchanged,
        ev.RevisionLive: Store._on_revision_live,
        ev.ScalingDecided: Store._on_scaling_decided,
        ev.ContainerStarting: Store._on_container_starting,
        ev.ContainerStarted: Store._on_container_started,
        ev.ContainerIdle: Store._on_container_idle,
        ev.ContainerDraining: Store._on_container_draining,
        ev.ContainerStopped: Store._on_container_stopped,
        ev.StderrLine: Store._on_stderr_line,
        ev.LinesDropped: Store._on_lines_dropped,
        ev.TaskQueued: Store._on_task_queued,
        ev.TaskStarted: Store._on_task_started,
        ev.TaskEnded: Store._on_task_ended,
    }
