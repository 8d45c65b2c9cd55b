"""`TaskStarts`: when tasks started, for times that count from there. Belongs to the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.store import FunctionView, Snapshot


class TaskStarts:
    """Looks tasks up in the newest snapshot; a function's are listed anew only where one asks after it has changed."""

    def __init__(self, *, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._known: dict[str, tuple[FunctionView, dict[str, float]]] = {}

    def __call__(self, function: str, task_id: str) -> float | None:
        """When the task started, on the runtime's clock; None if it has not, or is known no more."""
        view = self._snapshot().functions.get(function)
        if view is None:
            return None
        known = self._known.get(function)
        if known is None or known[0] is not view:
            tasks = (*view.ended, *view.running)
            known = (view, {task.id: task.started_at_s for task in tasks if task.started_at_s is not None})
            self._known[function] = known
        return known[1].get(task_id)
