"""A gateway in front of a real runtime, and a client for it."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from real_tools import PATIENCE_S, nothing_left, real_runtime, write_function

import hotdash
from hotdash.gateway.address import Address
from hotdash.gateway.server import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime

HEAD = b"POST /r/shop/told HTTP/1.1\r\nHost: localhost\r\n"


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


class Front:
    """A gateway in front of a runtime, and a client for it."""

    def __init__(self, runtime: Runtime, folder: Path, gateway: Gateway) -> None:
        self.runtime = runtime
        self.gateway = gateway
        self._folder = folder

    def deploy(self, name: str, code: str, **keys: object) -> None:
        write_function(self._folder / "shop" / name, code, **keys)
        specs = {spec.key: spec for spec in hotdash.load_functions(self._folder / "shop")}
        self.runtime.deploy(specs[name])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.gateway.address.port, timeout=PATIENCE_S)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        connection = self.connect()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            reply = connection.getresponse()
            return Reply(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def do(self, code: str, name: str = "told") -> Reply:
        return self.ask("POST", f"/r/shop/{name}", code.encode())

    def running(self, name: str = "told") -> int:
        return self.runtime.snapshot().functions[name].running


@contextmanager
def open_front(folder: Path, *, is_ready: Callable[[], bool] = lambda: True, **keys: Any) -> Iterator[Front]:
    (folder / "shop").mkdir()
    with nothing_left(), real_runtime(folder, **keys) as runtime:
        gateway = Gateway(runtime=runtime, address=Address(host="127.0.0.1", port=0), is_ready=is_ready)
        gateway.start()
        try:
            yield Front(runtime, folder, gateway)
        finally:
            gateway.stop_taking()
            runtime.close()
            gateway.close()


def client_of(front: Front) -> socket.socket:
    return socket.create_connection(("127.0.0.1", front.gateway.address.port), timeout=PATIENCE_S)


def all_of(client: socket.socket) -> bytes:
    """What comes until the other side closes."""
    parts = []
    try:
        while part := client.recv(2**16):
            parts.append(part)
    except ConnectionResetError:
        pass  # closed with bytes that it has not read
    return b"".join(parts)
