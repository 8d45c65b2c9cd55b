"""Answers on `http`, and what they mean."""

from __future__ import annotations

from decoding import Case

from hotdash.protocol.base import Answer
from hotdash.task import TaskRequest

GET = TaskRequest(id="0" * 24, function="echo", payload=b"")
HEAD = TaskRequest(id="0" * 24, function="echo", payload=b"", method="HEAD")

OK = b"HTTP/1.1 200 OK\r\n"
INTERIMS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n\r\n"
LENGTH = "Content-Length"
CODING = "Transfer-Encoding"

# By name: what comes, and to which request; then the status, headers, body and error that it means.
ANSWERS = {
    "length": (OK + b"Content-Length: 5\r\n\r\nhello", GET, 200, {LENGTH: "5"}, b"hello", None),
    "empty": (OK + b"content-length: 0\r\n\r\n", GET, 200, {"content-length": "0"}, b"", None),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", GET, 200, {LENGTH: "1"}, b"x", None),
    "spaces": (OK + b"Content-Length:  2 \r\nX:\r\n\r\nhi", GET, 200, {LENGTH: "2", "X": ""}, b"hi", None),
    "1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", GET, 200, {LENGTH: "2"}, b"hi", None),
    "close": (
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
        GET, 200, {"Connection": "close", LENGTH: "2"}, b"hi", None,
    ),
    "upgrade": (
        OK + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nhi",
        GET, 200, {"Connection": "upgrade", "Upgrade": "x", LENGTH: "2"}, b"hi", None,
    ),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 4\n\n\n\n\n\n", GET, 200, {LENGTH: "4"}, b"\n\n\n\n", None),
    "mixed ends": (OK + b"Content-Length: 4\n\r\n\n\r\n\n", GET, 200, {LENGTH: "4"}, b"\n\r\n\n", None),
    "blank before": (b"\r\n\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", GET, 200, {LENGTH: "2"}, b"hi", None),
    "answer in the body": (
        OK + b"Content-Length: 38\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        GET, 200, {LENGTH: "38"}, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None,
    ),
    "chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nC;x=y\r\n\r\n0\r\n\r\nworld\r\n0\r\n\r\n",
        GET, 200, {CODING: "chunked"}, b"hello\r\n0\r\n\r\nworld", None,
    ),
    "no chunks": (
        OK + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", GET, 200, {CODING: "Chunked"}, b"", None,
    ),
    "trailers": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n000\r\nX-Sum: 1\r\nY: 2\r\n\r\n",
        GET, 200, {CODING: "chunked"}, b"hi", None,
    ),
    "interim": (
        INTERIMS + b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi",
        GET, 201, {LENGTH: "2"}, b"hi", None,
    ),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", GET, 204, {}, b"", None),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", GET, 304, {LENGTH: "9"}, b"", None),
    "HEAD": (OK + b"Content-Length: 99999999\r\n\r\n", HEAD, 200, {LENGTH: "99999999"}, b"", None),
    "HEAD without length": (OK + b"X: 1\r\n\r\n", HEAD, 200, {"X": "1"}, b"", None),
    "HEAD in chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n", HEAD, 200, {CODING: "chunked"}, b"", None,
    ),
    "404": (b"HTTP/1.1 404 Nope\r\nContent-Length: 1\r\n\r\nx", GET, 404, {LENGTH: "1"}, b"x", None),
    "503": (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nx",
        GET, 503, {LENGTH: "1"}, b"x", "answered 503 Service Unavailable",
    ),
    "500 without reason": (
        b"HTTP/1.1 500\r\nContent-Length: 0\r\n\r\n", GET, 500, {LENGTH: "0"},
        b"", "answered 500 Internal Server Error",
    ),
    "599": (b"HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n", GET, 599, {LENGTH: "0"}, b"", "answered 599"),
    "repeated": (
        OK + b"X-A: 1\r\nSet-Cookie: a=1, 2\r\nx-a: 2\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n",
        GET, 200, {"X-A": "1, 2", "Set-Cookie": "a=1, 2\nb", LENGTH: "0"}, b"", None,
    ),
    "latin-1": (b"HTTP/1.1 200 \xfc\r\nX: \xfc\r\nContent-Length: 0\r\n\r\n", GET, 200, {"X": "ü", LENGTH: "0"},
        b"", None),
}  # fmt: skip

CASES = {
    name: Case(data, request, Answer(status_code=status, headers=headers, body=body, error=error))
    for name, (data, request, status, headers, body, error) in ANSWERS.items()
}
