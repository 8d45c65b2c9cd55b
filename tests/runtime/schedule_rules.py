"""What must be true of a runtime whenever everything is at rest, whatever was done to it, and at its end."""

from __future__ import annotations

import random
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from schedule_memory import BUDGETS_MB, examine_books, examine_line, examine_no_books
from schedule_story import Story
from schedule_stub import Driver, Function
from test_store_agreement import picture, truth

from hotdash.runtime.container import EXIT_WAIT_S
from hotdash.runtime.runtime import Runtime
from hotdash.runtime.supervisor import Supervisor
from hotdash.states import ContainerState
from hotdash.store import Store
from hotdash.task import TaskCause, TaskState, TaskStatus

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from simulation import Simulation

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.admission import MemoryBudget
    from hotdash.runtime.ledger import Ledger
    from hotdash.task import Task

    Check = Callable[[], object]

# Known faults of the runtime, each with the rule that is not held until it is mended; take a word out to see it.
#   unchanged-after-removal: a deploy that finds nothing changed does not see that the function was removed meanwhile.
#   killed-strands: a container that is killed while it starts, or after it has closed its stdout, holds up the tasks
#   that wait until it is gone.
OPEN_FAULTS: frozenset[str] = frozenset()


class Rules:
    """A runtime on the stub, what a schedule notes of what it does to it, and the rules that hold of it."""

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
        memory_mb = random.Random(f"memory {seed}").choice(BUDGETS_MB)
        self.runtime = Runtime(driver=self.driver, clock=simulation, memory_mb=memory_mb)
        self.store = Store()
        self.runtime.subscribe(self.story.events.append)
        self.runtime.subscribe(self.store)

    def owner(self, some_id: str) -> Supervisor:
        task = self.tasks.get(some_id)
        return self.owners[some_id] if task is None else task.canceller.__self__  # type: ignore[attr-defined]

    # ---- the rules

    @property
    def budget(self) -> MemoryBudget:
        return self.runtime._budget

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
        examine_books(self.budget, self.story.supervisors)
        examine_line(self.budget, self.story.supervisors, now_s=self.sim.now())
        self.examine_store()
        for task_id, containers in self.read_by.items():
            assert len(containers) == 1, f"{task_id} was read by {containers} (M4)"

    def examine_store(self) -> None:
        said, seen = truth(self), picture(self.store)
        tales = [(supervisor.key, self.story.of(supervisor)) for supervisor in self.story.supervisors]
        leaving = Counter(key for key, tale in tales if tale.is_removed and tale.has_anything)
        for key, tale in tales:  # a removed one is shown until it has drained, and not after
            if tale.is_removed and leaving[key] == 1 and tale.has_anything and key not in said:
                _, _, _, depth, running, _, containers = seen[key]
                drawn = (depth, running, {container[0] for container in containers})
                assert drawn == (len(tale.queue), len(tale.running), set(tale.containers))
        for key in leaving:  # with one that came in its place it is shown as one
            said.pop(key, None)
            seen.pop(key)
        for key in self.story.mixed & said.keys():  # and why its last task waited may be what is last said
            said[key], seen[key] = ((*state[:5], *state[6:]) for state in (said[key], seen[key]))
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
        self.examine_images(supervisor)
        self.examine_probation(ledger)

    def examine_images(self, supervisor: Supervisor) -> None:
        """What is held is needed, and held once."""
        ledger = supervisor.ledger
        revisions = [c.revision for c in ledger.fleet]
        if not (self.story.of(supervisor).is_removed and not revisions and not ledger.queue):
            revisions += [ledger.revision, *ledger.images.past] if ledger.revision else []
        needed = {revision.image for revision in revisions} | {ledger.images.deploying} - {None}
        held = ledger.images._held
        assert set(held) == needed, "images are held that nothing needs, or are not held"
        assert len(held) <= len(needed) + (ledger.images.deploying is not None), "one is held twice"

    def examine_probation(self, ledger: Ledger) -> None:
        """It is of what is live; what needs none is never at fault, and so is never replaced."""
        probation = ledger.probation
        if probation is not None:
            assert probation.revision is ledger.revision
            assert not (probation.is_waived and probation.fault)
            self.ends["probation waived"] += probation.is_waived

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
        waits_for_memory = ledger._claim.is_waiting  # which `examine_line` looks at
        is_full = len(serving) >= supervisor.spec.max_concurrency
        assert is_full or waits_for_memory or starting >= len(ledger.queue), "stranded (M4)"

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
        self.ends["evicted"] = self.story.evicted
        assert self.driver.is_closed
        assert all(c.is_closed for c in self.driver.containers)
        assert not self.driver.starting
        examine_no_books(self.budget)
        assert not self.driver.uses.total(), "uses of images were not given back"
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
        self.ends["no memory"] += result.cause is TaskCause.NO_MEMORY


@contextmanager
def births_noted(rules: Rules) -> Iterator[None]:
    """Notes each supervisor and whose each container is, which no event tells."""
    init, make = Supervisor.__init__, Supervisor.make_container

    def noted_init(self: Supervisor, **keys: Any) -> None:
        init(self, **keys)
        rules.story.supervisors.append(self)

    def noted_make(self: Supervisor, revision: Any) -> Any:
        container = make(self, revision)
        rules.owners[container.id] = self
        return container

    Supervisor.__init__, Supervisor.make_container = noted_init, noted_make  # type: ignore[method-assign]
    try:
        yield
    finally:
        Supervisor.__init__, Supervisor.make_container = init, make  # type: ignore[method-assign]
