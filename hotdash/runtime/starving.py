"""`Starving`: since when a function's tasks wait for memory while no container of it lives (M12's `wait_timeout`).

A value that its supervisor's lock guards; no thread.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotdash.task import Task


class Starving:
    """Times; the ledger acts.

    Attributes:
        since_s: Since when, on the clock; None while they do not.
        is_watched_until_s: When the timekeeper will look at them; None if it will not.
    """

    def __init__(self) -> None:
        self.since_s: float | None = None
        self.is_watched_until_s: float | None = None

    def begin(self, first: Task, *, wait_s: float, now_s: float) -> float | None:
        """They do, if not already since before. Returns when to look at them, if nobody would look so soon."""
        if self.since_s is None:
            self.since_s = now_s
        due_s = self.until_s(first, wait_s=wait_s)
        if self.is_watched_until_s is not None and self.is_watched_until_s <= due_s:
            return None
        self.is_watched_until_s = due_s
        return due_s

    def end(self) -> None:
        """They do not, or something lives that will take them."""
        self.since_s = None

    def until_s(self, task: Task, *, wait_s: float) -> float:
        """When a task has waited for `wait_s` seconds; never, if they do not starve."""
        return math.inf if self.since_s is None else max(self.since_s, task.submitted_s) + wait_s
