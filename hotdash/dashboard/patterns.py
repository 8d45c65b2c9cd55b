"""The user's regular expressions, none of which can hold the screen up. Pure but for the CPU's clock; any thread.

Python's own `re` cannot be interrupted, and takes hours over `(a+)+b` in a line of thirty letters. It is used where its
time is bounded by the words alone, which are most of what is ever typed into a filter; for all else there is the
`regex` library, which takes the same expressions and gives up when it is told to.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Protocol

from hotdash.dashboard.filters import BadFilter, TooSlow

if TYPE_CHECKING:
    from collections.abc import Iterator

    Span = tuple[int, int]

MATCH_S = 0.01  # CPU, for one line; `regex` looks at the clock so seldom that it may become 70 ms
MARKS_S = 0.004  # for all matches of a line, of which a screenful is marked at once
_REPEATS = 20_000  # `regex` writes `(a{1000}){1000}` out, in hundreds of megabytes
_SHORT = 256  # characters; a repeat may try each part of them
_COUNTS = re.compile(r"\{(\d*),?(\d*)\}")
_UNBOUNDED = frozenset("*+?{(")  # without any of these there is nothing to go back to
# Means another thing in `regex`, or nothing in `re`, or that warns of it: on the terminal, across the screen.
_NOT_IN_RE = re.compile(r"\[\[|--|&&|~~|\|\||\\[^dDwWsSbBAZ\W_]")


class Pattern(Protocol):
    """A compiled expression; `is_bounded` says whether it can never be too slow."""

    is_bounded: bool

    def is_in(self, text: str) -> bool:
        """Whether a text has a match.

        Raises:
            TooSlow: It cannot be told soon enough.
        """
        ...

    def spans(self, text: str, most: int) -> list[Span]:
        """Where the first matches begin and end.

        Raises:
            TooSlow: As above.
        """
        ...


@lru_cache(maxsize=16)
def pattern_of(body: str, *, minds_case: bool) -> Pattern:
    """Compiles an expression.

    Raises:
        BadFilter: It is none, or one that would take too much memory.
    """
    try:
        if _UNBOUNDED.isdisjoint(body) and _NOT_IN_RE.search(body) is None:
            return _Swift(body, minds_case=minds_case)
        return _Guarded(body, minds_case=minds_case)
    except (ValueError, re.error, OverflowError, RecursionError) as error:
        raise BadFilter(str(error)) from error


class _Swift:
    """Takes at most the text's length times the expression's: by `re`, which is the fastest there."""

    is_bounded = True

    def __init__(self, body: str, *, minds_case: bool) -> None:
        self._pattern = re.compile(body, 0 if minds_case else re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def spans(self, text: str, most: int) -> list[Span]:
        return [match.span() for match in islice(self._pattern.finditer(text), most)]


class _Guarded:
    """Takes what it takes, up to a limit. The GIL is kept: to get it back for each of 10,000 lines would be dear.

    A limit costs 2 µs a line, twice what most lines do: where one repeat alone meets a short line there is none.
    """

    is_bounded = False

    def __init__(self, body: str, *, minds_case: bool) -> None:
        import regex  # noqa: PLC0415  seldom needed, and never for the first paint

        if prod(max(1, *(int(count or 0) for count in counts)) for counts in _COUNTS.findall(body)) > _REPEATS:
            raise BadFilter(f"more than {_REPEATS:,} repeats")
        try:
            self._pattern = regex.compile(body, 0 if minds_case else regex.IGNORECASE)
        except regex.error as error:
            raise BadFilter(str(error)) from error
        has_one = "(" not in body and sum(map(body.count, "*+?{")) == 1
        self._short = _SHORT if has_one else 0

    def is_in(self, text: str) -> bool:
        if len(text) < self._short:
            return self._pattern.search(text, concurrent=False) is not None
        try:
            return self._pattern.search(text, timeout=MATCH_S, concurrent=False) is not None
        except TimeoutError as error:
            raise TooSlow from error

    def spans(self, text: str, most: int) -> list[Span]:
        found: Iterator[re.Match[str]] = self._pattern.finditer(text, timeout=MARKS_S, concurrent=False)
        try:
            return [match.span() for match in islice(found, most)]
        except TimeoutError as error:
            raise TooSlow from error
