"""A Docker engine that says what a test tells it to, on a Unix socket: for what a real one does not do on request."""

from __future__ import annotations

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"}
INFO = {"ID": "FAKE", "Name": "fake", "ServerVersion": "20.10.24", "OSType": "linux", "MemTotal": 2**30, "NCPU": 2}


class Call(BaseHTTPRequestHandler):
    """One request; what answers it may use all of this."""

    protocol_version = "HTTP/1.1"
    engine: FakeEngine

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass

    def _route(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/v1.41")
        self.engine.asked.append(f"{self.command} {path}")
        self.engine.queries.append(dict(parse_qsl(urlsplit(self.path).query)))
        self.close_connection = True
        self.engine.answers.get(f"{self.command} {path}", missing)(self)

    do_GET = do_POST = do_DELETE = _route  # noqa: N815  as http.server looks for them

    def send(self, value: Any, status: int = 200) -> None:
        """Sends a whole answer: JSON, or bytes as they are."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def take_body(self) -> bytes:
        """Reads a body in chunks."""
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def begin(self) -> None:
        """Begins a stream."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def say(self, *values: Any) -> None:
        """Sends objects of a stream (bytes as they are), in one chunk."""
        pieces = (value if isinstance(value, bytes) else json.dumps(value).encode() + b"\r\n" for value in values)
        data = b"".join(pieces)
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        """Ends a stream well."""
        self.wfile.write(b"0\r\n\r\n")


def missing(call: Call) -> None:
    call.send({"message": f"No such image: {call.path}"}, 404)


class FakeEngine:
    """What is answered to what.

    Attributes:
        host: As DOCKER_HOST has it.
        answers: By method and path without version and query, `GET /info`.
        asked: What was asked, in order.
        queries: With which query.
        over: Set at the end of the test, for answers that wait.
    """

    def __init__(self, socket: Path) -> None:
        self.host = f"unix://{socket}"
        self.asked: list[str] = []
        self.queries: list[dict[str, str]] = []
        self.over = threading.Event()
        self.answers: dict[str, Callable[[Call], None]] = {
            "GET /version": lambda call: call.send(VERSION),
            "GET /info": lambda call: call.send(INFO),
        }


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = False

    def handle_error(self, *_: object) -> None:
        """A client that has gone is what many tests are about."""


@contextmanager
def fake_engine(socket: Path) -> Iterator[FakeEngine]:
    """An engine that listens until the end of the block."""
    engine = FakeEngine(socket)
    server = _Server(str(socket), type("Handler", (Call,), {"engine": engine}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield engine
    finally:
        engine.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
