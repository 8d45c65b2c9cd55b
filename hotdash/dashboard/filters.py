"""A pane's filter: a regular expression, or with `!` before it everything but. The screen's thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hotdash.dashboard.patterns import Pattern, Span

TOO_SLOW = "too slow, not used: a+ for (a+)+"  # it fits the filter's line in 60 columns
TOO_SLOW_WHY = "too slow for these lines, and not used: write it without a repeat in a repeat, a+ for (a+)+"
_LOOK_S = 0.05  # CPU, for all that is looked through in one go
_EACH = 16  # of them between two looks at the clock

T = TypeVar("T")


class BadFilter(ValueError):
    """What was typed is no regular expression, or one that would take too much memory; the message says why."""


class TooSlow(Exception):
    """An expression takes too long over a text."""


class Filter:
    """A compiled filter. One that takes too long gives up for good, and lets everything through.

    Attributes:
        typed: What the user wrote.
        inverted: Whether it lets through what does not match.
        is_too_slow: Whether it has given up.
        on_slow: Called, once, when it does.
    """

    __slots__ = ("_pattern", "inverted", "is_too_slow", "on_slow", "typed")

    def __init__(self, *, typed: str, pattern: Pattern, inverted: bool) -> None:
        self.typed = typed
        self.inverted = inverted
        self.is_too_slow = False
        self.on_slow: Callable[[], None] = lambda: None
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Filter) and other.typed == self.typed

    def __hash__(self) -> int:
        return hash(self.typed)

    def matches(self, text: str) -> bool:
        """Whether a line with these words stays."""
        if self.is_too_slow:
            return True
        try:
            return self._pattern.is_in(text) is not self.inverted
        except TooSlow:
            self._give_up()
            return True

    def kept(self, items: Iterable[T], words: Callable[[T], str]) -> list[T]:
        """Those of a list whose words stay. For all of them it may take little more than for a slow one.

        Args:
            items: A screen's rows, or as many lines.
            words: An item's words.
        """
        if self._pattern.is_bounded:
            find, skips = self._pattern.is_in, self.inverted
            return [item for item in items if find(words(item)) is not skips]
        worded = [(item, words(item)) for item in items]  # before the clock starts: that is not the filter's time
        end_s = time.thread_time() + _LOOK_S
        kept: list[T] = []
        for at, (item, text) in enumerate(worded, start=1):
            if self.matches(text):
                kept.append(item)
            if at % _EACH == 0 and not self.is_too_slow and time.thread_time() > end_s:
                self._give_up()
        return kept

    def spans(self, text: str, most: int) -> list[Span]:
        """Where a line's first matches begin and end; none for an inverted one, which looks for what is not there."""
        if self.inverted or self.is_too_slow:
            return []
        try:
            return self._pattern.spans(text, most)
        except TooSlow:
            self._give_up()
            return []

    def _give_up(self) -> None:
        self.is_too_slow = True
        self.on_slow()


def parse_filter(typed: str) -> Filter | None:
    """The filter of what was typed; None for one that lets everything through. Case matters only if a capital is typed.

    Raises:
        BadFilter: It is no regular expression.
    """
    inverted = typed.startswith("!")
    body = typed[1:] if inverted else typed
    if not body:
        return None
    from hotdash.dashboard.patterns import pattern_of  # noqa: PLC0415  not for the first picture

    pattern = pattern_of(body, minds_case=any(map(str.isupper, body)))
    return Filter(typed=typed, pattern=pattern, inverted=inverted)
