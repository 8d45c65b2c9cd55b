"""`Scope`: what the panes at the right are about. A frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.events import StderrLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A function, one container of it, or one task of it; an empty `function` for nothing."""

    function: str = ""
    container_id: str = ""
    task_id: str = ""

    def has(self, line: StderrLine) -> bool:
        """Whether a line of the function's is in it."""
        if self.task_id:
            return line.task_id == self.task_id
        return not self.container_id or line.container_id == self.container_id

    @property
    def title(self) -> str:
        """What it is called."""
        if self.task_id:
            return f"{plain(self.function)} {words.short_id(self.task_id)}"
        return f"{plain(self.function)} {plain(self.container_id)}".strip()
