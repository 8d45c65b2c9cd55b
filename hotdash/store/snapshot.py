"""The immutable picture that `Store.snapshot` gives. Values only; any thread."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.states import ContainerState, FunctionState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec
    from hotdash.store.deploys import DeployView
    from hotdash.task import TaskResult, TaskState

DEPTH_SECONDS = 30  # for which the depth of queues is told
RATE_WINDOW_S = 10.0  # over which rates are


class DeployEnd(StrEnum):
    """How a deploy ended."""

    LIVE = "live"
    UNCHANGED = "unchanged"
    LIMITS = "limits changed"  # of the same revision, in place
    FAILED = "failed"


class Decision(Struct, frozen=True, kw_only=True):
    """A decision of the runtime's about containers: when, on its clock, and its reason in words."""

    at_s: float
    reason: str


class ContainerView(Struct, frozen=True, kw_only=True):
    """One container. `since_s` is when it came into this state, on the runtime's clock."""

    id: str
    function: str
    revision: int
    state: ContainerState
    since_s: float
    pid: int | None = None
    cold: bool = False
    task_id: str = ""
    tasks_served: int = 0
    start_s: float | None = None
    reason: str = ""


class TaskView(Struct, frozen=True, kw_only=True):
    """One task. Times are on the runtime's clock; None where that has not happened yet."""

    id: str
    function: str
    state: TaskState
    payload: bytes
    headers: tuple[tuple[str, str], ...]
    queued_at_s: float
    queued_time_s: float  # the same moment in seconds since 1970
    started_at_s: float | None = None
    ended_at_s: float | None = None
    container_id: str = ""
    revision: int = 0
    again: bool = False
    result: TaskResult | None = None
    starting_s: float = 0.0  # of its wait, for the container that then ran it to start


class Fallen(Struct, frozen=True, kw_only=True):
    """A revision that was live and ended before its first answer, so that what it had replaced serves again.

    Args:
        revision: Its number.
        cause: How its container ended.
        task_id: The call that it ended in; empty if it was not in one.
    """

    revision: int
    cause: str
    task_id: str = ""


class FunctionView(Struct, frozen=True, kw_only=True):
    """One function.

    Args:
        reason: Why it is not ready; empty where it is.
        faults: What is wrong with its function file now; the last good one serves.
        deploy_error: Why the newest build or start failed, until a deploy succeeds; empty otherwise.
        fallen: Where that newest deploy had been live before it failed: what became of it; else None.
        code_of: The revision whose code the live one runs: itself, or the earlier one that it is again.
        on_disk: The revision whose code is on disk, where the live one runs another's; 0 where it does not, or where
            what is on disk could not be deployed.
        why: The last scaling decision, in words.
        decisions: The last ones, the newest last; one that has the same reason as the one before is not counted.
        queued: Waiting tasks, the next one first.
        running: Running tasks, the oldest first.
        ended: Ended tasks, the newest last, at most 1,000.
        build_log: The newest build's output.
        deploy_end: How the newest deploy that has ended did so; None before the first.
        deploy_seq: The place of that end in the order of events: another number, another deploy.
        deploys: The last deploys, the newest last.
        held: Whether this function's own changes are held back, watched or not.
        waiting: The first files whose changes wait to be deployed; `.` stands for anything in the folder.
        waiting_count: How many changes wait.
    """

    key: str
    spec: FunctionSpec
    state: FunctionState
    reason: str
    faults: tuple[str, ...]
    deploy_error: str
    is_building: bool
    build_since_s: float
    revision: int
    image_id: str
    live_since_s: float
    why: str
    containers: tuple[ContainerView, ...]
    queued: tuple[TaskView, ...]
    running: tuple[TaskView, ...]
    ended: tuple[TaskView, ...]
    calls: int
    errors: int
    lines: int
    build_log: tuple[str, ...]
    deploy_end: DeployEnd | None = None
    deploy_seq: int = 0
    decisions: tuple[Decision, ...] = ()
    deploys: tuple[DeployView, ...] = ()
    held: bool = False
    waiting: tuple[str, ...] = ()
    waiting_count: int = 0
    fallen: Fallen | None = None
    code_of: int = 0
    on_disk: int = 0

    @property
    def queue_depth(self) -> int:
        """How many tasks wait."""
        return len(self.queued)

    def count(self, *states: ContainerState) -> int:
        """How many of its containers are in one of these states."""
        return sum(container.state in states for container in self.containers)

    @property
    def hot(self) -> int:
        """How many containers count towards `max_concurrency`: all but the draining ones."""
        return sum(container.state is not ContainerState.DRAINING for container in self.containers)


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything at one moment. `version` grows with each event, so an equal version means an equal picture."""

    version: int
    functions: Mapping[str, FunctionView] = field(default_factory=lambda: MappingProxyType({}))
    lines_dropped: int = 0  # before they reached the store
    tasks_dropped: int = 0  # ended tasks that left the ring

    @property
    def queued(self) -> int:
        """How many tasks wait, over all functions."""
        return sum(function.queue_depth for function in self.functions.values())

    def count(self, *states: ContainerState) -> int:
        """How many containers are in one of these states, over all functions."""
        return sum(function.count(*states) for function in self.functions.values())

    @property
    def errors(self) -> int:
        """How many tasks ended as an error or a timeout, over all functions, since the start."""
        return sum(function.errors for function in self.functions.values())


class Figures(Struct, frozen=True, kw_only=True):
    """Rates over the last seconds, for one function or for all; ask at 1 to 2 Hz.

    Args:
        calls_per_s: Ended tasks a second, over the last 10 s.
        p50_s, p95_s: Of run time, over the last 10 s; None with no task ended in them.
        depths: The deepest the queue was in each of the last 30 seconds, the newest last.
        memory_bytes: What each container used when it was last sampled, by its id; nothing of those not known yet.
    """

    calls_per_s: float
    p50_s: float | None
    p95_s: float | None
    depths: tuple[int, ...]
    memory_bytes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
