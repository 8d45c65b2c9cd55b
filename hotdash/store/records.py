"""The store's own mutable records, and the views made of them. Guarded by the store's lock; they never leave it.

A view is made when a snapshot asks for it, not when an event comes: 20,000 tasks a second would otherwise cost the
runtime's threads their turns for pictures that nobody looks at.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.states import CONTAINER_MOVES, ContainerState, FunctionState
from hotdash.store.deploys import DeployBook
from hotdash.store.rings import LineRing
from hotdash.store.series import Series
from hotdash.store.snapshot import DEPTH_SECONDS, ContainerView, Decision, DeployEnd, Fallen, FunctionView, TaskView
from hotdash.task import TaskState

if TYPE_CHECKING:
    from hotdash.events import ContainerStarting, TaskQueued
    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import TaskResult

TASKS_KEPT = 1_000  # section 6: ended tasks of a function
TASK_BYTES_KEPT = 64 * 2**20  # and no more than this of their payloads and bodies
BUILD_LINES_KEPT = 2_000
DECISIONS_KEPT = 20
_RATES_KEPT = 4_096


class ContainerRecord(Struct, kw_only=True):
    """A container as the events so far tell it."""

    id: str
    function: str
    revision: int
    since_s: float
    cold: bool = False
    state: ContainerState = ContainerState.STARTING
    pid: int | None = None
    task_id: str = ""
    tasks_served: int = 0
    start_s: float | None = None
    reason: str = ""
    series: Series = field(default_factory=Series)
    sampled_served: int = 0
    sampled_cpu_s: float | None = None
    memory_bytes: int | None = None  # when it was last sampled, as the next two
    received_bytes: int | None = None
    sent_bytes: int | None = None
    born_s: float = 0.0

    def move(self, state: ContainerState, at_s: float) -> None:
        """Changes the state; a move that no container makes is a fault of the runtime and raises."""
        if state is self.state:
            return
        if state not in CONTAINER_MOVES[self.state]:
            raise RuntimeError(f"container {self.id} cannot go from {self.state} to {state}")
        self.state = state
        self.since_s = at_s

    def view(self) -> ContainerView:
        """An immutable copy."""
        return ContainerView(
            id=self.id,
            function=self.function,
            revision=self.revision,
            state=self.state,
            since_s=self.since_s,
            pid=self.pid,
            cold=self.cold,
            task_id=self.task_id,
            tasks_served=self.tasks_served,
            start_s=self.start_s,
            reason=self.reason,
        )


class TaskRecord(Struct, kw_only=True):
    """A task as the events so far tell it."""

    id: str
    function: str
    payload: bytes
    headers: tuple[tuple[str, str], ...]
    queued_at_s: float
    queued_time_s: float
    state: TaskState = TaskState.QUEUED
    started_at_s: float | None = None
    ended_at_s: float | None = None
    container_id: str = ""
    revision: int = 0
    again: bool = False
    result: TaskResult | None = None
    starting_s: float = 0.0
    _view: TaskView | None = None

    def touch(self) -> None:
        """Forgets the view: something has changed."""
        self._view = None

    def view(self) -> TaskView:
        """An immutable copy, the same one until something changes."""
        if self._view is None:
            self._view = TaskView(
                id=self.id,
                function=self.function,
                state=self.state,
                payload=self.payload,
                headers=self.headers,
                queued_at_s=self.queued_at_s,
                queued_time_s=self.queued_time_s,
                started_at_s=self.started_at_s,
                ended_at_s=self.ended_at_s,
                container_id=self.container_id,
                revision=self.revision,
                again=self.again,
                result=self.result,
                starting_s=self.starting_s,
            )
        return self._view

    @property
    def size_bytes(self) -> int:
        """What keeping it costs, roughly: its payload, body and stderr."""
        size = len(self.payload)
        if self.result is not None:
            size += len(self.result.body) + sum(map(len, self.result.stderr_lines))
        return size


class FunctionRecord(Struct, kw_only=True):
    """A function as the events so far tell it."""

    key: str
    spec: FunctionSpec
    state: FunctionState
    reason: str = ""
    faults: tuple[str, ...] = ()
    deploy_error: str = ""
    fallen: Fallen | None = None
    deploy_end: DeployEnd | None = None
    deploy_seq: int = 0
    is_building: bool = False
    build_since_s: float = 0.0
    revision: int = 0
    image_id: str = ""
    live_since_s: float = 0.0
    why: str = ""
    decisions: deque[Decision] = field(default_factory=lambda: deque(maxlen=DECISIONS_KEPT))
    containers: dict[str, ContainerRecord] = field(default_factory=dict)
    queued: dict[str, TaskRecord] = field(default_factory=dict)
    running: dict[str, TaskRecord] = field(default_factory=dict)
    ended: deque[TaskRecord] = field(default_factory=deque)
    ended_bytes: int = 0
    calls: int = 0
    errors: int = 0
    build_log: deque[str] = field(default_factory=lambda: deque(maxlen=BUILD_LINES_KEPT))
    deploys: DeployBook = field(default_factory=DeployBook)
    held: bool = False
    waiting: tuple[str, ...] = ()
    waiting_count: int = 0
    ring: LineRing = field(default_factory=LineRing)
    # (ended at, run_s, container's id)
    rates: deque[tuple[float, float, str]] = field(default_factory=lambda: deque(maxlen=_RATES_KEPT))
    starts: int = 0
    starts_s: float = 0.0
    first_runs: int = 0
    first_runs_s: float = 0.0
    series: Series = field(default_factory=Series)
    sampled_s: float = 0.0
    sampled_calls: int = 0
    received_bytes: int | None = None  # by all its containers so far; None where no driver tells
    sent_bytes: int | None = None
    depths: dict[int, int] = field(default_factory=dict)  # whole second → deepest queue in it
    depth_at_s: float = 0.0
    _view: FunctionView | None = None

    def touch(self) -> None:
        """Forgets the view: something has changed."""
        self._view = None

    @staticmethod
    def new_container(event: ContainerStarting) -> ContainerRecord:
        """A container of its that starts."""
        return ContainerRecord(
            id=event.container_id,
            function=event.function,
            revision=event.revision,
            since_s=event.at_s,
            born_s=event.at_s,
            cold=event.cold,
        )

    @staticmethod
    def new_task(event: TaskQueued) -> TaskRecord:
        """A task that was submitted."""
        return TaskRecord(
            id=event.task_id,
            function=event.function,
            payload=event.payload,
            headers=event.headers,
            queued_at_s=event.at_s,
            queued_time_s=event.time_s,
        )

    def forget_deploys(self) -> None:
        """The function was removed and is back: its revisions count from 1 again, and no old fault is its own."""
        self.revision = 0
        self.image_id = self.deploy_error = self.why = ""
        self.faults = ()
        self.deploy_end = self.fallen = None
        self.is_building = False
        self.deploys = DeployBook()
        self.held, self.waiting, self.waiting_count = False, (), 0

    def end(self, task: TaskRecord) -> int:
        """Puts an ended task into the ring; returns how many older ones left it."""
        self.ended.append(task)
        self.ended_bytes += task.size_bytes
        dropped = 0
        while len(self.ended) > TASKS_KEPT or (self.ended_bytes > TASK_BYTES_KEPT and len(self.ended) > 1):
            self.ended_bytes -= self.ended.popleft().size_bytes
            dropped += 1
        return dropped

    def note_depth(self, at_s: float, *, before: int) -> None:
        """Records the queue's depth now. `before`: its depth until now, which holds for the seconds in between."""
        second, last = int(at_s), int(self.depth_at_s)
        for passed in range(max(last + 1, second - DEPTH_SECONDS), second + 1):
            self.depths[passed] = before
        self.depths[second] = max(self.depths.get(second, 0), len(self.queued))
        self.depth_at_s = at_s
        if len(self.depths) > 2 * DEPTH_SECONDS:
            for old in [known for known in self.depths if known < second - DEPTH_SECONDS]:
                del self.depths[old]

    def depths_until(self, now_s: float) -> tuple[int, ...]:
        """The deepest the queue was in each of the last seconds, the newest last."""
        second, last = int(now_s), int(self.depth_at_s)
        return tuple(
            self.depths.get(at, 0) if at <= last else len(self.queued)
            for at in range(second - DEPTH_SECONDS + 1, second + 1)
        )

    def view(self) -> FunctionView:
        """An immutable copy, the same one until something changes."""
        if self._view is None:
            self._view = FunctionView(
                key=self.key,
                spec=self.spec,
                state=self.state,
                reason=self.reason,
                faults=self.faults,
                deploy_error=self.deploy_error,
                is_building=self.is_building,
                build_since_s=self.build_since_s,
                revision=self.revision,
                image_id=self.image_id,
                live_since_s=self.live_since_s,
                why=self.why,
                decisions=tuple(self.decisions),
                containers=tuple(container.view() for container in self.containers.values()),
                queued=tuple(task.view() for task in self.queued.values()),
                running=tuple(task.view() for task in self.running.values()),
                ended=tuple(task.view() for task in self.ended),
                calls=self.calls,
                errors=self.errors,
                lines=self.ring.total,
                build_log=tuple(self.build_log),
                deploy_end=self.deploy_end,
                deploy_seq=self.deploy_seq,
                deploys=self.deploys.views(),
                held=self.held,
                waiting=self.waiting,
                waiting_count=self.waiting_count,
                fallen=self.fallen,
                code_of=self.deploys.code_of,
                on_disk=self.deploys.on_disk,
            )
        return self._view
