"""Threads that run one at a time, in an order that a seed decides, so that a run of the runtime replays exactly.

`Simulation` gives the runtime's modules another `threading` and other gates. The threads are real, but only the one
that holds the baton runs; it passes the baton on where it waits and, by the seed's dice, at each lock and gate: the
places where a thread of the real thing may be overtaken. Time is virtual: it moves when the test says so or, while the
test's own thread waits inside the runtime, to the next deadline once nothing else can run.

No state here needs a lock: whoever holds the baton is alone.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import hotdash.drivers.stub
import hotdash.runtime.runtime  # and with it every module of the runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST_WAIT_S = 10_000.0  # of virtual time, in one wait of the test's thread: more than any limit in a schedule


class Stuck(AssertionError):
    """Nothing can run, no deadline is to come, and the test's thread waits: a deadlock, or a wait without end."""


class Abandoned(BaseException):
    """The run has failed: this thread is to end, whatever it waits for."""


class Worker:
    """One thread, as the simulation sees it."""

    __slots__ = ("go", "is_finished", "joiners", "name", "passed", "thread", "wait", "waits")

    def __init__(self, name: str, thread: threading.Thread | None = None) -> None:
        self.name = name
        self.thread = thread
        self.go = threading.Lock()  # released: it has the baton
        self.go.acquire()
        self.waits = False
        self.wait = 0  # counts waits, so that a deadline left over from an earlier one ends nothing
        self.passed = False
        self.is_finished = False
        self.joiners: list[Worker] = []


class Simulation:
    """Who runs, and what time it is. It is the runtime's clock, too.

    Args:
        seed: Decides every order.
        preempt: How likely a thread is overtaken at a lock or gate, 0 to 1.
    """

    def __init__(self, seed: object, *, preempt: float) -> None:
        self.dice = random.Random(f"order {seed}")
        self.preempt = preempt
        self.switches = 0
        self.exceptions: list[BaseException] = []
        self._now_s = 1000.0
        self._main = self._current = Worker("test")
        self._ready: list[Worker] = []
        self._deadlines: list[tuple[float, int, Worker, int]] = []
        self._numbers = itertools.count()
        self._is_settling = False
        self._stuck = ""
        self.is_abandoned = False
        self._is_undisturbed = False
        self._workers = [self._main]

    # ---- the clock

    def now(self) -> float:
        return self._now_s

    def time_of(self, at_s: float) -> float:
        return at_s

    def gate(self) -> SimulatedGate:
        return SimulatedGate(self)

    # ---- the test's thread

    def settle(self) -> None:
        """Lets every thread run until it waits or has ended."""
        if self._ready:
            self._is_settling = True
            self._switch(self._main)

    def elapse(self, seconds_s: float, *, at_once: bool = False) -> None:
        """Moves the time on, and lets all run at each deadline; `at_once`: as if the machine had slept meanwhile."""
        self.settle()
        until_s = self._now_s + seconds_s
        while (deadline_s := self._next_deadline_s()) is not None and deadline_s <= until_s:
            self._now_s = max(self._now_s, deadline_s)
            self._expire_next()
            if not at_once:
                self.settle()
        self._now_s = until_s
        self.settle()

    @staticmethod
    def has_ended(thread: threading.Thread) -> bool:
        """Whether a thread has passed the baton on for the last time: it is as good as gone, and then is gone."""
        if isinstance(thread, SimulatedThread) and not thread.is_alive():
            threading.Thread.join(thread)
            return True
        return False

    def abandon(self) -> None:
        """After a failure: ends every thread, one after another, so that nothing of this run is left to the next."""
        self.is_abandoned = True
        for worker in self._workers:
            if worker.thread is not None:
                worker.go.release()
                threading.Thread.join(worker.thread, 5)

    # ---- any thread that has the baton

    def may_be_overtaken(self) -> None:
        """A place where another thread may go first."""
        if self._ready and not (self.is_abandoned or self._is_undisturbed) and self.dice.random() < self.preempt:
            self._ready.append(self._current)
            self._switch(self._current)

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Nobody overtakes the thread in here; it may not wait."""
        before, self._is_undisturbed = self._is_undisturbed, True
        try:
            yield
        finally:
            self._is_undisturbed = before

    def park(self, timeout_s: float | None) -> bool:
        """Waits to be woken; False if the time ran out first."""
        if self.is_abandoned:
            raise Abandoned
        me = self._current
        me.waits = True
        me.wait += 1
        if timeout_s is not None:
            heapq.heappush(self._deadlines, (self._now_s + timeout_s, next(self._numbers), me, me.wait))
        self._switch(me)
        return me.passed

    def unpark(self, worker: Worker, *, passed: bool = True) -> None:
        worker.waits = False
        worker.passed = passed
        self._ready.append(worker)

    @property
    def current(self) -> Worker:
        return self._current

    def begins(self, worker: Worker) -> None:
        """A new thread can run."""
        self._workers.append(worker)
        self._ready.append(worker)
        self.may_be_overtaken()

    def ends(self, worker: Worker) -> None:
        """A thread runs no more; the baton goes on."""
        worker.is_finished = True
        if self.is_abandoned:
            return
        self._workers.remove(worker)
        for joiner in worker.joiners:
            if joiner.waits:
                self.unpark(joiner)
        self._pass_to(self._next())

    # ---- the baton

    def _switch(self, me: Worker) -> None:
        following = self._next()
        if following is not me:
            self._pass_to(following)
            me.go.acquire()
        if self.is_abandoned:
            raise Abandoned
        if self._stuck and me is self._main:
            stuck, self._stuck = self._stuck, ""
            raise Stuck(stuck)

    def _pass_to(self, worker: Worker) -> None:
        self.switches += 1
        self._current = worker
        worker.go.release()

    def _next(self) -> Worker:
        until_s = self._now_s + LONGEST_WAIT_S
        while True:
            if self._ready:
                at = int(self.dice.random() * len(self._ready))
                self._ready[at], self._ready[-1] = self._ready[-1], self._ready[at]
                return self._ready.pop()
            if self._is_settling:
                self._is_settling = False
                return self._main
            deadline_s = self._next_deadline_s()
            if deadline_s is None or deadline_s > until_s:
                waiting = ", ".join(worker.name for worker in self._workers if worker.waits)
                self._stuck = f"nothing can go on; these wait: {waiting}"
                return self._main
            self._now_s = max(self._now_s, deadline_s)
            self._expire_next()

    def _next_deadline_s(self) -> float | None:
        while self._deadlines:
            deadline_s, _, worker, wait = self._deadlines[0]
            if worker.waits and worker.wait == wait:
                return deadline_s
            heapq.heappop(self._deadlines)
        return None

    def _expire_next(self) -> None:
        _, _, worker, _ = heapq.heappop(self._deadlines)
        self.unpark(worker, passed=False)

    # ---- in place of the real thing

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The modules of the runtime, and the stub, use this simulation's threads, locks, gates and ids."""
        ours = SimulatedThreading(self)
        before: list[tuple[Any, str, Any]] = [(threading, "excepthook", threading.excepthook)]
        containers, tasks = itertools.count(1), itertools.count(1)
        replaced: dict[str, Any] = {
            "threading": ours,
            "SystemGate": self.gate,
            "new_container_id": lambda: f"c-{next(containers):06x}",
            "new_task_id": lambda: f"{next(tasks):024x}",
        }
        threading.excepthook = lambda args: self.exceptions.append(args.exc_value)  # type: ignore[assignment]
        for module in (hotdash.drivers.stub, *(m for n, m in sys.modules.items() if n.startswith("hotdash.runtime."))):
            for name, replacement in replaced.items():
                if hasattr(module, name):
                    before.append((module, name, getattr(module, name)))
                    setattr(module, name, replacement)
        try:
            yield
        finally:
            for module, name, value in before:
                setattr(module, name, value)

    def thread(self, target: Callable[[], object], name: str) -> SimulatedThread:
        """A thread of the test's own, a caller's, started."""
        thread = SimulatedThread(simulation=self, target=target, name=name, daemon=True)
        thread.start()
        return thread


class SimulatedThreading:
    """Stands in for the module `threading`; what it does not replace is the real one's."""

    def __init__(self, simulation: Simulation) -> None:
        self.Lock = lambda: SimulatedLock(simulation)
        self.Thread = lambda **keys: SimulatedThread(simulation=simulation, **keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


class SimulatedThread(threading.Thread):
    """A real thread that runs when it has the baton."""

    def __init__(self, *, simulation: Simulation, **keys: Any) -> None:
        self._order = next(simulation._numbers)
        super().__init__(**keys)
        self._simulation = simulation
        self._worker = Worker(self.name, self)

    def __hash__(self) -> int:  # so that a set of threads has the same order in each run
        return self._order

    def __eq__(self, other: object) -> bool:
        return self is other

    def start(self) -> None:
        if self._simulation.is_abandoned:
            raise Abandoned
        super().start()
        self._simulation.begins(self._worker)

    def run(self) -> None:
        self._worker.go.acquire()
        try:
            if not self._simulation.is_abandoned:
                super().run()
        except Abandoned:
            pass
        finally:
            self._simulation.ends(self._worker)

    def join(self, timeout: float | None = None) -> None:
        if self._simulation.is_abandoned:
            raise Abandoned
        if not self._worker.is_finished:
            self._worker.joiners.append(self._simulation.current)
            if not self._simulation.park(timeout):
                self._worker.joiners.remove(self._simulation.current)
                return
        super().join()

    def is_alive(self) -> bool:
        return self.ident is not None and not self._worker.is_finished


class SimulatedLock:
    """A lock before and after which its thread may be overtaken."""

    __slots__ = ("_is_held", "_simulation", "_waiting")

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._is_held = False
        self._waiting: list[Worker] = []

    def acquire(self, blocking: bool = True) -> bool:
        self._simulation.may_be_overtaken()
        if self._is_held and not blocking:
            return False
        while self._is_held:
            self._waiting.append(self._simulation.current)
            self._simulation.park(None)
        self._is_held = True
        return True

    def release(self) -> None:
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        self._is_held = False
        if self._waiting:
            self._simulation.unpark(self._waiting.pop(0))
        self._simulation.may_be_overtaken()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class SimulatedGate:
    """See `hotdash.clock.Gate`; one thread at a time waits at it."""

    __slots__ = ("_is_open", "_simulation", "_waiting")

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._is_open = False
        self._waiting: Worker | None = None

    def open(self) -> None:
        waiting = self._waiting
        if waiting is not None and waiting.waits:
            self._waiting = None
            self._simulation.unpark(waiting)
        else:
            self._is_open = True
        self._simulation.may_be_overtaken()

    def wait(self, timeout_s: float | None = None) -> bool:
        if self._is_open:
            self._is_open = False
            return True
        if timeout_s is not None and timeout_s <= 0:
            return False
        assert self._waiting is None, f"{self._waiting.name} waits at this gate already"
        me = self._waiting = self._simulation.current
        passed = self._simulation.park(timeout_s)
        if self._waiting is me:
            self._waiting = None
        return passed
