"""`ErrorSense`: which stderr lines tell of an error. A guess by words, and by the shape of tracebacks. No Textual.

Belongs to who feeds it, with lines in their order.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotdash.events import StderrLine

# Levels as loggers write them, exceptions as Python, Node, Java and Go print them. Case matters where a word is common.
_ERROR = (
    r"\b(?:ERROR|ERR|FATAL|CRITICAL|PANIC|SEVERE)\b"
    r"|\b(?:[Ee]rror|[Ff]atal|panic|[Ee]xception)\b(?:[:\]\[!]|\s*$| in thread)"
    r"|\b\w*(?:Error|Exception)\b(?::|\s*$| \[)"
    r"|\"(?:level|severity)\":\s*\"(?:error|fatal|critical|ERROR|FATAL|CRITICAL)\""
    r"|\blevel=(?:error|fatal|critical|panic)\b"
    r"|Segmentation fault|core dumped"
)
_TRACEBACK = r"^(?:Traceback \(most recent call last\)|goroutine \d+ \[)"
_ANSI = "\x1b\\[[0-9;:]*m"


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    """Compiled when the first line is judged: the first picture has none. Ten thousand are judged at a key."""
    return re.compile(expression)


class ErrorSense:
    """Remembers, for each container, whether its last line was within a traceback."""

    def __init__(self) -> None:
        self._within: dict[str, bool] = {}

    def is_error(self, line: StderrLine) -> bool:
        """Whether the line tells of an error, or belongs to a traceback that does."""
        text = line.text if "\x1b" not in line.text else _compiled(_ANSI).sub("", line.text)
        if _compiled(_TRACEBACK).match(text):
            self._within[line.container_id] = True
            return True
        if self._within.get(line.container_id):
            if not text[:1].isspace():  # the exception itself, at the traceback's end
                self._within[line.container_id] = False
            return True
        return _compiled(_ERROR).search(text) is not None

    def is_within(self, line: StderrLine) -> bool:
        """Whether the container of this line is in the middle of a traceback."""
        return self._within.get(line.container_id, False)

    def starts_error(self, line: StderrLine) -> bool:
        """As `is_error`, but false for all of a traceback but its first line: where one goes next."""
        was_within = self._within.get(line.container_id, False)
        return self.is_error(line) and not was_within
