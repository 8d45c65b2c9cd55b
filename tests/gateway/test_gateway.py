"""The gateway over loopback, on real functions: what clients of HTTP see."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from gateway_front import Front, open_front
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, until

from hotdash.errors import GatewayError
from hotdash.events import TaskEnded, TaskQueued
from hotdash.gateway.server import Gateway
from hotdash.task import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Answers with all that it was sent, in JSON.
MIRROR = (
    HTTP
    + r"""
import json
for headers, body in requests():
    text = json.dumps({"headers": headers, "body": body.decode("latin-1")}).encode()
    head = "HTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Mine: yes\r\n"
    write(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + (b"" if headers["method"] == "HEAD" else text))
"""
)
COLD = "import os, sys\nprint(os.environ['PARAM_NAME'], sys.stdin.read(), end='')\n"


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[tuple[Front, list[bool]]]:
    """A gateway that is ready once something is in the list."""
    ready: list[bool] = []
    with open_front(tmp_path, is_ready=lambda: bool(ready)) as front:
        yield front, ready


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with open_front(tmp_path_factory.mktemp("gateway")) as front:
        front.deploy("mirror", MIRROR)
        front.deploy("told", DO_AS_TOLD, max_concurrency=8, timeout=20)
        front.deploy("cold", COLD, format="default", path="/hello/:name", headers={"X-Kind": "cold"})
        front.deploy("later", DO_AS_TOLD, type="async")
        yield front


# calls -----------------------------------------------------------------------------------------------------------


def test_a_call_gets_the_functions_status_headers_and_body(front):
    reply = front.ask("PUT", "/r/shop/mirror?a=b%20c&d", b"\xff\0hello", X_A="1", Content_Type="x/y")
    assert (reply.status, reply.headers["x-mine"]) == (201, "yes")
    assert reply.headers.get_all("set-cookie") == ["a=1", "b=2"]
    seen = json.loads(reply.body)
    assert seen["body"] == "\xff\0hello"
    assert (seen["headers"]["method"], seen["headers"]["route"]) == ("PUT", "/mirror")
    assert seen["headers"]["request_url"] == "/r/shop/mirror?a=b%20c&d"
    assert (seen["headers"]["x-a"], seen["headers"]["content-type"]) == ("1", "x/y")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_any_method_calls_the_function(front, method: str):
    reply = front.ask(method, "/r/shop/mirror")
    assert reply.status == 201
    assert json.loads(reply.body)["headers"]["method"] == method


def test_head_has_the_length_and_no_body(front):
    reply = front.ask("HEAD", "/r/shop/mirror")
    assert (reply.status, reply.body) == (201, b"")
    assert int(reply.headers["content-length"]) > 100


def test_headers_that_come_twice_are_joined(front):
    connection = front.connect()
    connection.putrequest("GET", "/r/shop/mirror")
    for name, text in (("X-A", "1"), ("X-A", "2"), ("Cookie", "a=1"), ("Cookie", "b=2")):
        connection.putheader(name, text)
    connection.endheaders()
    seen = json.loads(connection.getresponse().read())["headers"]
    connection.close()
    assert (seen["x-a"], seen["cookie"]) == ("1, 2", "a=1; b=2")


def test_a_cold_functions_parameters_and_headers(front):
    reply = front.ask("POST", "/r/shop/hello/ada%20b", b"hi")
    assert (reply.status, reply.body, reply.headers["x-kind"]) == (200, b"ada%20b hi", "cold")


def test_one_connection_serves_many_calls(front):
    connection = front.connect()
    for number in range(20):
        connection.request("POST", "/r/shop/told", f"answer(b'{number}')".encode())
        assert connection.getresponse().read() == b"%d" % number
    connection.close()


def test_answers_are_not_held_back_by_the_system(front):
    """With Nagle's algorithm on, each answer on a connection that is kept waits 40 ms for the client's next word."""
    connection = front.connect()
    taken_s = []
    for _ in range(20):
        began_s = time.perf_counter()
        connection.request("POST", "/r/shop/told", b"answer(b'x')")
        connection.getresponse().read()
        taken_s.append(time.perf_counter() - began_s)
    connection.close()
    assert min(taken_s) < 0.03


def test_many_clients_at_once_get_each_their_own_answer(front):
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda number: front.do(f"answer(b'{number}')"), range(200)))
    assert [(reply.status, reply.body) for reply in replies] == [(200, b"%d" % number) for number in range(200)]


def test_a_large_payload_and_answer_go_through_whole(front):
    payload = b"answer(body)  # " + b"x" * (MAX_PAYLOAD_BYTES - 16)
    reply = front.ask("POST", "/r/shop/told", payload)
    assert (reply.status, reply.body) == (200, payload)


def test_a_chunked_payload_is_one_too(front):
    connection = front.connect()
    connection.request("POST", "/r/shop/told", iter([b"answer(", b"body)"]), encode_chunked=True)
    assert connection.getresponse().read() == b"answer(body)"
    connection.close()


# refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/r/shop/nope", 404),
        ("GET", "/r/nope/told", 404),
        ("GET", "/r/shop/told/", 404),
        ("GET", "/r/shop", 404),
        ("GET", "/r/shop/../shop/told", 404),
        ("GET", "/", 404),
        ("GET", "/tasks/nope", 404),
        ("GET", "/tasks/", 404),
        ("POST", "/tasks/nope", 405),
        ("POST", "/health", 405),
    ],
)
def test_what_is_not_there_is_told_in_json(front, method: str, path: str, status: int):
    reply = front.ask(method, path)
    assert reply.status == status
    assert reply.json["error"]


@pytest.mark.parametrize("size", [MAX_PAYLOAD_BYTES + 1, 3 * MAX_PAYLOAD_BYTES])
def test_a_payload_that_is_too_large_is_told_to_one_who_sends_all_first(front, size: int):
    reply = front.ask("POST", "/r/shop/told", bytes(size))
    assert reply.status == 413
    assert reply.json["error"] == "payload: allowed at most 8388608 bytes (8 MiB)"


def test_one_who_asks_before_sending_too_much_is_told_before(front):
    with socket.create_connection(("127.0.0.1", front.gateway.address.port), timeout=PATIENCE_S) as client:
        head = f"POST /r/shop/told HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MAX_PAYLOAD_BYTES + 1}\r\n"
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("line", "host", "status"),
    [
        ("POST /r/shop/nope", "localhost", 404),
        ("POST /nope", "localhost", 404),
        ("POST /health", "localhost", 405),
        ("POST /r/shop/told", "evil.example", 403),
    ],
)
def test_one_who_asks_before_sending_and_is_refused_loses_no_later_request(front, line: str, host: str, status: int):
    with socket.create_connection(("127.0.0.1", front.gateway.address.port), timeout=PATIENCE_S) as client:
        head = f"{line} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        client.sendall(head.encode())
        answer = b""
        while part := client.recv(2**16):
            answer += part
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"\r\nconnection: close\r\n" in answer


def test_one_who_asks_before_sending_is_told_to_and_keeps_its_connection(front):
    with socket.create_connection(("127.0.0.1", front.gateway.address.port), timeout=PATIENCE_S) as client:
        code = b"answer(b'yes')"
        head = f"POST /r/shop/told HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(code)}\r\n"
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(code)
        with client.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 200 ")
            assert b"connection: close\r\n" not in iter(answer.readline, b"\r\n")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site", "Origin": "http://localhost:3000"}, 200),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://127.0.0.1.evil.example"}, 403),
        ({"Origin": "http://203.0.113.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:9"}, 200),
        ({"Origin": "http://[::1]:9"}, 200),
    ],
)
def test_a_request_that_a_strangers_web_page_sends_is_refused(front, headers: dict[str, str], status: int):
    reply = front.ask("POST", "/r/shop/told", b"answer(b'x')", **headers)
    assert reply.status == status
    assert status == 200 or "web page" in reply.json["error"]


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["localhost"], 200),
        (["127.0.0.1:99"], 200),
        (["evil.example"], 403),
        (["evil.example:80"], 403),
        ([], 403),
        (["localhost", "evil.example"], 403),
    ],
)
def test_a_request_under_a_strangers_name_is_refused(front, hosts: list[str], status: int):
    with socket.create_connection(("127.0.0.1", front.gateway.address.port), timeout=PATIENCE_S) as client:
        head = "".join(f"Host: {host}\r\n" for host in hosts)
        client.sendall(f"GET /health HTTP/1.1\r\n{head}\r\n".encode())
        assert client.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_method_that_no_function_can_be_sent_is_refused(front):
    assert front.ask("CONNECT", "/r/shop/mirror").status == 400


# failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("os._exit(3)", 502, "the container exited with code 3 before it answered"),
        ("write(b'junk')", 502, "not an answer in its format: "),
        ("answer(b'x', '700 What')", 502, "answered 700 What"),
    ],
)
def test_a_call_without_an_answer_tells_the_cause(front, code: str, status: int, error: str):
    reply = front.do(code)
    assert reply.status == status
    assert reply.json["error"].startswith(error)
    assert front.ask("GET", f"/tasks/{reply.json['task_id']}").json["state"] == "ended"


def test_a_functions_own_500_is_its_answer(front):
    reply = front.do("answer(b'sorry', '503 Not now')")
    assert (reply.status, reply.body) == (503, b"sorry")


def test_bytes_for_a_function_that_takes_text_alone_are_400(front):
    front.deploy("text", DO_AS_TOLD, format="json")
    reply = front.ask("POST", "/r/shop/text", b"\xff")
    assert reply.status == 400
    assert reply.json["error"].startswith("payload: found bytes that are not UTF-8 at 0")


def test_a_timeout_is_504(front):
    front.deploy("slow", DO_AS_TOLD, timeout=0.3)
    reply = front.do("time.sleep(1000)", "slow")
    assert (reply.status, reply.json["status"]) == (504, "timeout")


def test_a_full_queue_is_429_with_a_time_to_come_back(front):
    front.deploy("full", DO_AS_TOLD, max_queue=1)
    go = "while not os.path.exists(os.environ['TMPDIR'] + '/go'): time.sleep(0.01)"
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(front.do, f"{go}\nanswer(os.environ['TMPDIR'].encode())", "full")]
        until(lambda: front.running("full"), "the first call's start")
        calls.append(pool.submit(front.do, "answer(b'second')", "full"))
        until(lambda: front.runtime.snapshot().functions["full"].queue_depth, "the second call in the queue")
        reply = front.do("answer(b'third')", "full")
        assert (reply.status, reply.headers["retry-after"]) == (429, "1")
        assert "max_queue" in reply.json["error"]
        (container,) = front.runtime.snapshot().functions["full"].containers
        front.runtime.kill(container.id)
        assert [call.result(PATIENCE_S).status for call in calls] == [502, 200]


def test_no_memory_is_503(tmp_path):
    with open_front(tmp_path, memory_mb=100) as front:
        front.deploy("big", DO_AS_TOLD, memory=200)
        reply = front.do("answer(b'x')", "big")
    assert reply.status == 503
    assert reply.json["error"].startswith("no memory: needs 200 MB")


@pytest.mark.parametrize("path", ["/r/shop/told", "/health"])
def test_until_it_is_known_which_functions_there_are_one_is_told_to_come_back(starting, path: str):
    front, ready = starting
    early = front.ask("GET", path)
    assert (early.status, early.headers["retry-after"]) == (503, "1")
    assert "starting" in early.body.decode()
    ready.append(True)
    assert front.ask("GET", path).status == (200 if path == "/health" else 404)


@pytest.mark.parametrize("state", ["running", "queued"])
def test_a_client_that_goes_away_takes_its_call_with_it(front, state: str):
    name = f"left-{state}"
    front.deploy(name, DO_AS_TOLD)
    ended: list[str] = []
    unsubscribe = front.runtime.subscribe(
        lambda event: ended.append(event.result.status) if isinstance(event, TaskEnded) else None
    )
    first = front.connect()
    first.request("POST", f"/r/shop/{name}", b"time.sleep(1000)")
    until(lambda: front.running(name), "the call's start")
    if state == "queued":
        second = front.connect()
        second.request("POST", f"/r/shop/{name}", b"answer(b'x')")
        until(lambda: front.runtime.snapshot().functions[name].queue_depth, "the call in the queue")
        second.close()
        until(lambda: front.runtime.snapshot().functions[name].queue_depth == 0, "the empty queue")
        assert front.running(name) == 1
    first.close()
    until(lambda: len(ended) == (2 if state == "queued" else 1), "the end of each call")
    unsubscribe()
    assert set(ended) == {"cancelled"}
    until(lambda: not front.running(name), "the idle container")
    assert front.do("answer(b'clean')", name).body == b"clean"


def test_a_client_that_goes_away_before_it_has_sent_all_calls_nothing(front):
    called: list[bytes] = []
    unsubscribe = front.runtime.subscribe(
        lambda event: called.append(event.payload) if isinstance(event, TaskQueued) else None
    )
    with socket.create_connection(("127.0.0.1", front.gateway.address.port), timeout=PATIENCE_S) as client:
        client.sendall(b"POST /r/shop/told HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nanswer(b'half')")
    assert front.do("answer(b'x')").body == b"x"
    front.runtime.flush_events()
    unsubscribe()
    assert called == [b"answer(b'x')"]


# async, tasks, metrics -------------------------------------------------------------------------------------------


def test_an_async_call_is_answered_at_once_and_asked_for_later(front, tmp_path):
    go = tmp_path / "go"
    code = (
        f"write(b'working\\n', 2)\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\nanswer(b'\\xff', '201 A')"
    )
    reply = front.do(code, "later")
    assert (reply.status, list(reply.json)) == (202, ["task_id"])
    path = f"/tasks/{reply.json['task_id']}"
    until(lambda: front.ask("GET", path).json["stderr"] == ["working"], "its first line")
    running = front.ask("GET", path).json
    assert (running["state"], running["result"], running["function"]) == ("running", None, "later")
    go.touch()
    until(lambda: front.ask("GET", path).json["state"] == "ended", "its end")
    ended = front.ask("GET", path).json
    assert (ended["result"]["status"], ended["result"]["status_code"]) == ("success", 201)
    assert ended["result"]["body_base64"] == "/w=="
    assert ended["stderr"] == ["working"]


def test_metrics_are_prometheus_text(front):
    front.do("answer(b'x')")
    front.runtime.flush_events()
    reply = front.ask("GET", "/metrics")
    text = reply.body.decode()
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert 'hotdash_tasks_total{app="shop",function="told",status="success"}' in text
    assert 'hotdash_task_run_seconds_bucket{app="shop",function="told",le="+Inf"}' in text
    assert 'hotdash_tasks_queued{app="shop",function="told"} 0.0' in text
    assert 'hotdash_memory_megabytes{kind="limit"} 1e+06' in text
    assert 'hotdash_containers{app="shop",function="told",state="idle"}' in text


# the end ---------------------------------------------------------------------------------------------------------


def test_at_the_end_calls_that_run_are_answered_and_new_ones_are_refused(tmp_path):
    with open_front(tmp_path) as front:
        front.deploy("told", DO_AS_TOLD)
        kept = front.connect()
        kept.request("GET", "/health")
        assert json.loads(kept.getresponse().read()) == {"status": "ok"}
        go = tmp_path / "go"
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(front.do, f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\nanswer(b'done')")
            until(front.running, "the call's start")
            front.gateway.stop_taking()
            closing = threading.Thread(target=front.runtime.close)
            closing.start()
            kept.request("POST", "/r/shop/told", b"answer(b'x')")
            reply = kept.getresponse()
            assert (reply.status, json.loads(reply.read())) == (503, {"error": "hotdash is closing"})
            kept.request("GET", "/health")
            assert kept.getresponse().status == 503
            kept.close()
            go.touch()
            answered = call.result(PATIENCE_S)
            closing.join()
        assert (answered.status, answered.body) == (200, b"done")


def test_an_address_that_is_taken_is_told_with_the_remedy(front):
    with pytest.raises(GatewayError, match=r"cannot listen on 127.0.0.1:\d+ \(Address already in use\): name another"):
        Gateway(runtime=front.runtime, address=front.gateway.address)
