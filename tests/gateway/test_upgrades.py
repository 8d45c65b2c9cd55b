"""Requests that ask for an upgrade: they are handled as they are, wherever their bytes are split."""

from __future__ import annotations

import json
import queue
from typing import TYPE_CHECKING, Any

import httptools
import pytest
from gateway_front import HEAD, Front, all_of, client_of, open_front
from hypothesis import given, settings
from hypothesis import strategies as st
from real_tools import DO_AS_TOLD, PATIENCE_S

from hotdash.events import TaskQueued
from hotdash.gateway.parser import RequestParser
from hotdash.gateway.protocol import BoundedProtocol
from hotdash.task import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UPGRADES = {
    "curl": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    "foo": b"upgrade:foo\r\nX-Empty:\r\nconnection:upgrade\r\n",
    "several": b"cONNECTION: x\r\nuPGRADE: foo\r\nConnection: y , UPGRADE\t\r\nUpgrade: \r\nUPGRADE: bar/2, h2c\r\n",
}
CODE = b"answer(headers.get('header_upgrade', '').encode())"


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with open_front(tmp_path_factory.mktemp("upgrades")) as front:
        front.deploy("told", DO_AS_TOLD, max_concurrency=8)
        yield front


@pytest.fixture
def until_read(monkeypatch) -> Callable[[int], None]:
    """Waits until the gateway has read so many bytes more from its clients."""
    sizes: queue.SimpleQueue[int] = queue.SimpleQueue()
    take = BoundedProtocol.data_received

    def tell(protocol: BoundedProtocol, data: bytes) -> None:
        take(protocol, data)
        sizes.put(len(data))

    def wait(size: int) -> None:
        while size > 0:
            size -= sizes.get(timeout=PATIENCE_S)
        assert size == 0

    monkeypatch.setattr(BoundedProtocol, "data_received", tell)
    return wait


def sized(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body: bytes) -> bytes:
    chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in (body[:5], body[5:]))
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nUpgrade: trailer\r\n\r\n"


def bodies(answers: bytes) -> list[bytes]:
    """Of answers that came one after another; each must be a 200."""
    found = []
    while answers:
        head, _, rest = answers.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        (length,) = (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        found.append(rest[:length])
        answers = rest[length:]
    return found


@pytest.mark.parametrize("upgrade", UPGRADES.values(), ids=UPGRADES)
@pytest.mark.parametrize("framed", [sized, chunked])
def test_a_request_for_an_upgrade_is_called_with_its_body_and_the_next_one_too(front, framed, upgrade: bytes):
    with client_of(front) as client:
        client.sendall((HEAD + upgrade + framed(b"answer(b'first')")) * 20)
        client.sendall(HEAD + b"Connection: close\r\n" + sized(b"answer(b'last')"))
        assert bodies(all_of(client)) == [b"first"] * 20 + [b"last"]


def test_wherever_requests_for_an_upgrade_are_split_they_are_answered_as_others_are(front, until_read):
    stream = b"".join(
        [
            HEAD + UPGRADES["several"] + sized(b"answer(b'one')"),
            HEAD + UPGRADES["foo"] + chunked(b"answer(b'two')"),
            HEAD + b"Connection: close, upgrade\r\nUpgrade: h2c\r\n" + sized(b"answer(b'three')"),
        ]
    )
    for place in range(1, len(stream)):
        with client_of(front) as client:
            client.sendall(stream[:place])
            until_read(place)
            client.sendall(stream[place:])
            until_read(len(stream) - place)
            assert bodies(all_of(client)) == [b"one", b"two", b"three"], place


def test_a_request_for_an_upgrade_may_come_byte_by_byte(front, until_read):
    stream = HEAD + UPGRADES["curl"] + chunked(b"answer(b'one')") + HEAD + b"Connection: close\r\n" + sized(CODE)
    with client_of(front) as client:
        for place in range(len(stream)):
            client.sendall(stream[place : place + 1])
            until_read(1)
        assert bodies(all_of(client)) == [b"one", b""]


def test_a_function_is_told_what_was_asked_for(front):
    with client_of(front) as client:
        client.sendall(HEAD + UPGRADES["several"] + b"Connection: close\r\n" + sized(CODE))
        assert bodies(all_of(client)) == [b"foo, , bar/2, h2c"]


def test_one_who_asks_for_an_upgrade_and_before_sending_is_told_to(front):
    head, _, body = sized(b"answer(b'yes')").rpartition(b"\r\n")
    with client_of(front) as client:
        client.sendall(HEAD + UPGRADES["curl"] + b"Expect: 100-continue\r\nConnection: close\r\n" + head + b"\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert bodies(all_of(client)) == [b"yes"]


@pytest.mark.parametrize(("path", "status"), [(b"/health", 200), (b"/nope", 404)])
def test_a_websocket_client_is_answered_without_an_upgrade_and_may_go_on(front, path: bytes, status: int):
    with client_of(front) as client:
        client.sendall(b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (path, UPGRADES["websocket"]))
        answer = client.recv(2**16)
        while not answer.endswith(b"}\n"):
            answer += client.recv(2**16)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        client.sendall(HEAD + b"Connection: close\r\n" + sized(b"answer(b'x')"))
        assert bodies(all_of(client)) == [b"x"]


def test_a_payload_above_its_bound_is_one_with_a_wish_for_an_upgrade_too(front):
    with client_of(front) as client:
        client.sendall(HEAD + UPGRADES["foo"] + sized(bytes(MAX_PAYLOAD_BYTES + 1)))
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


INNER = HEAD + sized(b"answer(b'inner')")


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (HEAD + UPGRADES["foo"] + b"Transfer-Encoding: gzip\r\n\r\n" + INNER, "Invalid HTTP"),
        (HEAD + UPGRADES["foo"] + b"Transfer-Encoding: chunked, x\r\n\r\n" + INNER, "Invalid HTTP"),
        (HEAD + UPGRADES["foo"] + b"Transfer-Encoding: chunked\r\n" + sized(INNER), "Invalid HTTP"),
        (HEAD + UPGRADES["foo"] + b"Content-Length: 1\r\n" + sized(INNER), "Invalid HTTP"),
        (HEAD + UPGRADES["foo"] + b"Content-Length: 1\r\n 0\r\n\r\n" + INNER, "Invalid HTTP"),
        (HEAD + UPGRADES["foo"] + b"Transfer-Encoding: chun\r\n ked\r\n\r\n" + INNER, "Invalid HTTP"),
        (HEAD + b"Connection: up\r\n\tgrade\r\nUpgrade: x\r\n\r\n" + INNER, "Invalid HTTP"),
        (HEAD + b"Connection: upgrade\r\nUpgrade : x\r\n\r\n" + INNER, "Invalid HTTP"),
        (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n" + INNER, "method: found CONNECT"),
        (b"CONNECT /r/shop/told HTTP/1.1\r\nHost: localhost\r\n" + UPGRADES["foo"] + sized(INNER), "method: found CON"),
    ],
    ids=[
        "an encoding that is none",
        "chunked not last",
        "chunked and a length",
        "two lengths",
        "a folded length",
        "a folded encoding",
        "a folded wish",
        "a space before a colon",
        "a tunnel",
        "a tunnel and a wish",
    ],
)
def test_what_has_no_certain_end_is_refused_and_nothing_behind_it_is_called(front, sent: bytes, error: str):
    called: list[bytes] = []
    unsubscribe = front.runtime.subscribe(lambda event: isinstance(event, TaskQueued) and called.append(event.payload))
    with client_of(front) as client:
        client.sendall(sent)
        head, _, body = all_of(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"].startswith(error)
    front.do("answer(b'x')")
    front.runtime.flush_events()
    unsubscribe()
    assert called == [b"answer(b'x')"]


def test_a_body_that_looks_like_a_request_is_none(front):
    with client_of(front) as client:
        body = b"answer(b'outer')\n'''" + INNER + b"'''"
        client.sendall(HEAD + UPGRADES["foo"] + b"Connection: close\r\n" + sized(body))
        assert bodies(all_of(client)) == [b"outer"]


class Listener:
    """What uvicorn's protocol does with a parser, written down."""

    def __init__(self, parser_of: Callable[[Any], Any]) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.heard: list[Any] = []
        self.parser = parser_of(self)

    def on_message_begin(self) -> None:
        self.url, self.headers = b"", []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower().replace(b"xpgrade", b"upgrade"), value))

    def on_headers_complete(self) -> None:
        head = self.parser.get_method(), self.url, self.parser.get_http_version(), self.parser.should_keep_alive()
        self.heard += [head, sorted(self.headers), b""]

    def on_body(self, body: bytes) -> None:
        self.heard[-1] += body

    def on_message_complete(self) -> None:
        self.heard.append("end")


METHODS = st.sampled_from([b"GET", b"POST", b"M-SEARCH", b"HEAD"])
WISHES = st.sampled_from([b"", b"Connection: close\r\n", b"Upgrade: h2c\r\n", *UPGRADES.values()])
BODIES = st.sampled_from(
    [b"\r\n", sized(b""), sized(b"a\r\n\r\nb"), chunked(b"hello world"), b"Content-Length: x\r\n\r\n"]
)
REQUESTS = st.builds(
    lambda method, version, wish, more, body: b"%b /x?a=%%20 HTTP/%b\r\n" % (method, version) + wish + more + body,
    METHODS,
    st.sampled_from([b"1.1", b"1.0"]),
    WISHES,
    WISHES,
    BODIES,
)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(REQUESTS, min_size=1, max_size=4).map(b"".join), st.lists(st.integers(0, 400), max_size=5).map(sorted))
def test_requests_are_read_as_if_the_wish_had_another_name(stream: bytes, places: list[int]):
    heard = []
    named = stream.replace(b"Upgrade:", b"Xpgrade:").replace(b"uPGRADE:", b"Xpgrade:").replace(b"UPGRADE:", b"Xpgrade:")
    for parser_of, sent in (
        (RequestParser, stream),
        (httptools.HttpRequestParser, named.replace(b"\nupgrade:", b"\nxpgrade:")),
    ):
        listener = Listener(parser_of)
        if parser_of is httptools.HttpRequestParser:
            listener.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        try:
            for start, end in zip([0, *places], [*places, None], strict=True):
                listener.parser.feed_data(sent[start:end])
        except httptools.HttpParserError as error:
            listener.heard.append(type(error))
        heard.append(listener.heard)
    assert heard[0] == heard[1]
