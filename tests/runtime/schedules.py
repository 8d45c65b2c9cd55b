"""Seeded schedules: a runtime on the stub driver, simulated threads and virtual time, and all that may happen to it.

`make_schedule(seed)` draws the steps, `run_schedule(seed)` takes them, and after each lets every thread come to rest
and holds the runtime to its rules. The same seed gives the same run, to the last event; a `Fault` tells the steps.
"""

from __future__ import annotations

import random
import re
import threading
from collections import Counter, deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime_tools import http_answer, make_spec
from schedule_story import Story
from simulation import Simulation
from test_store_agreement import picture, truth

from hotdash.drivers.stub import PIPE_BYTES, StubContainer, StubDriver
from hotdash.errors import BuildCancelled, HotdashError, QueueFull, StartError, UnknownFunction
from hotdash.events import ContainerState
from hotdash.functions.spec import Format
from hotdash.runtime.container import EXIT_WAIT_S
from hotdash.runtime.runtime import Runtime
from hotdash.runtime.supervisor import Supervisor
from hotdash.store import Store
from hotdash.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.drivers.base import ContainerSpec, Image
    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import Task

    Check = Callable[[], object]

# Known faults of the runtime, each with the rule that is not held until it is mended; take a word out to see it.
#   unchanged-after-removal: a deploy that finds nothing changed does not see that the function was removed meanwhile.
#   store-mixes-removed: what a removed function still does is told to the store as its successor's, of the same name.
#   killed-strands: a container that is killed while it starts, or after it has closed its stdout, holds up the tasks
#   that wait until it is gone.
OPEN_FAULTS = frozenset({"unchanged-after-removal", "store-mixes-removed", "killed-strands"})
FUNCTIONS = ("hot", "warm", "cold", "turn")  # `turn` is hot in some revisions and cold in others
_TASK_ID = re.compile(rb"^Task-ID: ([0-9a-f]{24})\r$", re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length: (\d+)\r$", re.MULTILINE | re.IGNORECASE)

KINDS = {  # how often each step is drawn
    "submit": 26,
    "burst": 5,
    "answer": 34,
    "refuse": 3,
    "surplus": 2,
    "junk": 2,
    "part": 3,
    "late": 2,
    "read": 5,
    "nibble": 2,
    "complain": 7,
    "crash": 7,
    "vanish": 2,
    "cancel": 7,
    "kill": 4,
    "trouble": 4,
    "wait": 12,
    "wait_long": 3,
    "sleep": 2,
    "deploy": 8,
    "rollback": 4,
    "undeploy": 2,
    "together": 16,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and the dice for what it is done to; `parts` are done without a rest in between."""

    kind: str
    a: float
    b: float
    c: float
    parts: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.parts)) or f'{self.a:.3f}, {self.b:.3f}, {self.c:.3f}'})"


def make_schedule(seed: int) -> list[Step]:
    """A schedule of 20 to 60 steps."""
    dice = random.Random(f"steps {seed}")
    kinds, weights = list(KINDS), list(KINDS.values())

    def draw(*, nested: bool = False) -> Step:
        (kind,) = dice.choices(kinds, weights)
        while nested and kind in {"together", "complain"}:
            (kind,) = dice.choices(kinds, weights)
        parts = tuple(draw(nested=True) for _ in range(dice.randint(2, 4))) if kind == "together" else ()
        return Step(kind, dice.random(), dice.random(), dice.random(), parts)

    return [draw() for _ in range(dice.randint(20, 60))]


class Fault(AssertionError):
    """A schedule that broke a rule."""


class Function(StubContainer):
    """A function in a stub container, told by the test when to read, answer, write and end."""

    def __init__(self, *, world: World, **keys: Any) -> None:
        super().__init__(**keys)
        self.world = world
        self.dice = random.Random(f"container {world.seed} {self.id}")
        self.is_cold = "TASK_ID" in self.spec.environment
        self.reads_at_once = self.dice.random() < 0.8
        self.ignores_term = self.dice.random() < 0.1
        self.waits = self.dice.choice([True, True, None])
        self.input = b""
        self.asked: tuple[str, bytes] | None = None  # the task it has read, and its payload
        self.rest = b""  # of an answer that was begun
        self.vanished_s: float | None = None  # when it closed its stdout

    @property
    def lives(self) -> bool:
        return self._exit is None

    def unread_is_touched(self) -> None:
        """A byte of what waits on stdin is about to be read: that task may not run anywhere else."""
        ids = [self.spec.environment["TASK_ID"]] if self.is_cold else map(bytes.decode, _TASK_ID.findall(self._stdin))
        for task_id in ids:
            self.world.read_by.setdefault(task_id, set()).add(self.id)

    def read_on(self, count: int | None = None) -> None:
        """Reads stdin."""
        if self.lives:
            self.unread_is_touched()
            self.input += self.consume(count)
            self.understand()

    def understand(self) -> None:
        """Takes a whole request from what was read, if there is one and none is under way."""
        if self.asked is not None or self.vanished_s is not None:
            return
        if self.is_cold:
            if self.stdin_closed and not self._stdin:
                self.asked = self.spec.environment["TASK_ID"], self.input
            return
        head, blank, rest = self.input.partition(b"\r\n\r\n")
        if not blank:
            return
        head += b"\r\n"
        task_id, length = _TASK_ID.search(head), _LENGTH.search(head)
        assert task_id is not None
        assert length is not None
        size = int(length[1])
        if len(rest) >= size:
            self.asked = task_id[1].decode(), rest[:size]
            self.input = rest[size:]

    def answer(self, *, status: int = 200) -> None:
        """Answers the task it has read, with its payload."""
        assert self.asked is not None
        _, payload = self.asked
        self.asked = None
        if self.is_cold:
            self.say(b"echo " + payload)
            self.exit(0 if status == 200 else 1)
        else:
            data, self.rest = self.rest or http_answer(b"echo " + payload, status=status), b""
            self.say(data)
            self.understand()


def play(container: StubContainer) -> None:
    """The script: reads at once, or when it is told to."""
    assert isinstance(container, Function)
    if container.reads_at_once:
        container.read_on()


class Driver(StubDriver):
    """Starts and builds in virtual time, and fails when the world has trouble in store."""

    def __init__(self, world: World, **keys: Any) -> None:
        super().__init__(**keys)
        self.world = world
        self.starting: set[str] = set()

    def build(self, spec: FunctionSpec, *, on_output: Callable[[str], None], is_cancelled: Callable[[], bool]) -> Image:
        for _ in range(self.world.dice.choice([0, 0, 1, 4])):
            if is_cancelled():
                raise BuildCancelled(f"{spec.key}: cancelled")
            self._clock.gate().wait(0.25)
        return super().build(spec, on_output=on_output, is_cancelled=is_cancelled)

    def start(self, spec: ContainerSpec) -> Function:
        dice = random.Random(f"start {self.world.seed} {spec.id}")
        trouble = self.world.troubles.popleft() if self.world.troubles else ""
        self.starting.add(spec.id)
        try:
            if takes_s := dice.choice([0, 0, 0, 0.05, 0.6]):
                self._clock.gate().wait(takes_s)
            if trouble == "no start":
                raise StartError("no start: drawn")
            container = Function(world=self.world, spec=spec, clock=self._clock, script=play)
            if trouble == "born dead":
                container.exit(9)
            elif trouble == "slow":
                container.waits = False
            self.containers.append(container)
        finally:
            self.starting.remove(spec.id)
        return container

    def release(self, image: Image) -> None:
        super().release(image)
        used = [c.id for c in self.containers if not c.is_closed and c.spec.image == image]
        assert used == [], "an image is released that containers run"


class World:
    """A runtime, what is done to it, and what must be true of it."""

    def __init__(self, seed: int, simulation: Simulation) -> None:
        self.seed = seed
        self.sim = simulation
        self.dice = random.Random(f"world {seed}")  # drawn from by the test's and its callers' threads, in their order
        self.troubles: deque[str] = deque()
        self.read_by: dict[str, set[str]] = {}
        self.tasks: dict[str, Task] = {}
        self.payloads: dict[str, bytes] = {}
        self.lines: dict[tuple[str, str], list[str]] = {}
        self.owners: dict[str, Supervisor] = {}
        self.silent: set[str] = set()  # cold containers that ended well without a word
        self.ends: Counter[str] = Counter()
        self.callers: list[threading.Thread] = []
        self.specs: dict[str, FunctionSpec] = {}
        self.builds = 0
        self.count = 0
        self.checks: list[Check] = []
        self.is_alone = True
        self.vanishing: list[Function] = []
        self.story = Story(self.owner, OPEN_FAULTS)
        self.driver = Driver(self, clock=simulation)
        self.runtime = Runtime(driver=self.driver, clock=simulation)
        self.store = Store()
        self.runtime.subscribe(self.story.events.append)
        self.runtime.subscribe(self.store)

    def owner(self, some_id: str) -> Supervisor:
        task = self.tasks.get(some_id)
        return self.owners[some_id] if task is None else task.canceller.__self__  # type: ignore[attr-defined]

    # ---- what steps are done to

    @staticmethod
    def one_of(things: list[Any], die: float) -> Any:
        return things[int(die * len(things))] if things else None

    def containers(self, *, asked: bool | None = None) -> list[Function]:
        found = [c for c in self.driver.containers if isinstance(c, Function) and c.lives]
        return [c for c in found if asked is None or (c.asked is not None) is asked]

    def expect(self, task_id: str, status: TaskStatus, error: str = "", body: bytes | None = None) -> None:
        """After this step, if nothing else was done with it, the task has ended so."""

        def check() -> None:
            result = self.tasks[task_id].result(0)
            assert (result.status, result.body) == (status, body or b""), f"{task_id}: {result}"
            assert error in (result.error or ""), f"{task_id}: {result}"

        task = self.tasks[task_id]
        if self.is_alone and not task.done():
            self.checks.append(check)

    # ---- steps

    def take(self, step: Step) -> None:
        """One step, then rest, then all rules."""
        self.checks.clear()
        if step.parts:
            self.is_alone = False
            for part in step.parts:
                getattr(self, f"do_{part.kind}")(part)
            self.is_alone = True
        else:
            getattr(self, f"do_{step.kind}")(step)
        self.sim.settle()
        for container in self.vanishing:
            container.vanished_s = self.sim.now()  # only now has everybody had the time to see it
        self.vanishing.clear()
        for check in self.checks:
            check()
        self.examine()

    def do_submit(self, step: Step, *, name: str = "") -> None:
        name = name or self.one_of(list(FUNCTIONS), step.a)
        self.count += 1
        payload = b"payload %d" % self.count
        if step.c > 0.96:
            payload += b"." * (PIPE_BYTES + 5_000)
        timeout_s = self.one_of([None, None, None, 0.2, 2.0, 3.0, 20.0], step.b)
        try:
            task = self.runtime.submit(name, payload, timeout_s=timeout_s)
        except (UnknownFunction, QueueFull) as error:
            self.ends[type(error).__name__] += 1
            return
        self.tasks[task.id] = task
        self.payloads[task.id] = payload
        if 0.5 < step.c < 0.6:
            task.add_done_callback(lambda task: self.sim.may_be_overtaken())

    def do_burst(self, step: Step) -> None:
        name = self.one_of(list(FUNCTIONS), step.a)
        for _ in range(3 + int(4 * step.c)):
            self.do_submit(step, name=name)

    def do_answer(self, step: Step, *, status: int = 200) -> None:
        container = self.one_of(self.containers(asked=True), step.a)
        if container is None:
            return
        task_id, payload = container.asked
        if step.c < 0.1 and self.is_alone:
            text = self.line()
            self.expect_line(container, task_id, text)
            container.complain(text.encode() + b"\n" * (step.c < 0.05))
        good = status == 200 and not container.rest
        if good:
            self.expect(task_id, TaskStatus.SUCCESS, body=b"echo " + payload)
        elif not container.rest:
            self.expect(task_id, TaskStatus.ERROR, body=b"echo " + payload)
        container.answer(status=status)
        if step.b < 0.1:
            container.exit(7)

    def do_refuse(self, step: Step) -> None:
        self.do_answer(step, status=500)

    def do_surplus(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=True) if not c.is_cold and not c.rest], step.a)
        if container is not None:
            task_id, payload = container.asked
            self.expect(task_id, TaskStatus.SUCCESS, body=b"echo " + payload)
            container.say(2 * http_answer(b"echo " + payload))
            container.asked = None

    def do_part(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=True) if not c.is_cold and not c.rest], step.a)
        if container is not None:
            data = http_answer(b"echo " + container.asked[1])
            cut = 1 + int(step.b * (len(data) - 1))
            container.rest = data[cut:]
            container.say(data[:cut])

    def do_junk(self, step: Step) -> None:
        container = self.one_of(
            [c for c in self.containers() if not (c.is_cold or c.rest or c.vanished_s is not None)], step.a
        )
        if container is not None:
            if container.asked:
                self.expect(container.asked[0], TaskStatus.ERROR, "not an answer in its format")
            container.say(b"junk\n")

    def do_late(self, step: Step) -> None:
        """A container that has read a request answers, whatever has become of it."""
        container = self.one_of([c for c in self.driver.containers if c.asked], step.a)
        if container is not None:
            container.answer()

    def do_read(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=False) if c._stdin], step.a)
        if container is not None:
            container.read_on()

    def do_nibble(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=False) if c._stdin], step.a)
        if container is not None:
            container.read_on(1 + int(step.b * 20))

    def line(self) -> str:
        self.count += 1
        return f"line {self.count}"

    def expect_line(self, container: Function, task_id: str, text: str) -> None:
        if not self.tasks[task_id].done():
            self.lines.setdefault((task_id, container.id), []).append(text)

    def do_complain(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers() if c.vanished_s is None], step.a)
        if container is None:
            return
        text = self.line()
        task_id = next((c.task_id for f in self.all_functions() for c in f.containers if c.id == container.id), "")
        if task_id:
            self.expect_line(container, task_id, text)
        container.complain(text.encode() + b"\n")

    def do_crash(self, step: Step) -> None:
        container = self.one_of(self.containers(), step.a)
        if container is None:
            return
        code, signal = self.one_of([(7, None), (0, None), (None, "SIGSEGV")], step.b)
        if container.asked:
            self.expect(container.asked[0], TaskStatus.ERROR, "" if container.is_cold else str(code or signal or 0))
            if container.is_cold and code == 0:
                self.checks.clear()
        if container.is_cold and code == 0:
            self.silent.add(container.id)
        container.exit(code, signal=signal)

    def do_vanish(self, step: Step) -> None:
        """It closes its stdout, a cold one after its answer, and lives on."""
        container = self.one_of([c for c in self.containers() if c.asked or not c.is_cold], step.a)
        if container is not None:
            if container.is_cold:
                container.say(b"echo " + container.asked[1])
            container.asked = None
            container.vanished_s = self.sim.now()
            self.vanishing.append(container)
            container.end_stdout()

    def do_cancel(self, step: Step) -> None:
        task = self.one_of([task for task in self.tasks.values() if not task.done()], step.a)
        if task is not None:
            if not self.is_slow_to_hear(task.id):
                self.expect(task.id, TaskStatus.CANCELLED, "cancelled by its caller")
            assert self.runtime.cancel(task.id) or not self.is_alone or task.canceller.__self__.closing

    def do_kill(self, step: Step) -> None:
        container = self.one_of([c for f in self.all_functions() for c in f.containers], step.a)
        if container is not None:
            if container.task_id and not self.is_slow_to_hear(container.task_id):
                expects = not self.is_leaving_for_other_cause(container.id)
                self.expect(container.task_id, TaskStatus.ERROR, "killed by the user" if expects else "")
            self.runtime.kill(container.id)

    def do_trouble(self, step: Step) -> None:
        kind = self.one_of(["no start", "born dead", "slow"], step.a)
        self.troubles.extend([kind] * (1 + int(step.b * 4)))

    def do_wait(self, step: Step) -> None:
        self.sim.elapse(step.a)

    def do_wait_long(self, step: Step) -> None:
        self.sim.elapse(1 + step.a * 12)

    def do_sleep(self, step: Step) -> None:
        self.sim.elapse(step.a * 12, at_once=True)

    # ---- deploys, in threads of their own

    def call(self, act: Callable[[], object], name: str) -> None:
        def target() -> None:
            try:
                act()
            except HotdashError as error:
                self.ends[f"{name}: {type(error).__name__}"] += 1
            else:
                self.ends[f"{name}: done"] += 1

        self.callers = [caller for caller in self.callers if caller.is_alive()]
        self.callers.append(self.sim.thread(target, f"caller:{name}"))

    def do_deploy(self, step: Step, *, name: str = "") -> None:
        name = name or self.one_of(list(FUNCTIONS), step.a)
        spec = self.specs[name]
        changes: dict[str, Any] = {}
        match int(step.b * 14):
            case 0:
                pass
            case 1 | 2:
                changes["max_concurrency"] = 1 + int(step.c * 4)
            case 3:
                changes["idle_timeout_s"] = self.one_of([0.0, 1.0, 5.0], step.c)
            case 4:
                changes["min_warm"] = self.one_of([0, 0, 1, 2], step.c)
            case 5:
                changes["config"] = {"C": f"{step.c:.1f}"}
            case 6 if name == "turn":
                changes["format"] = Format.HTTP if spec.format is Format.DEFAULT else Format.DEFAULT
            case 7:
                self.driver.fail_builds = "" if self.driver.fail_builds else "no build: drawn"
            case _:
                self.builds += 1
                self.driver.image_ids[name] = f"{self.builds:064x}"
        self.specs[name] = make_spec(
            name,
            **{
                key: getattr(spec, key)
                for key in (
                    "format",
                    "max_concurrency",
                    "idle_timeout_s",
                    "min_warm",
                    "config",
                    "timeout_s",
                    "max_queue",
                    "init_timeout_s",
                    "drain_timeout_s",
                )
            }
            | changes,
        )
        new = self.specs[name]
        self.call(lambda: self.runtime.deploy(new, is_cancelled=lambda: step.c > 0.95), "deploy")

    def do_rollback(self, step: Step) -> None:
        name = self.one_of(list(FUNCTIONS), step.a)
        self.call(lambda: self.runtime.rollback(name), "rollback")

    def do_undeploy(self, step: Step) -> None:
        name = self.one_of(list(FUNCTIONS), step.a)
        self.call(lambda: self.runtime.undeploy(name), "undeploy")
        if step.b < 0.7:
            self.do_deploy(step, name=name)

    # ---- the rules

    def all_functions(self) -> list[Any]:
        """Every function's truth, of removed ones too."""
        return [supervisor.snapshot() for supervisor in self.story.supervisors]

    def is_slow_to_hear(self, task_id: str) -> bool:
        """Its container is being started, or has closed its stdout, so that a cancel or a kill takes a while."""
        slow = self.driver.starting | {c.id for c in self.driver.containers if c.vanished_s is not None}
        return any(c.task_id == task_id and c.id in slow for f in self.all_functions() for c in f.containers)

    def is_leaving_for_other_cause(self, container_id: str) -> bool:
        """A kill (at the end of a drain, say) came first and its reason stands."""
        return any(bool(c.kill_reason) for s in self.story.supervisors for c in s.ledger.fleet if c.id == container_id)

    def examine(self) -> None:
        """Everything is at rest: what must be true now."""
        assert self.runtime.flush_events()
        assert self.sim.exceptions == [], self.sim.exceptions
        self.story.catch_up()
        for task in self.tasks.values():
            assert task.done() == (task.id in self.story.ended), f"{task.id}: {task.state}"
            assert task.done() == (task.state is TaskState.ENDED)
        self.examine_containers()
        for supervisor in self.story.supervisors:
            self.examine_function(supervisor)
        self.examine_store()
        for task_id, containers in self.read_by.items():
            assert len(containers) == 1, f"{task_id} was read by {containers} (M4)"

    def examine_store(self) -> None:
        said, seen = truth(self), picture(self.store)
        for supervisor in self.story.supervisors:  # a removed one is shown until it has drained, and not after
            tale, key = self.story.of(supervisor), supervisor.key
            if key not in said and tale.has_anything:
                _, _, _, depth, running, _, containers = seen.pop(key)
                drawn = (depth, running, {container[0] for container in containers})
                assert drawn == (len(tale.queue), len(tale.running), set(tale.containers)) or key in self.story.mixed
        if "store-mixes-removed" in OPEN_FAULTS:
            for key in self.story.mixed:
                said.pop(key, None)
                seen.pop(key, None)
        differ = {
            key: (said.get(key), seen.get(key)) for key in said.keys() | seen.keys() if said.get(key) != seen.get(key)
        }
        assert differ == {}, f"what the runtime says is not what its events told the store: {differ}"

    def examine_containers(self) -> None:
        told = {container_id for tale in self.story.functions.values() for container_id in tale.containers}
        alive = {c.id for c in self.driver.containers if not c.is_closed} | self.driver.starting
        assert told == alive, "what runs is not what is told of"

    def examine_function(self, supervisor: Supervisor) -> None:
        """The function's truth against its tale, and its deadlines against the clock."""
        tale, ledger, now_s = self.story.of(supervisor), supervisor.ledger, self.sim.now()
        said = supervisor.snapshot()
        assert [task.id for task in ledger.queue] == tale.queue
        assert (said.queue_depth, said.running) == (len(tale.queue), len(tale.running))
        assert said.revision == tale.live
        assert {c.id: c.task_id for c in said.containers} == {c.id: c.task_id for c in tale.containers.values()}
        for container in said.containers:
            assert (container.state is ContainerState.BUSY) <= bool(container.task_id)
            is_free = container.state in {ContainerState.IDLE, ContainerState.STARTING}
            assert not (is_free and container.task_id)
        for task_id in tale.queue:
            task = self.tasks[task_id]
            own_s = task.request.timeout_s
            assert own_s is None or now_s < task.submitted_s + own_s, "waits past its caller's deadline"
        for container in ledger.fleet:
            self.examine_container(supervisor, container)
        self.examine_waiting(supervisor)

    def examine_container(self, supervisor: Supervisor, container: Any) -> None:
        now_s, tale = self.sim.now(), self.story.of(supervisor).containers[container.id]
        is_starting = container.id in self.driver.starting
        task = container.task
        if task is not None and not is_starting:
            deadline_s = task.started_s + supervisor.spec.timeout_s
            if task.request.timeout_s is not None:
                deadline_s = min(deadline_s, task.submitted_s + task.request.timeout_s)
            late_s = 0.0
            if container.io.vanished_s is not None:  # then its end is waited for, a while
                late_s = 0.06 if container.is_cold else EXIT_WAIT_S + 0.01
            assert now_s < deadline_s + late_s, f"{task.id} runs past its deadline (R7)"
            assert late_s or not task.cancel_requested, "cancelled, and still runs (M15)"
            assert late_s or not container.kill_reason, "killed, and its task still runs"
            is_waited_for = late_s and not container.is_cold
            assert not is_waited_for or now_s < max(container.io.vanished_s, task.started_s) + late_s, (
                "closed its stdout"
            )
        if container.state is ContainerState.IDLE:
            assert tale.idle_since_s is not None
            is_kept = supervisor.spec.min_warm > 0
            since_s = max(tale.idle_since_s, self.story.of(supervisor).spec_at_s)  # a new limit counts from its change
            assert is_kept or now_s < since_s + supervisor.spec.idle_timeout_s, "idle for too long (R6)"
        if container.state is ContainerState.DRAINING and task is None and not is_starting:
            assert container.io is not None
            is_waited_for = container.io.vanished_s is not None  # it closed its stdout: its end is waited for
            assert container.io.ignores_term or is_waited_for, "it has nothing to do, is to leave, and does not"

    def examine_waiting(self, supervisor: Supervisor) -> None:
        """M4: nothing waits that could run."""
        ledger = supervisor.ledger
        if not ledger.queue or ledger.revision is None or "trying again" in ledger.why:
            return
        serving = [c for c in ledger.fleet if c.revision is ledger.revision and not c.leave_reason and not c.proving]
        assert all(c.state is not ContainerState.IDLE for c in serving), "one waits, and one is idle (M4)"
        starting = sum(c.state is ContainerState.STARTING for c in serving)
        if "killed-strands" in OPEN_FAULTS and any(c.kill_reason for c in ledger.fleet):
            return
        assert len(serving) >= supervisor.spec.max_concurrency or starting >= len(ledger.queue), "stranded (M4)"

    # ---- the end

    def end(self) -> None:
        """Closes, and looks that nothing is left and each task had its own answer."""
        dice = random.Random(f"end {self.seed}")
        began_s, timeout_s = self.sim.now(), dice.choice([0.0, 0.0, 1.0, 10.0, 100.0])
        are_all_back = not any(caller.is_alive() for caller in self.callers)
        self.runtime.close(timeout_s)
        assert self.sim.now() - began_s <= timeout_s + 3.0, "the close took longer than it might"
        for caller in self.callers:
            caller.join()
        self.story.catch_up()
        assert self.sim.exceptions == [], self.sim.exceptions
        assert self.driver.is_closed
        assert all(c.is_closed for c in self.driver.containers)
        assert not self.driver.starting
        assert not any(tale.containers or tale.queue or tale.running for tale in self.story.functions.values())
        if are_all_back:  # else a deploy may end after the close, and no listener is told
            self.examine_store()
        assert set(self.story.ended) == set(self.tasks), "each task is answered (R1)"
        for task in self.tasks.values():
            self.examine_result(task)

    def examine_result(self, task: Task) -> None:
        result = task.result(0)
        assert self.story.ended[task.id].result is result
        assert result.task_id == task.id
        own = b"echo " + self.payloads[task.id]
        may_be_silent = result.status is not TaskStatus.SUCCESS or result.container_id in self.silent
        assert result.body in ({own, b""} if may_be_silent else {own}), f"another's answer (M1): {result}"
        assert (result.status is TaskStatus.SUCCESS) == (result.error is None)
        assert list(result.stderr_lines) == self.lines.get((task.id, result.container_id), []), (
            f"{task.id}: another's lines: {result}, {self.lines}"
        )
        self.ends[str(result.status)] += 1


@contextmanager
def births_noted(world_of: list[World], supervisors: list[Supervisor]) -> Iterator[None]:
    """Notes each supervisor and whose each container is, which no event tells."""
    init, make = Supervisor.__init__, Supervisor.make_container

    def noted_init(self: Supervisor, **keys: Any) -> None:
        supervisors.append(self)
        init(self, **keys)

    def noted_make(self: Supervisor, revision: Any) -> Any:
        container = make(self, revision)
        world_of[0].owners[container.id] = self
        return container

    Supervisor.__init__, Supervisor.make_container = noted_init, noted_make  # type: ignore[method-assign]
    try:
        yield
    finally:
        Supervisor.__init__, Supervisor.make_container = init, make  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Run:
    """What a schedule came to: its events, and how many tasks and deploys ended in each way."""

    events: tuple[Any, ...]
    ends: Counter[str]
    steps: int
    switches: int


def run_schedule(seed: int) -> Run:
    """Runs one schedule.

    Raises:
        Fault: A rule was broken; the message has the seed, the steps taken and the rule.
    """
    dice = random.Random(f"run {seed}")
    simulation = Simulation(seed, preempt=dice.choice([0.0, 0.05, 0.2, 0.5, 0.9]))
    threads = set(threading.enumerate())
    steps = make_schedule(seed)
    taken = 0
    with simulation.installed():
        world = World(seed, simulation)
        with births_noted([world], world.story.supervisors):
            try:
                for name in FUNCTIONS:
                    world.specs[name] = make_spec(
                        name,
                        format=Format.DEFAULT if name == "cold" else Format.HTTP,
                        max_concurrency=dice.randint(1, 3),
                        timeout_s=8.0,
                        idle_timeout_s=dice.choice([0.0, 1.0, 5.0]),
                        max_queue=dice.choice([2, 5, 1000]),
                        init_timeout_s=0.5,
                        drain_timeout_s=6.0,
                    )
                    world.call(lambda name=name: world.runtime.deploy(world.specs[name]), "deploy")
                world.sim.settle()
                for step in steps:
                    taken += 1
                    world.take(step)
                world.end()
                left = set(threading.enumerate()) - threads
                assert left == set(), "threads are left"
            except BaseException as error:
                simulation.abandon()
                lines = "\n".join(f"  {number}. {step}" for number, step in enumerate(steps[:taken], 1))
                raise Fault(f"schedule {seed} broke a rule: {error!r}\nafter these steps:\n{lines}") from error
    return Run(tuple(world.story.events), world.ends, taken, simulation.switches)
