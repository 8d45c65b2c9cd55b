"""Format `http`: HTTP/1.1 over stdin and stdout of a hot container (the design's section 4). Sans-IO; any thread.

The request is IronFunctions': the target is always `/`, and what the caller asked for stands in headers, as do the
variables that a cold container would get (`Method`, `Route`, `Request_url`, `Param_*`, `Header_*`: its environment's
names as Go's `http.Header.Set` writes them). The caller's own headers follow as they are, but for those that would
contradict ours (see `hotdash.protocol.headers`). The answer is `hotdash.protocol.exchange`'s.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hotdash.protocol.base import MAX_BODY_BYTES, WithoutVariables
from hotdash.protocol.exchange import HttpDecoder
from hotdash.protocol.headers import check_method, check_value, header_names, url_text
from hotdash.protocol.route import route_parameters

if TYPE_CHECKING:
    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import TaskRequest


class HttpFormat(WithoutVariables):
    """The format `http`. Without state."""

    __slots__ = ()

    def encode(self, spec: FunctionSpec, request: TaskRequest, *, deadline_at_s: float = 0.0) -> bytes:  # noqa: ARG002
        """The request's head and body.

        Raises:
            InvalidRequest: A header, the method or the id cannot stand in a head.
        """
        task_id, payload, path = request.id, request.payload, spec.path
        if not (task_id.isascii() and task_id.isalnum()):  # hotdash's own are
            check_value("task id", task_id)
        method, url = request.method, request.url
        opening = _usual_opening(method, path) if url == path else _opening(method, path, url)
        more = _more_headers(spec, request) if request.headers or ":" in path or "*" in path else ""
        head = f"{opening}Content-Length: {len(payload)}\r\nTask-ID: {task_id}\r\n{more}\r\n"
        return head.encode("latin-1") + payload

    def decoder(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> HttpDecoder:
        """A new decoder, for one container."""
        return HttpDecoder(max_body_bytes=max_body_bytes)


def _opening(method: str, path: str, url: str) -> str:
    """The lines that tell what the caller asked for."""
    check_method(method)
    return (
        f"{method} / HTTP/1.1\r\nHost: localhost\r\nMethod: {method}\r\nRoute: {url_text(path)}\r\n"
        f"Request_url: {url_text(url)}\r\n"
    )


@lru_cache(maxsize=256)
def _usual_opening(method: str, path: str) -> str:
    """Those of a caller that names no URL, the same for all of them: made once."""
    return _opening(method, path, path)


def _more_headers(spec: FunctionSpec, request: TaskRequest) -> str:
    """The route's parameters, the caller's headers as given, and IronFunctions' copies of them."""
    lines = [
        f"Param_{name}: {value}\r\n"
        for name, value in route_parameters(path=spec.path, app=spec.app, url=request.url).items()
    ]
    copies: dict[str, str] = {}
    for given, value in request.headers.items():
        name, folded = header_names(given)
        check_value(f"header {given}", value)
        if name:
            lines.append(f"{name}: {value}\r\n")
        copies[folded] = f"{copies[folded]} {value}" if folded in copies else value
    lines.extend(f"Header_{folded}: {value}\r\n" for folded, value in copies.items())
    return "".join(lines)
