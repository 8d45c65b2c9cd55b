"""`Ledger`: one function's queue, containers and state, and the moves on them. No lock, no thread.

Every method is called under the supervisor's lock. What must happen outside it goes into `Effects`. So all decisions
stand here, and all locking in `supervisor.py` and `deploy.py`.
"""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.errors import QueueFull
from hotdash.runtime.admission import Claim
from hotdash.runtime.failures import StartFailures
from hotdash.runtime.fleet import Fleet
from hotdash.runtime.images import ImageUses
from hotdash.runtime.scaling import decide
from hotdash.runtime.snapshot import FunctionSnapshot, Used
from hotdash.runtime.starving import Starving
from hotdash.states import ContainerState, FunctionState
from hotdash.task import TaskCause, TaskResult, TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.admission import Spare
    from hotdash.runtime.closing import Closing
    from hotdash.runtime.container import ServedContainer, Services
    from hotdash.runtime.effects import Effects
    from hotdash.runtime.probation import Probation
    from hotdash.runtime.revision import Revision
    from hotdash.runtime.scaling import Decision
    from hotdash.runtime.supervisor import Supervisor
    from hotdash.task import Task


class Ledger:
    """What a supervisor's lock guards.

    Args:
        spec: The function; replaced as a whole when its limits or its revision change.
        services: The runtime's parts.
        make_container: Makes (does not start) a container of a revision.
        reconsider: What the timekeeper calls when a back-off is over.
        expire: What the timekeeper calls when a waiting task's own deadline has come.
        starve: What the timekeeper calls when tasks may have waited too long for memory.
        reclaim: Makes room for a claim by stopping idle containers of other functions; called without locks.
    """

    def __init__(
        self,
        *,
        spec: FunctionSpec,
        services: Services,
        make_container: Callable[[Revision], ServedContainer],
        reconsider: Callable[[], object],
        expire: Callable[[Task | None], object],
        starve: Callable[[], object],
        reclaim: Callable[[Claim], object],
    ) -> None:
        self.spec = spec
        self.key = spec.key
        self.revision: Revision | None = None
        self.queue: deque[Task] = deque()
        self.fleet = Fleet(function=spec.key, bus=services.bus, on_leave=services.budget.tell_wanted)
        self.state = FunctionState.BUILDING
        self.reason = ""
        self.why = ""
        self.closing: Closing | None = None  # why no more tasks are taken
        self.probation: Probation | None = None
        self.images = ImageUses(driver=services.driver)
        self._failures = StartFailures()
        self._clock = services.clock
        self._emit = services.bus.emit
        self._timekeeper = services.timekeeper
        self._make_container = make_container
        self._reconsider = reconsider
        self._expire = expire
        self._starve = starve
        self._reclaim = reclaim
        self._budget = services.budget
        self._claim = Claim(function=spec.key, tell=reconsider)
        self.starving = Starving()
        self.memory_gate = services.clock.gate()  # where a deploy waits for memory
        self.become(FunctionState.BUILDING)

    # ---- the function

    def become(self, state: FunctionState, reason: str = "") -> None:
        """Changes the function's state; a removed function changes no more."""
        if self.state is FunctionState.REMOVED:
            return
        self.state = state
        self.reason = reason
        self._emit(ev.FunctionChanged, self.key, spec=self.spec, state=state, reason=reason)

    def snapshot(self, used: Used) -> FunctionSnapshot:
        """The truth at this moment; `used` as `Fleet.stats` told it a moment ago."""
        return FunctionSnapshot(
            key=self.key,
            state=self.state,
            reason=self.reason,
            revision=0 if self.revision is None else self.revision.number,
            queue_depth=len(self.queue),
            running=sum(container.task is not None for container in self.fleet),
            why=self.why,
            containers=self.fleet.snapshot(used),
        )

    # ---- tasks

    def announce(self, task: Task, *, again: bool = False) -> None:
        """A task is in the queue, if only for an instant."""
        request = task.request
        self._emit(
            ev.TaskQueued,
            self.key,
            task_id=request.id,
            payload=request.payload,
            headers=tuple(request.headers.items()) if request.headers else (),
            again=again,
        )

    def dispatch(self, container: ServedContainer, task: Task) -> None:
        """Gives a task to a container (its clock starts here, R7)."""
        task.state = TaskState.RUNNING
        task.started_s = self._clock.now()
        container.task = task
        if container.state is not ContainerState.BUSY:  # else it goes from one task straight to the next
            container.move(ContainerState.BUSY)
        self._emit(
            ev.TaskStarted,
            self.key,
            task_id=task.request.id,
            container_id=container.id,
            revision=container.revision.number,
        )

    def enqueue(self, task: Task, effects: Effects) -> None:
        """Queues a new task and perhaps starts a container for it.

        Raises:
            QueueFull: `max_queue` tasks wait (M11).
        """
        if self.revision is None and self.state is not FunctionState.BUILDING:
            self.announce(task)
            effects.answer(task, self.end_unrun(task, TaskStatus.ERROR, f"{self.key} cannot run: {self.reason}"))
            return
        if len(self.queue) >= self.spec.max_queue:
            raise QueueFull(
                f"{self.key}: {len(self.queue)} tasks wait already, and max_queue is {self.spec.max_queue}; "
                f"they wait because: {self.why}"
            )
        self.announce(task)
        self.queue.append(task)
        self._watch_deadline(task)
        self.scale(effects)

    def put_back(self, task: Task, *, was_sent: bool) -> None:
        """A dispatched task was certainly not read: it is the next one again; once, if it was sent (M4)."""
        task.redispatched = task.redispatched or was_sent
        task.state = TaskState.QUEUED
        self.queue.appendleft(task)
        self.announce(task, again=True)
        self._watch_deadline(task)

    def next(self, container: ServedContainer) -> Task | None:
        """A hot container has nothing to do: gives it the next task, or lets it rest; None if it parks or leaves."""
        if container.leave_reason or container.end_cause:
            self.fleet.dismiss(container, container.end_cause, failed=True)  # nothing new for one that leaves already
        elif self.queue:
            task = self.queue.popleft()
            self.dispatch(container, task)
            if self._claim.is_waiting and not self.queue:
                self._budget.tell()  # it waits for memory that it no longer needs: it is to decide again, too
            return task
        elif self.closing:
            self.fleet.dismiss(container, self.closing.reason)
        elif self.spec.idle_timeout_s == 0 and not self.is_needed_warm():
            self.fleet.dismiss(container, "idle_timeout is 0")
        else:
            container.idle_since_s = self._clock.now()
            self.fleet.rest(container)
        if self._budget.is_wanted:
            self._budget.tell()  # it may be stopped now, or is about to give its memory back
        return None

    def end_unrun(self, task: Task, status: TaskStatus, error: str, *, cause: TaskCause | None = None) -> TaskResult:
        """Ends a task that no container runs; the caller sees to it that the result is set."""
        task.state = TaskState.ENDED
        result = TaskResult(
            task_id=task.id,
            function=self.key,
            status=status,
            error=error,
            queued_s=self._clock.now() - task.submitted_s,
            cause=cause,
        )
        self._emit(ev.TaskEnded, self.key, result=result)
        return result

    def fail_queue(self, status: TaskStatus, error: str, effects: Effects, *, cause: TaskCause | None = None) -> None:
        """Ends every waiting task."""
        while self.queue:
            task = self.queue.popleft()
            effects.answer(task, self.end_unrun(task, status, error, cause=cause))
        self._budget.withdraw(self._claim)

    def refuse_if_closing(self) -> None:
        """Raises why nothing is deployed any more: the runtime closed, or the function was removed, meanwhile."""
        if self.closing is not None:
            raise self.closing.refusal(self.key)

    def _watch_deadline(self, task: Task) -> None:
        """A waiting task's own deadline is nobody's wait: the timekeeper watches it, weakly: it may end long before."""
        if task.request.timeout_s is not None:
            watched = weakref.ref(task)
            self._timekeeper.at(task.submitted_s + task.request.timeout_s, lambda: self._expire(watched()))

    # ---- containers

    def scale(self, effects: Effects) -> None:
        """R4 and M4: decides whether to start containers; called whenever a count has changed."""
        revision = self.revision
        if revision is None:
            self._say("the first build is under way")
            return
        if (wait_s := self._failures.wait_s(self._clock.now())) > 0:
            self._say(f"{self._failures} in {wait_s:.1f} s")
            self._budget.withdraw(self._claim)
            return
        memory_mb = revision.spec.memory_mb
        if memory_mb > self._budget.total_mb:
            self._say(self._budget.shortage(memory_mb))
            self.fail_queue(TaskStatus.ERROR, self.why, effects, cause=TaskCause.NO_MEMORY)
            return
        keeps_warm = revision.spec.format.is_hot and not (self.closing or self._failures.has_given_up)
        min_warm = self.spec.min_warm if keeps_warm else 0
        decision, containers = self._admit(revision, min_warm)
        for container in containers:
            container.launch_round = self._failures.round
            self.fleet.add(container)
            if container.is_cold:
                self.dispatch(container, self.queue.popleft())
            effects.launch(container)
        self._look_starving(decision, effects)

    def _admit(self, revision: Revision, min_warm: int) -> tuple[Decision, list[ServedContainer]]:
        """Decides, and books the memory of what is to start (M12); anew if another function was faster."""
        queued, memory_mb, budget = len(self.queue), revision.spec.memory_mb, self._budget
        while True:
            room_for = budget.room_for(self._claim, memory_mb=memory_mb, is_urgent=queued > 0)
            decision = decide(
                self.fleet.counts(
                    queued=queued, spec=self.spec, revision=revision, min_warm=min_warm, room_for=room_for
                )
            )
            if not (decision.start or decision.short or self._claim.is_waiting):
                containers = []
                break
            containers = [self._make_container(revision) for _ in range(decision.start)]
            if budget.book(
                self._claim,
                [container.id for container in containers],
                memory_mb=memory_mb,
                is_urgent=queued > 0,
                short=decision.short,
                short_for_tasks=decision.for_tasks,
            ):
                break
        if decision.short:
            more = f"{decision.reason}; " if decision.start else ""
            self._say(more + budget.shortage(memory_mb))
        elif queued or decision.start:
            self._say(decision.reason)
        return decision, containers

    # ---- memory: M12

    def want_less(self, effects: Effects) -> None:
        """A waiting task has ended: perhaps its function waits for memory no more."""
        if self._claim.is_waiting:
            self.scale(effects)

    def spare(self, supervisor: Supervisor) -> tuple[list[Spare], int]:
        """The idle containers, the longest idle first, and the MB that leaving ones are about to give back."""
        return self.fleet.spare(supervisor, not_needed=self.living() - self.spec.min_warm)

    def starved(self, effects: Effects) -> None:
        """Fails the tasks that have waited `wait_timeout` with nothing able to start; the timekeeper says when."""
        self.starving.is_watched_until_s = None
        if self.starving.since_s is None or self.revision is None:
            return
        wait_s, now_s = self.spec.wait_timeout_s, self._clock.now()
        error = f"{self._budget.shortage(self.revision.spec.memory_mb)}; it waited {wait_s:g} s (wait_timeout)"
        while self.queue and self.starving.until_s(self.queue[0], wait_s=wait_s) <= now_s:
            task = self.queue.popleft()
            effects.answer(task, self.end_unrun(task, TaskStatus.ERROR, error, cause=TaskCause.NO_MEMORY))
        self.scale(effects)

    def _look_starving(self, decision: Decision, effects: Effects) -> None:
        """Asks for room if tasks wait for memory; has the time watched if nothing lives that could take them."""
        if decision.is_starved and self._claim.asks():
            effects.call(lambda: self._reclaim(self._claim))
        if not decision.is_starved or self.living():
            self.starving.end()
        else:
            due_s = self.starving.begin(self.queue[0], wait_s=self.spec.wait_timeout_s, now_s=self._clock.now())
            if due_s is not None:
                self._timekeeper.at(due_s, self._starve)

    # ---- limits, ends

    def set_limits(self, spec: FunctionSpec, effects: Effects) -> bool:
        """Takes new limits, which apply at once; resting containers look at their idle time. True if any differ."""
        old = self.spec
        moved = replace(spec, folder=old.folder, file=old.file, warnings=old.warnings)  # none of these is a limit
        has_changed, self.spec = moved != old, spec
        if has_changed:
            for container in self.fleet.idle:
                effects.open(container.gate)
        return has_changed

    def feed(self, effects: Effects) -> None:
        """Gives waiting tasks to idle containers; needed only after a task was put back."""
        while self.queue and self.fleet.idle:
            container = self.fleet.idle.pop()
            self.dispatch(container, self.queue.popleft())
            effects.open(container.gate)

    def is_needed_warm(self) -> bool:
        """Whether stopping one idle container would leave fewer than `min_warm`."""
        return not self.closing and self.living() <= self.spec.min_warm

    def living(self) -> int:
        """How many containers of the live revision take tasks, or will."""
        counts = self.fleet.counts(queued=0, spec=self.spec, revision=self.revision, min_warm=0)
        return counts.starting + counts.idle + counts.busy

    def start_succeeded(self) -> bool:
        """A container answered, or a deploy starts afresh: True if the function had been failing (M5)."""
        return self._failures.succeeded()

    def has_answered(self, container: ServedContainer) -> None:
        """A container gave its first answer: the function's containers do start, and its revision is no longer new."""
        if self.probation is not None and container.revision is self.probation.revision:
            self.probation = None
        if self.start_succeeded():
            self.become(FunctionState.READY)

    def fails_probation(self, container: ServedContainer, cause: str, effects: Effects, *, task_id: str = "") -> bool:
        """A container that had started ended by itself. True if the revision before its own is live again."""
        new = self.probation
        return new is not None and container.revision is new.revision and new.fail(cause, effects, task_id=task_id)

    def start_failed(self, container: ServedContainer, cause: str, effects: Effects) -> None:
        """A start failed (M5): tries again after a back-off; after the last try the waiting tasks fail.

        They wait on if other containers still serve; then the next try is a while away.
        """
        now_s = self._clock.now()
        failures = self._failures
        if failures.failed(cause, launched_in=container.launch_round, now_s=now_s):
            self.become(FunctionState.FAILING, failures.reason)
            failures.rest(now_s)
        if failures.has_given_up and not self.living():  # those launched together with it have failed by now, too
            failures.not_before_s = 0.0
            self.fail_queue(TaskStatus.ERROR, f"{self.key} does not start: {failures.reason}", effects)
        if (wait_s := failures.wait_s(now_s)) > 0:
            self._timekeeper.at(now_s + wait_s, self._reconsider)

    def let_images_go(self, effects: Effects) -> None:
        """Gives back the images that nothing needs any more; all of them at the end (M7)."""
        is_over = self.closing and not self.queue and not len(self.fleet)
        kept = () if is_over or self.revision is None else (self.revision, *self.images.past)
        self.images.let_go((*kept, *(container.revision for container in self.fleet)), effects)

    def kill(
        self, container: ServedContainer, reason: str, effects: Effects, *, cause: TaskCause | None = None
    ) -> None:
        """Ends a container now, whatever it does; the task it runs fails with `reason` and `cause`."""
        if container.kill_reason:
            return
        container.kill_cause = cause  # first: who finds the reason, without the lock, takes both
        container.kill_reason = reason
        if self.fleet.dismiss(container, reason) or container.proving:
            effects.open(container.gate)
        effects.wake(container)

    def _say(self, reason: str) -> None:
        if reason != self.why:
            self.why = reason
            self._emit(ev.ScalingDecided, self.key, reason=reason)
