"""What functions and containers may be, and what led to a deploy: the values that events are made of. A leaf.

Apart from the events themselves, which are many classes and so slow to make: the screen's first picture needs these.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class FunctionState(StrEnum):
    """What a function is (the contract's words, and `needs runtime` for a program that is not installed)."""

    BUILDING = "building"
    READY = "ready"
    FAILING = "failing"  # its containers do not start (M5)
    FAILED = "failed"  # it has no revision that could serve: its first build failed
    NEEDS_DOCKER = "needs docker"
    NEEDS_RUNTIME = "needs runtime"
    REMOVED = "removed"


class ContainerState(StrEnum):
    """What a container is. `CONTAINER_MOVES` has the legal moves."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    DRAINING = "draining"  # of an old revision: it finishes its task, then stops
    STOPPED = "stopped"


CONTAINER_MOVES: dict[ContainerState, frozenset[ContainerState]] = {
    ContainerState.STARTING: frozenset(
        {ContainerState.IDLE, ContainerState.BUSY, ContainerState.DRAINING, ContainerState.STOPPED}
    ),
    ContainerState.IDLE: frozenset({ContainerState.BUSY, ContainerState.DRAINING, ContainerState.STOPPED}),
    ContainerState.BUSY: frozenset({ContainerState.IDLE, ContainerState.DRAINING, ContainerState.STOPPED}),
    ContainerState.DRAINING: frozenset({ContainerState.STOPPED}),
    ContainerState.STOPPED: frozenset(),
}


class Origin(StrEnum):
    """Where a live revision came from."""

    BUILD = "build"
    ROLLBACK = "rollback"
    RESTORED = "restored"  # the one after it failed its probation


class SourceChange(Struct, frozen=True, kw_only=True):
    """A file of a function's sources that differs from those of the live revision.

    Args:
        path: Relative to the function's folder.
        kind: `added`, `modified` or `removed`.
        plus: How many lines are new; None where that is not told (binary, or too large).
        minus: How many lines are gone; likewise.
    """

    path: str
    kind: str
    plus: int | None = None
    minus: int | None = None


class Occasion(Struct, frozen=True, kw_only=True):
    """What led to a deploy.

    Args:
        quiet_s: Seconds from the first change that was seen until no more came; 0 where nobody saved.
        changes: The first files that differ from the live revision's; none at a function's first deploy.
        changed: How many differ.
        asked: Whether a person asked for it, by a key and not by a save.
    """

    quiet_s: float = 0.0
    changes: tuple[SourceChange, ...] = ()
    changed: int = 0
    asked: bool = False


NO_OCCASION = Occasion()
