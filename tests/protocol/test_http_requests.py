"""What `http` and `default` send: the head as other parsers read it, the variables, and what is refused."""

from __future__ import annotations

import http.client
import io
from pathlib import Path

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdash.errors import InvalidRequest, ProtocolError
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.protocol.formats import FORMATS, format_of
from hotdash.protocol.headers import check_request
from hotdash.protocol.route import route_parameters
from hotdash.task import MAX_PAYLOAD_BYTES, TaskRequest

HTTP, COLD = FORMATS[Format.HTTP], FORMATS[Format.DEFAULT]
ID = "0123456789abcdef01234567"
bounded = settings(max_examples=100, deadline=None, database=None)


def spec_of(path: str = "/echo", form: Format = Format.HTTP) -> FunctionSpec:
    return FunctionSpec(
        name="iron/echo", folder=Path("/f"), file=Path("/f/func.yaml"), app="shop", path=path, format=form
    )


def request_of(**changes: object) -> TaskRequest:
    return TaskRequest(**{"id": ID, "function": "echo", "payload": b"", "url": "/echo", **changes})  # type: ignore[arg-type]


def read(raw: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    """The request line, the headers and the body, as Python's own server would read them."""
    stream = io.BytesIO(raw)
    line = stream.readline().decode()
    headers = http.client.parse_headers(stream)
    return line, headers.items(), stream.read()


def test_the_plainest_request():
    assert HTTP.encode(spec_of(), request_of(payload=b"world")) == (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nMethod: GET\r\nRoute: /echo\r\nRequest_url: /echo\r\n"
        b"Content-Length: 5\r\nTask-ID: 0123456789abcdef01234567\r\n\r\nworld"
    )


def test_the_callers_method_url_and_headers_travel_with_ironfunctions_copies():
    request = request_of(method="POST", url="/r/shop/echo?a=b", headers={"Content-Type": "text/plain", "X-A": "ü"})
    line, headers, body = read(HTTP.encode(spec_of(), request))
    assert line == "POST / HTTP/1.1\r\n"
    assert body == b""
    assert headers == [
        ("Host", "localhost"),
        ("Method", "POST"),
        ("Route", "/echo"),
        ("Request_url", "/r/shop/echo?a=b"),
        ("Content-Length", "0"),
        ("Task-ID", ID),
        ("Content-Type", "text/plain"),
        ("X-A", "ü"),
        ("Header_content_type", "text/plain"),
        ("Header_x_a", "ü"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "Content-Length",
        "content-length",
        "CONTENT_LENGTH",
        "Transfer-Encoding",
        "Task-ID",
        "task_id",
        "Connection",
        "Host",
        "Method",
        "Route",
        "Request-Url",
        "request_url",
        "Header_x",
        "Header-X",
        "Param-x",
        "Upgrade",
        "Expect",
        "TE",
    ],
)
def test_a_callers_header_never_overrides_ours(name):
    plain = read(HTTP.encode(spec_of(), request_of(payload=b"hello")))
    line, headers, body = read(HTTP.encode(spec_of(), request_of(payload=b"hello", headers={name: "999"})))
    assert (line, headers[:-1], body) == plain
    assert headers[-1] == ("Header_" + name.lower().replace("-", "_"), "999")


def test_headers_that_differ_in_case_share_one_copy():
    _, headers, _ = read(HTTP.encode(spec_of(), request_of(headers={"X-A": "1", "x-a": "2"})))
    assert headers[-3:] == [("X-A", "1"), ("x-a", "2"), ("Header_x_a", "1 2")]


def test_odd_urls_are_percent_encoded():
    _, headers, _ = read(HTTP.encode(spec_of("/grüße"), request_of(url="/a b\r\nX: 1\0ü%20")))
    assert ("Route", "/gr%C3%BC%C3%9Fe") in headers
    assert ("Request_url", "/a%20b%0D%0AX:%201%00%C3%BC%20") in headers


class Seen:
    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.ended = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.ended += 1


token = st.text("abcXYZ019-_!#$%&'*+.^`|~", min_size=1, max_size=12)
value = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=20).map(
    str.strip
)


@bounded
@given(headers=st.dictionaries(token, value, max_size=6), payload=st.binary(max_size=50), url=st.text(max_size=20))
def test_a_strict_parser_reads_exactly_one_request(headers, payload, url):
    seen = Seen()
    parser = httptools.HttpRequestParser(seen)
    raw = HTTP.encode(spec_of("/:p/x"), request_of(headers=headers, payload=payload, url=url, method="POST"))
    parser.feed_data(raw)
    assert parser.get_method() == b"POST"
    assert (seen.ended, seen.body) == (1, payload)
    names = [name.lower() for name, _ in seen.headers]
    for ours in (b"host", b"method", b"route", b"request_url", b"content-length", b"task-id"):
        assert names.count(ours) == 1
    assert dict(seen.headers)[b"Content-Length"] == str(len(payload)).encode()
    assert dict(seen.headers)[b"Task-ID"] == ID.encode()


BAD_HEADERS = [
    ({"X": "a\r\nY: b"}, "header X: found .*CR, LF, NUL"),
    ({"X": "a\rb"}, "CR, LF, NUL"),
    ({"X": "a\nb"}, "CR, LF, NUL"),
    ({"X": "a\0b"}, "CR, LF, NUL"),
    ({"X": "\x1b[31m"}, "control characters"),
    ({"X": "€"}, "latin-1 text: percent-encode it, or use the payload"),
    ({"X": "\ud800"}, "latin-1"),
    ({"X": 1}, "found int, allowed text"),
    ({"": "a"}, "header name: found ''"),
    ({"X Y": "a"}, "header name: found 'X Y'"),
    ({"X:": "a"}, "header name"),
    ({"X\r\nY": "a"}, "header name"),
    ({"X\n": "a"}, "header name"),
    ({"ü": "a"}, "header name"),
    ({b"X": "a"}, "header name"),
]


@pytest.mark.parametrize(("headers", "message"), BAD_HEADERS)
def test_bad_headers_are_refused_by_the_check_and_by_both_formats(headers, message):
    request = request_of(headers=headers)
    with pytest.raises(InvalidRequest, match=message):
        check_request(request)
    with pytest.raises(InvalidRequest, match=message):
        HTTP.encode(spec_of(), request)
    with pytest.raises(InvalidRequest, match=message):
        COLD.task_environment(spec_of(), request)


@pytest.mark.parametrize("method", ["", "GET ", "G T", "GET\r\nX: 1", "GÉT", "GET\n", "CONNECT", None])
def test_bad_methods_are_refused(method):
    with pytest.raises(InvalidRequest, match="method: found"):
        check_request(request_of(method=method))
    with pytest.raises(InvalidRequest, match="method: found"):
        HTTP.encode(spec_of(), request_of(method=method))
    with pytest.raises(InvalidRequest, match="method: found"):
        COLD.task_environment(spec_of(), request_of(method=method))


def test_a_bad_id_is_refused():
    for send in (HTTP.encode, COLD.task_environment):
        with pytest.raises(InvalidRequest, match="task id"):
            send(spec_of(), request_of(id="a\r\nX: 1"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"payload": "text"}, "payload: found str, allowed bytes"),
        ({"payload": bytes(MAX_PAYLOAD_BYTES + 1)}, "found 8388609 bytes, allowed at most 8388608"),
        ({"timeout_s": 0}, "timeout_s: found 0, allowed seconds above 0"),
        ({"timeout_s": -0.5}, "timeout_s"),
        ({"timeout_s": float("nan")}, "timeout_s: found nan"),
        ({"timeout_s": "5"}, "timeout_s"),
        ({"timeout_s": True}, "timeout_s"),
        ({"url": "/a\n"}, "url: found"),
        ({"url": "/a\0"}, "url: found"),
        ({"url": None}, "url: found None"),
        ({"url": "/" + "a" * 70_000}, "headers and url: found 70001 bytes"),
        ({"headers": {f"X-{n}": "a" * 1000 for n in range(70)}}, "headers and url: found"),
    ],
)
def test_other_bad_requests_are_refused(arguments, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        check_request(request_of(**arguments))
    assert len(str(caught.value)) < 200


def test_what_is_allowed_to_the_bound():
    fits = request_of(
        payload=bytes(MAX_PAYLOAD_BYTES),
        headers={"X-A": "a\tb ü", "!#$%&'*+-.^_`|~0aZ": ""},
        method="PROPFIND",
        url="/grüße?a=b c",
        timeout_s=1e-9,
    )
    check_request(fits)
    check_request(request_of(timeout_s=float("inf")))
    check_request(request_of(timeout_s=5))


def test_default_has_the_payload_on_stdin_and_ironfunctions_variables():
    spec = spec_of("/files/:kind/*rest", Format.DEFAULT)
    headers = {"Content-Type": "text/plain", "x.y!": "1", "X-Y_": "2", "Task-ID": "mine"}
    request = request_of(payload=b"in", method="PUT", url="/r/shop/files/a%20b/c/d%00e?x=1", headers=headers)
    assert COLD.encode(spec, request) == b"in"
    assert COLD.task_environment(spec, request) == {
        "METHOD": "PUT",
        "ROUTE": "/files/:kind/*rest",
        "REQUEST_URL": "/r/shop/files/a%20b/c/d%00e?x=1",
        "TASK_ID": ID,
        "PARAM_KIND": "a%20b",
        "PARAM_REST": "/c/d%00e",
        "HEADER_CONTENT_TYPE": "text/plain",
        "HEADER_X_Y_": "1 2",
        "HEADER_TASK_ID": "mine",
    }
    assert COLD.environment(spec) == {}


def test_http_gives_no_variables_and_sends_the_routes_parameters():
    spec = spec_of("/hello/:User-Name")
    request = request_of(url="/r/shop/hello/a%0d%0aX:1")
    assert HTTP.environment(spec) == HTTP.task_environment(spec, request) == {}
    assert ("Param_user_name", "a%0D%0AX:1") in read(HTTP.encode(spec, request))[1]


@pytest.mark.parametrize(
    ("path", "url", "found"),
    [
        ("/hello", "/hello", {}),
        ("/hello/:name", "/r/shop/hello/bob", {"name": "bob"}),
        ("/hello/:name", "/hello/bob?x=1#y", {"name": "bob"}),
        ("/hello/:name", "/hello/:name", {}),
        ("/hello/:name", "/hello/", {}),
        ("/hello/:name", "/hello", {}),
        ("/hello/:name", "/hello/bob/more", {}),
        ("/hello/:name", "/other/bob", {}),
        ("/hello/:name", "/r/other/hello/bob", {}),
        ("/:a/x/:b", "/1/x/2", {"a": "1", "b": "2"}),
        ("/files/*path", "/files/a/b", {"path": "/a/b"}),
        ("/files/*path", "/files/", {"path": "/"}),
        ("/files/*path", "/files", {}),
    ],
)
def test_route_parameters(path, url, found):
    assert route_parameters(path=path, app="shop", url=url) == found


def test_the_default_decoder_takes_all_until_the_end_and_no_more_than_its_limit():
    decoder = COLD.decoder(max_body_bytes=10)
    decoder.begin(request_of())
    assert not decoder.started
    assert decoder.feed(b"hello") is None
    assert decoder.feed(b"world") is None
    assert decoder.started
    answer = decoder.end()
    assert (answer.body, answer.status_code, answer.error, answer.headers) == (b"helloworld", None, None, {})
    assert not decoder.surplus
    decoder.begin(request_of())
    assert decoder.end().body == b""
    decoder.begin(request_of())
    decoder.feed(b"0123456789")
    with pytest.raises(ProtocolError, match="over the limit of 10 bytes"):
        decoder.feed(b"x")


def test_format_of():
    assert format_of(spec_of(form=Format.HTTP)) is HTTP
    assert format_of(spec_of(form=Format.DEFAULT)) is COLD
    assert FORMATS.keys() == set(Format)
