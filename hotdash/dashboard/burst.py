"""`Burst`: many calls of one function, so many at once. Any thread; it has none of its own.

A call that has ended sends the next one, in the thread that ended it. What that cannot do (a queue was full, and
nothing of the burst was under way) the screen's timer does, which pushes now and then.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.errors import HotdashError, QueueFull

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.dashboard.ports import Controls
    from hotdash.store.payloads import Payload
    from hotdash.task import TaskResult, TaskStatus

BURST_MOST = 10_000
_AT_AN_END = 2  # sent when a call has ended: its own successor, and that of one that found another thread sending
_AT_A_PUSH = 64  # sent by the screen's thread in one go, which has keys to answer
_OWN_FAULT = "a fault in hotdash"  # a notice says which


class BurstPlan(Struct, frozen=True, kw_only=True):
    """What was asked for: `calls` of `function`, at most `at_once` of them waiting or running at any moment."""

    function: str
    payload: Payload
    calls: int
    at_once: int


class BurstTally(Struct, frozen=True, kw_only=True):
    """How far a burst has come.

    Args:
        plan: What was asked for.
        sent: Calls that were taken.
        ends: How many have ended in which way.
        runs_s: How long each that ran did, in no order, in seconds.
        took_s: Seconds since the first call; to the last end, once it is over.
        is_over: Whether nothing is under way and nothing more will be sent.
        is_stopped: Whether it was ended before all was sent.
        fault: Why the runtime took no more; empty if it did.
    """

    plan: BurstPlan
    sent: int = 0
    ends: Mapping[TaskStatus, int] = field(default_factory=dict)
    runs_s: tuple[float, ...] = ()
    took_s: float = 0.0
    is_over: bool = False
    is_stopped: bool = False
    fault: str = ""

    @property
    def ended(self) -> int:
        """Calls that have ended."""
        return sum(self.ends.values())

    @property
    def unsent(self) -> int:
        """Calls that are still to be sent."""
        return 0 if self.is_stopped or self.fault else self.plan.calls - self.sent


class Burst:
    """Sends the calls of a plan.

    `_lock` guards the counts and the ids; no call of the runtime is made under it.

    Args:
        controls: What sends.
        plan: What to send.
    """

    def __init__(self, *, controls: Controls, plan: BurstPlan) -> None:
        self.plan = plan
        self._controls = controls
        self._lock = threading.Lock()
        self._began_s = self._ended_s = controls.now_s()
        self._sent = 0  # and taken; one that ends before `submit` has returned counts among the ends first
        self._ended = 0
        self._ids: set[str] = set()  # of those under way, as far as their ids are known yet
        self._early: set[str] = set()  # of those that ended before `submit` gave their id
        self._ends: Counter[TaskStatus] = Counter()
        self._runs_s: list[float] = []
        self._is_sending = False
        self._is_told_to_stop = False
        self._fault = ""

    def push(self, most: int = _AT_A_PUSH, *, comes_again: bool = True) -> None:
        """Sends what may be sent now; one thread at a time, the others return at once.

        Args:
            most: After so many who sends leaves.
            comes_again: Whether it does so in any case. If not, only while a call is under way, whose end pushes again:
                calls may have ended meanwhile, and their pushes found who sends here.
        """
        with self._lock:
            if self._is_sending:
                return
            self._is_sending = True
        beyond = 0 if comes_again else 1  # and fewer than so many under way, for one more to be sent beyond `most`
        sent = 0
        while self._may_go_on(at_once=self.plan.at_once if sent < most else beyond) and self._send_one():
            sent += 1

    def stop(self) -> tuple[str, ...]:
        """Sends no more.

        Returns:
            The ids of the calls that are under way: they go on unless they are cancelled. One that is being sent just
            now has none yet: who sends it cancels it.
        """
        with self._lock:
            self._is_told_to_stop = True
            return tuple(self._ids)

    @property
    def tally(self) -> BurstTally:
        """How far it has come."""
        with self._lock:
            is_over = self._sent == self._ended and not self._is_sending and not self._may_send
            return BurstTally(
                plan=self.plan,
                sent=self._sent,
                ends=dict(self._ends),
                runs_s=tuple(self._runs_s) if is_over else (),
                took_s=(self._ended_s if is_over else self._controls.now_s()) - self._began_s,
                is_over=is_over,
                is_stopped=self._is_told_to_stop and self._sent < self.plan.calls,
                fault=self._fault,
            )

    @property
    def _may_send(self) -> bool:
        return not self._is_told_to_stop and not self._fault and self._sent < self.plan.calls

    def _may_go_on(self, *, at_once: int) -> bool:
        """Whether who sends is to send a call, if fewer than so many are under way; if not, nobody sends any more."""
        with self._lock:
            self._is_sending = self._may_send and self._sent - self._ended < at_once
            return self._is_sending

    def _send_one(self) -> bool:
        """Sends a call. Whether to look for the next; if not, nobody sends any more."""
        payload, task_id, fault = self.plan.payload, "", ""
        with self._lock:
            ended = self._ended
        with ExitStack() as undo:
            undo.callback(self._leave, fault=_OWN_FAULT)  # if `submit` raises what it should not, which goes on its way
            try:
                task_id = self._controls.submit(
                    self.plan.function, payload.body, payload.headers, on_end=self._has_ended
                )
            except QueueFull:  # others have filled it: room comes with an end, or with time
                pass
            except HotdashError as error:
                fault = str(error)
            undo.pop_all()
        if not task_id:
            return self._leave(fault=fault, ended=ended)
        self._has_sent(task_id)
        return True

    def _leave(self, *, fault: str, ended: int | None = None) -> bool:
        """No call was taken: ends sending, unless there may be room again. Whether it goes on.

        Args:
            fault: Why no call will be; empty for a full queue.
            ended: How many had ended when it was full.
        """
        with self._lock:
            self._fault = fault
            self._is_sending = not fault and ended != self._ended
            return self._is_sending

    def _has_sent(self, task_id: str) -> None:
        """A call was taken; it may have ended by now."""
        with self._lock:
            self._sent += 1
            if task_id in self._early:
                self._early.remove(task_id)
                return
            self._ids.add(task_id)
            is_too_late = self._is_told_to_stop
        if is_too_late:
            self._controls.cancel(task_id)

    def _has_ended(self, result: TaskResult) -> None:
        """A call has ended: the next one takes its place."""
        with self._lock:
            self._ended += 1
            self._ends[result.status] += 1
            if result.container_id:
                self._runs_s.append(result.run_s)
            if result.task_id in self._ids:
                self._ids.remove(result.task_id)
            else:
                self._early.add(result.task_id)
            self._ended_s = self._controls.now_s()
        self.push(_AT_AN_END, comes_again=False)
