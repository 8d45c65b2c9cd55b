"""A chunked body, fed piece by piece. Sans-IO; its container's serve thread alone.

llhttp does not tell where in its input an answer ended, and goes on to the next by itself. So the framing is counted
here: llhttp is given one line, or the data of one chunk, at a time, and judges whether it is well formed.
"""

from __future__ import annotations

from enum import Enum, auto

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_HEAD_BYTES
from hotdash.protocol.head import HeadReader, shown

_MAX_SIZE_LINE_BYTES = 4 * 2**10  # a chunk's size and its extensions, which nobody uses


class _Part(Enum):
    """What comes next. Moves: SIZE → DATA → AFTER → SIZE; SIZE → TRAILER (the last chunk), which stays."""

    SIZE = auto()
    DATA = auto()
    AFTER = auto()  # the line's end behind a chunk's data
    TRAILER = auto()


class ChunkedBody:
    """The body of the answer whose head is `head`.

    Args:
        head: The head's bytes.
        max_body_bytes: The most that the chunks together may hold.
        head_bytes: How much of the bound on heads is used; trailers count towards it, and are dropped.
    """

    __slots__ = ("_head_bytes", "_left", "_line", "_max_body_bytes", "_part", "_reader", "body")

    def __init__(self, head: bytes, *, max_body_bytes: int, head_bytes: int) -> None:
        self.body = bytearray()
        self._max_body_bytes = max_body_bytes
        self._head_bytes = head_bytes
        self._part = _Part.SIZE
        self._left = 0
        self._line = bytearray()
        self._reader = HeadReader()
        self._reader.feed(head)

    @property
    def complete(self) -> bool:
        """Whether the last chunk and its trailers have come."""
        return self._reader.message_complete

    def feed(self, data: bytes, at: int) -> int:
        """Takes `data` from `at` on, to the body's end at most.

        Returns:
            The place behind what was taken: the end of `data` unless the body is `complete`.

        Raises:
            ProtocolError: A chunk is malformed, or a bound is passed.
        """
        while at < len(data) and not self._reader.message_complete:
            at = self._take_data(data, at) if self._part is _Part.DATA else self._take_line(data, at)
        return at

    def _take_data(self, data: bytes, at: int) -> int:
        piece = memoryview(data)[at : at + self._left]
        self._reader.feed(piece)
        self.body += piece
        self._left -= len(piece)
        if self._left == 0:
            self._part = _Part.AFTER
        return at + len(piece)

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        piece = data[at : end or len(data)]
        self._line += piece
        limit = MAX_HEAD_BYTES - self._head_bytes if self._part is _Part.TRAILER else _MAX_SIZE_LINE_BYTES
        if len(self._line) > limit:
            raise ProtocolError(f"a line between chunks is over the limit of {limit} bytes: found {shown(self._line)}")
        self._reader.feed(piece)
        if end:
            line, self._line = self._line, bytearray()
            self._end_line(line)
        return at + len(piece)

    def _end_line(self, line: bytearray) -> None:
        if self._part is _Part.AFTER:
            self._part = _Part.SIZE
        elif self._part is _Part.TRAILER:
            self._head_bytes += len(line)
        else:
            self._start_chunk(line)

    def _start_chunk(self, line: bytearray) -> None:
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError as error:
            raise ProtocolError(f"malformed chunk size: found {shown(line)}") from error
        if len(self.body) + self._left > self._max_body_bytes:
            raise ProtocolError(f"the answer's body is over the limit of {self._max_body_bytes} bytes")
        self._part = _Part.DATA if self._left else _Part.TRAILER
