"""What the events of a schedule must tell, and the picture of the truth that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.states import FunctionState

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.supervisor import Supervisor


@dataclass(slots=True)
class ContainerTale:
    """A container, as events tell of it."""

    id: str
    revision: int
    cold: bool
    is_leaving: bool = False
    task_id: str = ""
    has_served: bool = False
    idle_since_s: float | None = None


@dataclass(slots=True)
class FunctionTale:
    """One function from its first deploy until it is removed; one that comes again is another."""

    spec: FunctionSpec | None = None
    spec_at_s: float = 0.0  # since when that is its spec
    live: int = 0
    is_removed: bool = False
    queue: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    containers: dict[str, ContainerTale] = field(default_factory=dict)

    @property
    def has_anything(self) -> bool:
        return bool(self.queue or self.running or self.containers)

    def serving(self) -> list[ContainerTale]:
        """The containers that count towards `max_concurrency`."""
        return [c for c in self.containers.values() if c.revision == self.live and not c.is_leaving]


class Story:
    """Folds events, and fails at the first that may not be.

    Args:
        owner: Whose a task or a container is, by its id: events do not tell a removed function from its successor.
        open_faults: See `schedules.OPEN_FAULTS`.
    """

    def __init__(self, owner: Callable[[str], Supervisor], open_faults: frozenset[str] = frozenset()) -> None:
        self._open_faults = open_faults
        self.functions: dict[Supervisor, FunctionTale] = {}
        self.ended: dict[str, ev.TaskEnded] = {}
        self.events: list[ev.Event] = []
        self.supervisors: list[Supervisor] = []  # every one ever made, oldest first
        self.evicted = 0  # containers whose memory another function needed
        self.mixed: set[str] = set()  # functions that came again while their predecessor still had something
        self._told = 0
        self._owner = owner
        self._current: dict[str, FunctionTale] = {}

    def catch_up(self) -> None:
        """Reads the events that have come since."""
        while self._told < len(self.events):
            event = self.events[self._told]
            self._told += 1
            assert event.seq == self._told
            self._fold(event)

    def of(self, supervisor: Supervisor) -> FunctionTale:
        """The tale of that supervisor's function."""
        return self.functions[supervisor]

    def _tale(self, some_id: str) -> FunctionTale:
        return self.of(self._owner(some_id))

    @singledispatchmethod
    def _fold(self, event: ev.Event) -> None:
        """Others change nothing here."""

    @_fold.register
    def _(self, event: ev.FunctionChanged) -> None:
        tale = self._current.get(event.function)
        if tale is None:
            tale = self._current[event.function] = FunctionTale()
            older = [self.functions[s] for s in self.supervisors if s.key == event.function and s in self.functions]
            if any(predecessor.has_anything for predecessor in older):
                self.mixed.add(event.function)
            newest = next(s for s in self.supervisors if s.key == event.function and s not in self.functions)
            self.functions[newest] = tale
        tale.spec, tale.spec_at_s = event.spec, event.at_s
        if event.state is FunctionState.REMOVED:
            tale.is_removed = True
            del self._current[event.function]

    @_fold.register
    def _(self, event: ev.RevisionLive) -> None:
        tale = self._current[event.function]
        assert event.revision == tale.live + 1, "revisions are numbered without gaps"
        assert all(c.is_leaving for c in tale.containers.values() if c.revision <= tale.live)
        tale.live = event.revision

    @_fold.register
    def _(self, event: ev.ContainerStarting) -> None:
        tale = self._tale(event.container_id)
        tale.containers[event.container_id] = ContainerTale(event.container_id, event.revision, event.cold)
        assert tale.spec is not None
        assert event.revision in {tale.live, tale.live + 1}
        if event.revision == tale.live:
            serving = tale.serving()
            limit_is_known = not (tale.is_removed and "unchanged-after-removal" in self._open_faults)
            assert len(serving) <= tale.spec.max_concurrency or not limit_is_known, (
                "more containers than max_concurrency (R4)"
            )
            # One that has served and does not rest calls its callers back, and takes no task meanwhile.
            free = [c for c in serving if not c.task_id and (c.idle_since_s is not None or not c.has_served)]
            assert len(free) <= max(len(tale.queue), tale.spec.min_warm), "more containers than tasks (R4)"

    @_fold.register
    def _(self, event: ev.ContainerIdle) -> None:
        container = self._tale(event.container_id).containers[event.container_id]
        assert not container.is_leaving
        assert not container.task_id
        container.idle_since_s = event.at_s

    @_fold.register
    def _(self, event: ev.ContainerDraining) -> None:
        container = self._tale(event.container_id).containers[event.container_id]
        assert not container.is_leaving
        container.is_leaving = True
        self.evicted += event.reason.startswith("its memory is needed for ")

    @_fold.register
    def _(self, event: ev.ContainerStopped) -> None:
        container = self._tale(event.container_id).containers.pop(event.container_id)
        assert container.is_leaving
        assert not container.task_id, "it stopped with a task unanswered"

    @_fold.register
    def _(self, event: ev.TaskQueued) -> None:
        tale = self._tale(event.task_id)
        assert event.task_id not in self.ended, "queued after its end (R1)"
        assert event.task_id not in tale.queue
        assert (event.task_id in tale.running) == event.again
        if event.again:
            self._leave(tale, event.task_id)
            tale.queue.insert(0, event.task_id)
        else:
            tale.queue.append(event.task_id)

    @_fold.register
    def _(self, event: ev.TaskStarted) -> None:
        tale = self._tale(event.task_id)
        container = tale.containers[event.container_id]
        assert tale.queue[0] == event.task_id, "not the one that waited longest (R5)"
        assert not container.is_leaving, "dispatched to a container that leaves (M4)"
        assert not container.task_id, "two tasks at a time (R5)"
        assert not (container.cold and container.has_served), "a second task for a cold container (R2)"
        assert event.revision == container.revision
        assert event.revision == tale.live, "dispatched to an old revision, or an unproven one"
        tale.queue.pop(0)
        tale.running.add(event.task_id)
        container.task_id = event.task_id
        container.has_served = True
        container.idle_since_s = None

    @_fold.register
    def _(self, event: ev.TaskEnded) -> None:
        assert event.task_id not in self.ended, "answered twice (R1)"
        self.ended[event.task_id] = event
        tale = self._tale(event.task_id)
        if event.task_id in tale.queue:
            tale.queue.remove(event.task_id)
        else:
            self._leave(tale, event.task_id)

    @staticmethod
    def _leave(tale: FunctionTale, task_id: str) -> None:
        tale.running.remove(task_id)
        for container in tale.containers.values():
            if container.task_id == task_id:
                container.task_id = ""
