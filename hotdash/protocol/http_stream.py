"""Format `http-stream`: HTTP/1.1 on the Unix socket that a hot container listens on. Sans-IO; any thread.

Fn's current contract, which its FDKs and OCI Functions use (the design's section 4): each call is `POST /call`, and
what the caller asked for stands in `Fn-Http-*` headers. The answer's `Fn-Http-Status` is its status, and what begins
with `Fn-Http-H-` are its headers without that; the exchange itself is that of `http`.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_BODY_BYTES, Answer, WithoutVariables
from hotdash.protocol.exchange import HttpDecoder
from hotdash.protocol.head import failure
from hotdash.protocol.headers import check_method, check_value, header_names, url_text
from hotdash.protocol.json import timestamp
from hotdash.task import COOKIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import TaskRequest

_HEADER = "fn-http-h-"
_COOKIES = COOKIES | {f"{_HEADER}{name}" for name in COOKIES}
_STATUS = "fn-http-status"
_STATUS_CODE = re.compile("[2-9][0-9]{2}")


class HttpStreamFormat(WithoutVariables):
    """The format `http-stream`. Without state."""

    __slots__ = ()

    def environment(self, spec: FunctionSpec) -> Mapping[str, str]:
        """What an FDK asks for, but for `FN_LISTENER`: where the socket is, is the driver's to say."""
        return MappingProxyType(
            {
                "FN_FORMAT": spec.format.value,
                "FN_APP_ID": spec.app,
                "FN_APP_NAME": spec.app,
                "FN_FN_ID": spec.key,
                "FN_FN_NAME": spec.key,
                "FN_MEMORY": str(spec.memory_mb),
                "FN_TYPE": spec.type.value,
            }
        )

    def encode(self, spec: FunctionSpec, request: TaskRequest, *, deadline_at_s: float = 0.0) -> bytes:  # noqa: ARG002
        """The request's head and body.

        Raises:
            InvalidRequest: A header, the method or the id cannot stand in a head.
        """
        check_method(request.method)
        check_value("task id", request.id)
        lines = [
            "POST /call HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(request.payload)}",
            f"Fn-Call-Id: {request.id}",
            f"Fn-Deadline: {timestamp(deadline_at_s)}",
            "Fn-Intent: httprequest",
            f"Fn-Http-Method: {request.method}",
            f"Fn-Http-Request-Url: {url_text(request.url)}",
        ]
        is_typed = False
        for name, value in request.headers.items():
            header_names(name)  # checks it
            check_value(f"header {name}", value)
            if name.lower() == "content-type" and not is_typed:  # as the wire compares: `Content_Type` is another
                is_typed = True
                lines.append(f"Content-Type: {value}")
            lines.append(f"Fn-Http-H-{name}: {value}")
        return "\r\n".join((*lines, "", "")).encode("latin-1") + request.payload

    def decoder(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> HttpStreamDecoder:
        """A new decoder, for one container."""
        return HttpStreamDecoder(max_body_bytes=max_body_bytes)


class HttpStreamDecoder:
    """`HttpDecoder`, whose answers say in headers what they answer to the caller."""

    __slots__ = ("_http",)

    def __init__(self, *, max_body_bytes: int) -> None:
        self._http = HttpDecoder(max_body_bytes=max_body_bytes, cookies=_COOKIES)

    @property
    def surplus(self) -> bool:
        """See the seam."""
        return self._http.surplus

    @property
    def started(self) -> bool:
        """See the seam."""
        return self._http.started

    def begin(self, request: TaskRequest) -> None:
        """Starts the exchange, which is a POST whatever the caller's method is: an answer to HEAD has its body here."""
        self._http.begin(request._replace(method="POST"))

    def feed(self, data: bytes) -> Answer | None:
        """See the seam."""
        answer = self._http.feed(data)
        return None if answer is None else _told(answer)

    def end(self) -> Answer:
        """See the seam: no answer in this format is ended so."""
        return self._http.end()


def _told(answer: Answer) -> Answer:
    """What the function answers to its caller.

    Raises:
        ProtocolError: Its `Fn-Http-Status` is none.
    """
    plain, own = {}, {}
    status_code, error = answer.status_code, answer.error
    for name, value in answer.headers.items():
        folded = name.lower()
        if folded == _STATUS:
            if not _STATUS_CODE.fullmatch(value):
                raise ProtocolError(f"the answer's {name}: found {value[:40]!r}, allowed a number from 200 to 999")
            status_code = int(value)
            error = error or (failure(status_code) if status_code >= 500 else None)
        elif folded.startswith(_HEADER) and len(folded) > len(_HEADER):
            own[name[len(_HEADER) :]] = value
        else:
            plain[name] = value
    covered = {name.lower() for name in own}
    headers = {name: value for name, value in plain.items() if name.lower() not in covered} | own
    return answer._replace(status_code=status_code, headers=MappingProxyType(headers), error=error)
