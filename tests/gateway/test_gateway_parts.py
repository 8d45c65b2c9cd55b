"""What the gateway decides by itself: where it listens, who may name it, which function is meant, what a result is."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from made_lines import stderr_line

from hotdash.functions.spec import FunctionSpec
from hotdash.gateway.address import Address, may_name, own_names, parse_address
from hotdash.gateway.answers import answer_of
from hotdash.gateway.board import TaskBoard
from hotdash.gateway.routes import find_function
from hotdash.parker import ParkingLot
from hotdash.task import Attribution, Task, TaskCause, TaskRequest, TaskResult, TaskStatus

if TYPE_CHECKING:
    from hotdash.events import StderrLine


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("8080", "127.0.0.1", 8080, True),
        (":0", "127.0.0.1", 0, True),
        ("localhost:80", "localhost", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("127.1.2.3:1", "127.1.2.3", 1, True),
        ("0.0.0.0:8080", "0.0.0.0", 8080, False),
        ("[::]:8080", "::", 8080, False),
        ("my-box.local:65535", "my-box.local", 65535, False),
    ],
)
def test_an_address_is_on_this_machine_alone_unless_told_otherwise(text, host, port, is_loopback):
    address = parse_address(text)
    assert (address.host, address.port, address.is_loopback) == (host, port, is_loopback)


@pytest.mark.parametrize("text", ["", "localhost", "localhost:", "a:b", "::1:80", "1:70000", "http://x:80", "x:80/"])
def test_what_is_no_address_is_told(text):
    with pytest.raises(ValueError, match="allowed HOST:PORT"):
        parse_address(text)


LOCAL, OUTSIDE, NAMED = (Address(host=host, port=8080) for host in ("127.0.0.1", "0.0.0.0", "my-box.example"))


@pytest.mark.parametrize(
    ("host", "address", "allowed"),
    [
        ("127.0.0.1:8080", LOCAL, True),
        ("127.0.0.1", LOCAL, True),
        ("localhost:8080", LOCAL, True),
        ("LOCALHOST.:8080", LOCAL, True),
        ("api.localhost:8080", LOCAL, True),
        ("[::1]:8080", LOCAL, True),
        ("192.168.1.5:8080", OUTSIDE, True),
        (socket.gethostname(), OUTSIDE, True),
        ("my-box.example:8080", NAMED, True),
        ("my-box.example", LOCAL, False),
        ("evil.example:8080", LOCAL, False),
        ("evil.example", OUTSIDE, False),
        ("localhost.evil.example", LOCAL, False),
        ("127.0.0.1.evil.example", LOCAL, False),
        ("127.0.0.1@evil.example", LOCAL, False),
        ("", LOCAL, False),
        ("[", LOCAL, False),
    ],
)
def test_only_names_that_no_stranger_can_own_are_taken(host, address, allowed: bool):
    assert may_name(host, own_names(address)) is allowed


def test_this_machines_own_names_are_looked_up_only_where_others_may_come_from(monkeypatch):
    asked: list[bool] = []
    monkeypatch.setattr(socket, "getfqdn", lambda: asked.append(True) or "box.example")
    assert "box.example" not in own_names(LOCAL)
    assert asked == []
    names = own_names(OUTSIDE)
    assert [may_name(host, names) for host in ("BOX.example:8080", "evil.example", "box.example")] == [1, 0, 1]


def spec_of(path: str, app: str = "shop") -> FunctionSpec:
    return FunctionSpec(name=f"t/{app}{path}", folder=Path("/f"), file=Path("/f/func.yaml"), app=app, path=path)


@pytest.mark.parametrize(
    ("app", "path", "route"),
    [
        ("shop", "/a/b", "/a/b"),
        ("shop", "/a/c", "/a/:x"),
        ("shop", "/c/b", "/:x/b"),
        ("shop", "/c/d", "/*rest"),
        ("shop", "/a/b/c", "/*rest"),
        ("other", "/a/b", "/a/b"),
        ("other", "/c/d", None),
        ("none", "/a/b", None),
    ],
)
def test_of_several_routes_that_fit_the_one_that_says_most_is_meant(app, path, route):
    specs = [*map(spec_of, ("/*rest", "/:x/b", "/a/:x", "/a/b")), spec_of("/a/b", "other")]
    for order in (specs, specs[::-1]):
        found = find_function(order, app=app, path=path)
        assert (None if found is None else found.path) == route
        assert found is None or found.app == app


def test_of_two_with_one_route_it_is_always_the_same_one():
    specs = [spec_of("/a/:x"), spec_of("/a/:y")]
    assert [find_function(order, app="shop", path="/a/b") for order in (specs, specs[::-1])] == [specs[0]] * 2
    same = [replace(specs[0], name=f"t/{name}") for name in "ab"]
    assert [find_function(order, app="shop", path="/a/b") for order in (same, same[::-1])] == [same[0]] * 2


def result_of(status: str = "success", **fields: object) -> TaskResult:
    return TaskResult("id", "echo", TaskStatus(status), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (result_of(), 200),
        (result_of(status_code=418), 418),
        (result_of("error", status_code=500, error="answered 500"), 500),
        (result_of("error", error="the container exited with code 3"), 502),
        (result_of("error", error="the container exited with code 3", body=b"cold output"), 502),
        (result_of("cancelled", error="cancelled by its caller"), 502),
        (result_of("cancelled", error="it closed before this task started", cause=TaskCause.CLOSED), 503),
        (result_of("error", error="it closed", cause=TaskCause.CLOSED), 503),
        (result_of("error", error="needs 64 MB", cause=TaskCause.NO_MEMORY), 503),
        (result_of("error", error="no memory: said a function of this name"), 502),
        (result_of("cancelled", error="echo was removed before this task started", cause=TaskCause.REMOVED), 404),
        (result_of("timeout", error="no answer within 1 s"), 504),
        (result_of(status_code=700), 502),
    ],
)
def test_a_result_has_its_status(result, status):
    answer = answer_of(result, method="GET")
    assert answer.status == status
    if status not in {200, 418, 500}:
        fields = json.loads(answer.body)
        assert fields["task_id"] == "id"
        assert fields["error"]


def test_a_functions_headers_are_passed_on_but_those_of_its_own_connection():
    headers = {
        "Content-Length": "999",
        "Transfer-Encoding": "chunked",
        "Connection": "close",
        "X-A": "ü",
        "Set-Cookie": "a=1; Expires=Thu, 01 Jan 1970\nb=2",
        "Date": "then",
    }
    answer = answer_of(result_of(status_code=200, headers=MappingProxyType(headers), body=b"hello"), method="POST")
    assert answer.headers == [
        (b"x-a", b"\xfc"),
        (b"set-cookie", b"a=1; Expires=Thu, 01 Jan 1970"),
        (b"set-cookie", b"b=2"),
        (b"date", b"then"),
        (b"content-length", b"5"),
    ]
    assert answer.body == b"hello"


def test_what_has_no_body_gets_none():
    headers = MappingProxyType({"Content-Length": "7"})
    assert answer_of(result_of(status_code=304, headers=headers), method="GET") == (304, [], b"")
    assert answer_of(result_of(status_code=204), method="GET") == (204, [], b"")
    head = answer_of(result_of(status_code=200, headers=headers), method="HEAD")
    assert head == (200, [(b"content-length", b"7")], b"")


@pytest.mark.parametrize("told", ["abc", "-1", "1, 1", "\u0663", "", "9" * 5000])
def test_a_length_that_is_none_is_not_told_to_one_who_asks_for_the_head(told: str):
    result = result_of(status_code=200, headers=MappingProxyType({"Content-Length": told}))
    assert answer_of(result, method="HEAD") == (200, [(b"content-length", b"0")], b"")


def task_of(number: int) -> Task:
    request = TaskRequest(id=f"{number:024x}", function="echo", payload=b"")
    return Task(request=request, submitted_s=0.0, canceller=lambda _: False, parking=ParkingLot())


def line_of(task: Task, text: str) -> StderrLine:
    return stderr_line(1, text, task_id=task.id, attribution=Attribution.BY_ID)


def test_a_running_task_has_its_lines_so_far_and_an_ended_one_its_result():
    board, task = TaskBoard(), task_of(1)
    assert board.fields(task.id) is None
    board(line_of(task, "too early"))
    board.add(task)
    board(line_of(task, "working"))
    assert board.fields(task.id) == {
        "task_id": task.id,
        "function": "echo",
        "state": "queued",
        "result": None,
        "stderr": ["working"],
        "stderr_dropped": 0,
    }
    task.set_result(TaskResult(task.id, "echo", TaskStatus.SUCCESS, b"hi", stderr_lines=("working", "done")))
    board(line_of(task, "too late"))
    fields = board.fields(task.id)
    assert fields is not None
    assert (fields["state"], fields["stderr"]) == ("ended", ["working", "done"])
    assert (fields["result"]["status"], fields["result"]["body"]) == ("success", "hi")


def test_the_lines_of_a_running_task_are_bounded_and_what_was_dropped_is_counted():
    board, task = TaskBoard(), task_of(1)
    board.add(task)
    for number in range(100):
        board(line_of(task, f"{number} " + "\u20ac" * 2**14))
    fields = board.fields(task.id)
    assert fields is not None
    assert sum(len(line.encode()) for line in fields["stderr"]) <= 2**20
    assert len(fields["stderr"]) + fields["stderr_dropped"] == 100
    assert fields["stderr"][-1].startswith("99 ")


def test_old_tasks_are_forgotten_by_number_and_by_bytes_and_running_ones_never():
    board = TaskBoard(ended_kept=3, bytes_kept=100)
    running = task_of(99)
    board.add(running)

    def end(number: int, size: int) -> str:
        task = task_of(number)
        board.add(task)
        task.set_result(TaskResult(task.id, "echo", TaskStatus.SUCCESS, b"x" * size))
        return task.id

    def known(ids: list[str]) -> list[bool]:
        return [board.fields(task_id) is not None for task_id in ids]

    small = [end(number, 1) for number in range(5)]
    assert known(small) == [False, False, True, True, True]
    large = end(5, 200)
    assert known([*small, large]) == [False] * 5 + [True], "the last one stays, however large"
    assert known([running.id, end(6, 1), large]) == [True, True, False]
