"""`RunView`: the Run pane's lines, and how far JSON is unfolded in them."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from hotdash.dashboard.run_lines import DEPTH
from hotdash.dashboard.widgets.text_view import TextView

_DEEPEST = 40


class RunView(TextView):
    """Shows a task."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "fold(1)", show=False),
        Binding("left,h", "fold(-1)", show=False),
    ]

    class Folded(Message):
        """JSON is to be shown to another depth."""

    def __init__(self, *, widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
        self.depth = DEPTH

    def action_fold(self, step: int) -> None:
        """Unfolds JSON by a level, or folds it."""
        self.depth = max(0, min(_DEEPEST, self.depth + step))
        self.post_message(self.Folded())
