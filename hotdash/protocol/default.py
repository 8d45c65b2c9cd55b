"""Format `default`: one cold container a task; the payload to end of file in, stdout out. Sans-IO.

The formats are shared by all threads; a decoder is its runner's alone. Whether the task succeeded is decided by the
exit code, which is not seen here.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_BODY_BYTES, Answer
from hotdash.protocol.headers import check_method, check_value, header_names, url_text
from hotdash.protocol.route import route_parameters
from hotdash.task import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import TaskRequest

_ODD = re.compile(r"[^A-Z0-9_]")


class DefaultFormat:
    """The format `default`. Without state."""

    __slots__ = ()

    def environment(self, spec: FunctionSpec) -> Mapping[str, str]:  # noqa: ARG002  the seam's signature
        """None: a cold container's variables are its task's."""
        return NO_HEADERS

    def task_environment(self, spec: FunctionSpec, request: TaskRequest) -> Mapping[str, str]:
        """IronFunctions' variables: `METHOD`, `ROUTE`, `REQUEST_URL`, `PARAM_*`, `HEADER_*`, and `TASK_ID`.

        What of a header's name cannot stand in a variable's becomes `_`; values of headers that then share a name are
        joined by a space, as IronFunctions does.

        Raises:
            InvalidRequest: A header, the method or the id cannot be a variable.
        """
        check_method(request.method)
        check_value("task id", request.id)
        variables = {
            "METHOD": request.method,
            "ROUTE": url_text(spec.path),
            "REQUEST_URL": url_text(request.url),
            "TASK_ID": request.id,
        }
        parameters = route_parameters(path=spec.path, app=spec.app, url=request.url)
        variables.update((f"PARAM_{name.upper()}", value) for name, value in parameters.items())
        for given, value in request.headers.items():
            check_value(f"header {given}", value)
            name = "HEADER_" + _ODD.sub("_", header_names(given)[1].upper())
            variables[name] = f"{variables[name]} {value}" if name in variables else value
        return MappingProxyType(variables)

    def encode(self, spec: FunctionSpec, request: TaskRequest, *, deadline_at_s: float = 0.0) -> bytes:  # noqa: ARG002
        """The payload; the end of stdin ends it."""
        return request.payload

    def decoder(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> DefaultDecoder:
        """A new decoder, for one container."""
        return DefaultDecoder(max_body_bytes=max_body_bytes)


class DefaultDecoder:
    """Gathers stdout until it ends."""

    __slots__ = ("_body", "_max_body_bytes")

    def __init__(self, *, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._body = bytearray()

    @property
    def surplus(self) -> bool:
        """Never: all that is written is the answer."""
        return False

    @property
    def started(self) -> bool:
        """Whether any byte has come."""
        return bool(self._body)

    def begin(self, request: TaskRequest) -> None:  # noqa: ARG002  the seam's signature
        """Starts anew."""
        self._body = bytearray()

    def feed(self, data: bytes) -> Answer | None:
        """Takes bytes as they come.

        Raises:
            ProtocolError: The body is over the limit.
        """
        if len(self._body) + len(data) > self._max_body_bytes:
            raise ProtocolError(f"the answer's body is over the limit of {self._max_body_bytes} bytes")
        self._body += data
        return None

    def end(self) -> Answer:
        """The stream has ended: what came is the answer, also if nothing did."""
        return Answer(body=bytes(self._body))
