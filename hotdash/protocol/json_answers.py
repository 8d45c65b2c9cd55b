"""One JSON answer after another over a container's stdout: the decoder of `json`. Sans-IO; its serve thread alone.

An answer is one object, `{"body", "content_type", "protocol": {"status_code", "headers": {name: [values]}}}`, written
over as many lines as the function likes. All keys may be left out; others mean nothing. Where the object ends is found
by its braces, outside of strings; what it says is read by pydantic's parser, which also tells, of an object that is not
whole yet, whether it can become one: what is no JSON fails at once and not at the task's deadline.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from hotdash.errors import InvalidRequest, ProtocolError
from hotdash.protocol.base import MAX_BODY_BYTES, MAX_HEAD_BYTES, Answer, is_blank
from hotdash.protocol.head import add_header, failure, shown
from hotdash.protocol.headers import check_value, header_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.task import TaskRequest

_DEAREST = 6  # bytes that JSON may spend on one of a body: "\u0001"
_BLANK = re.compile(rb"[ \t\r\n]*+")
_BETWEEN = re.compile(rb'[^"{}]*+')
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_KINDS = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "text"}


class JsonDecoder:
    """Turns one container's stdout into answers.

    Args:
        max_body_bytes: The longest body, as UTF-8 (M11). Its JSON may be longer, by what escapes cost.
    """

    __slots__ = (
        "_at",
        "_blank_bytes",
        "_checked",
        "_depth",
        "_in_string",
        "_is_open",
        "_max_body_bytes",
        "_pending",
        "surplus",
    )

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self.surplus = False
        self._is_open = False
        self._max_body_bytes = max_body_bytes
        self._forget()

    def _forget(self) -> None:
        self._pending = bytearray()
        self._blank_bytes = 0  # that came before it
        self._at = 0  # up to here `_pending` has been looked at
        self._depth = 0
        self._in_string = False
        self._checked = 0  # so much of it was there when it was last read as JSON

    @property
    def started(self) -> bool:
        """Whether any byte of the current answer has come."""
        return bool(self._pending)

    def begin(self, request: TaskRequest) -> None:  # noqa: ARG002  the seam's signature
        """Starts an exchange; forgets everything of the one before."""
        self.surplus = False
        self._is_open = True
        self._forget()

    def feed(self, data: bytes) -> Answer | None:
        """Takes bytes as they come, split anywhere.

        Returns:
            The answer once it is complete, None before.

        Raises:
            ProtocolError: These bytes cannot be an answer; the message says what was found.
            RuntimeError: No exchange has begun: a fault of the caller's.
        """
        if not self._is_open:
            raise RuntimeError("feed without begin")
        try:
            answer = self._feed(data)
        except ProtocolError:
            self._is_open = False
            raise
        if answer is not None:
            self._is_open = False
        return answer

    def end(self) -> Answer:
        """The stream has ended; no answer in this format is ended so.

        Raises:
            ProtocolError: Always; the message says how far the answer came.
            RuntimeError: No exchange has begun: a fault of the caller's.
        """
        if not self._is_open:
            raise RuntimeError("end without begin")
        self._is_open = False
        if self._pending:
            raise ProtocolError(f"stdout ended within a JSON answer: found {shown(self._pending)}")
        raise ProtocolError("stdout ended before an answer")

    def _feed(self, data: bytes) -> Answer | None:
        if not self._pending:
            match = _BLANK.match(data)
            if match is not None:
                data = data[match.end() :]
                self._blank_bytes += match.end()
                if self._blank_bytes > MAX_HEAD_BYTES:
                    raise ProtocolError(f"stdout is not a JSON object: found over {MAX_HEAD_BYTES} bytes of blanks")
            if not data:
                return None
            if not data.startswith(b"{"):
                raise ProtocolError(f"stdout is not a JSON object: found {shown(data)}")
        self._pending += data
        end = self._find_end()
        limit = _DEAREST * self._max_body_bytes + MAX_HEAD_BYTES
        if (len(self._pending) if end < 0 else end) > limit:
            raise ProtocolError(f"the answer is over the limit of {limit} bytes")
        if end < 0:
            self._check_start()
            return None
        raw, after = bytes(self._pending[:end]), bytes(self._pending[end:])
        self._forget()
        answer = read_answer(raw, max_body_bytes=self._max_body_bytes)
        self.surplus = not is_blank(after)
        return answer

    def _find_end(self) -> int:
        """The place behind the object's last brace, or -1 if that has not come. Looks at each byte once."""
        pending, at = self._pending, self._at
        while at < len(pending):
            match = (_STRING if self._in_string else _BETWEEN).match(pending, at)
            assert match is not None  # noqa: S101  for mypy: both match nothing, too
            at = match.end()
            if at == len(pending) or pending[at] == 0x5C:  # a backslash without what it escapes
                break
            found = pending[at]
            at += 1
            if found == 0x22:
                self._in_string = not self._in_string
            else:
                self._depth += 1 if found == 0x7B else -1
                if self._depth == 0:
                    self._at = at
                    return at
        self._at = at
        return -1

    def _check_start(self) -> None:
        """Looks whether what has come can become an object: of ever longer pieces, each twice the last at least."""
        if self._checked and len(self._pending) < 2 * self._checked:
            return
        self._checked = len(self._pending)
        try:
            from_json(bytes(self._pending), allow_partial=True, cache_strings=False)
        except ValueError as error:
            raise ProtocolError(f"stdout is not a JSON object ({error}): found {shown(self._pending)}") from error


def read_answer(raw: bytes, *, max_body_bytes: int) -> Answer:
    """What a whole object says.

    Raises:
        ProtocolError: It is no JSON, or one of its values is not what it may be.
    """
    try:
        message: dict[str, Any] = from_json(raw, cache_strings=False)
    except ValueError as error:
        raise ProtocolError(f"malformed JSON answer ({error}): found {shown(raw)}") from error
    body = _text(message, "body").encode()
    if len(body) > max_body_bytes:
        raise ProtocolError(f"the answer's body of {len(body)} bytes is over the limit of {max_body_bytes} bytes")
    protocol = message.get("protocol")
    if protocol is None:
        protocol = {}
    if not isinstance(protocol, dict):
        raise _wrong("protocol", protocol, "an object")
    status_code = _status_code(protocol.get("status_code"))
    headers = _headers(protocol.get("headers"), _text(message, "content_type"))
    return Answer(body, status_code, headers, None if status_code < 500 else failure(status_code))


def _text(message: Mapping[str, Any], key: str) -> str:
    value = message.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(key, value, "text: a JSON value stands in it as text, too")
    return value


def _status_code(value: object) -> int:
    if value is None or (value == 0 and value is not False):  # what Go writes for none
        return 200
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 999:
        raise _wrong("protocol.status_code", value, "a whole number from 200 to 999")
    return value


def _headers(given: object, content_type: str) -> Mapping[str, str]:
    """The answer's headers."""
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise _wrong("protocol.headers", given, "an object of lists of text")
    headers: dict[str, str] = {}
    names: dict[str, str] = {}
    size = len(content_type)
    pairs = ((name, value) for name, values in given.items() for value in _values(name, values))
    for name, value in pairs:
        _check_header(name, value)
        size += len(name) + len(value) + 4
        if size > MAX_HEAD_BYTES:
            break  # before the next is joined: millions would take hours
        add_header(headers, names, name, value)
    if content_type:  # as in Fn it goes over a header of that name
        _check_header("Content-Type", content_type)
        headers[names.get("content-type", "Content-Type")] = content_type
    if size > MAX_HEAD_BYTES:
        raise ProtocolError(f"the answer's headers are over the limit of {MAX_HEAD_BYTES} bytes")
    return MappingProxyType(headers)


def _values(name: str, values: object) -> list[Any]:
    if isinstance(values, str):
        return [values]
    if not isinstance(values, list):
        raise _wrong(f"protocol.headers.{name[:40]}", values, "a list of text")
    return values


def _check_header(name: str, value: object) -> None:
    try:
        header_names(name)
        check_value(f"header {name}", value)
    except InvalidRequest as error:
        raise ProtocolError(f"the answer's {error}") from error


def _wrong(key: str, value: object, allowed: str) -> ProtocolError:
    kind = _KINDS.get(type(value), "something else")
    if isinstance(value, int | float) and not isinstance(value, bool) and -1e9 < value < 1e9:
        kind = str(value)
    return ProtocolError(f"the answer's {key}: found {kind}, allowed {allowed}")
