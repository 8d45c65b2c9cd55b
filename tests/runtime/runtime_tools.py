"""What the tests of the runtime share: a runtime on the stub driver and a virtual clock, and ways to wait for it."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hotdash import events as ev
from hotdash.clock import VirtualClock
from hotdash.drivers.stub import StubDriver
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.runtime.hot import HotContainer
from hotdash.runtime.runtime import Runtime
from hotdash.states import FunctionState

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from hotdash.drivers.stub import StubContainer
    from hotdash.runtime.hot import Outcome
    from hotdash.runtime.revision import Deployment
    from hotdash.runtime.snapshot import FunctionSnapshot
    from hotdash.task import Task, TaskResult

    SomeEvent = TypeVar("SomeEvent", bound=ev.Event)

PATIENCE_S = 10.0  # how long something that must come is waited for, on a machine under load
_TASK_ID = re.compile(rb"^Task-ID: ([0-9a-f]{24})\r$", re.MULTILINE)


def until(condition: Callable[[], object], what: str = "the condition") -> Any:
    """Waits until a condition holds, and returns what it gave; fails if it does not come to."""
    deadline_s = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not (found := condition()):
        assert time.monotonic() < deadline_s, f"{what} did not come to hold"
        pause.wait(0.0005)
    return found


def make_spec(name: str = "f", **changes: Any) -> FunctionSpec:
    """A hot function on `http`, as a file with nothing but defaults would give it."""
    folder = Path("/functions") / name
    return FunctionSpec(
        name=f"iron/{name}", folder=folder, file=folder / "func.yaml", **{"format": Format.HTTP, **changes}
    )


def http_answer(body: bytes = b"", *, status: int = 200) -> bytes:
    """An answer's bytes."""
    return b"HTTP/1.1 %d Some\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def end_is_seen(container: StubContainer) -> None:
    """Waits until the stderr thread of a container that has ended has told its supervisor so, and is gone."""
    name = f"stderr:{container.spec.function}:{container.id}"
    until(lambda: name not in {thread.name for thread in threading.enumerate()}, f"the end of {name}")


def before_the_next_run(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Does something once, in a serve thread that has been given a task and has not looked at its container yet."""
    run = HotContainer._run

    def run_after(container: HotContainer, task: Task) -> Outcome:
        monkeypatch.setattr(HotContainer, "_run", run)
        act()
        return run(container, task)

    monkeypatch.setattr(HotContainer, "_run", run_after)


class Bench:
    """A runtime under test. `exceptions` is what reached `threading.excepthook`: at the end it must be empty."""

    def __init__(self, *, memory_mb: int = 1_000_000) -> None:
        self.clock = VirtualClock()
        self.driver = StubDriver(clock=self.clock, script=self.hold)
        self.runtime = Runtime(driver=self.driver, clock=self.clock, memory_mb=memory_mb)
        self.events: list[ev.Event] = []
        self.exceptions: list[BaseException] = []
        self._asked: dict[str, StubContainer] = {}  # by task id: the container that has read its request last
        self.runtime.subscribe(self.events.append)

    # ---- scripts

    def hold(self, container: StubContainer) -> None:
        """A function that reads its request and leaves the answer to the test."""
        for task_id in _TASK_ID.findall(container.consume()):
            self._asked[task_id.decode()] = container

    # ---- what a test does

    def deploy(self, name: str = "f", **changes: Any) -> Deployment:
        return self.runtime.deploy(make_spec(name, **changes))

    def rebuild(self, digit: str, name: str = "f") -> None:
        """The sources of the function have changed: the next build gives another image."""
        self.driver.image_ids[name] = digit * 64

    def submit(self, payload: bytes = b"", *, name: str = "f", **more: Any) -> Task:
        return self.runtime.submit(name, payload, **more)

    def asked(self, task: Task) -> StubContainer:
        """Waits until a container has read the task's request, and returns it."""
        return until(lambda: self._asked.get(task.id), f"task {task.id} in a container")

    def answer(self, task: Task, body: bytes = b"", *, status: int = 200) -> TaskResult:
        """Answers a task that a container has read, or is about to."""
        self.asked(task).say(http_answer(body, status=status))
        return self.result(task)

    def call(self, payload: bytes = b"", *, name: str = "f", status: int = 200) -> TaskResult:
        """Submits a task and answers it."""
        return self.answer(self.submit(payload, name=name), payload, status=status)

    def elapse(self, seconds_s: float) -> None:
        """Moves the clock on by exactly so much, once a wait with exactly that deadline is parked."""
        deadline_s = self.clock.now() + seconds_s
        until(
            lambda: any(abs(parked_s - deadline_s) < 1e-6 for parked_s in self.clock.deadlines()),
            f"a wait that ends in {seconds_s} s",
        )
        self.clock.advance(seconds_s)

    # ---- what a test looks at

    @staticmethod
    def result(task: Task) -> TaskResult:
        return task.result(PATIENCE_S)

    def snapshot(self, name: str = "f") -> FunctionSnapshot:
        return self.runtime.snapshot().functions[name]

    def states(self, name: str = "f") -> list[str]:
        return sorted(container.state.value for container in self.snapshot(name).containers)

    def seen(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        """Every event of a kind up to now."""
        assert self.runtime.flush_events()
        return [event for event in self.events if isinstance(event, kind)]

    # ---- the end

    def close(self, threads: set[threading.Thread]) -> None:
        """Ends the runtime; nothing may be left of it, and its events must tell one story."""
        self.runtime.close(timeout_s=0)
        assert set(threading.enumerate()) <= threads
        assert self.driver.is_closed
        assert self.runtime.snapshot().memory_used_mb == 0, "the books do not balance (M12)"
        assert all(container.is_closed for container in self.driver.containers)
        assert self.exceptions == []
        check_story(self.events)


def check_story(events: list[ev.Event]) -> None:
    """What holds of every run: places without gaps, an answer for each task, no dispatch to what is old or leaves."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    open_tasks: set[str] = set()
    live: dict[str, int] = {}
    leaving: set[str] = set()
    busy: dict[str, str] = {}
    for event in events:
        match event:
            case ev.FunctionChanged(state=FunctionState.REMOVED):
                live.pop(event.function, None)
            case ev.RevisionLive():
                live[event.function] = event.revision
            case ev.ContainerDraining():
                leaving.add(event.container_id)
            case ev.ContainerStopped():
                assert event.container_id in leaving
                assert event.container_id not in busy, "it stopped with a task unanswered"
            case ev.TaskQueued():
                assert (event.task_id in open_tasks) == event.again
                open_tasks.add(event.task_id)
                busy = {container: task for container, task in busy.items() if task != event.task_id}
            case ev.TaskStarted():
                assert event.task_id in open_tasks
                assert event.container_id not in leaving, "dispatched to a container that leaves (M4)"
                assert event.container_id not in busy, "two tasks at a time (R5)"
                assert event.revision >= live.get(event.function, 0), "dispatched to an old revision"
                busy[event.container_id] = event.task_id
            case ev.TaskEnded():
                open_tasks.remove(event.task_id)  # raises if it was answered before (R1)
                busy = {container: task for container, task in busy.items() if task != event.task_id}
            case _:
                pass
    assert open_tasks == set(), "tasks without an answer"
