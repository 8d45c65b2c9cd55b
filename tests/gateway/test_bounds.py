"""What one client can take of the gateway: bytes, seconds, connections; and what it leaves behind as it goes."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING

import pytest
from gateway_front import HEAD, Front, all_of, client_of, open_front
from real_tools import DO_AS_TOLD, until

from hotdash.events import TaskEnded
from hotdash.gateway import server
from hotdash.gateway.protocol import MOST_HEAD_BYTES, BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with open_front(tmp_path) as front:
        yield front


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"X-Long: " + b"x" * MOST_HEAD_BYTES,
        HEAD + b"X-Many: y\r\n" * (MOST_HEAD_BYTES // 8),
        HEAD + b"X-Whole: " + b"x" * MOST_HEAD_BYTES + b"\r\n\r\n",
        HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nX-Whole: " + b"x" * MOST_HEAD_BYTES + b"\r\n\r\n",
        b"GET /" + b"x" * MOST_HEAD_BYTES,
    ],
    ids=["a header without end", "headers without end", "a whole head", "one for an upgrade", "an address"],
)
def test_a_head_above_its_bound_is_431_and_the_end_of_the_connection(front, sent: bytes):
    with client_of(front) as client:
        client.sendall(sent)
        head, _, body = all_of(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert "allowed at most 65536 bytes" in json.loads(body)["error"]


@pytest.mark.parametrize(
    "sent",
    [
        HEAD,
        HEAD + b"Content-Length: 9\r\n\r\nabc",
        HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
        HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\nabc",
        b"\r\n",
        b"",
    ],
)
def test_who_does_not_send_all_in_time_is_let_go(front, monkeypatch, sent: bytes):
    monkeypatch.setattr(BoundedProtocol, "head_s", 0.2)
    monkeypatch.setattr(BoundedProtocol, "body_s", 0.2)
    front.deploy("told", DO_AS_TOLD)
    with client_of(front) as client:
        client.sendall(sent)
        answer = all_of(client)
    assert answer.startswith(b"HTTP/1.1 408 ") if sent else answer == b""


def test_a_call_may_run_for_longer_than_a_request_may_take_to_come(front, monkeypatch):
    monkeypatch.setattr(BoundedProtocol, "head_s", 0.1)
    monkeypatch.setattr(BoundedProtocol, "body_s", 0.1)
    front.deploy("told", DO_AS_TOLD)
    assert front.do("time.sleep(0.5); answer(b'late')").body == b"late"


def test_above_so_many_connections_a_client_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 2)
    with open_front(tmp_path) as front, client_of(front), client_of(front) as second:
        with client_of(front) as third:
            assert all_of(third).startswith(b"HTTP/1.1 503 ")
        second.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert second.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(("allowed", "most"), [(1024, 512), (100_000, 2_000), (resource.RLIM_INFINITY, 2_000)])
def test_clients_take_no_more_than_half_of_the_descriptors(monkeypatch, allowed: int, most: int):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    assert server._most_connections() == most


def test_a_client_that_has_sent_requests_ahead_takes_them_all_with_it(front):
    front.deploy("told", DO_AS_TOLD)
    ended: list[str] = []
    front.runtime.subscribe(lambda event: ended.append(event.result.status) if isinstance(event, TaskEnded) else None)
    code = b"time.sleep(1000)"
    with client_of(front) as client:
        client.sendall((HEAD + b"Content-Length: %d\r\n\r\n" % len(code) + code) * 3)
        until(front.running, "the first call's start")
    until(lambda: ended, "the end of the first call")
    assert ended == ["cancelled"]
    assert front.do("answer(b'clean')").body == b"clean"


def test_what_comes_behind_a_body_is_no_header(front):
    front.deploy("told", DO_AS_TOLD)
    code = b"answer(repr([key for key in headers if 'late' in key or 'host, ' in headers[key]]).encode())"
    body = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nX-Late: 1\r\nHost: evil.example\r\n\r\n" % (
        len(code),
        code,
    )
    with client_of(front) as client:
        client.sendall(HEAD + b"X-Early: 1\r\nConnection: close\r\n" + body)
        assert all_of(client).endswith(b"\r\n\r\n[]")


def test_trailers_are_bounded_as_a_head_is(front):
    front.deploy("told", DO_AS_TOLD)
    with client_of(front) as client:
        client.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-Many: y\r\n" * (MOST_HEAD_BYTES // 8))
        assert all_of(client).startswith(b"HTTP/1.1 431 ")
