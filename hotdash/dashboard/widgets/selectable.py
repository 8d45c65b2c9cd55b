"""`Selectable`: a painted widget whose text the mouse selects.

Textual finds the cell below the mouse by styles that carry its place, which would have to be made anew for every row
of a flood; here the widget itself knows.
Runs in the screen's thread, as all widgets do. Its screen is a `SelectingScreen`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.errors import NoWidget
from textual.geometry import Offset
from textual.screen import Screen, ScreenResultType
from textual.strip import Strip

from hotdash.dashboard.widgets.painted import Painted

if TYPE_CHECKING:
    from textual.selection import Selection
    from textual.widget import Widget

_SELECTED = Style(reverse=True)


class Selectable(Painted):
    """Its selection counts in cells, and in rows from the first of its content."""

    ALLOW_SELECT: ClassVar[bool] = True

    def row_strip(self, row: int) -> Strip | None:
        """One row of the content, or None below the last."""
        raise NotImplementedError

    def offset_at(self, x: int, y: int) -> Offset:
        """The place in the content of a cell of the widget's region."""
        top, left = self.gutter.top, self.gutter.left
        return Offset(max(0, x - left), max(0, y - top) + self.scroll_offset.y)

    def selected_row(self, strip: Strip, row: int) -> Strip:
        """The row's strip with what is selected of it reversed."""
        selection = self.text_selection
        span = None if selection is None else selection.get_span(row)
        if span is None:
            return strip
        start, end = span
        end = strip.cell_length if end < 0 else min(end, strip.cell_length)
        if start >= end:
            return strip
        parts = (strip.crop(0, start), strip.crop(start, end).apply_style(_SELECTED), strip.crop(end))
        return Strip([segment for part in parts for segment in part], strip.cell_length)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, and what goes between it and the next widget's."""
        first = 0 if selection.start is None else selection.start.y
        last = self.virtual_size.height - 1 if selection.end is None else selection.end.y
        pieces: list[str] = []
        for row in range(first, last + 1):
            span, strip = selection.get_span(row), self.row_strip(row)
            if span is None or strip is None:
                break
            start, end = span
            piece = strip.crop(start, None if end < 0 else end).text.rstrip()
            if pieces and (lead := self.lead_of_rest(row)):
                pieces[-1] += " " * self.is_cut_at_space(row) + piece[lead:]
            else:
                pieces.append(piece)
        return "\n".join(pieces), "\n"

    def lead_of_rest(self, row: int) -> int:  # noqa: ARG002  for subclasses
        """The cells that stand before a row's own text if it goes on with the line of the row above; 0 if not."""
        return 0

    def is_cut_at_space(self, row: int) -> bool:  # noqa: ARG002  for subclasses
        """Whether a row that goes on with a line was cut from the row above at a space."""
        return False


class SelectingScreen(Screen[ScreenResultType]):
    """A screen whose `Selectable` widgets say themselves which cell of their content lies below the mouse."""

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """See Textual's."""
        try:
            widget, region = self.get_widget_at(x, y)
        except NoWidget:
            return None, None
        if isinstance(widget, Selectable):
            return widget, widget.offset_at(x - region.x, y - region.y)
        return super().get_widget_and_offset_at(x, y)
