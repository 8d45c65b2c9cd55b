"""`TextView`: lines that wrap and scroll, for what does not stream: the Run pane, build output, faults.

A line costs little until it is seen: only the rows on the screen are styled and kept as strips.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.cache import LRUCache
from textual.geometry import Size
from textual.message import Message

from hotdash.dashboard.finding import Finding
from hotdash.dashboard.hits import hit_from, number_of_hit
from hotdash.dashboard.lines import Line, unstyled
from hotdash.dashboard.text_rows import TextRows
from hotdash.dashboard.widgets.matches import marked, spans_of
from hotdash.dashboard.widgets.painted import divided, padded
from hotdash.dashboard.widgets.selectable import Selectable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.strip import Strip

    from hotdash.dashboard.filters import Filter

_STRIPS_KEPT = 256
_NOWHERE = -1


class TextView(Selectable):
    """Shows lines, each wrapped under its own indentation; a filter marks its matches, or hides all else.

    Attributes:
        found: What is looked for; None for nothing.
        is_hiding: Whether lines that do not match are hidden.
    """

    class Resized(Message):
        """It has another width: for lines that are made to measure."""

        def __init__(self, view: TextView) -> None:
            self.view = view
            super().__init__()

    def __init__(self, *, hang: int = 2, widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
        self.lines: tuple[Line, ...] = ()
        self.found: Filter | None = None
        self.is_hiding = False
        self._here = _NOWHERE  # the place among the shown lines of the match that one has gone to
        self._rows = TextRows(hang=hang)
        self._strips: LRUCache[int, list[Strip]] = LRUCache(_STRIPS_KEPT)
        self._for: tuple[object, ...] = ()

    @property
    def text(self) -> str:
        """What is shown, for the clipboard."""
        return "\n".join(map(unstyled, self._rows.shown if self.found is not None else self.lines))

    def show(self, lines: Sequence[Line]) -> None:
        """Shows these lines; keeps the place. Nothing is painted if they are the ones shown."""
        fresh = tuple(lines)
        if fresh != self.lines:
            self.lines = fresh
            self._arrange()

    # --- what is looked for -------------------------------------------------------------------------------------------

    @property
    def finding(self) -> Finding:
        """What there is to tell of the search."""
        hit = number_of_hit(self._rows.hits, self._here)
        return Finding(found=self.found, hits=len(self._rows.hits), hit=hit, is_hiding=self.is_hiding)

    def set_filter(self, found: Filter | None) -> None:
        """Marks another filter's matches; none if None."""
        self.found, self._here = found, _NOWHERE
        self._arrange()

    def go_to_first(self) -> None:
        """Brings the first match from the top of what is seen on in sight."""
        self._here = _NOWHERE
        self.go_to_match(1)

    def leave_match(self) -> None:
        """What is shown is about something else: one has gone to none of its matches."""
        self._here = _NOWHERE

    def set_hiding(self, *, on: bool) -> None:
        """Hides the lines that the filter does not match, or only marks its matches."""
        hit = number_of_hit(self._rows.hits, self._here)
        self.is_hiding, self._here = on, _NOWHERE
        self._arrange()
        if hit and hit <= len(self._rows.hits):
            self._go_to(self._rows.hits[hit - 1])

    def go_to_match(self, direction: int) -> bool:
        """Goes to the filter's next match, or the one before; False if there is none."""
        place = self._here
        if place == _NOWHERE:
            top = self._rows.at(self.scroll_offset.y)
            place = 0 if top is None else top[0] - (direction > 0)
        return self._go_to(hit_from(self._rows.hits, place, direction))

    def _go_to(self, place: int | None) -> bool:
        if place is None:
            return False
        self._here = place
        row = self._rows.row_of(place)
        top = self.scroll_offset.y
        if not top <= row < top + self.size.height:
            y = max(0, row - self.size.height // 3)
            self.scroll_to(y=y, animate=False, force=True, immediate=True)
        self._strips.clear()
        self.refresh()
        return True

    # --- painting -----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Other widths wrap otherwise."""
        self._arrange()
        self.post_message(self.Resized(self))

    def forget(self) -> None:
        """The theme has changed."""
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One row."""
        row = y + self.scroll_offset.y
        strip = self.row_strip(row)
        return self.blank(self.room) if strip is None else self.selected_row(strip, row)

    def row_strip(self, row: int) -> Strip | None:
        """See `Selectable`."""
        found = self._rows.at(row)
        if found is None:
            return None
        place, part = found
        strips = self._strips.get(place)
        if strips is None:
            strips = self._strips[place] = self._wrapped(place, self.room)
        return strips[part]

    def _arrange(self) -> None:
        width = self.room
        is_used = self.found is not None and not self.found.is_too_slow
        now = (width, self.lines, self.found, is_used, self.is_hiding)
        if not width or self._for == now:
            return
        self._for = now
        self._rows.arrange(self.lines, width=width, found=self.found, is_hiding=self.is_hiding)
        self._strips.clear()
        self.virtual_size = Size(0, len(self._rows))
        self.refresh()

    def _wrapped(self, place: int, width: int) -> list[Strip]:
        line = self._rows.shown[place]
        body = self.segments(line)
        if self.found is not None:
            body = list(marked(body, spans_of(self.found, unstyled(line)), is_here=place == self._here))
        cuts, indent = self._rows.cuts_of(place)
        if not cuts:
            return [padded(body, width, self.base)]
        first, *rest = divided(body, cuts)
        lead = Segment(" " * indent, self.base)
        return [padded([*first], width, self.base), *(padded([lead, *part], width, self.base) for part in rest)]
