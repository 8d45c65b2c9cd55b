"""`IdProbe`: whether bytes of stderr can hold a task's id at all. Belongs to a `StderrTap`, under its lock.

To look for ids with a regular expression costs 1.5 µs a line, 50 in one of 2 KB: in a flood that is most of what
attributing a line costs, and few lines name a task. What any id needs, 24 hex digits in a row, is found in a whole
read at once for a thirtieth of that.
"""

from __future__ import annotations

ID_DIGITS = 24
_DIGITS = bytes(b"1"[0] if byte in b"0123456789abcdef" else b" "[0] for byte in range(256))
_RUN = b"1" * ID_DIGITS


def may_have_id(data: bytes) -> bool:
    """Whether there are as many hex digits in a row as an id has."""
    return _RUN in data.translate(_DIGITS)


class IdProbe:
    """Looks at what is read, piece by piece; a line may begin in one piece and end in another."""

    def __init__(self) -> None:
        self._last = b""  # the end of the piece before, in which an id may have begun
        self._is_in_rest = False  # of the line that is not complete yet

    @property
    def is_in_rest(self) -> bool:
        """Whether the line that is not complete yet may hold an id."""
        return self._is_in_rest

    def is_in(self, data: bytes) -> bool:
        """Takes the next piece; returns whether one of the lines that end in it may hold an id."""
        digits = self._last + data.translate(_DIGITS)
        self._last = digits[1 - ID_DIGITS :]
        found = _RUN in digits
        is_in_lines = found or self._is_in_rest
        self._is_in_rest = found or (self._is_in_rest and b"\n" not in data)
        return is_in_lines
