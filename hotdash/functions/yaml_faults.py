"""What is wrong with a text that is no YAML, in plain words and at the line of the mistake. Runs in any thread.

A parser stops where it can go on no more, which is often far below: at the end of the file, for a quote that is never
closed. What it says is turned here into what a person would look for.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    ScalarToken,
)

from hotdash.errors import Fault

if TYPE_CHECKING:
    from ruamel.yaml.tokens import Token

_SHOWN_CHARACTERS = 60
_KEY_VALUE = "`key: value`"
_CLOSERS = {"[": "]", "{": "}"}
_SECOND_COLON = re.compile(r":(?= |$)")
_FOUND = re.compile(r"(?:found|got) '(?P<what>[^']+|'')'")

_INDENTATION = ("a line whose indentation is that of none above", "the indentation of its neighbours")
_MISPLACED = {
    "]": ("a `]` that nothing opened", "quotes around it"),
    "}": ("a `}` that nothing opened", "quotes around it"),
    "<block mapping start>": _INDENTATION,
    "<block sequence start>": _INDENTATION,
    "-": ("an item of a list among keys", _KEY_VALUE),
    "?": ("a key among the items of a list", "`- value`"),
}

_BREAK = re.compile(r"\r\n?|\n")  # as the parser counts lines: not by U+0085 and U+2028, as Python does

_Told = tuple[int, str, str]  # the line, from 0; what is found; what is allowed


def yaml_fault(error: MarkedYAMLError, text: str, *, file: str) -> Fault:
    """What a person is told of a parser's error.

    Args:
        error: It.
        text: What was parsed.
        file: How faults name it.
    """
    line, found, allowed = _Mistake(error, text).told()
    return Fault(file=file, line=line + 1, key="", found=found, allowed=allowed)


class _Mistake:
    """One error, with the lines around it."""

    def __init__(self, error: MarkedYAMLError, text: str) -> None:
        self._text = text
        self._lines = _BREAK.split(text)
        self._problem, self._context = str(error.problem or ""), str(error.context or "")
        at = error.problem_mark or error.context_mark
        self._at = (0, 0) if at is None else (at.line, at.column)
        begun = error.context_mark or at
        self._begun = (0, 0) if begun is None else (begun.line, begun.column)
        found = _FOUND.search(self._problem)
        self._what = "" if found is None else found["what"]

    def told(self) -> _Told:
        looks = (self._tab, self._in_brackets, self._in_quotes, self._no_colon, self._odd_colon, self._in_block)
        return next(filter(None, (look() for look in looks)), None) or self._odd_character()

    def _tab(self) -> _Told | None:
        return (self._at[0], "a tab", "spaces to indent with") if r"'\t'" in self._problem else None

    def _in_quotes(self) -> _Told | None:
        is_open = "quoted scalar" in self._context and "end of stream" in self._problem
        return self._unclosed(*self._begun) if is_open else None

    def _no_colon(self) -> _Told | None:
        return self._keyless(self._begun[0]) if "expected ':'" in self._problem else None

    def _in_brackets(self) -> _Told | None:
        """A list or mapping in brackets goes wrong; mostly it is not closed."""
        if "flow" not in self._context:
            return None
        line, column = self._begun
        if self._char(line, column) not in _CLOSERS:
            opened = self._open_brackets()
            if not opened:
                return None
            line, column = opened[-1]
        bracket = self._char(line, column)
        if bracket not in _CLOSERS:  # a mark of the parser's leads elsewhere: it gives a byte order mark no column
            return None
        if self._what in _CLOSERS.values():
            return self._at[0], f"a `{bracket}` that `{self._what}` closes", f"`{_CLOSERS[bracket]}`"
        if self._at[0] == line and self._what != "<stream end>":
            return line, f"{self._what!r} within `{bracket}`", f"`,` or `{_CLOSERS[bracket]}`"
        return self._unclosed(line, column)

    def _unclosed(self, line: int, column: int) -> _Told:
        opener = self._char(line, column)
        closer = _CLOSERS.get(opener)
        return line, f"a `{opener}` that is not closed", f"another `{opener}`" if closer is None else f"a `{closer}`"

    def _keyless(self, line: int) -> _Told:
        """A line that is no key with its value."""
        shown = self._quoted(line)
        written = self._line(line)
        if ":" in written and not _SECOND_COLON.search(written):
            return line, f"{shown} without a space after the colon", _KEY_VALUE
        return line, f"{shown} without a colon", _KEY_VALUE

    def _odd_colon(self) -> _Told | None:
        """A `: ` where none may be: the second in its line, or the line above went wrong."""
        if "mapping values are not allowed" not in self._problem:
            return None
        line, column = self._at
        first = _SECOND_COLON.search(self._line(line))
        if first is not None and first.start() < column:
            return line, "a second `: ` in the line", "quotes around a value that holds one"
        above = [at for at in range(line) if self._line(at).split("#")[0].strip()]
        if not above or _SECOND_COLON.search(self._line(above[-1])):
            return line, "a line that is indented further than its neighbours", "the same indentation"
        while len(above) > 1 and not _SECOND_COLON.search(self._line(above[-2])):
            above.pop()
        return self._keyless(above[-1])

    def _in_block(self) -> _Told | None:
        """Among the lines of a mapping or list stands something that does not belong there."""
        line = self._at[0]
        if "block" in self._context and self._what in _MISPLACED:
            return line, *_MISPLACED[self._what]
        if "block" not in self._context or self._what != "<scalar>":
            return None
        before = self._token_before()
        if not isinstance(before, ScalarToken) or before.plain:
            return self._keyless(line)
        start, end = before.start_mark, before.end_mark
        quote = self._char(start.line, start.column)
        if quote not in {'"', "'"}:  # a block of text, which ends where a line is indented less
            return self._keyless(line)
        if start.line != end.line:  # it ran on to the next quote, which was to open another
            return self._unclosed(start.line, start.column)
        twice = "`''` for one within" if quote == "'" else '`\\"` for one within'
        return line, f"text behind the `{quote}` that closes a value", twice

    def _odd_character(self) -> _Told:
        line = self._at[0]
        if "cannot start any token" in self._problem:
            begins = self._char(*self._at)
            return line, f"a value that begins with `{begins}`", "quotes around it"
        if "alias" in self._problem:
            return line, f"a value that begins with `*`, {self._quoted(line)}", "quotes around it"
        if "escape character" in self._problem:
            return line, f"`\\{self._char(*self._at)}` within double quotes", "`\\\\` for a backslash, or single quotes"
        return line, self._problem.removeprefix("but ").removeprefix("found ") or "text that is not YAML", "YAML"

    # ---- looking

    def _line(self, line: int) -> str:
        return self._lines[line] if line < len(self._lines) else ""

    def _char(self, line: int, column: int) -> str:
        return self._line(line)[column : column + 1]

    def _quoted(self, line: int) -> str:
        shown = json.dumps(self._line(line).strip(), ensure_ascii=False)
        return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[:_SHOWN_CHARACTERS]}…"

    def _tokens(self) -> list[Token]:
        tokens: list[Token] = []
        with suppress(MarkedYAMLError):  # those before it are what is looked for
            tokens.extend(YAML(typ="safe", pure=True).scan(self._text))
        return tokens

    def _token_before(self) -> Token | None:
        """The last token before the problem."""
        for token, following in pairwise(self._tokens()):
            if (following.start_mark.line, following.start_mark.column) >= self._at:
                return token
        return None

    def _open_brackets(self) -> list[tuple[int, int]]:
        opened: list[tuple[int, int]] = []
        for token in self._tokens():
            if isinstance(token, FlowSequenceStartToken | FlowMappingStartToken):
                opened.append((token.start_mark.line, token.start_mark.column))
            elif isinstance(token, FlowSequenceEndToken | FlowMappingEndToken) and opened:
                opened.pop()
        return opened
