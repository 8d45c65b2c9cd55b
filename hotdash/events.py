"""What happened, as frozen values in one total order. A leaf.

An event's place in that order is taken under the lock that made it true (see `hotdash.runtime.bus`), so the order
agrees with what happened: no `TaskStarted` on an old revision follows the `RevisionLive` of a newer one.
`seq` counts from 1 without gaps in one runtime; `at_s` is the runtime's clock (monotonic seconds), `time_s` the same
moment in seconds since 1970.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.states import (
    NO_OCCASION,
    FunctionState,
    Occasion,
    Origin,
)

if TYPE_CHECKING:
    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import Attribution, TaskResult


class Event(Struct, frozen=True, kw_only=True):
    """What every event has: its place, its moment, its function's key."""

    seq: int
    at_s: float
    time_s: float
    function: str


class FunctionChanged(Event, frozen=True, kw_only=True):
    """A function appeared, or its state or spec changed. `reason` says why it is not ready, else empty."""

    spec: FunctionSpec
    state: FunctionState
    reason: str = ""


class FunctionFaulty(Event, frozen=True, kw_only=True):
    """The function's file is broken (`faults`, a line each) or, with no faults, mended; the last good one serves."""

    faults: tuple[str, ...]


class DeployStarted(Event, frozen=True, kw_only=True):
    """The sources are looked at; one end of a deploy follows: live, unchanged, failed or cancelled."""

    occasion: Occasion = NO_OCCASION


class BuildStarted(Event, frozen=True, kw_only=True):
    """An image is being built: of these sources there is none."""


class BuildStep(Event, frozen=True, kw_only=True):
    """A build has come to step `number` of `total`; `text` is what it does, unsanitized."""

    number: int
    total: int
    text: str


class BuildOutput(Event, frozen=True, kw_only=True):
    """A line of a build's output, unsanitized."""

    text: str


class BuildEnded(Event, frozen=True, kw_only=True):
    """The image is there; `reused` if the same content had been built before."""

    image_id: str
    build_s: float
    reused: bool = False


class RollbackStarted(Event, frozen=True, kw_only=True):
    """What `revision` was is about to be live again, without a build."""

    revision: int


class ChangesWait(Event, frozen=True, kw_only=True):
    """Changes of a function's sources that are not deployed until they are asked for, or (none) no longer wait.

    Args:
        held: Whether this function's own changes are held back, watched or not.
        paths: The first of them, relative to the function's folder, sorted; `.` stands for anything in it.
        count: How many wait.
    """

    held: bool
    paths: tuple[str, ...] = ()
    count: int = 0


class BuildFailed(Event, frozen=True, kw_only=True):
    """The build failed; what served before goes on serving."""

    reason: str
    log: tuple[str, ...] = ()


class BuildCancelled(Event, frozen=True, kw_only=True):
    """The build, or a start that took long, was ended before its end: a newer one follows, or the runtime closes."""


class DeployFailed(Event, frozen=True, kw_only=True):
    """The new revision's first container did not start or prove itself; what served before goes on serving.

    Args:
        reason: Why.
        revision: Its number, where it had been live before it failed (and what it had replaced is again); else 0.
        cause: Of those: how its container ended, alone; `reason` says it, too, last.
        task_id: Of those: the call that it ended in, having read it; empty if it was not in one.
    """

    reason: str
    revision: int = 0
    cause: str = ""
    task_id: str = ""


class DeployUnchanged(Event, frozen=True, kw_only=True):
    """A deploy found nothing to do; `limits_changed` if limits of the same revision were set in place."""

    revision: int
    limits_changed: bool = False


class RevisionLive(Event, frozen=True, kw_only=True):
    """Every task dispatched from here on runs on `revision` or a later one.

    Args:
        origin: Where it came from.
        again: The earlier revision that it is again, of a rollback or a restoration; else 0.
        kept: The revisions that can be rolled back to from here on, the oldest first.
    """

    revision: int
    image_id: str
    build_s: float
    start_s: float
    swap_s: float
    origin: Origin = Origin.BUILD
    again: int = 0
    kept: tuple[int, ...] = ()


class ScalingDecided(Event, frozen=True, kw_only=True):
    """The supervisor decided about containers, and its reason differs from the last one."""

    reason: str


class ContainerEvent(Event, frozen=True, kw_only=True):
    """What every container's event has."""

    container_id: str
    revision: int


class ContainerStarting(ContainerEvent, frozen=True, kw_only=True):
    """A container is about to be started. `cold`: for one task alone."""

    cold: bool = False


class ContainerStarted(ContainerEvent, frozen=True, kw_only=True):
    """Its process runs; `pid` where there is one to name, `start_s` seconds after `ContainerStarting`."""

    pid: int | None
    start_s: float


class ContainerIdle(ContainerEvent, frozen=True, kw_only=True):
    """It waits for a task."""


class ContainerDraining(ContainerEvent, frozen=True, kw_only=True):
    """It finishes its task and takes no other."""

    reason: str


class ContainerStopped(ContainerEvent, frozen=True, kw_only=True):
    """It has ended and been closed, or never started. `failed` where nobody asked it to end."""

    reason: str
    failed: bool = False


class StderrLine(ContainerEvent, frozen=True, kw_only=True):
    """A line of a container's stderr, unsanitized; `task_id` is empty for a line of the container's own."""

    task_id: str
    attribution: Attribution
    text: str


class LinesDropped(Event, frozen=True, kw_only=True):
    """So many stderr lines were dropped before any listener saw them: listeners were too slow."""

    count: int


class TaskQueued(Event, frozen=True, kw_only=True):
    """A task was submitted, or (`again`) put back because its container is known not to have read it (M4)."""

    task_id: str
    payload: bytes
    headers: tuple[tuple[str, str], ...] = ()
    again: bool = False


class TaskStarted(Event, frozen=True, kw_only=True):
    """A task was dispatched."""

    task_id: str
    container_id: str
    revision: int


class TaskEnded(Event, frozen=True, kw_only=True):
    """A task was answered."""

    result: TaskResult

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.result.task_id
