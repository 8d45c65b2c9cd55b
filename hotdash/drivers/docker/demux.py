"""`Demultiplexer`: an attached stream's frames to the bytes of stdout and of stderr. Sans-IO, one thread at a time.

The engine's format (Engine API, "Attach to a container", stream format): a head of 8 bytes, of which the first names
the stream and the last four, big-endian, the payload's length; then the payload. A read may hold any part of a frame,
or several.
"""

from __future__ import annotations

from hotdash.errors import ProtocolError

HEAD_BYTES = 8
_STDIN, _STDOUT, _STDERR, _SYSTEM = range(4)  # the engine writes its own errors to the last


class Demultiplexer:
    """Takes an attached stream apart.

    Args:
        merges: Whether what is written to stdout counts as stderr, too.
    """

    def __init__(self, *, merges: bool = False) -> None:
        self._errors = frozenset({_STDOUT, _STDERR, _SYSTEM} if merges else {_STDERR, _SYSTEM})
        self._head = b""  # of a frame whose head is not whole yet
        self._stream = 0  # of the frame whose payload comes
        self._left = 0  # bytes of its payload still to come

    @property
    def is_within(self) -> bool:
        """Whether it is in the middle of a frame: an end now is an end too soon."""
        return bool(self._left or self._head)

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Takes what was read.

        Returns:
            What it holds of stdout, and what of stderr.

        Raises:
            ProtocolError: It is no such stream.
        """
        # Most reads are one frame of stdout, whole: a small answer. That goes without a copy more than it needs.
        if not self._left and not self._head and len(data) > HEAD_BYTES:
            length = int.from_bytes(data[4:HEAD_BYTES], "big")
            if data[0] == _STDOUT and _STDOUT not in self._errors and length == len(data) - HEAD_BYTES:
                return data[HEAD_BYTES:], b""
        return self._take_apart(data)

    def _take_apart(self, data: bytes) -> tuple[bytes, bytes]:
        stdout: list[bytes] = []
        stderr: list[bytes] = []
        if self._head:
            data = self._head + data
            self._head = b""
        at, end = 0, len(data)
        while at < end:
            if not self._left:
                if end - at < HEAD_BYTES:
                    self._head = data[at:]
                    _check(self._head[0])
                    break
                self._stream = data[at]
                _check(self._stream)
                self._left = int.from_bytes(data[at + 4 : at + HEAD_BYTES], "big")
                at += HEAD_BYTES
                continue
            piece = data[at : at + self._left]
            at += len(piece)
            self._left -= len(piece)
            (stderr if self._stream in self._errors else stdout).append(piece)
        return b"".join(stdout), b"".join(stderr)


def _check(stream: int) -> None:
    if stream > _SYSTEM:
        raise ProtocolError(f"the engine's stream is not one of frames: found stream {stream}, allowed 0 to {_SYSTEM}")
