"""When to start another container: a pure function of counts (R4), as Fn's `isNewContainerNeeded` is."""

from __future__ import annotations

from msgspec import Struct

from hotdash.task import TaskCause


class Counts(Struct, frozen=True, kw_only=True):
    """What the decision is made of, all of one function's current revision.

    Args:
        queued: Tasks that wait.
        starting: Containers that will take a task once they have started.
        idle: Containers that wait for a task.
        busy: Containers that run one.
        limit: `max_concurrency`.
        min_warm: Containers to keep even with no task.
        room_for: So many more containers find memory (M12).
    """

    queued: int
    starting: int
    idle: int
    busy: int
    limit: int
    min_warm: int = 0
    room_for: int = 1_000_000


class Decision(Struct, frozen=True, kw_only=True):
    """How many containers to start now, and why so many; the reason is shown to the user.

    Args:
        start: How many.
        reason: Why not more.
        short: How many more it would be if there were memory for them.
        for_tasks: Whether tasks wait for those, and not only `min_warm`.
    """

    start: int
    reason: str
    short: int = 0
    for_tasks: bool = False

    @property
    def is_starved(self) -> bool:
        """Whether tasks wait for memory."""
        return self.short > 0 and self.for_tasks


def decide(counts: Counts) -> Decision:
    """R4: starts one container for each waiting task that no idle or starting one will take, within the limit.

    So N tasks never start more than N containers (apart from `min_warm`), and a burst does not wait for one start after
    another. The rule is the seed's `launch` made exact: it started one more whenever its pipe was full.
    """
    living = counts.starting + counts.idle + counts.busy
    uncovered = max(counts.queued - counts.idle - counts.starting, 0)
    wanted = max(uncovered, min(counts.min_warm, counts.limit) - living, 0)
    room = max(counts.limit - living, 0)
    start = min(wanted, room, counts.room_for)
    short = min(wanted, room) - start
    if start and uncovered:
        reason = f"starting {start}: {_tasks(counts.queued)}, {_busy(counts)}"
    elif start:
        reason = f"starting {start}: min_warm {counts.min_warm} are kept warm"
    else:
        reason = TaskCause.NO_MEMORY if short else _why_not(counts, wanted)
    return Decision(start=start, reason=reason, short=short, for_tasks=short > 0 and min(uncovered, room) > start)


def _why_not(counts: Counts, wanted: int) -> str:
    """Why no container is started, as the user is to read it."""
    if not wanted:
        if not counts.queued:
            return "nothing waits"
        return f"{counts.starting} starting for {counts.queued} waiting" if counts.starting else "an idle one takes it"
    starting = f", {counts.starting} starting" if counts.starting else ""
    return f"max_concurrency {counts.limit} reached: {counts.busy} busy{starting}"


def _tasks(count: int) -> str:
    return "1 task waits" if count == 1 else f"{count} tasks wait"


def _busy(counts: Counts) -> str:
    if not counts.busy:
        return "no container runs"
    return f"{counts.busy} busy"
