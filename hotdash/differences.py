"""What differs between an answer and the one a test expects, in lines for a person. Pure functions; any thread."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHORT = 100  # characters that are shown in one line, quoted, so that blanks and the end of the line can be seen
_MOST_LINES = 60  # of a difference
_MOST_BYTES = 48  # of what is no text
_NO_END = "(no line feed at its end)"


def difference(what: str, expected: str, found: bytes) -> list[str]:
    """How the two differ.

    Args:
        what: Which of a test's keys it is: `out`.
        expected: What the test has.
        found: What came.
    """
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return _two(what, _quoted(expected), f"{len(found)} bytes that are no text: {_bytes(found)}")
    if max(len(expected), len(text)) <= _SHORT and max(expected.count("\n"), text.count("\n")) <= 1:
        return _two(what, _quoted(expected), _quoted(text))
    lines = list(_compared(_lines(expected), _lines(text)))
    left = len(lines) - _MOST_LINES
    more = [f"… {left} more lines"] if left > 0 else []
    return [f"{what}: - expected, + found", *(f"  {plain(line)}" for line in [*lines[:_MOST_LINES], *more])]


def _two(what: str, expected: str, found: str) -> list[str]:
    return [f"{what}: expected {expected}", f"{'':{len(what)}}  found    {found}"]


def _quoted(text: str) -> str:
    return plain(json.dumps(text, ensure_ascii=False)) if len(text) <= _SHORT else f"{len(text)} characters"


def _bytes(data: bytes) -> str:
    return repr(data[:_MOST_BYTES]) + ("…" if len(data) > _MOST_BYTES else "")


def _lines(text: str) -> Sequence[str]:
    lines = text.split("\n")
    if lines[-1] == "":
        return lines[:-1]
    return [*lines, _NO_END]


def _compared(expected: Sequence[str], found: Sequence[str]) -> Iterator[str]:
    """A unified difference without its head; `…` stands where lines are left out between two parts of it."""
    for number, line in enumerate(difflib.unified_diff(expected, found, n=2, lineterm="")):
        if number > 2:  # the head is three lines
            yield "…" if line.startswith("@@ ") else line
