"""A storm over real processes: many callers, and functions that answer, crash, hang and talk as they are told.

A task is *innocent* if its own orders are harmless: whatever its neighbours do, it must come to its own answer, unless
the test killed its container, its caller cancelled it, or its caller's time was up.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from real_tools import HTTP, function, real_runtime, until

from hotdash import events as ev
from hotdash.errors import StartError
from hotdash.functions.spec import Format
from hotdash.store import Store
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime
    from hotdash.task import Task, TaskResult

CALLERS = 8
AHEAD = 4  # how many tasks a caller has under way
KILL_EVERY = 20  # tasks
DEPLOY_EVERY = 100
KILLED = "the container was killed by the user"

# The payload is "ORDER TOKEN": the order is carried out, the token comes back; lines on stderr bear the token.
ECHO = (
    HTTP
    + r"""
def die(how):
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSEGV)

for headers, body in requests():
    order, token = body.decode().split(" ", 1)
    token = token.strip()
    what, _, how = order.partition(":")
    if what == "crash-before":
        die(how)
    for i in range(len(token) % 4):
        write(f"{token} says {i}\n".encode(), 2)
    data = frame(f"{token} {os.environ['BUILD']}".encode())
    if what == "crash-during":
        write(data[: len(data) // 2])
        die(how)
    elif what == "hang":
        time.sleep(1000)
    elif what == "slow":
        time.sleep(0.05)
        write(data)
    elif what == "junk":
        write(b"this is no answer\n")
    elif what == "twice":
        write(data + data)
    elif what == "refuse":
        write(frame(token.encode(), "500 No"))
    else:
        write(data)
    if what == "crash-after":
        die(how)
"""
)
COLD = (
    "import os, sys\n"
    "order, token = sys.stdin.read().split(' ', 1)\n"
    "print(token.strip(), 'says 0', file=sys.stderr, flush=True)\n"
    "if order == 'crash-before': os.kill(os.getpid(), 9)\n"
    "print(token.strip(), end='', flush=True)\n"
    "sys.exit(3 if order == 'exit' else 0)\n"
)
HARMLESS = {"echo", "slow", "crash-after", "twice"}  # each gives its own whole answer first
ORDERS = {
    "echo": 70,
    "slow": 5,
    "crash-after": 4,
    "twice": 2,
    "crash-before": 4,
    "crash-during": 3,
    "hang": 2,
    "junk": 2,
    "refuse": 3,
}
COLD_ORDERS = {"echo": 8, "exit": 1, "crash-before": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One task, and what its caller wants of it."""

    task: Task
    order: str
    token: str
    timeout_s: float | None
    is_cancelled: bool

    @property
    def is_cold(self) -> bool:
        return self.task.function == "cold"


@dataclass
class Storm:
    """What goes on at the same time: callers, one who kills, one who redeploys."""

    runtime: Runtime
    folder: Path
    seed: int
    tasks: int
    calls: list[Call] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    started: list[ev.TaskStarted | ev.RevisionLive] = field(default_factory=list)
    builds: dict[int, str] = field(default_factory=dict)  # by the revision that was deployed
    images: dict[int, str] = field(default_factory=dict)  # by revision, the restored ones too
    kills: int = 0
    deploys: int = 0

    def listen(self, event: ev.Event) -> None:
        if isinstance(event, ev.TaskEnded):
            self.ended[event.task_id] += 1
        elif isinstance(event, ev.TaskStarted | ev.RevisionLive):
            self.started.append(event)
            if isinstance(event, ev.RevisionLive) and event.function == "echo":
                self.images[event.revision] = event.image_id

    def build_of(self, revision: int) -> str:
        """What was built for a revision; one that was restored after a probation has an older one's image."""
        return next(build for known, build in self.builds.items() if self.images[known] == self.images[revision])

    def run(self) -> None:
        """Until every task has ended."""
        self.deploy()
        self.runtime.deploy(function(self.folder / "cold", COLD, format=Format.DEFAULT, max_concurrency=2))
        is_over = threading.Event()
        callers = [threading.Thread(target=self.call, args=(number,)) for number in range(CALLERS)]
        others = [threading.Thread(target=act, args=(is_over,)) for act in (self.kill, self.redeploy)]
        for thread in (*others, *callers):
            thread.start()
        for thread in callers:
            thread.join()
        is_over.set()
        for thread in others:
            thread.join()

    def call(self, number: int) -> None:
        """One caller: a few tasks under way, some of them given up."""
        dice = random.Random(f"caller {self.seed} {number}")
        under_way: list[Call] = []
        for count in range(self.tasks // CALLERS):
            name = "cold" if dice.random() < 0.08 else "echo"
            orders = COLD_ORDERS if name == "cold" else ORDERS
            (order,) = dice.choices(list(orders), list(orders.values()))
            how = f":{dice.choice(['exit', 'kill', 'segv'])}" if name == "echo" and order.startswith("crash") else ""
            token = f"t{self.seed}-{number}-{count}" + "x" * dice.randrange(4)
            rest = " " * (100_000 if dice.random() < 0.02 else 1)  # now and then more than a pipe holds
            timeout_s = 0.3 if order == "hang" else dice.choice([None] * 12 + [0.002, 0.05])
            task = self.runtime.submit(name, f"{order}{how} {token}{rest}".encode(), timeout_s=timeout_s)
            is_cancelled = dice.random() < 0.05
            call = Call(task=task, order=order, token=token, timeout_s=timeout_s, is_cancelled=is_cancelled)
            self.calls.append(call)
            under_way.append(call)
            if len(under_way) >= AHEAD:
                self.wait_for(under_way.pop(0))
        for call in under_way:
            self.wait_for(call)

    @staticmethod
    def wait_for(call: Call) -> None:
        if call.is_cancelled:
            call.task.cancel()
        call.task.result(30)

    def reach(self, count: int, is_over: threading.Event) -> bool:
        """Waits until so many tasks have ended; False if the storm is over before."""
        while len(self.ended) < count:
            if is_over.wait(0.005):
                return False
        return not is_over.is_set()

    def kill(self, is_over: threading.Event) -> None:
        dice = random.Random(f"kill {self.seed}")
        while self.reach(KILL_EVERY * (self.kills + 1), is_over):
            containers = [c for f in self.runtime.snapshot().functions.values() for c in f.containers]
            self.kills += bool(containers) and self.runtime.kill(dice.choice(containers).id)

    def redeploy(self, is_over: threading.Event) -> None:
        while self.reach(DEPLOY_EVERY * (self.deploys + 1), is_over):
            self.deploys += 1
            with suppress(StartError):  # the one who kills met the container that was to prove it
                self.deploy()

    def deploy(self) -> None:
        build = f"b{self.deploys}"
        spec = function(
            self.folder / build / "echo",
            ECHO + f"# {build}\n",
            config={"BUILD": build},
            max_concurrency=4,
            timeout_s=20.0,
        )
        self.builds[self.runtime.deploy(spec).revision] = build

    # ---- afterwards

    def examine(self, store: Store) -> Counter[str]:
        """Each call had its own answer or a cause of its own; returns how many ended how."""
        assert self.runtime.flush_events(20)
        assert len(self.calls) == self.tasks == len({call.task.id for call in self.calls})
        assert self.ended == {call.task.id: 1 for call in self.calls}
        told = {view.id: view.result for f in store.snapshot().functions.values() for view in f.ended}
        assert sum(f.calls for f in store.snapshot().functions.values()) == self.tasks
        ends: Counter[str] = Counter()
        for call in self.calls:
            result = call.task.result(0)
            assert told.get(call.task.id, result) is result
            self.examine_one(call, result)
            ends[str(result.status)] += 1
        self.examine_revisions()
        return ends

    def examine_one(self, call: Call, result: TaskResult) -> None:
        case = f"{call.task.function} {call.order} {call.token}: {result}"
        body = result.body.decode()
        assert result.task_id == call.task.id
        assert not body or body.split(" ")[0] == call.token, f"crossed: {case}"
        lines = [f"{call.token} says {i}" for i in range(1 if call.is_cold else len(call.token) % 4)]
        # One that ended before its time wrote some of its lines, one that was put back all of them elsewhere.
        assert list(result.stderr_lines) == lines[: len(result.stderr_lines)], f"another's lines: {case}"
        match result.status:
            case TaskStatus.SUCCESS:
                assert call.order in HARMLESS, case
                assert body, case
                assert call.is_cold or body == f"{call.token} {self.build_of(result.revision)}", (
                    f"another revision's: {case}"
                )
                assert list(result.stderr_lines) == lines, f"lines are missing: {case}"
            case TaskStatus.CANCELLED:
                assert call.is_cancelled, case
            case TaskStatus.TIMEOUT:
                assert call.timeout_s is not None, case
            case TaskStatus.ERROR:
                is_innocent = call.order in HARMLESS and result.error != KILLED
                assert not is_innocent, f"an innocent failed: {case}"

    def examine_revisions(self) -> None:
        """What is dispatched runs on the live revision."""
        live = 0
        for event in self.started:
            if event.function == "echo" and isinstance(event, ev.RevisionLive):
                live = event.revision
            elif event.function == "echo":
                assert event.revision == live


def storm(tmp_path: Path, *, seed: int, tasks: int) -> tuple[Storm, Counter[str]]:
    store = Store()
    with real_runtime(tmp_path) as runtime:
        blown = Storm(runtime, tmp_path, seed, tasks)
        runtime.subscribe(store)
        runtime.subscribe(blown.listen)
        blown.run()
        until(lambda: _agrees(runtime, store), "agreement of the store with the runtime")
        ends = blown.examine(store)
    assert all(call.task.done() for call in blown.calls)
    return blown, ends


def _agrees(runtime: Runtime, store: Store) -> bool:
    runtime.flush_events(20)
    seen = store.snapshot().functions
    return all(
        (f.queue_depth, f.running, f.revision, {(c.id, c.state, c.tasks_served) for c in f.containers})
        == (
            seen[key].queue_depth,
            len(seen[key].running),
            seen[key].revision,
            {(c.id, c.state, c.tasks_served) for c in seen[key].containers},
        )
        for key, f in runtime.snapshot().functions.items()
    )


def test_a_storm_leaves_every_task_with_its_own_end(tmp_path):
    blown, ends = storm(tmp_path, seed=0, tasks=400)
    assert {"success", "error", "timeout", "cancelled"} <= set(ends)
    assert ends["success"] > 200
    assert blown.deploys >= 1
    assert blown.kills >= 1


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(1, 11))
def test_a_great_storm_leaves_every_task_with_its_own_end(tmp_path, seed: int, capsys):
    began_s = time.monotonic()
    blown, ends = storm(tmp_path, seed=seed, tasks=2_000)
    with capsys.disabled():
        took = f"{time.monotonic() - began_s:.1f} s, {blown.kills} kills, {blown.deploys} redeploys"
        print(f"\nstorm {seed}: {took}: {dict(ends)}")
