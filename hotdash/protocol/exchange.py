"""One HTTP exchange after another over a container's stdout: the answer decoder. Sans-IO; its serve thread alone.

An exchange is `begin`, then bytes, then exactly one final answer. Where it ends is counted here and not left to the
parser: httptools by itself appends a second answer's body to the first, joins a `100` to its `200` and takes any number
of headers. What a head says is a pure function of its bytes (`hotdash.protocol.head`), so nothing of one exchange can
leak into the next, and the last head can be kept: most functions answer with the same one, and a task is 3 µs cheaper.

Stages, with the only moves there are:

    IDLE → HEAD                      begin
    HEAD → HEAD                      a 1xx was skipped
    HEAD → BODY | CHUNKS → IDLE      the answer is complete
    HEAD → IDLE                      an answer without a body, or whole in one piece
    any → IDLE                       a ProtocolError
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_BODY_BYTES, MAX_HEAD_BYTES, Answer, is_blank
from hotdash.protocol.chunks import ChunkedBody
from hotdash.protocol.head import Head, HeadReader, check_start, find_head_end, parse_head, shown
from hotdash.task import COOKIES

if TYPE_CHECKING:
    from hotdash.task import TaskRequest

MAX_INTERIM = 16  # 1xx answers before the final one


class Stage(Enum):
    """Where a decoder is in its exchange."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    CHUNKS = auto()


class HttpDecoder:
    """Turns one container's stdout into answers.

    Blank lines before a head are skipped: they are the end of a `print` that followed the answer before.

    Args:
        max_body_bytes: The longest body; a longer one is an error as soon as its length is known (M11).
        cookies: As for `parse_head`.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_cookies",
        "_final",
        "_head_bytes",
        "_interim",
        "_is_head",
        "_known",
        "_max_body_bytes",
        "_pending",
        "_probe",
        "_stage",
        "started",
        "surplus",
    )

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES, cookies: frozenset[str] = COOKIES) -> None:
        self.started = False
        self.surplus = False
        self._max_body_bytes = max_body_bytes
        self._cookies = cookies
        self._known: Head | None = None  # the last final head
        self._final: Head | None = None  # this exchange's, while its body comes
        self._is_head = False
        self._stage = Stage.IDLE
        self._forget()

    def _forget(self) -> None:
        self._pending = bytearray()  # of a head that is not complete
        self._probe: HeadReader | None = None  # reads that, too, so that a fault in it shows at once
        self._head_bytes = 0  # of heads of this exchange that are done, and blank lines
        self._interim = 0
        self._body = bytearray()
        self._chunks: ChunkedBody | None = None
        self._final = None

    def begin(self, request: TaskRequest) -> None:
        """Starts the exchange for `request`; forgets everything of the one before."""
        self.started = self.surplus = False
        self._is_head = request.method == "HEAD"
        if self._pending or self._head_bytes or self._final is not None:  # an exchange was given up
            self._forget()
        self._stage = Stage.HEAD

    def feed(self, data: bytes) -> Answer | None:
        """Takes bytes as they come, split anywhere.

        Returns:
            The answer once it is complete, None before.

        Raises:
            ProtocolError: These bytes cannot be an answer; the message says what was found.
            RuntimeError: No exchange has begun: a fault of the caller's.
        """
        stage = self._stage
        try:
            if stage is Stage.HEAD:
                # The common case: a known head, and nothing of this exchange before it. A head ends at its first blank
                # line, so that bytes which start with a whole head have exactly that head.
                known = self._known
                if known is not None and data.startswith(known.raw) and not self._pending and not self._head_bytes:
                    self.started = True
                    return self._start_body(known, data, len(known.raw))
                return self._feed_head(data)
            if stage is Stage.BODY:
                return self._feed_body(data, 0)
            if stage is Stage.CHUNKS:
                return self._feed_chunks(data, 0)
        except ProtocolError:
            self._stage = Stage.IDLE
            raise
        raise RuntimeError("feed without begin")

    def end(self) -> Answer:
        """The stream has ended; no answer in this format is ended so.

        Raises:
            ProtocolError: Always; the message says how far the answer came.
            RuntimeError: No exchange has begun: a fault of the caller's.
        """
        stage, self._stage = self._stage, Stage.IDLE
        if stage is Stage.HEAD:
            if self._pending:
                raise ProtocolError(f"stdout ended within the head of an answer: found {shown(self._pending)}")
            if self._interim:
                raise ProtocolError("stdout ended after a 1xx answer, before the final one")
            raise ProtocolError("stdout ended before an answer")
        if stage is Stage.BODY:
            assert self._final is not None  # noqa: S101  for mypy: the stage says so
            raise ProtocolError(
                f"stdout ended after {len(self._body)} of {self._final.length} bytes of the answer's body"
            )
        if stage is Stage.CHUNKS:
            assert self._chunks is not None  # noqa: S101  for mypy: the stage says so
            raise ProtocolError(f"stdout ended within a chunked body, after {len(self._chunks.body)} bytes of it")
        raise RuntimeError("end without begin")

    def _feed_head(self, data: bytes) -> Answer | None:
        """Looks for heads until a final one is whole."""
        if self._pending:
            self._pending += data
            end = find_head_end(self._pending, max(0, len(self._pending) - len(data) - 2))
            if end < 0:
                self._await_head(data)
                return None
            data, self._pending, self._probe = bytes(self._pending), bytearray(), None
        else:
            data = self._skip_blank(data)
            end = find_head_end(data)
        while end >= 0:
            head = parse_head(data[:end], cookies=self._cookies)
            self.started = True
            self._check_head_size(end)
            if not head.is_interim:
                self._known = head
                return self._start_body(head, data, end)
            self._head_bytes += end
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise ProtocolError(f"more than {MAX_INTERIM} 1xx answers before a final one")
            data = self._skip_blank(data[end:])
            end = find_head_end(data)
        self._pending += data
        if data:
            self._await_head(data)
        return None

    def _await_head(self, data: bytes) -> None:
        """A head is not complete yet; checks what there is of it, of which `data` is new."""
        self.started = True
        check_start(self._pending)
        self._check_head_size(len(self._pending))
        if self._probe is None:
            self._probe = HeadReader()
        self._probe.feed(data)

    def _skip_blank(self, data: bytes) -> bytes:
        """`data` without the blank lines at its start; they count as bytes of the head, so that they too end."""
        if data[:1] not in {b"\r", b"\n"}:
            return data
        rest = data.lstrip(b"\r\n")
        self._head_bytes += len(data) - len(rest)
        self._check_head_size(0)
        return rest

    def _check_head_size(self, more_bytes: int) -> None:
        if self._head_bytes + more_bytes > MAX_HEAD_BYTES:
            raise ProtocolError(f"the head of the answer is over the limit of {MAX_HEAD_BYTES} bytes")

    def _start_body(self, head: Head, data: bytes, at: int) -> Answer | None:
        """The final head is whole, and its body starts in `data` at `at`."""
        if self._is_head:
            return self._finish(head, b"", data, at)
        length = head.length
        if length is not None:
            if length > self._max_body_bytes:
                raise ProtocolError(
                    f"the answer's body of {length} bytes is over the limit of {self._max_body_bytes} bytes"
                )
            if len(data) - at >= length:
                return self._finish(head, data[at : at + length], data, at + length)
            self._final, self._stage = head, Stage.BODY
            return self._feed_body(data, at)
        if head.unending:
            raise ProtocolError(
                f"the answer has neither Content-Length nor Transfer-Encoding: chunked, so it could never end: "
                f"found {shown(head.raw)}"
            )
        self._final, self._stage = head, Stage.CHUNKS
        head_bytes = self._head_bytes + len(head.raw)
        self._chunks = ChunkedBody(head.raw, max_body_bytes=self._max_body_bytes, head_bytes=head_bytes)
        return self._feed_chunks(data, at)

    def _feed_body(self, data: bytes, at: int) -> Answer | None:
        head = self._final
        assert head is not None  # noqa: S101  for mypy: the stage says so, and that there is a length
        assert head.length is not None  # noqa: S101
        end = at + head.length - len(self._body)
        self._body += data[at:end] if at or end < len(data) else data
        return self._finish(head, bytes(self._body), data, end) if end <= len(data) else None

    def _feed_chunks(self, data: bytes, at: int) -> Answer | None:
        head, chunks = self._final, self._chunks
        assert head is not None  # noqa: S101  for mypy: the stage says so
        assert chunks is not None  # noqa: S101
        end = chunks.feed(data, at)
        return self._finish(head, bytes(chunks.body), data, end) if chunks.complete else None

    def _finish(self, head: Head, body: bytes, data: bytes, end: int) -> Answer:
        """The answer is complete, and ends in `data` at `end`."""
        self._stage = Stage.IDLE
        if self._final is not None:
            self._forget()  # an idle container should not hold on to its last body
        if end < len(data):
            self.surplus = not is_blank(data[end:])
        return Answer(body, head.status_code, head.headers, head.error)
