"""`BoundedProtocol`: uvicorn's protocol of one connection, with bounds on what a client may take. The gateway's loop.

uvicorn itself keeps a head however long it gets, waits for the rest of a request for ever, takes connections until
there are no descriptors left, and of several requests sent ahead tells only the newest that its client has gone.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hotdash.gateway.parser import RequestParser

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

MOST_HEAD_BYTES = 64 * 2**10  # as a call may have (M11)
_MOST_AHEAD = 16  # requests that wait behind one; while there are as many, nothing is read


class _HeadTooLarge(Exception):
    """Ends the parser's work: what it is fed would go on."""


class BoundedProtocol(HttpToolsProtocol):
    """See the module's docstring. Above uvicorn's `limit_concurrency` connections, further ones are refused at once."""

    head_s: ClassVar[float] = 10.0  # for all of a head, and before its first byte
    body_s: ClassVar[float] = 60.0  # for all of a body

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._requests = RequestParser(self)
        self.parser = self._requests  # type: ignore[assignment]  # it has what uvicorn uses of httptools' own
        self._most_connections = self.limit_concurrency
        self.limit_concurrency = None  # uvicorn's own check comes with a head, and keeps the connection until then
        self._is_in_head = True
        self._has_begun = False  # whether something of a head has come
        self._head_bytes = 0  # fed to the parser since a head began
        self._fields_bytes = 0  # of what the parser has given out of it
        self._refusal = HTTPStatus.BAD_REQUEST  # as which a fault of the parser is answered
        self._timer: asyncio.TimerHandle | None = None
        self._cycles: list[RequestResponseCycle] = []  # not answered yet

    # ---- asyncio's

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection: refused, if there are too many."""
        super().connection_made(transport)
        if self._most_connections is not None and len(self.connections) > self._most_connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"allowed at most {self._most_connections} connections")
            return
        self._within(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: every request of it hears that, not the newest alone."""
        self._stop_timer()
        super().connection_lost(exc)
        for cycle in self._cycles:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self._cycles.clear()

    def data_received(self, data: bytes) -> None:
        """Some bytes."""
        if self._is_in_head:
            self._head_bytes += len(data)
            self._has_begun = True
            if self._timer is None:
                self._within(self.head_s)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse_head()

    # ---- the parser's

    def on_message_begin(self) -> None:
        """The first byte of a request, be it behind another one's."""
        super().on_message_begin()
        self._has_begun = True
        self._fields_bytes = 0
        if self._timer is None:
            self._within(self.head_s)

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; or a trailer after a body, which is dropped: it must not join those (RFC 9110, section 6.5.1)."""
        if self._is_in_head:
            super().on_header(name, value)
        self._count(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """A head is whole; its body follows."""
        self._is_in_head = False
        self._within(self.body_s)
        super().on_headers_complete()
        self._cycles = [cycle for cycle in self._cycles if not cycle.response_complete]
        self._cycles.append(self.cycle)
        if 0 < len(self.pipeline) < _MOST_AHEAD:
            self.flow.resume_reading()  # uvicorn has paused it, and would not see that the client goes away

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        self._is_in_head = True
        self._has_begun = False
        self._head_bytes = 0
        self._stop_timer()

    def send_400_response(self, msg: str) -> None:
        """The parser has met a fault."""
        if self._refusal is HTTPStatus.BAD_REQUEST:
            self._refuse(self._refusal, self._requests.fault or msg)
        else:
            self._refuse_head()

    # ---- bounds

    def _count(self, size: int) -> None:
        self._fields_bytes += size
        if self._fields_bytes > MOST_HEAD_BYTES:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise _HeadTooLarge

    def _within(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._expire, seconds)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, seconds: float) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:  # it is not the client who is late
            self._within(seconds)
        elif self._has_begun:
            part = "head" if self._is_in_head else "body"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request's {part} was not whole within {seconds:g} s")
        else:
            self.transport.close()

    def _refuse_head(self) -> None:
        error = f"the request's head: allowed at most {MOST_HEAD_BYTES} bytes ({MOST_HEAD_BYTES // 2**10} KiB)"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, error)

    def _refuse(self, status: HTTPStatus, error: str) -> None:
        """Says why, where no earlier request's answer is expected in its place, and closes."""
        self._stop_timer()
        unanswered = [cycle for cycle in self._cycles if not cycle.response_complete]
        own = [] if self._is_in_head else [self.cycle]
        if unanswered in ([], own) and not any(cycle.response_started for cycle in unanswered):
            body = json.dumps({"error": error}).encode() + b"\n"
            head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()
