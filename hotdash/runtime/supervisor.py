"""`Supervisor`: owns one function's queue and its containers' threads. It has a lock and no thread.

Callers' threads submit and cancel; serve threads ask for tasks and tell of ends; deploys swap revisions (`deploy.py`).
All decide under the one lock, on the `Ledger`, and act outside it (`Effects`). Hot and cold functions alike: a cold
container is given its task before it starts, and leaves after it.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.runtime.cold import ColdContainer
from hotdash.runtime.effects import Effects
from hotdash.runtime.hot import HotContainer
from hotdash.runtime.ledger import Ledger
from hotdash.runtime.threads import ContainerThreads
from hotdash.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.admission import Claim, Spare
    from hotdash.runtime.closing import Closing
    from hotdash.runtime.container import ServedContainer, Services
    from hotdash.runtime.revision import Revision
    from hotdash.runtime.snapshot import FunctionSnapshot
    from hotdash.states import FunctionState
    from hotdash.task import Task, TaskResult


class Supervisor:
    """One function, from its first deploy until it is removed and its last container is gone.

    `lock` guards `ledger`; `deploy.py` takes it too.
    """

    def __init__(self, *, spec: FunctionSpec, services: Services, reclaim: Callable[[Claim], object]) -> None:
        self.key = spec.key
        self.lock = threading.Lock()
        self._services = services
        self._clock = services.clock
        self._emit = services.bus.emit
        self.threads = ContainerThreads()
        self.strays: set[int] = set()  # revisions that wrote out of turn: the serve threads' own word
        self._settled = services.clock.gate()  # opened when, closing, nothing is left
        with self.lock:
            self.ledger = Ledger(
                spec=spec,
                services=services,
                make_container=self.make_container,
                reconsider=self._reconsider,
                expire=self._expire,
                starve=self._starve,
                reclaim=reclaim,
            )

    @property
    def spec(self) -> FunctionSpec:
        """The function as it is now: the limits that apply. Frozen and replaced whole, so read without the lock."""
        return self.ledger.spec

    def make_container(self, revision: Revision) -> ServedContainer:
        """A container of the revision's kind, not started."""
        kind = HotContainer if revision.spec.format.is_hot else ColdContainer
        return kind(revision=revision, supervisor=self, services=self._services)

    # ---- callers' threads

    def submit(self, task: Task) -> None:
        """Takes a task: dispatches it to an idle container, or queues it and perhaps starts one.

        Raises:
            RuntimeClosed, UnknownFunction: No more tasks are taken.
            QueueFull: `max_queue` tasks wait.
        """
        ledger = self.ledger
        effects = None
        with self.lock:
            if ledger.closing:
                raise ledger.closing.refusal(ledger.key)
            if ledger.fleet.idle:  # then nothing waits: a container takes what waits before it rests
                container = ledger.fleet.idle.pop()
                ledger.announce(task)
                ledger.dispatch(container, task)
            else:
                effects = Effects()
                ledger.enqueue(task, effects)
        if effects is None:
            container.gate.open()
        else:
            effects.carry_out()

    def cancel(self, task: Task) -> bool:
        """M15: a queued task never starts; a running one's container is retired. False if the task had ended."""
        effects = Effects()
        with self.lock:
            if task.state is TaskState.ENDED:
                return False
            task.cancel_requested = True
            if task.state is TaskState.QUEUED:
                self.ledger.queue.remove(task)
                result = self.ledger.end_unrun(task, TaskStatus.CANCELLED, "cancelled by its caller while it waited")
                effects.answer(task, result)
                self.ledger.want_less(effects)
                self._look_settled(effects)
            elif container := self.ledger.fleet.running(task):
                effects.wake(container)
        effects.carry_out()
        return True

    def find(self, task_id: str) -> Task | None:
        """The waiting or running task of that id, or None."""
        with self.lock:
            running = (container.task for container in self.ledger.fleet if container.task is not None)
            return next((task for tasks in (self.ledger.queue, running) for task in tasks if task.id == task_id), None)

    def kill(self, container_id: str, reason: str) -> bool:
        """Kills one container now; its task fails with `reason`. False if it is gone already."""
        with self._deciding() as effects:
            container = self.ledger.fleet.get(container_id)
            if container is None:
                return False
            self.ledger.kill(container, reason, effects)
            self.ledger.scale(effects)  # it no longer counts, and what waits need not wait until it is gone
        return True

    def snapshot(self) -> FunctionSnapshot:
        """The truth at this moment."""
        used = self.ledger.fleet.stats()
        with self.lock:
            return self.ledger.snapshot(used)

    # ---- serve threads

    def has_started(self, container: ServedContainer, *, pid: int | None, start_s: float) -> None:
        """Its process runs."""
        with self.lock:
            self.ledger.fleet.has_started(container, pid=pid, start_s=start_s)

    def take(self, container: ServedContainer) -> Task | None:
        """A hot container is ready: its first task, or None if it is to park or to leave."""
        effects = Effects()
        with self.lock:
            task = self.ledger.next(container)
            if container.end_cause:  # it ended before it could be given anything
                self._after_failure(container, container.end_cause, effects)
            elif self.ledger.queue:
                self.ledger.scale(effects)  # nothing to start, but why the others wait has changed
        effects.carry_out()
        return task

    def finish(
        self,
        container: ServedContainer,
        result: TaskResult,
        *,
        retire: str,
        answered: bool,
        died: bool = False,
        goes_on: bool = True,
    ) -> Task | None:
        """A container's task has ended; the caller sets the result right after this.

        Args:
            container: Whose task it was.
            result: How it ended.
            retire: Why the container may not be used again; empty if it may.
            answered: Whether an answer came, good or bad: the function's containers do start (M5).
            died: Whether the container ended by itself.
            goes_on: Whether it can take a task now; False where it calls its callers' callbacks first, and then `take`.

        Returns:
            The next task, or None if the container is to park or to leave, or does not go on.
        """
        ledger = self.ledger
        with self.lock:
            task = container.task
            assert task is not None  # noqa: S101  a container finishes what it was given
            container.task = None
            container.tasks_served += 1
            task.state = TaskState.ENDED
            self._emit(ev.TaskEnded, self.key, result=result)
            if answered and container.tasks_served == 1:
                ledger.has_answered(container)
            if not retire:
                return ledger.next(container) if goes_on else None
            container.is_retired = True
            ledger.fleet.dismiss(container, retire, failed=died)
            effects = Effects()
            if died and ledger.fails_probation(container, result.error or retire, effects, task_id=task.id):
                ledger.scale(effects)
        effects.carry_out()
        return None

    def give_back(self, container: ServedContainer, task: Task, cause: str, *, was_sent: bool) -> bool:
        """A container certainly did not read its task, and leaves: M4; once if it `was_sent`, else M5 sets the bounds.

        Returns:
            True: the task is dispatched again. False: it was already, or nobody wants it any more; the caller ends it.
        """
        effects = Effects()
        with self.lock:
            was_killed = bool(container.kill_reason)
            container.is_retired = True
            self.ledger.fleet.dismiss(container, cause, failed=True)
            is_wanted = not ((was_sent and task.redispatched) or task.cancel_requested or container.kill_reason)
            if is_wanted:
                container.task = None
                self.ledger.put_back(task, was_sent=was_sent)
            if not was_killed:
                self._after_failure(container, cause, effects)
        effects.carry_out()
        return is_wanted

    def start_failed(self, container: ServedContainer, cause: str) -> None:
        """A container could not be started (M5); its serve thread ends. A cold one's task is given back, too."""
        effects = Effects()
        with self.lock:
            was_dismissed = bool(container.leave_reason)
            self.ledger.fleet.dismiss(container, cause, failed=True)
            task, container.task = container.task, None
            if task is not None and (task.cancel_requested or container.kill_reason):
                status = TaskStatus.CANCELLED if task.cancel_requested else TaskStatus.ERROR
                error, killed_by = container.kill_reason or cause, container.kill_cause
                effects.answer(task, self.ledger.end_unrun(task, status, error, cause=killed_by))
            elif task is not None:  # it was never sent anywhere: M5 says how often that is tried, not M4
                self.ledger.put_back(task, was_sent=False)
            if not was_dismissed:
                self._after_failure(container, cause, effects)
        container.proof.end(cause)
        effects.carry_out()

    def idled_out(self, container: ServedContainer) -> bool:
        """Its idle clock ran out (R6). False if it got something to do in that instant, or is to be kept warm."""
        with self.lock:
            if container not in self.ledger.fleet.idle or self.ledger.is_needed_warm():
                return False
            self.ledger.fleet.dismiss(container, f"idle for {self.spec.idle_timeout_s:g} s")
            return True

    def has_ended(self, container: ServedContainer, cause: str) -> None:
        """A container ended, as its stderr thread saw: one that is idle leaves; another does not come to rest."""
        with self._deciding() as effects:
            container.end_cause = cause
            if container in self.ledger.fleet.idle:
                container.is_retired = True
                self.ledger.fleet.dismiss(container, cause, failed=True)
                effects.open(container.gate)
                self._after_failure(container, cause, effects)

    def broke(self, container: ServedContainer, error: BaseException) -> None:
        """A serve thread met a fault of hotdash's own: its task is answered all the same."""
        effects = Effects()
        reason = f"a fault in hotdash: {error!r}"
        with self.lock:
            self.ledger.kill(container, reason, effects)
            task, container.task = container.task, None
            if task is not None and not task.done():
                effects.answer(task, self.ledger.end_unrun(task, TaskStatus.ERROR, reason))
            self._after_failure(container, reason, effects)
        container.proof.end(reason)
        effects.carry_out()

    def gone(self, container: ServedContainer) -> None:
        """A container has ended and given everything back: decides again, for tasks may wait (M4)."""
        with self._deciding() as effects:
            self.ledger.fleet.dismiss(container, "it ended")
            self.ledger.fleet.remove(container)
            self._services.budget.release(container.id)
            self.ledger.scale(effects)
            self._look_settled(effects)

    def spare(self) -> tuple[list[Spare], int]:
        """M12: the idle containers, the longest idle first, and the MB that leaving ones are about to give back."""
        with self.lock:
            return self.ledger.spare(self)

    def evict(self, container_id: str, reason: str) -> bool:
        """M12: stops a container if it is still idle. False if it has something to do, or is gone."""
        effects = Effects()
        with self.lock:
            container = self.ledger.fleet.get(container_id)
            if container is None or container not in self.ledger.fleet.idle:
                return False
            self.ledger.fleet.dismiss(container, reason)
            effects.open(container.gate)
        effects.carry_out()
        return True

    # ---- the end

    def start_closing(self, closing: Closing, *, state: FunctionState | None = None) -> Effects:
        """Takes no more tasks; what waits and runs goes on. Returns what to carry out once no lock is held."""
        effects, reason = Effects(), closing.reason
        with self.lock:
            ledger = self.ledger
            ledger.closing = ledger.closing or closing
            if state is not None:
                ledger.become(state, reason)
            for container in ledger.fleet:
                if container in ledger.fleet.idle and ledger.fleet.dismiss(container, reason):
                    effects.open(container.gate)
                elif container.proving:
                    ledger.kill(container, reason, effects)
            effects.open(ledger.memory_gate)
            if ledger.revision is None:
                ledger.fail_queue(TaskStatus.CANCELLED, closing.unstarted, effects, cause=closing.cause)
            self._look_settled(effects)
        return effects

    def drain(self, containers: Sequence[ServedContainer] | None = None) -> None:
        """Gives leaving containers (all, by default) `drain_timeout` seconds; what is left then is killed."""
        limit_s = self.spec.drain_timeout_s
        with self.lock:
            leaving = tuple(self.ledger.fleet if containers is None else containers)
        if leaving or self.ledger.closing:
            self._services.timekeeper.at(self._clock.now() + limit_s, lambda: self._drain_over(leaving, limit_s))

    def end(self, closing: Closing) -> None:
        """Answers what waits and kills what runs."""
        with self._deciding() as effects:
            self.ledger.fail_queue(TaskStatus.CANCELLED, closing.unstarted, effects, cause=closing.cause)
            for container in self.ledger.fleet:
                self.ledger.kill(container, closing.reason, effects, cause=closing.cause)
            self._look_settled(effects)

    def wait_settled(self, timeout_s: float) -> bool:
        """Closing: waits until no task waits or runs and no container is left; False if that takes longer."""
        deadline_s = self._clock.now() + timeout_s
        while True:
            with self.lock:
                if not self.ledger.queue and not len(self.ledger.fleet):
                    return True
            left_s = deadline_s - self._clock.now()
            if left_s <= 0 or not self._settled.wait(left_s):
                return False

    # ---- under the lock

    @contextmanager
    def _deciding(self) -> Iterator[Effects]:
        """Holds the lock, and carries out what was decided once it is free. Costs 1 µs: not in each task's path."""
        effects = Effects()
        with self.lock:
            yield effects
        effects.carry_out()

    def _after_failure(self, container: ServedContainer, cause: str, effects: Effects) -> None:
        """A container failed: before its first answer that is a failed start (M5); what waits is looked at again."""
        is_current = container.revision is self.ledger.revision and not container.proving
        if container.tasks_served == 0 and is_current:
            is_replaced = container.io is not None and self.ledger.fails_probation(container, cause, effects)
            if not is_replaced:
                self.ledger.start_failed(container, cause, effects)
        self.ledger.feed(effects)
        self.ledger.scale(effects)

    def _look_settled(self, effects: Effects) -> None:
        self.ledger.let_images_go(effects)
        if self.ledger.closing and not self.ledger.queue and not len(self.ledger.fleet):
            effects.open(self._settled)

    # ---- the timekeeper's thread

    def _drain_over(self, leaving: Sequence[ServedContainer], limit_s: float) -> None:
        """What still runs on a replaced or removed revision has had its time; of a removed function, what waits too."""
        passed = f"drain_timeout {limit_s:g} s passed after"
        if self.ledger.closing:
            self.end(self.ledger.closing.after(passed))
            return
        with self._deciding() as effects:
            for container in leaving:
                if self.ledger.fleet.get(container.id) is container:
                    self.ledger.kill(container, f"{passed} {container.leave_reason}", effects)

    def _reconsider(self) -> None:
        with self._deciding() as effects:
            self.ledger.scale(effects)

    def _starve(self) -> None:
        """Tasks may have waited `wait_timeout` for memory."""
        with self._deciding() as effects:
            self.ledger.starved(effects)
            self._look_settled(effects)

    def _expire(self, task: Task | None) -> None:
        """A waiting task's own deadline has come; one that runs is its serve thread's affair."""
        with self._deciding() as effects:
            if task is None or task.state is not TaskState.QUEUED:
                return
            self.ledger.queue.remove(task)
            error = f"the caller's timeout of {task.request.timeout_s:g} s passed in the queue: {self.ledger.why}"
            effects.answer(task, self.ledger.end_unrun(task, TaskStatus.TIMEOUT, error))
            self.ledger.want_less(effects)
            self._look_settled(effects)
