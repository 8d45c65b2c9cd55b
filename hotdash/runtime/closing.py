"""`Closing`: why a function takes no more tasks: its runtime closes, or it was removed. Frozen; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import RuntimeClosed, UnknownFunction
from hotdash.task import TaskCause

if TYPE_CHECKING:
    from hotdash.errors import HotdashError


class Closing(Struct, frozen=True, kw_only=True):
    """Why it takes no more.

    Args:
        reason: In words, which stand in the errors of the tasks that this ends (M13).
        cause: The same for programs.
    """

    reason: str
    cause: TaskCause

    @property
    def unstarted(self) -> str:
        """The error of a task that still waited."""
        return f"{self.reason} before this task started"

    def after(self, passed: str) -> Closing:
        """The same, once something else has passed, such as the time for it."""
        return Closing(reason=f"{passed} {self.reason}", cause=self.cause)

    def refusal(self, key: str) -> HotdashError:
        """What who submits to, or deploys, the function `key` is told."""
        if self.cause is TaskCause.CLOSED:
            return RuntimeClosed(f"{self.reason}: no more tasks are taken")
        return UnknownFunction(f"{key}: {self.reason}")


RUNTIME_CLOSED = Closing(reason="RuntimeClosed: the runtime closed", cause=TaskCause.CLOSED)


def removal(key: str) -> Closing:
    """The function `key` was removed."""
    return Closing(reason=f"{key} was removed", cause=TaskCause.REMOVED)
