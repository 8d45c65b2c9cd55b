"""Answers on `json`, and what they mean."""

from __future__ import annotations

from decoding import Case

from hotdash.protocol.base import Answer
from hotdash.task import TaskRequest

GET = TaskRequest(id="0" * 24, function="echo", payload=b"")

# By name: what comes, then the status, headers, body and error that it means.
ANSWERS = {
    "plain": (b'{"body":"hello"}', 200, {}, b"hello", None),
    "empty": (b"{}", 200, {}, b"", None),
    "nulls": (b'{"body":null,"content_type":null,"protocol":null}', 200, {}, b"", None),
    "null protocol": (b'{"body":"x","protocol":{"status_code":null,"headers":null}}', 200, {}, b"x", None),
    "no status, as Go writes it": (b'{"body":"x","protocol":{"status_code":0}}', 200, {}, b"x", None),
    "type": (b'{"body":"{}","content_type":"text/html"}', 200, {"Content-Type": "text/html"}, b"{}", None),
    "type goes over the header": (
        b'{"content_type":"a/b","protocol":{"headers":{"content-type":["c/d"]}}}',
        200, {"content-type": "a/b"}, b"", None,
    ),
    "status and headers": (
        b'{"protocol":{"status_code":404,"headers":{"X-A":["1","2"],"x-a":["3"],"Y":["z"],"None":[]}},"body":"gone"}',
        404, {"X-A": "1, 2, 3", "Y": "z"}, b"gone", None,
    ),
    "a header as text": (b'{"protocol":{"headers":{"X":"1"}}}', 200, {"X": "1"}, b"", None),
    "cookies": (b'{"protocol":{"headers":{"Set-Cookie":["a=1","b=2"]}}}', 200, {"Set-Cookie": "a=1\nb=2"}, b"", None),
    "503": (
        b'{"body":"x","protocol":{"status_code":503}}', 503, {}, b"x", "answered 503 Service Unavailable",
    ),
    "over lines": (b'\n {\n  "body": "hi"\n ,\r\n\t"protocol": { } }', 200, {}, b"hi", None),
    "braces in text": (b'{"body":"}{\\"}\\\\","}":"{"}', 200, {}, b'}{"}\\', None),
    "an object more": (b'{"more":{"a":[{"b":{}}]},"body":"x"}', 200, {}, b"x", None),
    "escapes": (b'{"body":"\\u00e9\\ud83d\\ude00\\n\\u0000"}', 200, {}, "é😀\n\0".encode(), None),
    "utf-8": ('{"body":"grüße 😀"}'.encode(), 200, {}, "grüße 😀".encode(), None),
    "an answer in the body": (b'{"body":"{\\"body\\":\\"x\\"}\\n"}', 200, {}, b'{"body":"x"}\n', None),
}  # fmt: skip

CASES = {
    name: Case(data, GET, Answer(status_code=status, headers=headers, body=body, error=error))
    for name, (data, status, headers, body, error) in ANSWERS.items()
}
