"""The head of one HTTP answer: where it ends, and what it says. Pure functions over httptools (llhttp); any thread.

Rules beyond llhttp's own, which rejects a duplicate or malformed Content-Length, Content-Length beside
Transfer-Encoding, folded lines, and control characters:

- Only HTTP/1.0 and 1.1 (llhttp takes HTTP/0.9, HTTP/2.0, RTSP/ and ICE/, too).
- A line may end in a bare LF, as Go's `http.ReadResponse` takes it in IronFunctions, for functions written in shell.
- The only transfer coding is `chunked`, once, and only in HTTP/1.1 (RFC 9112, section 6.1).
- 1xx, 204 and 304 have no body, whatever their head says (RFC 9112, section 6.3).
- 101 is no answer: there is nothing to switch to.
"""

from __future__ import annotations

from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

import httptools
from msgspec import Struct

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_HEAD_BYTES
from hotdash.task import COOKIE_SEPARATOR, COOKIES

if TYPE_CHECKING:
    from collections.abc import Mapping

_START = b"HTTP/1."


class Head(Struct, frozen=True, kw_only=True):
    """What a head says.

    Args:
        raw: Its bytes, the blank line at its end included.
        status_code: 100 to 999.
        headers: Values by name as the function wrote it. Repeated ones (whatever their case) stand under the first's
            name, joined by `, `, but by a line feed for Set-Cookie.
        length: The body's bytes: 0 where there can be none, None where chunks tell (or nothing: see `unending`).
        chunked: Whether the body comes in chunks.
        error: `answered 503 Service Unavailable` for a status of 500 or more; None otherwise.
    """

    raw: bytes
    status_code: int
    headers: Mapping[str, str]
    length: int | None
    chunked: bool
    error: str | None

    @property
    def is_interim(self) -> bool:
        """Whether it is a 1xx, which another answer follows."""
        return self.status_code < 200

    @property
    def unending(self) -> bool:
        """Whether the body has neither a length nor chunks, so that it could never end."""
        return self.length is None and not self.chunked


def shown(data: bytes | bytearray) -> str:
    """The first bytes of what was found, for a message: at most 60 of them."""
    return repr(bytes(data[:60])) + ("…" if len(data) > 60 else "")


def find_head_end(data: bytes | bytearray, at: int = 0) -> int:
    """Where the head that is in `data` ends, just behind its blank line; -1 if it does not.

    Args:
        data: Bytes of a head and perhaps more.
        at: Where to start looking; a head's end may be missed only if it lies wholly before.
    """
    limit = at + MAX_HEAD_BYTES + 4
    crlf = data.find(b"\n\r\n", at, limit)
    bare = data.find(b"\n\n", at, limit if crlf < 0 else crlf + 1)
    if bare >= 0:
        return bare + 2
    return crlf + 3 if crlf >= 0 else -1


def check_start(data: bytes | bytearray) -> None:
    """Checks the first bytes of an answer, however few, so that junk fails at once and not at the task's deadline.

    Raises:
        ProtocolError: No answer starts like this.
    """
    if not data.startswith(_START) and not _START.startswith(bytes(data[: len(_START)])):
        raise ProtocolError(f"stdout is not an HTTP/1.1 answer: found {shown(data)}")


class HeadReader:
    """llhttp on one answer; what it says of the body is for `hotdash.protocol.chunks`."""

    __slots__ = ("_parser", "fields", "head_complete", "message_complete", "reason")

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.reason = b""
        self.head_complete = False
        self.message_complete = False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes of the answer.

        Raises:
            ProtocolError: llhttp does not accept them.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # a 101, which `parse_head` rejects by its status
            return
        except httptools.HttpParserError as error:
            raise ProtocolError(f"malformed HTTP answer ({error}): found {shown(bytes(data))}") from error

    @property
    def status_code(self) -> int:
        """The answer's, once its head is complete."""
        return int(self._parser.get_status_code())

    def on_status(self, reason: bytes) -> None:
        """A callback of llhttp's."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """A callback of llhttp's."""
        self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """A callback of llhttp's."""
        self.head_complete = True

    def on_message_complete(self) -> None:
        """A callback of llhttp's."""
        self.message_complete = True


def parse_head(raw: bytes, *, cookies: frozenset[str] = COOKIES) -> Head:
    """Reads a whole head, as `find_head_end` bounds it.

    Args:
        raw: Its bytes.
        cookies: Names of headers, in lower case, that are Set-Cookie to the caller.

    Raises:
        ProtocolError: It is not the head of an HTTP/1.0 or HTTP/1.1 answer, or its body's framing is ambiguous.
    """
    check_start(raw)
    reader = HeadReader()
    reader.feed(raw)
    if not reader.head_complete:
        raise ProtocolError(f"malformed HTTP answer (no head): found {shown(raw)}")
    status_code = reader.status_code
    if status_code < 100 or status_code == 101:
        raise ProtocolError(f"an answer cannot have status {status_code}: found {shown(raw)}")
    headers, length, coding = _gather(reader.fields, cookies)
    chunked = coding is not None
    if status_code < 200 or status_code in {204, 304}:
        length, chunked = 0, False
    elif coding is not None and (coding.lower() != "chunked" or not raw.startswith(b"HTTP/1.1")):
        raise ProtocolError(
            f"Transfer-Encoding {coding[:60]!r} is not supported: use chunked in HTTP/1.1, or Content-Length"
        )
    return Head(
        raw=raw,
        status_code=status_code,
        headers=MappingProxyType(headers),
        length=length,
        chunked=chunked,
        error=None if status_code < 500 else failure(status_code, reader.reason),
    )


def _gather(
    fields: list[tuple[bytes, bytes]], cookies: frozenset[str]
) -> tuple[dict[str, str], int | None, str | None]:
    """The headers, the Content-Length and the Transfer-Encoding."""
    headers: dict[str, str] = {}
    written: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").rstrip(" \t")
        add_header(headers, written, name, value, cookies=cookies)
    length: int | None = None
    if "content-length" in written:
        try:
            length = int(headers[written["content-length"]])  # llhttp let through digits alone, once
        except ValueError as error:  # thousands of zeros, which Python refuses to read
            raise ProtocolError("the answer's Content-Length is not a number") from error
    coding = headers[written["transfer-encoding"]] if "transfer-encoding" in written else None
    return headers, length, coding


def add_header(
    headers: dict[str, str], written: dict[str, str], name: str, value: str, *, cookies: frozenset[str] = COOKIES
) -> None:
    """Takes one more header of an answer, as `Head.headers` has them.

    Args:
        headers: Those so far.
        written: Their names by the lower-case ones.
        name: The header's.
        value: Its value.
        cookies: As for `parse_head`.
    """
    folded = name.lower()
    first = written.setdefault(folded, name)
    if first in headers:
        value = (COOKIE_SEPARATOR if folded in cookies else ", ").join((headers[first], value))
    headers[first] = value


def failure(status_code: int, reason: bytes = b"") -> str:
    """What a status of 500 or more says, in words: `answered 503 Service Unavailable`."""
    words = reason[:60].decode("latin-1").strip()
    if not words:
        try:
            words = HTTPStatus(status_code).phrase
        except ValueError:
            return f"answered {status_code}"
    return f"answered {status_code} {words}"
