"""What a caller may send, and the names it gets on its way to a function. Pure functions; any thread.

`check_request` is what `Runtime.submit` calls (M11). The formats call the same checks again for what they write, so
that an encoder is safe by itself: no header can end early and start another one, whoever built the request.

Header values travel as latin-1, the encoding that Python's `http.server`, WSGI and Node read them in; text outside it
is refused here, with the remedy, instead of arriving garbled.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from hotdash.errors import InvalidRequest
from hotdash.task import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from hotdash.task import TaskRequest

MAX_REQUEST_HEAD_BYTES = 64 * 2**10  # as for answers; the kernel takes no environment variable over 128 KiB either

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, section 5.6.2
_BAD_IN_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # RFC 9110, section 5.5: what no field value may hold
_BAD_IN_URL = re.compile(r"[^\x21-\x7e]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL_SAFE = "".join(map(chr, range(0x21, 0x7F)))

# What the request itself says, as names with `_` for `-`: some servers take the two for the same. A caller's header of
# such a name is not passed on under it (it would override or contradict ours), only as `Header_…`. `HOP` are those that
# are about one connection (RFC 9110, section 7.6.1): the caller's connection ended at hotdash.
_OURS = frozenset({"content_length", "host", "method", "request_url", "route", "task_id"})
_HOP = frozenset(
    {"connection", "expect", "keep_alive", "proxy_connection", "te", "trailer", "transfer_encoding", "upgrade"}
)
_OUR_PREFIXES = ("header_", "param_")


def check_request(request: TaskRequest, *, is_text: bool = False) -> None:
    """Checks all that a caller submits.

    - The payload: bytes, at most 8 MiB; UTF-8 where the function's format is text.
    - Headers: names are HTTP tokens, values latin-1 text without control characters (a tab aside); together with the
      URL at most 64 KiB.
    - The method: an HTTP token, `CONNECT` aside (a function is no tunnel).
    - The URL: any text without control characters; what is not ASCII in it is percent-encoded on its way.
    - `timeout_s`: seconds above 0 (infinity is allowed), or None.

    Raises:
        InvalidRequest: Something of it cannot be sent; the message names what was found and what is allowed.
    """
    payload: object = request.payload
    if not isinstance(payload, bytes):
        raise InvalidRequest(f"payload: found {type(payload).__name__}, allowed bytes")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise InvalidRequest(f"payload: found {len(payload)} bytes, allowed at most {MAX_PAYLOAD_BYTES} (8 MiB)")
    if is_text:
        payload_text(payload)
    if request.method != "GET":
        check_method(request.method)
    _check_url(request.url)
    size = len(request.url)
    for name, value in request.headers.items():
        header_names(name)
        check_value(f"header {name}", value)
        size += len(name) + len(value) + 4
    if size > MAX_REQUEST_HEAD_BYTES:
        raise InvalidRequest(f"headers and url: found {size} bytes, allowed at most {MAX_REQUEST_HEAD_BYTES} (64 KiB)")
    if request.timeout_s is not None:
        _check_timeout(request.timeout_s)


def _check_url(url: object) -> None:
    if not isinstance(url, str) or not (url.isprintable() or _CONTROL.search(url) is None):
        raise InvalidRequest(f"url: found {_shown(url)}, allowed text without control characters")


def _check_timeout(timeout_s: object) -> None:
    # NaN is not above 0 either.
    if not isinstance(timeout_s, int | float) or isinstance(timeout_s, bool) or not timeout_s > 0:
        raise InvalidRequest(f"timeout_s: found {_shown(timeout_s)}, allowed seconds above 0, or None")


def payload_text(payload: bytes) -> str:
    """A payload as text.

    Raises:
        InvalidRequest: It is none.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"payload: found bytes that are not UTF-8 at {error.start}, allowed text: format json carries "
            "no other; use http for bytes"
        ) from error


def check_method(method: object) -> None:
    """Checks that `method` can stand in a request line.

    Raises:
        InvalidRequest: It is no token, or CONNECT.
    """
    if not isinstance(method, str) or _TOKEN.fullmatch(method) is None or method == "CONNECT":
        raise InvalidRequest(f"method: found {_shown(method)}, allowed a word such as GET or POST (not CONNECT)")


def check_value(what: str, value: object) -> None:
    """Checks that `value` can stand in a header.

    Args:
        what: What it is, for the message: `header X-Name`.
        value: The text.

    Raises:
        InvalidRequest: It is no text, holds CR, LF, NUL or another control character, or is outside latin-1.
    """
    if not isinstance(value, str):
        raise InvalidRequest(f"{what}: found {type(value).__name__}, allowed text")
    bad = _BAD_IN_VALUE.search(value)
    if bad is None:
        return
    if bad[0] > "\xff":
        raise InvalidRequest(
            f"{what}: found {_shown(value)}, allowed latin-1 text: percent-encode it, or use the payload"
        )
    raise InvalidRequest(f"{what}: found {_shown(value)}, allowed text without CR, LF, NUL or other control characters")


@lru_cache(maxsize=256)
def header_names(name: object) -> tuple[str, str]:
    """A caller's header name, checked, as the formats use it.

    Returns:
        The name under which it is passed on as it is, empty if it is not (see `_OURS`, `_HOP`); and its lower-case form
        with `_` for `-`, from which `Header_…` and `HEADER_…` are made.

    Raises:
        InvalidRequest: It is not an HTTP token.
    """
    if not isinstance(name, str) or _TOKEN.fullmatch(name) is None:
        raise InvalidRequest(f"header name: found {_shown(name)}, allowed letters, digits and !#$%&'*+-.^_`|~")
    folded = name.lower().replace("-", "_")
    kept = folded not in _OURS and folded not in _HOP and not folded.startswith(_OUR_PREFIXES)
    return (name if kept else ""), folded


def url_text(text: str) -> str:
    """`text` with all that is not printable ASCII percent-encoded (as UTF-8), so that it can stand in a header."""
    return text if _BAD_IN_URL.search(text) is None else quote(text, safe=_URL_SAFE, errors="replace")


def _shown(value: object) -> str:
    """A value for a message: its `repr`, at most 60 characters of it."""
    text = repr(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:59] + "…"
