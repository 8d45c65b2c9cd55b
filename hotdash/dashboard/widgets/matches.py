"""What of a line matches, reversed: for every pane in which one can search. Pure; the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.dashboard.filters import Filter

MOST = 100  # marked in one line
_MATCH = Style(reverse=True)
_HERE = Style(bold=True, underline=True)


def spans_of(found: Filter, content: str) -> list[tuple[int, int]]:
    """Where a line's first matches begin and end."""
    return found.spans(content, MOST)


def marked(body: Iterable[Segment], spans: Iterable[tuple[int, int]], *, is_here: bool = False) -> Iterable[Segment]:
    """The segments of a line, cut where matches begin and end, those in between reversed.

    Args:
        body: The line.
        spans: Where its matches begin and end.
        is_here: Whether one has gone to this line: its matches are underlined, too.
    """
    style_of_match = _MATCH + _HERE if is_here else _MATCH
    bounds = [bound for span in spans if span[0] < span[1] for bound in span]
    at, within = 0, False
    for segment in body:
        left = segment.text
        style = segment.style or Style()
        while left:
            while bounds and bounds[0] <= at:
                bounds.pop(0)
                within = not within
            size = len(left) if not bounds else min(len(left), bounds[0] - at)
            yield Segment(left[:size], style + style_of_match if within else style)
            at, left = at + size, left[size:]
