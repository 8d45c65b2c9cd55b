"""What a task's result is in HTTP, and what else the gateway says. Pure functions; any thread."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from hotdash.task import COOKIE_SEPARATOR, COOKIES, TaskCause, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.task import TaskResult

# What is about the function's own connection, and what the server counts for itself (RFC 9110, section 7.6.1).
_NOT_PASSED_ON = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_WITHOUT_BODY = frozenset({204, 304})
_LENGTH = re.compile(r"[0-9]{1,18}")  # what the server counts with, and what it can be to a client
_LAST_STATUS = 599  # no server sends more
RETRY_AFTER_S = 1
_BY_CAUSE = {TaskCause.NO_MEMORY: 503, TaskCause.CLOSED: 503, TaskCause.REMOVED: 404}  # where hotdash ended a call


class HttpAnswer(NamedTuple):
    """An answer to a client. Header names are in lower case."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def say(status: int, fields: Mapping[str, object], **headers: str) -> HttpAnswer:
    """An answer of the gateway's own, in JSON."""
    body = json.dumps(fields, ensure_ascii=False).encode() + b"\n"
    more = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return HttpAnswer(status, [(b"content-type", b"application/json"), _length(body), *more], body)


def refuse(status: int, error: str, **headers: str) -> HttpAnswer:
    """An answer of the gateway's own that says what is wrong."""
    return say(status, {"error": error}, **headers)


def answer_of(result: TaskResult, *, method: str) -> HttpAnswer:
    """What the caller of a function gets: its answer, if it gave one, whatever its status is; else why there is none.

    Args:
        result: Of the call.
        method: The caller's: HEAD has the length that an answer to GET would have, if the function told.
    """
    code = result.status_code
    if code is None and result.status is TaskStatus.SUCCESS:
        code = 200  # a format without statuses
    if code is None or not 200 <= code <= _LAST_STATUS:
        status = _failure(result) if code is None else 502
        error = result.error or f"the function answered with the status {code}, which HTTP servers do not send"
        return say(status, {"error": error, "status": result.status.value, "task_id": result.task_id})
    headers = [
        (name.lower().encode("latin-1"), line.encode("latin-1"))
        for name, value in result.headers.items()
        if name.lower() not in _NOT_PASSED_ON
        for line in (value.split(COOKIE_SEPARATOR) if name.lower() in COOKIES else [value])
    ]
    if code in _WITHOUT_BODY:
        return HttpAnswer(code, headers, b"")
    told = next((value for name, value in result.headers.items() if name.lower() == "content-length"), None)
    if method == "HEAD" and told is not None and _LENGTH.fullmatch(told) and not result.body:
        return HttpAnswer(code, [*headers, (b"content-length", told.encode("latin-1"))], b"")
    return HttpAnswer(code, [*headers, _length(result.body)], result.body)


def _failure(result: TaskResult) -> int:
    """The status for a call without an answer."""
    if result.status is TaskStatus.TIMEOUT:
        return 504
    return 502 if result.cause is None else _BY_CAUSE[result.cause]


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()
