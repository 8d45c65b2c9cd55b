"""What the history takes and gives. Values only; any thread."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.events import StderrLine
    from hotdash.settings import Limits
    from hotdash.store.snapshot import TaskView
    from hotdash.task import TaskResult

DAY_S = 86_400.0


class HistoryLimits(Struct, frozen=True, kw_only=True):
    """What the history may keep.

    Args:
        max_bytes: Of the whole database; the oldest tasks go first.
        max_age_s: Tasks that ended longer ago go.
        payload_bytes: A larger payload is not kept: half of one could not be replayed.
        body_bytes: Of an answer, its start.
        stderr_bytes: Of a task's stderr, its last lines.
    """

    max_bytes: int = 256 * 2**20
    max_age_s: float = 30 * DAY_S
    payload_bytes: int = 2**20
    body_bytes: int = 256 * 2**10
    stderr_bytes: int = 256 * 2**10

    @classmethod
    def of(cls, limits: Limits) -> HistoryLimits:
        """The bounds that the user has set."""
        return cls(
            max_bytes=limits.history_mb * 2**20,
            max_age_s=limits.history_days * DAY_S,
            payload_bytes=limits.payload_kb * 2**10,
            body_bytes=limits.answer_kb * 2**10,
        )


class EndedTask(NamedTuple):  # as `TaskResult`: one is made for every task
    """A task that has ended, as the events told it.

    Args:
        folder: The function's own folder: a function is the same one from whichever folder above hotdash is started.
        queued_time_s: When it was submitted, seconds since 1970.
        ended_time_s: When it ended.
        payload: What it was asked.
        headers: The caller's.
        result: How it ended.
        lines: Its stderr, oldest first, after what its container had written for itself since the task before.
        starting_s: Of its wait, seconds for the container that then ran it to start.
    """

    folder: str
    queued_time_s: float
    ended_time_s: float
    payload: bytes
    headers: tuple[tuple[str, str], ...]
    result: TaskResult
    lines: tuple[StderrLine, ...]
    starting_s: float

    @property
    def size_bytes(self) -> int:
        """What it holds in memory, roughly."""
        return len(self.payload) + len(self.result.body) + sum(len(line.text) for line in self.lines) + 1_000


class PastOrder(StrEnum):
    """In which order past tasks are asked for; among equals the newest comes first."""

    ENDED = "ended"  # the newest first
    RAN = "ran"  # the longest first
    WAITED = "waited"  # the longest first
    STATE = "state"  # those that failed first, then the cancelled
    SIZE = "size"  # the largest answer first


class PastQuery(Struct, frozen=True, kw_only=True):
    """Which tasks are asked for: the first `limit` of a function (its folder), or of all below the history's root."""

    folder: str = ""
    limit: int = 1_000
    order: PastOrder = PastOrder.ENDED


class PastTask(Struct, frozen=True, kw_only=True):
    """A task in a list.

    Args:
        place: Where it is in the database.
        task: What it was; of its payload nothing, of its answer the start.
        ended_time_s: When it ended, seconds since 1970.
        is_earlier: Whether another run of hotdash had it, not this one.
        body_bytes: The size of its answer.
    """

    place: int
    task: TaskView
    ended_time_s: float
    is_earlier: bool
    body_bytes: int


class PastPage(Struct, frozen=True, kw_only=True):
    """An answer to a query.

    Args:
        query: What was asked.
        tasks: In the order that was asked for.
        total: How many there are in all.
    """

    query: PastQuery = PastQuery()
    tasks: tuple[PastTask, ...] = ()
    total: int = 0


class PastContents(Struct, frozen=True, kw_only=True):
    """All that was kept of one task.

    Args:
        place: Where it is in the database.
        task: The task, with its payload and its answer as far as they were kept.
        lines: Its stderr as far as it was kept, oldest first; before it what its container had written for itself
            since the task before (those lines have no task's id).
        payload_bytes: The size that the payload had; `task.payload` is empty where it was too large to keep.
        body_bytes: The size that the answer had; `task.result.body` is its start.
        ended_time_s: When it ended, seconds since 1970.
    """

    place: int
    task: TaskView
    lines: tuple[StderrLine, ...]
    payload_bytes: int
    body_bytes: int
    ended_time_s: float

    @property
    def has_payload(self) -> bool:
        """Whether it can be replayed."""
        return len(self.task.payload) == self.payload_bytes


class Earlier(Struct, frozen=True, kw_only=True):
    """How many tasks of earlier runs there are, by the function's folder."""

    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
