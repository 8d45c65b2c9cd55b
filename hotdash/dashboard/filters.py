"""A pane's filter: a regular expression, or with `!` before it everything but. Pure; any thread."""

from __future__ import annotations

import re

from msgspec import Struct


class BadFilter(ValueError):
    """What was typed is no regular expression; the message says why."""


class Filter(Struct, frozen=True, kw_only=True):
    """A compiled filter; `typed` is what the user wrote."""

    typed: str
    pattern: re.Pattern[str]
    inverted: bool

    def matches(self, text: str) -> bool:
        """Whether a line with these words stays."""
        return (self.pattern.search(text) is None) is self.inverted


def parse_filter(typed: str) -> Filter | None:
    """The filter of what was typed; None for one that lets everything through. Case matters only if a capital is typed.

    Raises:
        BadFilter: It is no regular expression.
    """
    inverted = typed.startswith("!")
    body = typed[1:] if inverted else typed
    if not body:
        return None
    try:
        pattern = re.compile(body, 0 if any(map(str.isupper, body)) else re.IGNORECASE)
    except re.error as error:
        raise BadFilter(str(error)) from error
    return Filter(typed=typed, pattern=pattern, inverted=inverted)
