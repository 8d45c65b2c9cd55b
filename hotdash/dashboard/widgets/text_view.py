"""`TextView`: lines that wrap and scroll, for what does not stream: the Run pane, build output, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message

from hotdash.dashboard.lines import Line, unstyled, wrap_cuts
from hotdash.dashboard.widgets.painted import divided, padded
from hotdash.dashboard.widgets.selectable import Selectable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.strip import Strip


class TextView(Selectable):
    """Shows lines, each wrapped under its own indentation."""

    class Resized(Message):
        """It has another width: for lines that are made to measure."""

        def __init__(self, view: TextView) -> None:
            self.view = view
            super().__init__()

    def __init__(self, *, hang: int = 2, widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
        self.hang = hang  # cells by which a line's other rows stand further in than its first
        self.lines: tuple[Line, ...] = ()
        self._strips: list[Strip] = []
        self._for: tuple[int, tuple[Line, ...]] = (-1, ())

    @property
    def text(self) -> str:
        """What is shown, for the clipboard."""
        return "\n".join(map(unstyled, self.lines))

    def show(self, lines: Sequence[Line]) -> None:
        """Shows these lines; keeps the place. Nothing is painted if they are the ones shown."""
        fresh = tuple(lines)
        if fresh != self.lines:
            self.lines = fresh
            self._arrange()

    def on_resize(self) -> None:
        """Other widths wrap otherwise."""
        self._arrange()
        self.post_message(self.Resized(self))

    def forget(self) -> None:
        """The theme has changed."""
        self._for = (-1, ())
        self._arrange()

    def render_line(self, y: int) -> Strip:
        """One row."""
        row = y + self.scroll_offset.y
        strip = self.row_strip(row)
        return self.blank(self.room) if strip is None else self.selected_row(strip, row)

    def row_strip(self, row: int) -> Strip | None:
        """See `Selectable`."""
        return self._strips[row] if 0 <= row < len(self._strips) else None

    def _arrange(self) -> None:
        width = self.room
        if not width or self._for == (width, self.lines):
            return
        self._for = (width, self.lines)
        self._strips = [strip for line in self.lines for strip in self._wrapped(line, width)]
        self.virtual_size = Size(0, len(self._strips))
        self.refresh()

    def _wrapped(self, line: Line, width: int) -> list[Strip]:
        words = unstyled(line)
        indent = min(len(words) - len(words.lstrip(" ")) + self.hang, width // 2)
        cuts = wrap_cuts(words, width, width - indent)
        if not cuts:
            return [self.strip_of(line, width)]
        first, *rest = divided(self.segments(line), cuts)
        lead = Segment(" " * indent, self.base)
        return [padded([*first], width, self.base), *(padded([lead, *part], width, self.base) for part in rest)]
