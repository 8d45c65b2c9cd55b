"""`Finding`: how a search in a pane stands, and that in words. Values; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.dashboard import words
from hotdash.dashboard.filters import parse_filter
from hotdash.dashboard.lines import Line, Tone
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.dashboard.filters import Filter


class Finding(Struct, frozen=True, kw_only=True):
    """How a search stands.

    Args:
        found: What is looked for; None for nothing.
        hits: How many lines match.
        hit: Which of them one has gone to, from 1; 0 for none.
        is_hiding: Whether the others are hidden.
        unit: What is counted.
    """

    found: Filter | None = None
    hits: int = 0
    hit: int = 0
    is_hiding: bool = False
    unit: str = "match"


def parse_search(typed: str) -> Filter | None:
    """As `parse_filter`, where there is nothing to hide: a `!` is one, and inverts nothing.

    Raises:
        BadFilter: It is no regular expression.
    """
    return parse_filter(f"\\{typed}" if typed.startswith("!") else typed)


def finding_line(finding: Finding) -> Line:
    """What is told of it beside the tabs, what was typed last: it may be long. Nothing where nothing is looked for."""
    found = finding.found
    if found is None:
        return ()
    typed = (f"/{plain(found.typed)}  ", Tone.ACCENT)
    if found.is_too_slow:
        return ("too slow, not used ", Tone.ERROR), typed
    if found.inverted:
        return (typed,)
    at = f"{finding.hit:,}/" if finding.hit else ""
    matches = at + words.counted(finding.hits, finding.unit)
    return (matches + (" " if finding.is_hiding else ", all lines "), Tone.MUTED), typed
