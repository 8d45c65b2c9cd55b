"""`Effects`: what a decision asks for, collected under a supervisor's lock and carried out once that is free.

Decide under the lock, act outside it (httpcore's pool does the same): no result is set, no thread started and no
container woken while others wait for the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.clock import Gate
    from hotdash.runtime.container import ServedContainer
    from hotdash.task import Task, TaskResult


class Effects:
    """Gates to open, containers to wake and to launch, answers to give, and what else there is to do, in that order."""

    __slots__ = ("_answers", "_calls", "_gates", "_launches", "_wakes")

    def __init__(self) -> None:
        self._gates: list[Gate] = []
        self._wakes: list[ServedContainer] = []
        self._launches: list[ServedContainer] = []
        self._answers: list[tuple[Task, TaskResult]] = []
        self._calls: list[Callable[[], object]] = []

    def open(self, gate: Gate) -> None:
        """A parked thread has something to do."""
        self._gates.append(gate)

    def wake(self, container: ServedContainer) -> None:
        """A serve thread that waits for an answer has a reason to look up."""
        self._wakes.append(container)

    def launch(self, container: ServedContainer) -> None:
        """A new container's thread is to start."""
        self._launches.append(container)

    def answer(self, task: Task, result: TaskResult) -> None:
        """A task has ended without a container."""
        self._answers.append((task, result))

    def call(self, function: Callable[[], object]) -> None:
        """Something that takes other supervisors' locks."""
        self._calls.append(function)

    def carry_out(self) -> None:
        """Does it all; without the lock."""
        for gate in self._gates:
            gate.open()
        for container in self._wakes:
            container.wake()
        for container in self._launches:
            container.launch()
        for task, result in self._answers:
            task.set_result(result)
        for function in self._calls:
            function()
