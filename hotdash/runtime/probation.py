"""`Probation`: a new revision until its first answer, and what takes over if it ends before (the design's section 7).

Its supervisor's lock guards it; no thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.runtime.effects import Effects
    from hotdash.runtime.revision import Revision


class Probation:
    """A hot revision that replaced another and has not answered yet.

    Args:
        revision: The new one.
        before: The one that it replaced.
        restore: Makes `before` live again, under the supervisor's lock; False if a newer deploy is under way: if that
            fails, it is restored then.
        is_waived: Whether it stays, however it ends: who looks for the cause of a crash asked for this code again.
    """

    __slots__ = ("_restore", "before", "fault", "is_waived", "revision", "task_id")

    def __init__(
        self, *, revision: Revision, before: Revision, restore: Callable[[Effects], bool], is_waived: bool = False
    ) -> None:
        self.revision = revision
        self.before = before
        self.is_waived = is_waived
        self.fault = ""  # how a container of it ended before any answer
        self.task_id = ""  # in which call, if it was in one
        self._restore = restore

    def fail(self, fault: str, effects: Effects, *, task_id: str) -> bool:
        """A container of it ended by itself. Returns whether the revision before it is live again."""
        if self.is_waived:
            return False
        if not self.fault:
            self.fault, self.task_id = fault, task_id
        return self._restore(effects)
