"""What hot and cold containers have in common: identity, state, and the thread that serves.

One thread a container (`hot:greet:c-7f3a12` or `cold:…`), made and joined by its function's supervisor; it alone
starts, uses and closes the driver's container. A second one (`stderr:…`), made and joined by the first, drains stderr.
"""

from __future__ import annotations

import secrets
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from hotdash.drivers.base import ContainerSpec
from hotdash.errors import StartError, report
from hotdash.protocol.formats import format_of
from hotdash.runtime.exchange import Exchange
from hotdash.runtime.stderr import StderrTap
from hotdash.states import CONTAINER_MOVES, ContainerState
from hotdash.task import NO_HEADERS, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.clock import Clock
    from hotdash.drivers.base import Container, Driver, Stats
    from hotdash.protocol.base import Answer
    from hotdash.runtime.admission import MemoryBudget
    from hotdash.runtime.bus import EventBus
    from hotdash.runtime.cores import BuildCores
    from hotdash.runtime.revision import Revision
    from hotdash.runtime.supervisor import Supervisor
    from hotdash.runtime.timekeeper import Timekeeper
    from hotdash.task import Task, TaskCause

STOP_GRACE_S = 1.0  # a container that is no longer needed may take this long to end by itself
_READY_LOOK_S = 0.002  # how often it is looked at first, and at the most, until it listens
_LONGEST_READY_LOOK_S = 0.05
EXIT_WAIT_S = 1.0  # after the end of stdout, this long for the exit that explains it


class Services(Struct, frozen=True, kw_only=True):
    """What every part of the runtime is made with."""

    clock: Clock
    bus: EventBus
    driver: Driver
    timekeeper: Timekeeper
    budget: MemoryBudget
    cores: BuildCores


def new_container_id() -> str:
    """`c-` and 6 random hex digits."""
    return f"c-{secrets.token_hex(3)}"


class Proof:
    """Whether a new revision's first container is fit to take over: the deploy waits, the serve thread decides."""

    def __init__(self, *, clock: Clock) -> None:
        self._gate = clock.gate()
        self._fault: str | None = None

    def end(self, fault: str) -> None:
        """It is decided: `fault` says what is wrong, or is empty. The first word stands."""
        if self._fault is None:
            self._fault = fault
        self._gate.open()

    def wait(self, timeout_s: float) -> str | None:
        """The fault, empty if there is none; None if it was not decided in time."""
        if self._fault is None:  # else the gate may be closed again: one wait passes it
            self._gate.wait(timeout_s)
        return self._fault


class ServedContainer:
    """One container of a function.

    `state`, `task`, `tasks_served`, `proving` and what tells why it ends are guarded by the supervisor's lock
    (the serve thread reads the reasons without it, after it was woken). The rest belongs to the serve thread.
    """

    is_cold: ClassVar[bool]

    def __init__(self, *, revision: Revision, supervisor: Supervisor, services: Services) -> None:
        self.id = new_container_id()
        self.function = revision.spec.key
        self.revision = revision
        self.state = ContainerState.STARTING
        self.task: Task | None = None
        self.tasks_served = 0
        self.leave_reason = ""  # takes no more tasks; the one it runs, it finishes
        self.kill_reason = ""  # ends now; the task it runs fails with this reason
        self.kill_cause: TaskCause | None = None  # and this cause
        self.has_failed = False  # nobody asked it to end
        self.end_cause = ""  # how its process ended by itself, once that is seen
        self.launch_round = 0  # see `StartFailures`
        self.idle_since_s = 0.0  # when it last came to rest
        self.rests = False  # it is idle, or was and its gate has been opened since
        self.is_retired = False  # killed at once rather than asked to end
        self.proving = False  # the first of a new revision, outside R4's count until the swap
        self.proof = Proof(clock=services.clock)
        self.gate = services.clock.gate()  # opened by the supervisor: a task, or time to leave
        self.io: Container | None = None
        self._supervisor = supervisor
        self._clock = services.clock
        self._bus = services.bus
        self._driver = services.driver
        self._format = format_of(revision.spec)
        self._decoder = self._format.decoder()
        kind = "cold" if self.is_cold else "hot"
        self.thread = threading.Thread(target=self._run_thread, name=f"{kind}:{self.function}:{self.id}", daemon=True)

    @property
    def pid(self) -> int | None:
        """The main process, once there is one to name."""
        return None if self.io is None else self.io.pid

    def stats(self) -> Stats | None:
        """What it uses, once that is known. Any thread, without locks."""
        return None if self.io is None else self.io.stats()

    def move(self, state: ContainerState) -> None:
        """Changes the state, under the supervisor's lock; a move that no container makes raises."""
        if state not in CONTAINER_MOVES[self.state]:
            raise RuntimeError(f"container {self.id} cannot go from {self.state} to {state}")
        self.state = state

    def wake(self) -> None:
        """Ends the serve thread's wait for an answer, so that it looks at the reasons. Any thread."""
        if self.io is not None:
            self.io.wake()

    def launch(self) -> None:
        """Starts the serve thread. Where the system has no thread to give, that is a failed start."""
        self._supervisor.threads.adopt(self.thread)
        try:
            self.thread.start()
        except RuntimeError as error:
            self._supervisor.threads.forget(self.thread)
            self._supervisor.start_failed(self, f"no thread could be started: {error}")
            self._supervisor.gone(self)

    # ---- the serve thread

    def serve(self) -> None:
        """Runs tasks; returns when the container is to end."""
        raise NotImplementedError

    def _run_thread(self) -> None:
        """The thread's top: whatever happens, the container is closed and its supervisor told."""
        try:
            self.serve()
        except BaseException as error:  # noqa: BLE001  the thread's top: the task is answered, and the fault reported
            self._supervisor.broke(self, error)
            report(error)
        finally:
            try:
                self._end()
            finally:
                self._supervisor.gone(self)

    def _open(self, task_environment: Mapping[str, str]) -> None:
        """Starts the container and its stderr thread.

        Raises:
            StartError: It could not be started.
        """
        if self.kill_reason or (self.leave_reason and not self.task):
            raise StartError(self.kill_reason or self.leave_reason)
        spec = self.revision.spec
        began_s = self._clock.now()
        environment = {**spec.config, **self._format.environment(spec), **task_environment}
        io = self._driver.start(
            ContainerSpec(
                id=self.id,
                function=spec.key,
                app=spec.app,
                revision=self.revision.number,
                image=self.revision.image,
                environment=environment,
                memory_mb=spec.memory_mb,
                network=spec.network,
                writable=spec.writable,
                listens=spec.format.listens,
            )
        )
        task_id = self.task.id if self.is_cold and self.task is not None else ""
        self._tap = StderrTap(
            container=io, function=spec.key, revision=self.revision.number, bus=self._bus, task_id=task_id
        )
        self._exchange = Exchange(container=io, decoder=self._decoder, clock=self._clock)
        self._stderr_thread = threading.Thread(target=self._drain, name=f"stderr:{spec.key}:{self.id}", daemon=True)
        self.io = io
        try:
            self._stderr_thread.start()
        except RuntimeError as error:
            self.io = None
            io.close()
            raise StartError(f"no thread could be started to read its stderr: {error}") from error
        self._await_ready(io, until_s=began_s + spec.init_timeout_s)
        self._supervisor.has_started(self, pid=io.pid, start_s=self._clock.now() - began_s)

    def _await_ready(self, io: Container, *, until_s: float) -> None:
        """Waits until it can take a task, where that can be told (M14).

        Raises:
            StartError: It ended before, was told to, or took too long.
        """
        pause_s = _READY_LOOK_S
        while not io.is_ready():
            if self.kill_reason or (self.leave_reason and not self.task):
                raise StartError(self.kill_reason or self.leave_reason)
            if self._clock.now() >= until_s:
                raise StartError(
                    f"nothing listened on its socket within init_timeout of {self.revision.spec.init_timeout_s:g} s: a "
                    f"function on {self.revision.spec.format} listens on the one in FN_LISTENER{self._last_words()}"
                )
            if io.wait(pause_s) is not None:
                raise StartError(self._death("before it listened on its socket"))
            pause_s = min(2 * pause_s, _LONGEST_READY_LOOK_S)

    def _drain(self) -> None:
        """The stderr thread; it is also the first to see that a container ended while nobody was reading."""
        assert self.io is not None  # noqa: S101  set before this thread starts
        self._tap.run()
        end = self.io.wait(EXIT_WAIT_S)
        self._supervisor.has_ended(self, f"the container {end} while idle{self._last_words()}")

    def _end(self) -> None:
        """Stops the container (at once if it is killed or retired), and gives everything back."""
        io = self.io
        if io is None:
            return
        if self.kill_reason or self.is_retired:
            io.kill()
        else:
            io.stop(STOP_GRACE_S)
        io.wait(EXIT_WAIT_S)
        self._stderr_thread.join(EXIT_WAIT_S)
        io.close()
        self._stderr_thread.join()

    def _is_interrupted(self) -> bool:
        return bool(self.kill_reason) or (self.task is not None and self.task.cancel_requested)

    def _death(self, when: str, *, closed: str = "stdout") -> str:
        """The cause in words after a stream was `closed`, `when`: how it exited, and its last stderr lines (M3)."""
        assert self.io is not None  # noqa: S101
        end = self.io.wait(EXIT_WAIT_S)
        if end is None:
            return f"the container closed its {closed} {when}, and still runs"
        self._stderr_thread.join(EXIT_WAIT_S)
        return f"the container {end} {when}{self._last_words()}"

    def _last_words(self) -> str:
        last = self._tap.last_lines()
        return f"; its last stderr: {' ⏎ '.join(last)}" if last else ""

    def _result(
        self, task: Task, status: TaskStatus, *, answer: Answer | None = None, error: str | None = None
    ) -> TaskResult:
        """Ends the task's share of stderr and puts its result together."""
        lines, dropped = self._tap.end()
        headers = NO_HEADERS
        if answer is not None:
            added = self._supervisor.spec.headers
            headers = MappingProxyType({**added, **answer.headers}) if added else answer.headers
        return TaskResult(  # in the order of its fields, not by their names: those cost as much again
            task.request.id,
            self.function,
            status,
            b"" if answer is None else answer.body,
            None if answer is None else answer.status_code,
            headers,
            error,
            lines,
            dropped,
            task.started_s - task.submitted_s,
            self._clock.now() - task.started_s,
            self.id,
            self.revision.number,
        )

    def _interrupted(self, task: Task) -> TaskResult:
        """The result of a task whose exchange was interrupted: its caller's wish, or its container's fate."""
        if task.cancel_requested:
            return self._result(task, TaskStatus.CANCELLED, error="cancelled by its caller while it ran")
        return self._result(task, TaskStatus.ERROR, error=self.kill_reason)._replace(cause=self.kill_cause)

    def _timed_out(self, task: Task) -> TaskResult:
        """The result of a task whose time is over: its own limit from dispatch, or its caller's from submit (R7)."""
        ran_s = self._clock.now() - task.started_s
        own_s = task.request.timeout_s
        limit_s = self._supervisor.spec.timeout_s
        if own_s is not None and task.submitted_s + own_s < task.started_s + limit_s:
            error = f"the caller's timeout of {own_s:g} s passed {ran_s:.1f} s after dispatch"
        else:
            error = f"no answer within the function's timeout of {limit_s:g} s"
        return self._result(task, TaskStatus.TIMEOUT, error=error)

    def _deadline_s(self, task: Task) -> float:
        deadline_s = task.started_s + self._supervisor.spec.timeout_s
        if task.request.timeout_s is not None:
            deadline_s = min(deadline_s, task.submitted_s + task.request.timeout_s)
        return deadline_s
