"""What `json` sends: one object on one line, with all that came, and what cannot travel so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdash.errors import InvalidRequest
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.protocol.formats import FORMATS
from hotdash.protocol.json import timestamp
from hotdash.task import TaskRequest

JSON = FORMATS[Format.JSON]
ID = "0123456789abcdef01234567"
SPEC = FunctionSpec(name="iron/echo", folder=Path("/f"), file=Path("/f/func.yaml"), app="shop", format=Format.JSON)
bounded = settings(max_examples=100, deadline=None, database=None)


def request_of(**changes: object) -> TaskRequest:
    return TaskRequest(**{"id": ID, "function": "echo", "payload": b"", "url": "/echo", **changes})  # type: ignore[arg-type]


def test_the_plainest_request_to_the_letter():
    assert JSON.encode(SPEC, request_of(payload=b"world"), deadline_at_s=1517331159.786) == (
        b'{"call_id":"0123456789abcdef01234567","deadline":"2018-01-30T16:52:39.786Z","body":"world","content_type":"",'
        b'"protocol":{"type":"http","method":"GET","request_url":"/echo","headers":{}}}\n'
    )


def test_all_of_the_callers_headers_travel_as_given():
    headers = {"content-type": "text/plain", "X-A": "1", "x-a": "ü", "Content-Length": "9", "Task-ID": "mine"}
    request = request_of(method="POST", url="/r/shop/echo?a=b c", headers=headers)
    message = json.loads(JSON.encode(SPEC, request))
    assert message["content_type"] == "text/plain"
    assert message["protocol"] == {
        "type": "http",
        "method": "POST",
        "request_url": "/r/shop/echo?a=b%20c",
        "headers": {"content-type": ["text/plain"], "X-A": ["1", "ü"], "Content-Length": ["9"], "Task-ID": ["mine"]},
    }
    assert message["call_id"] == ID


@bounded
@given(payload=st.text(max_size=60), url=st.text(max_size=30))
def test_any_text_is_one_line_that_reads_back(payload, url):
    raw = JSON.encode(SPEC, request_of(payload=payload.encode("utf-8", "replace"), url=url))
    assert raw.decode().splitlines(keepends=True)[0] == raw.decode() or "\x85" in payload
    assert json.loads(raw)["body"] == payload.encode("utf-8", "replace").decode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payload": b"ab\xff"}, "payload: found bytes that are not UTF-8 at 2, allowed text: .*; use http for bytes"),
        ({"headers": {"X": "a\nb"}}, "CR, LF, NUL"),
        ({"headers": {"X Y": "a"}}, "header name"),
        ({"method": "G T"}, "method: found"),
        ({"id": "a\nb"}, "task id"),
    ],
)
def test_what_cannot_travel_so_is_refused(changes, message):
    with pytest.raises(InvalidRequest, match=message):
        JSON.encode(SPEC, request_of(**changes))


@pytest.mark.parametrize(
    ("at_s", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1517331159.7869, "2018-01-30T16:52:39.786Z"),
        (1e300, "9999-12-31T23:59:59.000Z"),
        (float("inf"), "9999-12-31T23:59:59.000Z"),
    ],
)
def test_a_moment_is_written_as_fn_writes_it(at_s, text):
    assert timestamp(at_s) == text


def test_it_gives_no_variables():
    assert JSON.environment(SPEC) == JSON.task_environment(SPEC, request_of()) == {}
