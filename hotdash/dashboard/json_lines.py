"""JSON as lines: coloured by what it is, folded where it is deep or long, unfolded where a filter matches. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Span, Tone, unstyled
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.dashboard.filters import Filter

ITEMS_SHOWN = 100  # of one list or object
_INDENT = "  "
_COMMA: Line = ((",", Tone.TEXT),)


def json_lines(value: Any, *, depth: int, found: Filter | None = None) -> list[Line]:
    """A value, laid out.

    Args:
        value: As `json.loads` gives it.
        depth: Levels that are unfolded; what is deeper stands in one line, by its size.
        found: What is looked for: what holds a match is unfolded, however deep. An inverted one unfolds nothing.
    """
    looked_for = None if found is None or found.inverted else found
    return _Layout(depth=depth, found=looked_for).lines(value, (), (), 0)[0]


class _Layout:
    """How one value is laid out: see `json_lines`."""

    def __init__(self, *, depth: int, found: Filter | None) -> None:
        self._depth = depth
        self._found = found

    def lines(self, value: Any, lead: Line, tail: Line, level: int) -> tuple[list[Line], bool]:
        """The lines of a value, the first one led by `lead` (its key), the last ended by `tail`; whether any match."""
        indent: Span = (_INDENT * (level + 1), Tone.TEXT)
        if not isinstance(value, dict | list) or not value:
            return self._one((indent, *lead, _scalar(value), *tail))
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        is_deep = level >= self._depth
        if not is_deep or self._found is not None:
            inner, has_match = self._children(value, level + 1)
            if has_match or not is_deep:
                first, is_first = self._one((indent, *lead, (opening, Tone.TEXT)))
                last, is_last = self._one((indent, (closing, Tone.TEXT), *tail))
                return [*first, *inner, *last], has_match or is_first or is_last
        noun = words.counted(len(value), "key" if isinstance(value, dict) else "item")
        return self._one(
            (indent, *lead, (opening, Tone.TEXT), (f" ▸ {noun} ", Tone.MUTED), (closing, Tone.TEXT), *tail)
        )

    def _one(self, line: Line) -> tuple[list[Line], bool]:
        return [line], self._found is not None and self._found.matches(unstyled(line))

    def _children(self, value: dict[str, Any] | list[Any], level: int) -> tuple[list[Line], bool]:
        """The lines of what a list or an object holds: the first of them, and those that match."""
        named = [((_text(key), Tone.ACCENT), (": ", Tone.TEXT)) for key in value] if isinstance(value, dict) else None
        children = list(value.values()) if isinstance(value, dict) else value
        if self._found is None:
            children = children[:ITEMS_SHOWN]
        rows: list[Line] = []
        any_match, hidden = False, 0
        for at, child in enumerate(children):
            tail = _COMMA if at + 1 < len(value) else ()
            own, has_match = self.lines(child, named[at] if named is not None else (), tail, level)
            any_match = any_match or has_match
            if at >= ITEMS_SHOWN and not has_match:
                hidden += 1
                continue
            rows += [*_more(hidden, level), *own]
            hidden = 0
        return [*rows, *_more(hidden + len(value) - len(children), level)], any_match


def _more(hidden: int, level: int) -> list[Line]:
    """What stands for items that are not shown."""
    return [((_INDENT * (level + 1), Tone.TEXT), (f"… {hidden:,} more; y copies all", Tone.MUTED))] if hidden else []


def _scalar(value: Any) -> Span:
    if isinstance(value, str):
        return _text(value), Tone.SUCCESS
    if value is None:
        return "null", Tone.MUTED
    return json.dumps(value), Tone.TEXT if isinstance(value, dict | list) else Tone.WARNING


def _text(value: str) -> str:
    return plain(json.dumps(value, ensure_ascii=False))
