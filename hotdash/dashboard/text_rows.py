"""`TextRows`: lines on rows, as wrapping cuts them, and which of them a filter matches. No Textual.

Belongs to the widget that draws it, and to the screen's thread.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from hotdash.dashboard.lines import Line, unstyled, wrap_cuts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.dashboard.filters import Filter


class TextRows:
    """The lines that are shown of a text, and the rows that each takes; nothing is drawn here.

    Args:
        hang: Cells by which a line's other rows stand further in than its first.

    Attributes:
        shown: The lines that are shown.
        hits: The places among the shown ones of those that the filter matches.
    """

    def __init__(self, *, hang: int) -> None:
        self.shown: Sequence[Line] = ()
        self.hits: list[int] = []
        self._hang = hang
        self._cuts: list[list[int]] = []
        self._indents: list[int] = []
        self._ends: list[int] = []  # the row after each shown line

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def arrange(self, lines: Sequence[Line], *, width: int, found: Filter | None, is_hiding: bool) -> None:
        """Takes other lines, or shows them otherwise.

        Args:
            lines: All of the text.
            width: Cells of a row.
            found: What is looked for; None for nothing. An inverted one always hides.
            is_hiding: Whether lines that the filter does not match are hidden.
        """
        words = [unstyled(line) for line in lines]
        self.shown, self.hits = lines, []
        if found is not None and not found.is_too_slow:
            matching = found.kept(range(len(words)), words.__getitem__)
            if is_hiding or found.inverted:
                self.shown = [lines[at] for at in matching]
                words = [words[at] for at in matching]
                matching = list(range(len(matching)))
            self.hits = [] if found.inverted else matching
        self._cuts, self._indents, self._ends = [], [], []
        end = 0
        for content in words:
            indent = min(len(content) - len(content.lstrip(" ")) + self._hang, width // 2)
            cuts = wrap_cuts(content, width, width - indent)
            self._cuts.append(cuts)
            self._indents.append(indent)
            end += len(cuts) + 1
            self._ends.append(end)

    def at(self, row: int) -> tuple[int, int] | None:
        """The place of the line that a row belongs to, and which row of it that is; None below the last."""
        if not 0 <= row < len(self):
            return None
        place = bisect_right(self._ends, row)
        return place, row - self.row_of(place)

    def row_of(self, place: int) -> int:
        """The first row of the shown line at `place`."""
        return self._ends[place - 1] if place else 0

    def cuts_of(self, place: int) -> tuple[list[int], int]:
        """The cells at which a line's rows but the first begin, and those by which these are indented."""
        return self._cuts[place], self._indents[place]
