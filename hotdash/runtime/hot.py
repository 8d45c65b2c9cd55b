"""`HotContainer`: one long-lived container that serves many tasks, one at a time. Runs in its own serve thread.

The thread starts the container, then takes a task from its supervisor, sends it, reads the answer, ends the task,
and takes the next; with none there it parks at its gate until it is given one, is told to leave, or its idle clock runs
out. A container whose stream may hold something that belongs to no task is *retired*: it never takes another (M1, M2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hotdash.drivers.base import STDERR_READY, STDOUT_READY
from hotdash.errors import InvalidRequest, ProtocolError, StartError
from hotdash.protocol.base import is_blank
from hotdash.runtime.container import EXIT_WAIT_S, ServedContainer
from hotdash.runtime.exchange import DeadlinePassed, Interrupted, OutOfTurn, StreamEnded
from hotdash.task import NO_HEADERS, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.runtime.container import Services
    from hotdash.runtime.revision import Revision
    from hotdash.runtime.supervisor import Supervisor
    from hotdash.task import Task, TaskResult

_LOOK_S = 0.005  # how often a container that proves itself is looked at
_TURN_LOOK_S = 0.001  # and one that is to take its turn, after a few looks without a pause
_TURN_LOOKS = 4  # such looks: it goes from its answer to its next read in some ten microseconds
_SECOND_LOOK_S = 1.0  # for so long, at the most, one is watched that is to take a task which another did not read
_TURN_S = 0.1  # for so long, beside twice what its tasks take, one that was seen to read and is at work or elsewhere
_UNSEEN_S = 0.005  # for so long one whose revision wrote out of turn, and that was never seen to read
_SLOW_S = 0.002  # a look costs some ten microseconds: nothing beside tasks that take so long,
_EVERY = 32  # and little beside so many of the others
_WARM_LOOK_S = 1.0  # how soon, at the least, a container kept warm past its idle time asks whether it still is


class Outcome(NamedTuple):  # not a dataclass: it is made for every task, and this costs a third
    """What became of a task in a container: its result, or `unread`: why it never got there (M4).

    `sent` tells whether any byte of it was sent. `retire` says why the container may not be used again; empty if it
    may. `answered` tells an answer, good or bad, from an end without one, `died` a container that ended by itself.
    """

    result: TaskResult | None = None
    retire: str = ""
    unread: str = ""
    sent: bool = False
    answered: bool = False
    died: bool = False


class HotContainer(ServedContainer):
    """See the module's docstring; `serve` is the thread."""

    is_cold = False

    def __init__(self, *, revision: Revision, supervisor: Supervisor, services: Services) -> None:
        super().__init__(revision=revision, supervisor=supervisor, services=services)
        self._is_seen_reading = False  # at the last look
        self._longest_s = 0.0  # what its tasks take, of late

    @property
    def _listens(self) -> bool:
        """Whether it has been seen to accept calls by the time it is open, and so has proved itself."""
        return self.revision.spec.format.listens

    def serve(self) -> None:
        """Starts, proves itself if it is the first of a new revision, then serves until it is to leave."""
        try:
            self._open(NO_HEADERS)
        except StartError as error:
            self._supervisor.start_failed(self, str(error))
            return
        if self.proving:
            self.proof.end("" if self._listens else self._find_fault())
            self.gate.wait()  # the deploy's verdict: adopted, or told to leave
        task = self._supervisor.take(self)
        while True:
            if task is None:
                task = self._park()
                if task is None:
                    return
            task = self._serve_one(task)

    def _serve_one(self, task: Task) -> Task | None:
        """Runs one task to its end and returns the next one, if one waits."""
        outcome = self._run(task)
        result = outcome.result or self._unread(task, outcome)
        if result is None:
            return None
        self._longest_s = max(result.run_s, self._longest_s / 2)
        goes_on = not task.has_callbacks  # they run in this thread, and nobody is to wait for them
        following = self._supervisor.finish(
            self, result, retire=outcome.retire, answered=outcome.answered, died=outcome.died, goes_on=goes_on
        )
        task.set_result(result)
        return following if goes_on else self._supervisor.take(self)

    def _unread(self, task: Task, outcome: Outcome) -> TaskResult | None:
        """M4: gives back a task that did not get there. Returns how it ends, or None if it is dispatched again."""
        if not self._is_interrupted() and self._clock.now() >= self._deadline_s(task):
            return self._timed_out(task)  # to see how a container ended may have taken a while
        if self._supervisor.give_back(self, task, outcome.unread, was_sent=outcome.sent):
            return None
        if self._is_interrupted():
            return self._interrupted(task)
        error = f"{outcome.unread}; it had not read the request, and neither had the container before it"
        return self._result(task, TaskStatus.ERROR, error=error)

    def _park(self) -> Task | None:
        """Waits idle for a task; None when it is time to end (R6).

        Whoever takes a resting container off the idle stack opens its gate: with a task, or to let it leave. So it is
        when the idle time is changed: it looks, and waits on. A container that did not come to rest has been dismissed,
        and no gate will open.
        """
        idle_s = self._supervisor.spec.idle_timeout_s
        while self.rests:
            if self.gate.wait(idle_s):
                if self.task is not None or self.leave_reason:
                    break
                idle_s = self._supervisor.spec.idle_timeout_s
            elif self._supervisor.idled_out(self):
                return None
            else:
                idle_s = max(self._supervisor.spec.idle_timeout_s, _WARM_LOOK_S)
        self.rests = False
        return self.task

    def _run(self, task: Task) -> Outcome:
        """Looks whether the container is fit for the task, sends it, and reads its answer."""
        io = self.io
        assert io is not None  # noqa: S101  serve() has opened it
        there = io.look()
        if there & STDOUT_READY:
            before = io.read(0)
            if before is not None and (before == b"" or not is_blank(before)):
                return Outcome(unread=self._unfit(before), retire="unfit", died=True)
        if fault := self._await_turn(task):
            return Outcome(unread=fault, retire="unfit", died=True)
        self._tap.begin(task.request.id, take=bool(there & STDERR_READY))
        if self._clock.now() >= (deadline_s := self._deadline_s(task)):  # it waited too long: nothing was sent
            return Outcome(result=self._timed_out(task))
        deadline_at_s = self._clock.time_of(deadline_s)
        try:
            request = self._format.encode(self.revision.spec, task.request, deadline_at_s=deadline_at_s)
        except InvalidRequest as error:  # `submit` has looked, but the function may have got another format since
            return Outcome(result=self._result(task, TaskStatus.ERROR, error=str(error)))
        return self._converse(task, request, deadline_s)

    def _converse(self, task: Task, request: bytes, deadline_s: float) -> Outcome:
        """One exchange, and what became of it."""
        self._decoder.begin(task.request)
        try:
            answer = self._exchange.run(request, deadline_s=deadline_s, is_interrupted=self._is_interrupted)
        except Interrupted:
            result = self._interrupted(task)
            return Outcome(result=result, retire=result.error or "interrupted")
        except DeadlinePassed:
            return Outcome(result=self._timed_out(task), retire="a late answer may follow the timeout")
        except OutOfTurn as error:
            return self._out_of_turn(task, str(error))
        except ProtocolError as error:
            result = self._result(task, TaskStatus.ERROR, error=f"not an answer in its format: {error}")
            return Outcome(result=result, retire="what it wrote was not an answer")
        except StreamEnded:
            return self._ended(task)
        status = TaskStatus.SUCCESS if answer.error is None else TaskStatus.ERROR
        result = self._result(task, status, answer=answer, error=answer.error)
        retire = ""
        if self._decoder.surplus:
            self._supervisor.strays.add(self.revision.number)
            retire = "it wrote more than its answer"
        elif not self._exchange.is_written:
            retire = "it answered before it had read the request"
        return Outcome(result=result, retire=retire, answered=True)

    def _out_of_turn(self, task: Task, why: str) -> Outcome:
        """It wrote before it had read the request, which goes elsewhere if it never has by the time it is dead (M4)."""
        assert self.io is not None  # noqa: S101  serve() has opened it
        self._supervisor.strays.add(self.revision.number)
        written = self._exchange.written
        if not written:
            return Outcome(unread=why, retire="unfit")
        if self.io.unread_bytes() is not None:  # else it cannot be told afterwards either
            self.io.kill()
            has_ended = self.io.wait(EXIT_WAIT_S) is not None
            unread = self.io.unread_bytes()
            if has_ended and unread is not None and unread >= written:
                return Outcome(unread=why, sent=True, retire="unfit")
        result = self._result(task, TaskStatus.ERROR, error=f"not an answer in its format: {why}")
        return Outcome(result=result, retire="what it wrote was not an answer")

    def _unfit(self, before: bytes) -> str:
        """Why nothing was sent: it has ended, or wrote before it was asked (M2)."""
        if before == b"":
            return self._death("before it was sent anything")
        self._supervisor.strays.add(self.revision.number)
        return f"the container wrote to stdout before any request: {before[:60]!r}"

    def _await_turn(self, task: Task) -> str | None:
        """Waits until the container is seen to be ready for a task, where that is worth the time; else why it is not.

        Before a task is sent a second time, which is its last: a function that ends after each answer takes a while for
        it, in which the next request still finds room in the pipe, and of two such containers a task would be lost.

        And where it has had a task before, by the look of it: one that answered, and is not back at its stdin, may be
        at work on that task still, and what it gave was a stray answer of another. What it writes now would be taken
        for the next one's, and so on for as long as calls wait (M1). It reads nothing meanwhile, so nobody loses by
        the wait; but it may be one that reads otherwise than it was seen to, so it ends.
        """
        before = "before it was sent anything"
        if task.redispatched:
            limit_s = min(self._deadline_s(task), self._clock.now() + _SECOND_LOOK_S)
            return self._watch(before, limit_s=limit_s, is_over=self._is_interrupted)
        if self._listens or not self.tasks_served:  # a socket has a stream for each task
            return None
        strays = self.revision.number in self._supervisor.strays
        if not (strays or self._longest_s >= _SLOW_S or self.tasks_served % _EVERY == 0):
            return None
        assert self.io is not None  # noqa: S101  serve() has opened it
        if not self.io.is_sight_free:  # an engine that hangs would keep the task from a container that does not
            return None
        for _ in range(_TURN_LOOKS if self._is_seen_reading else 1):
            if self.io.waits_for_input():
                self._is_seen_reading = True
                return self._find_stray(before, wait_s=0.0)  # what it wrote before it came to read is there by now
        wait_s = 2 * self._longest_s + _TURN_S if self._is_seen_reading else _UNSEEN_S if strays else 0.0
        limit_s = min(self._deadline_s(task), self._clock.now() + wait_s)
        return self._watch(before, limit_s=limit_s, is_over=self._is_interrupted, is_turn=True) if wait_s else None

    def _ended(self, task: Task) -> Outcome:
        """The stream ended first: the task is dispatched again if it was certainly not read, else it fails (M3, M4)."""
        assert self.io is not None  # noqa: S101  serve() has opened it
        written = self._exchange.written
        if not written:
            cause = self._death("before it was sent anything", closed="socket" if self._listens else "stdin")
            return Outcome(unread=cause, retire=cause, died=True)
        when = "in the middle of its answer" if self._decoder.started else "before it answered"
        cause = self._death(when, closed="socket" if self._listens else "stdout")
        unread = self.io.unread_bytes()
        has_ended = self.io.wait(0) is not None
        if has_ended and not self._decoder.started and unread is not None and unread >= written:
            return Outcome(unread=cause, sent=True, retire=cause, died=True)
        return Outcome(result=self._result(task, TaskStatus.ERROR, error=cause), retire=cause, died=True)

    def _find_fault(self) -> str:
        """Section 7's proof for stdin formats; empty if it is proved, else what is wrong."""
        fault = self._watch(
            "while it proved itself",
            limit_s=self._clock.now() + max(self.revision.spec.init_timeout_s, self.revision.spec.prove_s),
            is_over=lambda: bool(self.leave_reason or self.kill_reason),
        )
        return self.kill_reason or self.leave_reason if fault is None else fault

    def _watch(self, when: str, *, limit_s: float, is_over: Callable[[], bool], is_turn: bool = False) -> str | None:
        """Looks whether it is fit: seen waiting for input, or still alive `prove_s` seconds later.

        Those seconds count from when it was last seen at work: on a busy machine an interpreter takes longer than that
        to find a syntax error, and a revision that cannot start would go live. `limit_s`, on the clock, ends the wait;
        for its turn (`is_turn`) that alone does. One that sleeps, whatever for, is not at work.

        Returns:
            Empty if it is, else what is wrong; None if it was over first.
        """
        io = self.io
        assert io is not None  # noqa: S101  serve() has opened it
        prove_s, look_s = self.revision.spec.prove_s, _TURN_LOOK_S if is_turn else _LOOK_S
        until_s = limit_s if is_turn else self._clock.now() + prove_s
        while not is_over():
            waits = io.waits_for_input()
            self._is_seen_reading = bool(waits)
            now_s = self._clock.now()
            if waits is False and not is_turn:
                until_s = now_s + prove_s
            left_s = 0.0 if waits else min(until_s, limit_s) - now_s
            if fault := self._find_stray(when, wait_s=max(min(left_s, look_s), 0.0)):
                return fault
            if left_s <= 0:
                return ""
        return None

    def _find_stray(self, when: str, *, wait_s: float) -> str:
        """Whether it has ended, or writes unasked, within so many seconds; empty if not, else in words."""
        assert self.io is not None  # noqa: S101  serve() has opened it
        came = self.io.read(wait_s)
        if came == b"":
            return self._death(when)
        if came is None or is_blank(came):
            return ""
        self._supervisor.strays.add(self.revision.number)
        return f"it wrote to stdout before any request: {came[:60]!r}"
