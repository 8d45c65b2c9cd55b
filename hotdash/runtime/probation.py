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
    """

    __slots__ = ("_restore", "before", "fault", "revision")

    def __init__(self, *, revision: Revision, before: Revision, restore: Callable[[Effects], bool]) -> None:
        self.revision = revision
        self.before = before
        self.fault = ""  # how a container of it ended before any answer
        self._restore = restore

    def fail(self, fault: str, effects: Effects) -> bool:
        """A container of it ended by itself. Returns whether the revision before it is live again."""
        self.fault = self.fault or fault
        return self._restore(effects)
