"""`RequestParser`: httptools' parser of one connection's requests, which knows no upgrades. Runs in the gateway's loop.

A server that does not upgrade ignores the wish and handles the request as it is (RFC 9110, section 7.8). httptools
always grants it: what follows the head is no longer HTTP to it, neither the body nor the next request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class _Tunnel(Exception):
    """Ends the parser's work: what follows is of no known length."""


class RequestParser:
    """See the module's docstring. Stands in for `httptools.HttpRequestParser`.

    Where httptools stops after a head that asks for an upgrade, a new parser is given the same head without its
    `Upgrade` fields, made of what the first one has read in it, and then all that follows. Nothing is looked for in the
    bytes themselves: so both are of one mind on where a request ends, however it is split. Lines that are folded,
    which would read differently then, httptools takes from no one.

    Args:
        protocol: Is told of what is read; of a head that is read twice, too, where it begins, and its fields.
    """

    def __init__(self, protocol: HttpToolsProtocol) -> None:
        self.fault = ""  # why the request is refused, where httptools itself would have taken it
        self._protocol = protocol
        self._upgrades: list[tuple[bytes, bytes]] = []  # the fields without which a head is read again
        self.on_message_begin = protocol.on_message_begin
        self.on_url = protocol.on_url
        self.on_header = protocol.on_header
        self.on_body = protocol.on_body
        self._parser = self._new()

    # ---- uvicorn's

    def feed_data(self, data: bytes) -> None:
        """Reads some bytes.

        Raises:
            httptools.HttpParserError: They are no request.
        """
        rest: bytes | memoryview = data
        while True:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as stop:
                rest = memoryview(rest)[stop.args[0] :]
                self._read_again()
            else:
                return

    def get_http_version(self) -> str:
        """Such as `1.1`."""
        return str(self._parser.get_http_version())

    def get_method(self) -> bytes:
        """Of the request that is read."""
        return bytes(self._parser.get_method())

    def should_keep_alive(self) -> bool:
        """Whether another request may follow."""
        return bool(self._parser.should_keep_alive())

    def should_upgrade(self) -> bool:
        """Never."""
        return False

    # ---- httptools'

    def on_headers_complete(self) -> None:
        """A head is whole."""
        if self._parser.should_upgrade():  # it stops as soon as this returns
            if self.get_method() == b"CONNECT":
                self.fault = "method: found CONNECT, allowed a word such as GET or POST"
                raise _Tunnel
            return
        self._protocol.headers.extend(self._upgrades)
        self._upgrades = []
        self._protocol.on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is whole, or as much of it as httptools reads."""
        if not self._parser.should_upgrade():
            self._protocol.on_message_complete()

    # ---- own

    def _new(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's: it sees to that itself
        return parser

    def _read_again(self) -> None:
        url, headers = self._protocol.url, self._protocol.headers
        lines = [b"%b %b HTTP/%b" % (self.get_method(), url, self.get_http_version().encode())]
        lines += [b"%b: %b" % field for field in headers if field[0] != b"upgrade"]
        self._upgrades = [field for field in headers if field[0] == b"upgrade"]
        self._parser = self._new()
        self._parser.feed_data(b"\r\n".join([*lines, b"\r\n"]))
