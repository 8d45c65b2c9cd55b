"""`BuildOutput`: what a build prints, as lines. In the thread that builds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hotdash.drivers.base import no_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.drivers.base import OnStep

MAX_LINE_BYTES = 64 * 2**10  # M10
CUT_MARK = " … [cut]"
LOG_LINES = 10_000  # the last ones; a build that floods must not fill hotdash's memory (M11)


class BuildOutput:
    """Turns a build's bytes into lines: hands each on, and keeps the last.

    Lines end at a line feed (a carriage return before it is dropped). One longer than 64 KiB is cut with a mark; what
    is not UTF-8 is replaced.

    Attributes:
        said: The last line that is not empty; the user of this may clear it.
        step: Tells that a step begins.
    """

    def __init__(self, on_output: Callable[[str], None], on_step: OnStep = no_step) -> None:
        self._on_output = on_output
        self.step = on_step
        self._part = bytearray()
        self._cut = False
        self.said = ""
        self._log: deque[str] = deque(maxlen=LOG_LINES)

    @property
    def log(self) -> tuple[str, ...]:
        """The last 10,000 lines."""
        return tuple(self._log)

    def line(self, text: str) -> None:
        """Adds a line of the builder's own."""
        self._log.append(text)
        if text.strip():
            self.said = text
        self._on_output(text)

    def feed(self, data: bytes) -> None:
        """Takes bytes as they come, split anywhere."""
        *ended, rest = data.split(b"\n")
        for piece in ended:
            self._add(piece)
            self._end_line()
        self._add(rest)

    def flush(self) -> None:
        """Ends a last line that has no line feed."""
        if self._part or self._cut:
            self._end_line()

    def _add(self, piece: bytes) -> None:
        room = MAX_LINE_BYTES - len(self._part)
        self._cut = self._cut or len(piece) > room
        self._part += piece[:room]

    def _end_line(self) -> None:
        text = bytes(self._part).removesuffix(b"\r").decode("utf-8", errors="replace")
        text += CUT_MARK if self._cut else ""
        self._part.clear()
        self._cut = False
        self.line(text)
