"""`TextView`: lines that wrap and scroll, for what does not stream: the Run pane, build output, faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip

from hotdash.dashboard.lines import Line, unstyled
from hotdash.dashboard.widgets.painted import Painted

if TYPE_CHECKING:
    from collections.abc import Sequence


class TextView(Painted):
    """Shows lines, each wrapped under its own indentation."""

    def __init__(self, *, widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
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

    def forget(self) -> None:
        """The theme has changed."""
        self._for = (-1, ())
        self._arrange()

    def render_line(self, y: int) -> Strip:
        """One row."""
        at = y + self.scroll_offset.y
        width = self.size.width
        if at >= len(self._strips):
            return Strip.blank(width, self.rich_style)
        return self._strips[at].adjust_cell_length(width).apply_style(self.rich_style)

    def _arrange(self) -> None:
        width = self.size.width
        if not width or self._for == (width, self.lines):
            return
        self._for = (width, self.lines)
        self._strips = [strip for line in self.lines for strip in self._wrapped(line, width)]
        self.virtual_size = Size(0, len(self._strips))
        self.refresh()

    def _wrapped(self, line: Line, width: int) -> list[Strip]:
        strip = Strip(self.segments(line))
        if strip.cell_length <= width:
            return [strip]
        words = unstyled(line)
        indent = min(len(words) - len(words.lstrip(" ")) + 2, width // 2)
        first, rest = strip.divide([width, strip.cell_length])
        room, length = width - indent, rest.cell_length
        tail = rest.divide([*range(room, length, room), length])
        return [first, *(Strip([Segment(" " * indent), *part]) for part in tail)]
