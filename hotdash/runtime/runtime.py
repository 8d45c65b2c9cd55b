"""`Runtime`: the facade. Everything outside `hotdash.runtime` uses this and nothing behind it.

It owns its driver, the event bus's thread and the timekeeper's; supervisors own the containers' threads. All of them
have ended when `close` returns.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

from hotdash.clock import SystemClock
from hotdash.parker import ParkingLot
from hotdash.protocol.headers import check_request
from hotdash.runtime.admission import MemoryBudget, default_memory_mb
from hotdash.runtime.bus import EventBus
from hotdash.runtime.closing import RUNTIME_CLOSED
from hotdash.runtime.container import Services
from hotdash.runtime.cores import BuildCores, default_builds
from hotdash.runtime.manager import Manager
from hotdash.runtime.snapshot import RuntimeSnapshot
from hotdash.runtime.timekeeper import Timekeeper
from hotdash.states import NO_OCCASION
from hotdash.task import NO_HEADERS, Task, TaskRequest, new_task_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from hotdash.clock import Clock
    from hotdash.drivers.base import Driver
    from hotdash.events import Event
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.revision import Deployment
    from hotdash.states import Occasion

_KILL_WAIT_S = 10.0  # after everything was killed: longer than any driver takes


class Runtime:
    """Hot containers, in this process. Use it as a context manager, or call `close`.

    Args:
        driver: What starts containers; the runtime owns it and closes it.
        memory_mb: What the `memory` of all containers together may come to (M12); by default half of what the machine
            has available now.
        builds_at_once: How many builds with commands may run side by side; by default as many as there are cores, and
            no fewer than two.
        clock: For tests; the system's by default.
    """

    def __init__(
        self,
        *,
        driver: Driver,
        memory_mb: int | None = None,
        builds_at_once: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock: Clock = SystemClock() if clock is None else clock
        self.driver = driver
        self._bus = EventBus(clock=self.clock)
        self._timekeeper = Timekeeper(clock=self.clock)
        self._budget = MemoryBudget(
            total_mb=default_memory_mb() if memory_mb is None else memory_mb,
            later=lambda function: self._timekeeper.at(self.clock.now(), function),
        )
        self._manager = Manager(
            services=Services(
                clock=self.clock,
                bus=self._bus,
                driver=driver,
                timekeeper=self._timekeeper,
                budget=self._budget,
                cores=BuildCores(limit=default_builds() if builds_at_once is None else builds_at_once),
            )
        )
        self._parking = ParkingLot()
        self._closing = threading.Lock()  # held by the one who closes
        self._is_closing = False
        self._is_closed = False
        self._bus.start()
        self._timekeeper.start()

    def add(self, spec: FunctionSpec) -> None:
        """Makes a function known, at once: it is `building`, and its tasks wait, until its first `deploy` has ended.

        Args:
            spec: The function; nothing happens if its key is known already.

        Raises:
            RuntimeClosed: The runtime is closing.
        """
        self._manager.ensure(spec)

    def deploy(
        self,
        spec: FunctionSpec,
        *,
        is_cancelled: Callable[[], bool] | None = None,
        occasion: Occasion = NO_OCCASION,
    ) -> Deployment:
        """Builds a function as it is on disk now, proves the new revision (not a function's first), makes it live.

        Blocks until that is done; deploys of one function wait for each other.

        Args:
            spec: The function.
            is_cancelled: Asked while it builds, and while its start takes more than a second; True ends the deploy with
                `BuildCancelled`.
            occasion: What led to it, to be told to listeners.

        Raises:
            BuildError: The build failed; what was live goes on serving.
            StartError: The new revision's first container did not prove itself; likewise.
            RuntimeClosed: The runtime is closing.
        """
        return self._manager.ensure(spec).deploys.deploy(
            spec,
            is_cancelled=lambda: self._is_closing or (is_cancelled is not None and is_cancelled()),
            gives_way=is_cancelled,
            occasion=occasion,
        )

    def rollback(self, function: str, revision: int | None = None) -> Deployment:
        """Makes an earlier revision live again, under a new number, without a build.

        Args:
            function: The function's key.
            revision: Its number; None for the one before the live one.

        Raises:
            UnknownFunction: No such function.
            StartError: No such revision is kept, or it did not prove itself.
        """
        return self._manager.find(function).deploys.rollback(revision)

    def undeploy(self, function: str) -> None:
        """Removes a function: waiting tasks are answered, running ones end (or are killed after `drain_timeout`).

        Raises:
            UnknownFunction: No such function.
        """
        self._manager.remove(function)

    def report_faults(self, function: str, faults: tuple[str, ...]) -> None:
        """Tells listeners that a deployed function's file is broken, or with no faults that it is mended.

        Raises:
            UnknownFunction: No such function.
        """
        self._manager.find(function).deploys.report_faults(faults)

    def report_changes(self, function: str, *, held: bool, paths: tuple[str, ...], count: int) -> None:
        """Tells listeners that changes of a function's sources wait to be asked for, or (none) no longer do.

        Raises:
            UnknownFunction: No such function.
        """
        self._manager.find(function).deploys.report_changes(held=held, paths=paths, count=count)

    def submit(
        self,
        function: str,
        payload: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        method: str = "GET",
        url: str | None = None,
    ) -> Task:
        """Submits a task, at once.

        Args:
            function: The function's key.
            payload: At most 8 MiB.
            headers: Without CR, LF or NUL.
            timeout_s: The caller's own deadline, seconds from now; the function's `timeout` holds besides.
            method: For the container to see.
            url: What was asked for; the function's route by default.

        Returns:
            The task; its result comes from `Task.result`.

        Raises:
            UnknownFunction: No such function.
            QueueFull: Too many wait.
            RuntimeClosed: The runtime is closing.
            InvalidRequest: Something in it cannot be sent.
        """
        if self._is_closing:
            raise RUNTIME_CLOSED.refusal(function)
        supervisor = self._manager.find(function).supervisor
        request = TaskRequest(  # not by names: in each task's path those cost as much again
            new_task_id(),
            function,
            payload,
            MappingProxyType(dict(headers)) if headers else NO_HEADERS,
            method,
            supervisor.spec.path if url is None else url,
            timeout_s,
        )
        check_request(request, is_text=supervisor.spec.format.is_text)
        task = Task(request=request, submitted_s=self.clock.now(), canceller=supervisor.cancel, parking=self._parking)
        supervisor.submit(task)
        return task

    def cancel(self, task_id: str) -> bool:
        """Cancels the waiting or running task of that id (M15); False if there is none."""
        task = self._manager.task(task_id)
        return task is not None and task.cancel()

    def kill(self, container_id: str, *, reason: str = "the container was killed by the user") -> bool:
        """Kills one container; the task it runs fails with `reason`. False if there is no such container."""
        return any(supervisor.kill(container_id, reason) for supervisor in self._manager.supervisors())

    def snapshot(self) -> RuntimeSnapshot:
        """The truth: every function with its containers, each function taken at one moment."""
        functions = {key: managed.supervisor.snapshot() for key, managed in self._manager.all().items()}
        return RuntimeSnapshot(
            functions=MappingProxyType(functions),
            memory_mb=self._budget.total_mb,
            memory_used_mb=self._budget.used_mb,
        )

    def specs(self) -> tuple[FunctionSpec, ...]:
        """Every function as it is now, by key."""
        return tuple(managed.supervisor.spec for managed in self._manager.all().values())

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Calls `listener(event)` for each event from now on, in their order, in the bus's own thread.

        Returns:
            A function that ends the subscription.
        """
        return self._bus.subscribe(listener)

    def flush_events(self, timeout_s: float = 5.0) -> bool:
        """Waits until every listener has seen what has happened so far; False if that takes longer."""
        return self._bus.flush(timeout_s)

    def close(self, timeout_s: float = 10.0) -> None:
        """M13: takes no more tasks, lets running and waiting ones end for `timeout_s` seconds, then kills.

        Waiting tasks that find no time are answered `cancelled` with the error `RuntimeClosed: …`. Afterwards no
        thread, process, container or temporary folder is left. A second call waits for the first.

        Raises:
            RuntimeError: Called from a task's callback or a listener: their thread would wait for itself.
        """
        here = threading.current_thread()
        if self._manager.owns(here) or self._bus.owns(here):
            raise RuntimeError("close() may not be called from a callback of the runtime: hand it to another thread")
        self._is_closing = True
        with self._closing:
            if self._is_closed:
                return
            deadline_s = self.clock.now() + timeout_s
            self._manager.close()
            supervisors = self._manager.supervisors()
            for supervisor in supervisors:
                supervisor.start_closing(RUNTIME_CLOSED).carry_out()
            for supervisor in supervisors:
                supervisor.wait_settled(deadline_s - self.clock.now())
            for supervisor in supervisors:
                supervisor.end(RUNTIME_CLOSED)
            for supervisor in supervisors:
                supervisor.wait_settled(_KILL_WAIT_S)
                supervisor.threads.join()
            self._timekeeper.close()
            self.driver.close()
            self._bus.close()
            self._parking.close()
            self._is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
