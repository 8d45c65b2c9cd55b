"""What `http-stream` sends, and what it takes for the answer to the caller. The exchange itself is `http`'s."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httptools
import pytest
from decoding import bytes_of, decode
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdash.errors import InvalidRequest, ProtocolError
from hotdash.functions.spec import Format, FunctionSpec, FunctionType
from hotdash.protocol.formats import FORMATS
from hotdash.task import TaskRequest

if TYPE_CHECKING:
    from hotdash.protocol.base import Answer

STREAM = FORMATS[Format.HTTP_STREAM]
ID = "0123456789abcdef01234567"
SPEC = FunctionSpec(
    name="iron/echo",
    folder=Path("/f"),
    file=Path("/f/func.yaml"),
    app="shop",
    format=Format.HTTP_STREAM,
    memory_mb=64,
    type=FunctionType.ASYNC,
)
bounded = settings(max_examples=100, deadline=None, database=None)


def request_of(**changes: object) -> TaskRequest:
    return TaskRequest(**{"id": ID, "function": "echo", "payload": b"", "url": "/echo", **changes})  # type: ignore[arg-type]


def answer_of(head: str, body: str = "", method: str = "GET") -> Answer | None:
    """The answer of these headers, which is the same byte by byte."""
    data = f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    whole, in_bytes = (
        decode(STREAM.decoder(), request_of(method=method), *pieces) for pieces in ([data], bytes_of(data))
    )
    assert whole == in_bytes
    return whole


def test_the_request_to_the_letter():
    headers = {"content-type": "text/plain", "X-A": "ü", "Content-Length": "9", "Transfer-Encoding": "chunked"}
    request = request_of(method="HEAD", url="/r/shop/echo?a=b c", headers=headers, payload=b"world")
    assert STREAM.encode(SPEC, request, deadline_at_s=1517331159.786) == (
        b"POST /call HTTP/1.1\r\n"
        b"Host: localhost\r\n"
        b"Content-Length: 5\r\n"
        b"Fn-Call-Id: 0123456789abcdef01234567\r\n"
        b"Fn-Deadline: 2018-01-30T16:52:39.786Z\r\n"
        b"Fn-Intent: httprequest\r\n"
        b"Fn-Http-Method: HEAD\r\n"
        b"Fn-Http-Request-Url: /r/shop/echo?a=b%20c\r\n"
        b"Content-Type: text/plain\r\n"
        b"Fn-Http-H-content-type: text/plain\r\n"
        b"Fn-Http-H-X-A: \xfc\r\n"
        b"Fn-Http-H-Content-Length: 9\r\n"
        b"Fn-Http-H-Transfer-Encoding: chunked\r\n"
        b"\r\n"
        b"world"
    )


def test_of_names_alike_one_alone_is_the_content_type():
    headers = {"Content_Type": "a/b", "Content-Type": "c/d", "content-type": "e/f"}
    head = STREAM.encode(SPEC, request_of(headers=headers)).decode()
    assert [line for line in head.split("\r\n") if line.startswith("Content")] == [
        "Content-Length: 0",
        "Content-Type: c/d",
    ]


def test_its_variables_to_the_letter():
    assert STREAM.environment(SPEC) == {
        "FN_FORMAT": "http-stream",
        "FN_APP_ID": "shop",
        "FN_APP_NAME": "shop",
        "FN_FN_ID": "echo",
        "FN_FN_NAME": "echo",
        "FN_MEMORY": "64",
        "FN_TYPE": "async",
    }
    assert STREAM.task_environment(SPEC, request_of()) == {}


token = st.text("abcXYZ019-_!#$%&'*+.^`|~", min_size=1, max_size=12)
value = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20)


@bounded
@given(headers=st.dictionaries(token, value, max_size=6), payload=st.binary(max_size=50), url=st.text(max_size=20))
def test_a_strict_parser_reads_exactly_one_request(headers, payload, url):
    seen = _Seen()
    parser = httptools.HttpRequestParser(seen)
    parser.feed_data(STREAM.encode(SPEC, request_of(headers=headers, payload=payload, url=url)))
    assert (seen.ended, seen.body) == (1, payload)
    assert seen.names.count(b"content-length") == 1


class _Seen:
    def __init__(self) -> None:
        self.names: list[bytes] = []
        self.body = b""
        self.ended = 0

    def on_header(self, name: bytes, _value: bytes) -> None:
        self.names.append(name.lower())

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


@pytest.mark.parametrize(
    "changes", [{"headers": {"X": "a\r\nb"}}, {"headers": {"X Y": "a"}}, {"method": "G T"}, {"id": "a\r\nb"}]
)
def test_what_cannot_stand_in_a_head_is_refused(changes):
    with pytest.raises(InvalidRequest):
        STREAM.encode(SPEC, request_of(**changes))


@pytest.mark.parametrize(
    ("head", "status", "headers", "error"),
    [
        ("200 OK", 200, {}, None),
        ("200 OK\r\nFn-Http-Status: 404", 404, {}, None),
        ("200 OK\r\nfn-http-status: 503", 503, {}, "answered 503 Service Unavailable"),
        ("502 Bad\r\nFn-Http-Status: 200", 200, {}, "answered 502 Bad"),
        ("504 Late", 504, {}, "answered 504 Late"),
        (
            "200 OK\r\nContent-Type: a/b\r\nFn-Http-H-content-type: c/d\r\nFn-Http-H-X-A: 1\r\nX-B: 2",
            200,
            {"X-B": "2", "content-type": "c/d", "X-A": "1"},
            None,
        ),
        (
            "200 OK\r\nFn-Http-H-Set-Cookie: a, b\r\nfn-http-h-set-cookie: c\r\nFn-Http-H-A: 1\r\nFn-Http-H-A: 2",
            200,
            {"Set-Cookie": "a, b\nc", "A": "1, 2"},
            None,
        ),
        ("200 OK\r\nFn-Http-H-: 1", 200, {"Fn-Http-H-": "1"}, None),
    ],
)
def test_what_the_caller_is_told_stands_in_headers(head, status, headers, error):
    answer = answer_of(head, "hello")
    assert answer is not None
    found = {name: text for name, text in answer.headers.items() if name != "Content-Length"}
    assert (answer.status_code, found, answer.error, answer.body) == (status, headers, error, b"hello")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "99",
        "199",
        "1000",
        "0200",
        "-200",
        "2e2",
        "000000200" + "0" * 20,
        "000000200" + "0" * 5000,
        "9" * 5000,
    ],
)
def test_a_status_that_is_none_is_a_protocol_error(text):
    with pytest.raises(ProtocolError, match="Fn-Http-Status: found"):
        answer_of(f"200 OK\r\nFn-Http-Status: {text}")


def test_an_answer_to_head_has_its_body_for_the_function_is_sent_a_post():
    answer = answer_of("200 OK", "hello", method="HEAD")
    assert answer is not None
    assert answer.body == b"hello"


def test_surplus_and_an_end_are_told_as_in_http():
    decoder = STREAM.decoder()
    assert not decoder.started
    assert decode(decoder, request_of(), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1") is not None
    assert decoder.surplus
    decoder.begin(request_of())
    decoder.feed(b"HTTP/1.1 2")
    assert decoder.started
    with pytest.raises(ProtocolError, match="within the head"):
        decoder.end()
