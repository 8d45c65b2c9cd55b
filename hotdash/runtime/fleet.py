"""`Fleet`: the containers of one function, of all its revisions. Its supervisor's lock guards it; no thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.runtime.admission import Spare
from hotdash.runtime.scaling import Counts
from hotdash.runtime.snapshot import ContainerSnapshot, Used
from hotdash.states import ContainerState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.bus import EventBus
    from hotdash.runtime.container import ServedContainer
    from hotdash.runtime.revision import Revision
    from hotdash.runtime.supervisor import Supervisor
    from hotdash.task import Task


class Fleet:
    """Containers by id, and the idle ones as a stack: the one used last is the warmest and is used next (R5).

    Args:
        function: Whose they are.
        bus: Is told of them.
        on_leave: Called when a container without a task is to leave: it is about to give its memory back.
    """

    def __init__(self, *, function: str, bus: EventBus, on_leave: Callable[[], object]) -> None:
        self._on_leave = on_leave
        self._function = function
        self._bus = bus
        self._by_id: dict[str, ServedContainer] = {}
        self.idle: list[ServedContainer] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[ServedContainer]:
        return iter(tuple(self._by_id.values()))

    def get(self, container_id: str) -> ServedContainer | None:
        """The container of that id, or None once it is gone."""
        return self._by_id.get(container_id)

    def running(self, task: Task) -> ServedContainer | None:
        """The container that runs `task`, or None."""
        return next((container for container in self._by_id.values() if container.task is task), None)

    def add(self, container: ServedContainer) -> None:
        """A new container, about to start."""
        self._by_id[container.id] = container
        self._bus.emit(
            ev.ContainerStarting,
            self._function,
            container_id=container.id,
            revision=container.revision.number,
            cold=container.is_cold,
        )

    def remove(self, container: ServedContainer) -> None:
        """A container has ended and is closed."""
        del self._by_id[container.id]
        container.move(ContainerState.STOPPED)
        self._bus.emit(
            ev.ContainerStopped,
            self._function,
            container_id=container.id,
            revision=container.revision.number,
            reason=container.kill_reason or container.leave_reason,
            failed=container.has_failed,
        )

    def has_started(self, container: ServedContainer, *, pid: int | None, start_s: float) -> None:
        """A container's process runs."""
        self._bus.emit(
            ev.ContainerStarted,
            self._function,
            container_id=container.id,
            revision=container.revision.number,
            pid=pid,
            start_s=start_s,
        )

    def rest(self, container: ServedContainer) -> None:
        """A container has nothing to do."""
        container.move(ContainerState.IDLE)
        container.rests = True
        self.idle.append(container)
        self._bus.emit(ev.ContainerIdle, self._function, container_id=container.id, revision=container.revision.number)

    def dismiss(self, container: ServedContainer, reason: str, *, failed: bool = False) -> bool:
        """A container may take no more tasks (M4). Returns whether it is parked, so that its gate must be opened."""
        if container.leave_reason:
            return False
        container.leave_reason = reason
        container.has_failed = failed
        is_parked = container in self.idle
        if is_parked:
            self.idle.remove(container)
        container.move(ContainerState.DRAINING)
        self._bus.emit(
            ev.ContainerDraining,
            self._function,
            container_id=container.id,
            revision=container.revision.number,
            reason=reason,
        )
        if container.task is None:
            self._on_leave()
        return is_parked

    def counts(
        self, *, queued: int, spec: FunctionSpec, revision: Revision | None, min_warm: int, room_for: int = 0
    ) -> Counts:
        """What the scaling decision is made of: the live revision's containers, but proving and draining ones."""
        starting = idle = busy = 0
        for container in self._by_id.values():
            if container.revision is not revision or container.proving or container.leave_reason:
                continue
            if container.state is ContainerState.STARTING:
                starting += 1
            elif container.state is ContainerState.IDLE:
                idle += 1
            else:
                busy += 1
        return Counts(
            queued=queued,
            starting=starting,
            idle=idle,
            busy=busy,
            limit=spec.max_concurrency,
            min_warm=min_warm,
            room_for=room_for,
        )

    def spare(self, supervisor: Supervisor, *, not_needed: int) -> tuple[list[Spare], int]:
        """M12: the idle containers, the longest idle first, and the MB that leaving ones are about to give back.

        Args:
            supervisor: Whose they are.
            not_needed: So many more live than are kept warm.
        """
        idle = [
            Spare(
                supervisor=supervisor,
                container_id=container.id,
                memory_mb=container.revision.spec.memory_mb,
                idle_since_s=container.idle_since_s,
                is_kept_warm=place >= not_needed,
            )
            for place, container in enumerate(self.idle)
        ]
        leaving = (container for container in self if container.leave_reason and container.task is None)
        return idle, sum(container.revision.spec.memory_mb for container in leaving)

    def stats(self) -> Used:
        """What each container uses. Without the lock: a driver may look at the machine for it, and no task waits."""
        return {container.id: container.stats() for container in self}

    def snapshot(self, used: Used) -> tuple[ContainerSnapshot, ...]:
        """Each container's truth, and what `stats` has found it to use."""
        return tuple(
            ContainerSnapshot(
                id=container.id,
                state=container.state,
                revision=container.revision.number,
                tasks_served=container.tasks_served,
                pid=container.pid,
                task_id="" if container.task is None else container.task.id,
                stats=used.get(container.id),
            )
            for container in self._by_id.values()
        )
