"""HTTP to the engine where a wait must be ended at any moment: builds, pulls, first words. In the thread that asks.

docker-py's requests wait in `recv` without looking up, and a quiet `RUN` may last minutes. Here every wait is cut into
ticks, and each tick asks `check`, which ends the exchange by raising; closing the connection is what cancels a build.
"""

from __future__ import annotations

import http.client
import io
import json
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator, Mapping

    from _typeshed import ReadableBuffer, WriteableBuffer

TICK_S = 0.1
MAX_OBJECT_BYTES = 4 * 2**20  # one object of a stream: a line of a build, with room
_READ_BYTES = 64 * 2**10
MAX_ERROR_BYTES = 64 * 2**10


class EngineRefusal(Exception):
    """The engine answered with an error.

    Attributes:
        status: The HTTP status.
        message: What the engine said, in its words.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        self.message = message
        super().__init__(message)


class NotAnEngine(Exception):
    """What answered does not speak as a Docker engine does."""


def nothing_to_check() -> None:
    """A `check` that never ends anything."""


def target(path: str, **query: str | int | bool | None) -> str:
    """A path with its query; None is left out, and what is true is 1."""
    pairs = {key: int(value) if isinstance(value, bool) else value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(pairs)}" if pairs else path


@contextmanager
def exchange(
    sock: socket.socket,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Iterator[bytes] | None = None,
    check: Callable[[], None] = nothing_to_check,
    timeout_s: float | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """One request and its answer, on a connection that ends with it.

    Args:
        sock: Connected; closed at the end, whatever it is.
        method: `GET`, `POST`, `DELETE`.
        path: With its query; see `target`.
        headers: Beside Host, Connection and those of the body.
        body: Sent in chunks where it is an iterator.
        check: Called at least ten times a second, in any wait; what it raises ends the exchange.
        timeout_s: Seconds after which the exchange ends with TimeoutError.

    Raises:
        EngineRefusal: The engine answered with a status of 400 or more.
        NotAnEngine: What came is no HTTP.
        OSError: The connection failed, or the time ran out.
    """
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s

    def look_up() -> None:
        check()
        if deadline_s is not None and time.monotonic() >= deadline_s:
            raise TimeoutError("timed out")

    connection = http.client.HTTPConnection("docker")
    connection.sock = _TickingSocket(sock, look_up)
    given = {"Host": "docker", "Connection": "close", **(headers or {})}
    chunked = body is not None and not isinstance(body, bytes)
    if chunked:
        given["Transfer-Encoding"] = "chunked"
    try:
        # An engine that refuses in the middle of a body closes; its answer says more than the broken pipe.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body=body, headers=given, encode_chunked=chunked)
        response = connection.getresponse()
        if response.status >= http.client.BAD_REQUEST:
            raise EngineRefusal(response.status, _message(response))
        yield response
    except http.client.RemoteDisconnected:
        raise  # a ConnectionResetError, too
    except http.client.IncompleteRead as error:
        raise ConnectionResetError("the connection ended in the middle of the answer") from error
    except http.client.HTTPException as error:
        raise NotAnEngine("what answers there does not speak HTTP") from error
    finally:
        sock.close()


def ask(
    sock: socket.socket,
    path: str,
    *,
    timeout_s: float,
    method: str = "GET",
    check: Callable[[], None] = nothing_to_check,
) -> Any:
    """Asks for one JSON value; None for an answer without one.

    Raises:
        EngineRefusal: See `exchange`. So are OSError and NotAnEngine.
    """
    with exchange(sock, method, path, timeout_s=timeout_s, check=check) as response:
        text = response.read(MAX_OBJECT_BYTES)
    try:
        return json.loads(text) if text.strip() else None
    except ValueError as error:
        raise NotAnEngine("what answers there does not speak JSON") from error


def objects(response: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The objects of a stream, one a line, as they come.

    Raises:
        NotAnEngine: Something else came.
        OSError: The connection ended before the stream did.
    """
    for line in _lines(response):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise NotAnEngine(f"the engine's stream holds what is no JSON: {line[:80]!r}") from error
        if isinstance(value, dict):
            yield value


def _lines(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Lines as they come; not by `readline`, which takes a connection that broke for the end."""
    rest = bytearray()
    while data := response.read1(_READ_BYTES):
        *ended, last = data.split(b"\n")
        for part in ended:
            yield bytes(rest + part)
            rest.clear()
        rest += last
        if len(rest) > MAX_OBJECT_BYTES:
            raise NotAnEngine("the engine's stream holds a line without an end")
    yield bytes(rest)


def _message(response: http.client.HTTPResponse) -> str:
    """What an error answer says: `{"message": …}`, or its text."""
    text = response.read(MAX_ERROR_BYTES).decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
        return text or response.reason
    message = value.get("message") if isinstance(value, dict) else None
    return str(message or text)


class _TickingSocket:
    """A socket for http.client, each of whose waits looks up ten times a second."""

    def __init__(self, sock: socket.socket, look_up: Callable[[], None]) -> None:
        sock.settimeout(TICK_S)
        self._sock = sock
        self._look_up = look_up

    def sendall(self, data: ReadableBuffer) -> None:
        view = memoryview(data)
        while view:
            self._look_up()
            with suppress(TimeoutError):
                view = view[self._sock.send(view) :]

    def makefile(self, _mode: str, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._look_up))

    def close(self) -> None:
        """Nothing: http.client closes here as soon as it has the head, and still reads; `exchange` closes."""


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, look_up: Callable[[], None]) -> None:
        self._sock = sock
        self._look_up = look_up

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while True:
            self._look_up()
            with suppress(TimeoutError):
                return self._sock.recv_into(buffer)
