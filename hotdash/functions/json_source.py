"""Reads JSON into a `Node` tree with lines. Runs in any thread.

The standard library checks the syntax and reads strings; this adds what it does not tell: the lines, the figures as
written, and keys that occur twice. (JSON is almost YAML, but tabs and surrogate pairs are where it is not.)
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in typeshed; the library's own reader

from hotdash.errors import Fault
from hotdash.functions.document import MAX_DEPTH, Node, Unparsable, key_of

_SPACE = re.compile(r"[ \t\r\n]*")
_BARE = re.compile(r"[^\s,\]}]+")


def parse_json(text: str, *, file: str) -> tuple[Node, list[Fault]]:
    """Parses a JSON document; arguments, result and errors are those of `parse_yaml`."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        found = f"text that is not JSON ({error.msg}, column {error.colno})"
        raise Unparsable(Fault(file=file, line=error.lineno, key="", found=found, allowed="JSON")) from error
    except (RecursionError, ValueError) as error:
        found = f"values that cannot be read ({error})"
        raise Unparsable(Fault(file=file, line=None, key="", found=found, allowed=f"{MAX_DEPTH} levels")) from error
    reader = _Reader(text, file=file)
    return reader.value(path=(), line=None), reader.faults


class _Reader:
    """Goes once through text that is known to be JSON, so it has no error paths of its own."""

    def __init__(self, text: str, *, file: str) -> None:
        self.faults: list[Fault] = []
        self._text = text
        self._file = file
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def value(self, *, path: tuple[str | int, ...], line: int | None) -> Node:
        opening = self._peek()
        line = line or self._line()
        if len(path) > MAX_DEPTH:
            found = "lists or mappings too deep in each other"
            raise Unparsable(Fault(file=self._file, line=line, key="", found=found, allowed=f"{MAX_DEPTH} levels"))
        if opening == "{":
            return Node(value=self._object(path), text="", line=line)
        if opening == "[":
            return Node(value=self._array(path), text="", line=line)
        if opening == '"':
            string = self._string()
            return Node(value=string, text=string, line=line)
        bare = _BARE.match(self._text, self._at)
        assert bare is not None  # noqa: S101  the text has been checked
        self._at = bare.end()
        return Node(value=json.loads(bare.group()), text=bare.group(), line=line)

    def _object(self, path: tuple[str | int, ...]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while self._next_item("}"):
            self._peek()
            line = self._line()
            key = self._string()
            self._peek()
            self._at += 1  # the colon
            node = self.value(path=(*path, key), line=line)
            if key in entries:
                found = f"it a second time (first in line {entries[key].line})"
                place = key_of((*path, key))
                self.faults.append(Fault(file=self._file, line=line, key=place, found=found, allowed="each key once"))
            else:
                entries[key] = node
        return entries

    def _array(self, path: tuple[str | int, ...]) -> list[Node]:
        items: list[Node] = []
        while self._next_item("]"):
            items.append(self.value(path=(*path, len(items)), line=None))
        return items

    def _next_item(self, closing: str) -> bool:
        """Steps over the opening bracket or a comma: True; or over the closing bracket: False."""
        found = self._peek()
        self._at += 1
        if found in "[{" and self._peek() == closing:
            found = closing
            self._at += 1
        return found != closing

    def _string(self) -> str:
        string, self._at = scanstring(self._text, self._at + 1, True)  # noqa: FBT003  its own signature
        return str(string)

    def _peek(self) -> str:
        space = _SPACE.match(self._text, self._at)
        assert space is not None  # noqa: S101  the pattern matches nothing, too
        self._at = space.end()
        return self._text[self._at]

    def _line(self) -> int:
        return bisect_right(self._starts, self._at)
