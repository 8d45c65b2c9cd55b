"""Reads a request's body, within its bound. Runs in the gateway's event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

_DRAINED = 8  # times the limit: so much of a body that is too large is still taken, so that its sender hears why


class TooLarge(Exception):
    """The body is over its bound."""


class ClientGone(Exception):
    """The client went away before it had sent all."""


async def read_body(scope: Scope, receive: Receive, *, limit_bytes: int) -> bytes:
    """Reads it whole.

    A client that sends all before it reads the answer would only see a broken connection, were it closed under it: so
    what is too much is read and dropped, for a while. One that asks first (`Expect: 100-continue`) is told at once.

    Raises:
        TooLarge: It is over the limit; the message says so.
        ClientGone: It ended too early.
    """
    headers = dict(scope["headers"])
    told = headers.get(b"content-length", b"")
    length = int(told) if told.isdigit() else 0
    error = TooLarge(f"payload: allowed at most {limit_bytes} bytes ({limit_bytes // 2**20} MiB)")
    if length > limit_bytes and (b"expect" in headers or length > _DRAINED * limit_bytes):
        raise error
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        size += len(message.get("body", b""))
        if size <= limit_bytes:
            parts.append(message.get("body", b""))
        else:
            parts.clear()
        if size > _DRAINED * limit_bytes or (size > limit_bytes and not message.get("more_body")):
            raise error
        if not message.get("more_body"):
            return b"".join(parts)
