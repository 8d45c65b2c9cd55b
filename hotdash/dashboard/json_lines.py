"""JSON as lines: coloured by what it is, folded where it is deep or long. Pure; any thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Span, Tone
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS_SHOWN = 100  # of one list or object
_INDENT = "  "


def json_lines(value: Any, *, depth: int) -> list[Line]:
    """A value, laid out.

    Args:
        value: As `json.loads` gives it.
        depth: Levels that are unfolded; what is deeper stands in one line, by its size.
    """
    return [(("  ", Tone.TEXT), *line) for line in _lines(value, (), depth, 0)]


def _lines(value: Any, lead: Line, depth: int, level: int) -> Iterator[Line]:
    """The lines of a value, the first one led by `lead` (its key), each by its indentation."""
    indent: Span = (_INDENT * level, Tone.TEXT)
    if not isinstance(value, dict | list) or not value:
        yield (indent, *lead, _scalar(value))
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    if level >= depth:
        noun = words.counted(len(value), "key" if isinstance(value, dict) else "item")
        yield (indent, *lead, (opening, Tone.TEXT), (f" ▸ {noun} ", Tone.MUTED), (closing, Tone.TEXT))
        return
    yield (indent, *lead, (opening, Tone.TEXT))
    named = [((_text(key), Tone.ACCENT), (": ", Tone.TEXT)) for key in value] if isinstance(value, dict) else None
    children = list(value.values()) if isinstance(value, dict) else value
    for at, child in enumerate(children[:ITEMS_SHOWN]):
        *rows, last = _lines(child, named[at] if named is not None else (), depth, level + 1)
        yield from rows
        yield (*last, (",", Tone.TEXT)) if at + 1 < len(children) else last
    if len(children) > ITEMS_SHOWN:
        yield (
            (_INDENT * (level + 1), Tone.TEXT),
            (f"… {len(children) - ITEMS_SHOWN:,} more; y copies all", Tone.MUTED),
        )
    yield (indent, (closing, Tone.TEXT))


def _scalar(value: Any) -> Span:
    if isinstance(value, str):
        return _text(value), Tone.SUCCESS
    if value is None:
        return "null", Tone.MUTED
    return json.dumps(value), Tone.TEXT if isinstance(value, dict | list) else Tone.WARNING


def _text(value: str) -> str:
    return plain(json.dumps(value, ensure_ascii=False))
