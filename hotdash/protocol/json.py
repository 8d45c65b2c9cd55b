"""Format `json`: Fn's JSON objects on stdin and stdout of a hot container (the design, section 4). Sans-IO; any thread.

A request is one object on a line of its own: `{"call_id", "deadline", "body", "content_type", "protocol": {"type",
"method", "request_url", "headers": {name: [values]}}}`. The body is text, so a payload that is none cannot travel in
this format. The caller's headers stand there all, as given: nothing of them can contradict the rest, as they could in
`http`. The answer is `hotdash.protocol.json_answers`'s.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hotdash.protocol.base import MAX_BODY_BYTES, WithoutVariables
from hotdash.protocol.headers import check_method, check_value, header_names, payload_text, url_text
from hotdash.protocol.json_answers import JsonDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import TaskRequest

_LATEST_S = 253_402_300_799.0  # the end of the year 9999: what a timestamp can say


class JsonFormat(WithoutVariables):
    """The format `json`. Without state."""

    __slots__ = ()

    def encode(self, spec: FunctionSpec, request: TaskRequest, *, deadline_at_s: float = 0.0) -> bytes:  # noqa: ARG002
        """The object and a line feed; there is none within it.

        Raises:
            InvalidRequest: The payload is no UTF-8 text, or a header, the method or the id cannot be sent.
        """
        body = payload_text(request.payload)
        check_method(request.method)
        check_value("task id", request.id)
        headers, content_type = _headers(request.headers)
        message = {
            "call_id": request.id,
            "deadline": timestamp(deadline_at_s),
            "body": body,
            "content_type": content_type,
            "protocol": {
                "type": "http",
                "method": request.method,
                "request_url": url_text(request.url),
                "headers": headers,
            },
        }
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        # Node's readline takes these two for ends of lines.
        return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode() + b"\n"

    def decoder(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> JsonDecoder:
        """A new decoder, for one container."""
        return JsonDecoder(max_body_bytes=max_body_bytes)


def timestamp(at_s: float) -> str:
    """A moment as Fn writes it, RFC 3339 in UTC to the millisecond: `2018-01-30T16:52:39.786Z`."""
    moment = datetime.fromtimestamp(min(at_s, _LATEST_S), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _headers(given: Mapping[str, str]) -> tuple[dict[str, list[str]], str]:
    """The caller's headers, those that differ in case under the first's name; and the Content-Type, empty if none."""
    values: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for name, value in given.items():
        header_names(name)
        check_value(f"header {name}", value)
        first = names.setdefault(name.lower(), name)
        values.setdefault(first, []).append(value)
    content_type = names.get("content-type")
    return values, "" if content_type is None else values[content_type][0]
