"""Going from match to match: places in order, and round their ends. Pure; any thread."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def hit_from(hits: Sequence[int], place: int, direction: int) -> int | None:
    """The match next to `place`, after it (1) or before it (-1), round the ends; None if there is none.

    Args:
        hits: The places of all matches, in order.
        place: Where one is.
        direction: Which way.
    """
    if not hits:
        return None
    return hits[bisect_right(hits, place) % len(hits)] if direction > 0 else hits[bisect_left(hits, place) - 1]


def number_of_hit(hits: Sequence[int], place: int) -> int:
    """Which match, counted from 1, the one at `place` is; 0 if it is none.

    Args:
        hits: As above.
        place: Likewise.
    """
    at = bisect_left(hits, place)
    return at + 1 if at < len(hits) and hits[at] == place else 0
