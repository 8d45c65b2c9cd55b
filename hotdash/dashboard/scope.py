"""`Scope`: what the panes at the right are about. A frozen value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.dashboard import words
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.events import StderrLine
    from hotdash.store import TaskView

_NAMED = 3  # of what is marked, in the title


class Scope(Struct, frozen=True, kw_only=True):
    """A function, one container of it, or one task of it; an empty `function` for nothing; or all that is marked.

    A task of the history has the `place` where it is kept there: its lines are those that were kept with it.
    """

    function: str = ""
    container_id: str = ""
    task_id: str = ""
    place: int = 0
    marked: tuple[Scope, ...] = ()

    def has(self, line: StderrLine) -> bool:
        """Whether a line of one of its functions is in it."""
        if self.marked:
            return any(scope.function == line.function and scope.has(line) for scope in self.marked)
        if self.task_id:
            if self.place:  # with it the history has its container's own
                return line.seq < 0 and line.task_id in {self.task_id, ""}
            return line.seq > 0 and line.task_id == self.task_id
        return not self.container_id or line.container_id == self.container_id

    def has_task(self, task: TaskView) -> bool:
        """Whether a task of its function is in it; for one scope, not for all that is marked."""
        if self.task_id:
            return task.id == self.task_id
        return not self.container_id or task.container_id == self.container_id

    @property
    def functions(self) -> tuple[str, ...]:
        """The keys of the functions whose lines may be in it, each once."""
        if self.marked:
            return tuple(dict.fromkeys(scope.function for scope in self.marked))
        return (self.function,) if self.function else ()

    @property
    def is_whole(self) -> bool:
        """Whether every line of its functions is in it."""
        if self.marked:
            whole = {scope.function for scope in self.marked if scope.is_whole}
            return whole.issuperset(self.functions)
        return not self.task_id and not self.container_id

    @property
    def title(self) -> str:
        """What it is called."""
        if self.marked:
            names = ", ".join(scope.title for scope in self.marked[:_NAMED])
            return f"{len(self.marked)} marked: {names}" + (", …" if len(self.marked) > _NAMED else "")
        if self.task_id:
            return f"{plain(self.function)} {words.short_id(self.task_id)}"
        return f"{plain(self.function)} {plain(self.container_id)}".strip()


def scope_of(key: tuple[str, ...]) -> Scope | None:
    """What a table's row of this key stands for; None for a row that stands for nothing."""
    match key:
        case ("function", function):
            return Scope(function=function)
        case ("container", function, container_id):
            return Scope(function=function, container_id=container_id)
        case ("task", function, task_id):
            return Scope(function=function, task_id=task_id)
        case ("past", place, function, task_id):
            return Scope(function=function, task_id=task_id, place=int(place))
    return None
