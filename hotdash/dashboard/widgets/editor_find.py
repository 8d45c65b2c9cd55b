"""`EditorFind`: a search in editors, one after the other. Belongs to their pane, and to the screen's thread.

The match that one has gone to is what is selected in its editor: typing replaces it, as in other editors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.widgets.text_area import Selection

from hotdash.dashboard.finding import Finding
from hotdash.dashboard.widgets.matches import spans_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.widgets.json_area import JsonArea


class _Match(NamedTuple):
    """Where a match is; they are ordered as one reads."""

    area: int
    row: int
    start: int
    end: int


class EditorFind:
    """Finds in some editors.

    Args:
        areas: In the order in which one reads them.
    """

    def __init__(self, areas: Sequence[JsonArea]) -> None:
        self._areas = tuple(areas)
        self.area = self._areas[0]  # where one is
        self.found: Filter | None = None

    def be_at(self, widget: object) -> bool:
        """The search goes on from this editor; False if it is none of them."""
        found = next((area for area in self._areas if area is widget), None)
        if found is not None:
            self.area = found
        return found is not None

    def set_filter(self, found: Filter | None) -> None:
        """Marks another filter's matches; none if None."""
        self.found = found
        for area in self._areas:
            area.mark(found)

    @property
    def finding(self) -> Finding:
        """How the search stands."""
        matches = self._matches()
        hit = next((at for at, match in enumerate(matches, start=1) if self._is_selected(match)), 0)
        return Finding(found=self.found, hits=len(matches), hit=hit, is_hiding=True)

    def go(self, direction: int, *, from_here: bool = False) -> bool:
        """Selects the match behind (1) or before (-1) the cursor, round the ends; False if there is none.

        Args:
            direction: Which way.
            from_here: Whether the one that is selected will do, as while one types what is looked for.
        """
        matches = self._matches()
        if not matches:
            return False
        start, end = sorted((self.area.selection.start, self.area.selection.end))
        here = self._areas.index(self.area)
        if direction < 0:
            before = [match for match in matches if match[:3] < (here, *start)]
            self._select(before[-1] if before else matches[-1])
        else:
            after = [match for match in matches if match[:3] >= (here, *(start if from_here else end))]
            self._select(after[0] if after else matches[0])
        return True

    def _matches(self) -> list[_Match]:
        found = self.found
        if found is None:
            return []
        return [
            _Match(at, row, start, end)
            for at, area in enumerate(self._areas)
            for row, line in enumerate(area.document.lines)
            for start, end in spans_of(found, line)
            if start < end
        ]

    def _is_selected(self, match: _Match) -> bool:
        _, row, start, end = match
        is_in_it = self._areas[match.area] is self.area
        return is_in_it and self.area.selection == Selection((row, start), (row, end))

    def _select(self, match: _Match) -> None:
        self.area = self._areas[match.area]
        self.area.selection = Selection((match.row, match.start), (match.row, match.end))
