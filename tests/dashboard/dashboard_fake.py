"""Scripted events fed into a real `Store`, and a `Controls` that writes down what it was asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hotdash import events as ev
from hotdash.dashboard.app import HotdashApp
from hotdash.errors import HotdashError, QueueFull
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.states import FunctionState
from hotdash.store import Store, Usage
from hotdash.task import Attribution, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from textual.pilot import Pilot

    from hotdash.dashboard.ports import OnEnd
    from hotdash.drivers.inside import Inside

EPOCH = 1_700_000_000.0


@dataclass
class Clock:
    """The runtime's clock, moved by hand."""

    at: float = 1_000.0

    def __call__(self) -> float:
        return self.at


class Script:
    """Makes events in order and feeds them to a store."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = clock or Clock()
        self.store = Store()
        self.seq = 0
        self.specs: dict[str, FunctionSpec] = {}
        self.started: dict[str, tuple[str, str, int]] = {}

    def feed(self, kind: type[ev.Event], function: str, **values: Any) -> None:
        self.seq += 1
        now = self.clock()
        self.store(kind(seq=self.seq, at_s=now, time_s=EPOCH + now, function=function, **values))

    def function(
        self, key: str, *, revision: int = 1, state: FunctionState = FunctionState.READY, reason: str = "", **spec: Any
    ) -> None:
        folder = Path("/work/functions") / key
        spec.setdefault("format", Format.HTTP)
        self.specs[key] = FunctionSpec(name=f"demo/{key}", folder=folder, file=folder / "func.yaml", **spec)
        self.feed(ev.FunctionChanged, key, spec=self.specs[key], state=state, reason=reason)
        if revision:
            self.live(key, revision)

    def live(self, key: str, revision: int) -> None:
        self.feed(ev.RevisionLive, key, revision=revision, image_id="ab" * 32, build_s=0.3, start_s=0.04, swap_s=0.001)

    def state(self, key: str, state: FunctionState, reason: str = "") -> None:
        self.feed(ev.FunctionChanged, key, spec=self.specs[key], state=state, reason=reason)

    def container(
        self, key: str, container_id: str, *, revision: int = 1, pid: int = 4242, idle: bool = True, cold: bool = False
    ) -> None:
        self.feed(ev.ContainerStarting, key, container_id=container_id, revision=revision, cold=cold)
        self.feed(ev.ContainerStarted, key, container_id=container_id, revision=revision, pid=pid, start_s=0.04)
        if idle:
            self.feed(ev.ContainerIdle, key, container_id=container_id, revision=revision)

    def stop(self, key: str, container_id: str, revision: int = 1) -> None:
        self.feed(ev.ContainerStopped, key, container_id=container_id, revision=revision, reason="idle")

    def queue(self, key: str, task_id: str, payload: bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.feed(ev.TaskQueued, key, task_id=task_id, payload=payload, headers=headers)

    def start(self, key: str, task_id: str, container_id: str, revision: int = 1) -> None:
        self.started[task_id] = (key, container_id, revision)
        self.feed(ev.TaskStarted, key, task_id=task_id, container_id=container_id, revision=revision)

    def end(
        self,
        task_id: str,
        *,
        body: bytes = b"ok",
        status: TaskStatus = TaskStatus.SUCCESS,
        run_s: float = 0.012,
        idle: bool = True,
        **values: Any,
    ) -> TaskResult:
        key, container_id, revision = self.started.pop(task_id)
        values.setdefault("status_code", 200 if status is TaskStatus.SUCCESS else None)
        values.setdefault("queued_s", 0.0004)
        result = TaskResult(
            task_id=task_id,
            function=key,
            status=status,
            body=body,
            run_s=run_s,
            container_id=container_id,
            revision=revision,
            **values,
        )
        self.feed(ev.TaskEnded, key, result=result)
        if idle:
            self.feed(ev.ContainerIdle, key, container_id=container_id, revision=revision)
        return result

    def line(
        self, key: str, container_id: str, text: str, task_id: str = "", attribution: Attribution | None = None
    ) -> None:
        attribution = attribution or (Attribution.IN_TASK if task_id else Attribution.CONTAINER)
        self.feed(
            ev.StderrLine,
            key,
            container_id=container_id,
            revision=1,
            task_id=task_id,
            attribution=attribution,
            text=text,
        )


def task_id(number: int) -> str:
    """A task's id that is the same in every run, and unlike the others in its first digits."""
    return f"{(number * 0x9E3779B97F4A7C15) % 2**96:024x}"[::-1]


@dataclass
class FakeControls:
    """Writes down what it was asked; `submit` feeds the script as a runtime would."""

    script: Script
    driver_name: str = "process"
    driver_note: str = "isolates nothing"
    driver_reason: str = ""
    folder: Path = Path("/work/functions")
    calls: list[tuple[str, ...]] = field(default_factory=list)
    submitted: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    is_watching: bool = True
    has_read_folder: bool = True
    refusal: str = ""
    room: int = 1_000_000  # for so many more tasks, until one ends
    ids: list[str] = field(default_factory=list)  # of what was submitted, as `submitted`
    on_ends: dict[str, OnEnd] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    insides: dict[str, Inside] = field(default_factory=dict)

    def now_s(self) -> float:
        return self.script.clock()

    def submit(self, function: str, payload: bytes, headers: Mapping[str, str], *, on_end: OnEnd | None = None) -> str:
        if self.refusal:
            raise HotdashError(self.refusal)
        if self.room == 0:
            raise QueueFull(f"{function}: its queue is full")
        self.room -= 1
        self.submitted.append((function, payload, dict(headers)))
        new_id = task_id(10_000 + len(self.submitted))
        self.ids.append(new_id)
        self.script.queue(function, new_id, payload, tuple(headers.items()))
        if on_end is not None:
            self.on_ends[new_id] = on_end
        return new_id

    def end(self, task_id: str, status: TaskStatus = TaskStatus.SUCCESS, *, run_s: float = 0.01) -> None:
        """Ends a task that was submitted here, as a container would."""
        function, _, _ = self.submitted[self.ids.index(task_id)]
        self.script.start(function, task_id, "c-burst1")
        result = self.script.end(task_id, status=status, run_s=run_s, idle=False)
        self.room += 1
        self.on_ends.pop(task_id)(result)

    def cancel(self, task_id: str) -> bool:
        self.calls.append(("cancel", task_id))
        return True

    def kill_container(self, container_id: str) -> bool:
        self.calls.append(("kill", container_id))
        return True

    def inside(self, container_id: str) -> Inside | None:
        return self.insides.get(container_id)

    def redeploy(self, function: str) -> None:
        self.calls.append(("redeploy", function))

    def rollback(self, function: str, revision: int) -> None:
        self.calls.append(("rollback", function, str(revision)))

    def set_held(self, function: str, on: bool) -> None:
        self.calls.append(("hold", function, str(on)))

    @property
    def has_read(self) -> bool:
        return self.has_read_folder

    @property
    def watching(self) -> bool:
        return self.is_watching

    def set_watching(self, on: bool) -> None:
        self.calls.append(("watch", str(on)))
        self.is_watching = on

    def notices(self) -> tuple[str, ...]:
        return self.told


def busy_script(clock: Callable[[], float] | None = None) -> Script:
    """A day at work: something runs, waits, failed, builds, is broken."""
    script = Script(clock)
    script.function(
        "crash",
        state=FunctionState.FAILING,
        reason="3 containers in a row did not start: exited with code 3",
        max_concurrency=2,
    )
    script.function("greet", revision=3, max_concurrency=4)
    script.function("hello-sh", format=Format.DEFAULT, max_concurrency=8)
    script.function("node-echo", revision=0, state=FunctionState.NEEDS_RUNTIME, reason="node is not installed")
    script.function("report", revision=2, max_concurrency=2)
    script.function("thumbnail", revision=5)
    script.container("greet", "c-7f3a12", revision=3)
    script.container("greet", "c-03bc9e", revision=3, pid=4250)
    script.container("report", "c-91d0aa", revision=2, pid=4311)
    script.container("report", "c-5e77b1", revision=2, pid=4312)
    bodies = (b'{"greeting": "Hello, Ada!"}', b'{"greeting": "Hello, Grace!"}', b'{"greeting": "Hello, Linus!"}')
    for number in range(1, 10):
        this = task_id(number)
        script.queue("greet", this, b'{"name": "Ada"}', (("Content-Type", "application/json"),))
        script.start("greet", this, "c-7f3a12" if number % 3 else "c-03bc9e", 3)
        script.line("greet", "c-7f3a12", "reading the request", this)
        script.line(
            "greet", "c-7f3a12", f"\x1b[32mINFO\x1b[0m greeting \x1b[1mAda\x1b[0m for the {number}th time", this
        )
        if number == 6:
            script.line("greet", "c-7f3a12", "Traceback (most recent call last):", this)
            script.line("greet", "c-7f3a12", '  File "func.py", line 12, in handle', this)
            script.line("greet", "c-7f3a12", "\x1b[31mKeyError\x1b[0m: 'name'", this)
            script.end(
                this,
                status=TaskStatus.ERROR,
                body=b'{"error": "no name"}',
                status_code=500,
                error="the function answered 500 Internal Server Error",
                stderr_lines=(
                    "Traceback (most recent call last):",
                    '  File "func.py", line 12, in handle',
                    "KeyError: 'name'",
                ),
            )
        else:
            script.end(this, body=bodies[number % 3], run_s=0.004 * number)
    script.line("greet", "c-03bc9e", "keeping the connection pool warm")
    for number, container in ((21, "c-91d0aa"), (22, "c-5e77b1")):
        script.queue("report", task_id(number), b"2026-Q3")
        script.start("report", task_id(number), container, 2)
        for step in range(1, 4):
            script.line("report", container, f"step {step} of 10: summing up the orders", task_id(number))
    for number in range(23, 35):
        script.queue("report", task_id(number), b"2026-Q3")
    script.feed(ev.ScalingDecided, "report", reason="max_concurrency 2 reached")
    script.feed(ev.BuildStarted, "thumbnail")
    script.feed(ev.BuildOutput, "thumbnail", text="pip install --target lib pillow")
    script.feed(ev.BuildOutput, "thumbnail", text="ERROR: no matching distribution found for pillow==99")
    script.feed(ev.BuildFailed, "thumbnail", reason="build step 1 exited with code 1: pip install --target lib pillow")
    return script


def measured_script(*, has_network: bool = False) -> Script:
    """Some minutes of work, measured; of its network only where it has one of its own."""
    clock = Clock()
    script = Script(clock)
    script.function("greet", max_concurrency=4)
    script.container("greet", "c-aaaaaa")
    number = 0
    for second in range(300):
        for _ in range(second % 60 // 10):
            number += 1
            script.queue("greet", task_id(number))
            script.start("greet", task_id(number), "c-aaaaaa")
            script.end(task_id(number), run_s=0.01 * (1 + second % 7))
        clock.at += 1.0
        usage = Usage(cpu_s=second * 0.25, memory_bytes=(20 + second % 30) * 2**20, pids=3)
        if has_network:
            usage = usage._replace(received_bytes=second * (2_000 + second), sent_bytes=second * 1_024)
        script.store.sample(clock(), {"c-aaaaaa": usage})
    return script


async def until(pilot: Pilot[None], condition: Callable[[], object], *, rounds: int = 400) -> None:
    """Lets the app work until the condition holds."""
    for _ in range(rounds):
        if condition():
            return
        await pilot.pause(0.005)
    raise AssertionError("the condition did not come true")


def drive(
    script: Script,
    steps: Callable[[HotdashApp, Pilot[None], FakeControls], Awaitable[None]],
    *,
    controls: FakeControls | None = None,
    size: tuple[int, int] = (160, 45),
    **more: Any,
) -> None:
    """Runs the app on the script, and the steps on the app; `more` is the app's."""
    controls = controls or FakeControls(script=script)

    async def run() -> None:
        app = HotdashApp(script.store, controls, **more)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            await steps(app, pilot, controls)

    asyncio.run(run())
