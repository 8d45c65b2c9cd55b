"""`ColdContainer`: a container for one task alone: stdin is the payload, stdout the answer, exit code 0 success (R2).

Runs in its own serve thread, which has its task from the beginning: the supervisor starts one cold container a task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.errors import ProtocolError, StartError
from hotdash.runtime.container import ServedContainer
from hotdash.runtime.exchange import DeadlinePassed, Interrupted
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from hotdash.protocol.base import Answer
    from hotdash.task import Task, TaskResult


class ColdContainer(ServedContainer):
    """See the module's docstring; `serve` is the thread."""

    is_cold = True

    def serve(self) -> None:
        """Starts, runs its task, ends."""
        task = self.task
        assert task is not None  # noqa: S101  the supervisor gave it before the thread began
        try:
            self._open(self._format.task_environment(self.revision.spec, task.request))
        except StartError as error:
            self._supervisor.start_failed(self, str(error))
            return
        result = self._run(task)
        self._supervisor.finish(self, result, retire="its task has ended", answered=True)
        task.set_result(result)

    def _run(self, task: Task) -> TaskResult:
        self._decoder.begin(task.request)
        deadline_s = self._deadline_s(task)
        try:
            answer = self._exchange.run_to_end(
                self._format.encode(self.revision.spec, task.request),
                deadline_s=deadline_s,
                is_interrupted=self._is_interrupted,
            )
            return self._exited(task, answer, deadline_s)
        except Interrupted:
            return self._interrupted(task)
        except DeadlinePassed:
            return self._timed_out(task)
        except ProtocolError as error:
            return self._result(task, TaskStatus.ERROR, error=f"not an answer in its format: {error}")

    def _exited(self, task: Task, answer: Answer, deadline_s: float) -> TaskResult:
        """Stdout has ended: the exit code decides. It may work on with its stdout closed, until the deadline."""
        io = self.io
        assert io is not None  # noqa: S101  serve() has opened it
        while (end := io.wait(min(max(deadline_s - self._clock.now(), 0.0), 0.05))) is None:
            if self._is_interrupted():
                raise Interrupted
            if self._clock.now() >= deadline_s:
                raise DeadlinePassed
        self._stderr_thread.join()
        if end.code == 0:
            return self._result(task, TaskStatus.SUCCESS, answer=answer)
        error = f"the container {end}{self._last_words()}"
        return self._result(task, TaskStatus.ERROR, answer=answer, error=error)
