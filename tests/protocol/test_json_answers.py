"""The decoder of `json`: what it makes of what follows an answer, of one that ends early, and of what is none."""

from __future__ import annotations

import json
import string

import pytest
from decoding import decode
from hypothesis import given, settings
from hypothesis import strategies as st
from json_cases import ANSWERS, CASES, GET

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_HEAD_BYTES, Answer
from hotdash.protocol.json_answers import JsonDecoder

bounded = settings(max_examples=100, deadline=None, database=None)

answers = pytest.mark.parametrize("name", ANSWERS)


def expected(name: str) -> Answer:
    return CASES[name].answer


@answers
@pytest.mark.parametrize(
    ("behind", "is_surplus"),
    [
        (b"\n", False),
        (b"\r\n", False),
        (b"\n\n", False),
        (b"\r\n\r\n", False),
        (b"\n\n\n", False),
        (b"\n \n", True),
        (b"x", True),
        (b"\n{", True),
        (b'\n{"body":"second"}\n', True),
    ],
)
def test_what_follows_is_surplus_but_for_a_blank_line_and_never_of_the_answer(name, behind: bytes, is_surplus: bool):
    data = ANSWERS[name][0]
    decoder = JsonDecoder()
    for at in range(1, len(data)):
        assert decode(decoder, GET, data[:at], data[at:] + behind) == expected(name)
        assert decoder.surplus is is_surplus
        decoder.begin(GET)
        assert not decoder.surplus
        assert not decoder.started


@answers
def test_any_cut_is_told_at_the_end(name):
    data = ANSWERS[name][0]
    for at in range(len(data)):
        decoder = JsonDecoder()
        decoder.begin(GET)
        assert decoder.feed(data[:at]) is None
        assert decoder.started is bool(data[:at].strip())
        with pytest.raises(ProtocolError, match=r"^stdout ended (within a JSON answer: found b'\{|before an answer$)"):
            decoder.end()


def test_an_exchange_that_was_given_up_leaves_nothing_behind():
    decoder = JsonDecoder()
    for name in ("braces in text", "escapes", "over lines"):
        data = ANSWERS[name][0]
        for at in range(len(data)):
            decoder.begin(GET)
            decoder.feed(data[:at])
            assert decode(decoder, GET, ANSWERS["plain"][0]) == expected("plain")


header_text = st.text(string.ascii_letters + string.digits + " ,;=", max_size=8)


@bounded
@given(
    body=st.text(max_size=60),
    status=st.integers(200, 999),
    headers=st.dictionaries(
        st.text(string.ascii_lowercase, min_size=1, max_size=6).map("X-{}".format),
        st.lists(header_text, min_size=1, max_size=3),
        max_size=3,
    ),
    style=st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 2])}),
    more=st.recursive(
        st.none() | st.booleans() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    ),
)
def test_what_a_function_writes_is_what_is_read(body, status, headers, style, more):
    message = {"more": more, "body": body, "protocol": {"status_code": status, "headers": headers}}
    raw = json.dumps(message, **style).encode()
    answer = decode(JsonDecoder(), GET, raw)
    assert answer is not None
    assert (answer.status_code, answer.body) == (status, body.encode())
    assert answer.headers == {name: ", ".join(values) for name, values in headers.items()}
    assert (answer.error is not None) is (status >= 500)


BAD = {
    "junk": (b"hello world\n", r"^stdout is not a JSON object: found b'hello world\\n'$"),
    "a list": (b"[]", "not a JSON object"),
    "text": (b'"x"', "not a JSON object"),
    "http": (b"HTTP/1.1 200 OK\r\n", r"found b'HTTP/1.1 200 OK"),
    "junk in braces, whole": (b"{hello}", "malformed JSON answer"),
    "a Python dict": (b"{'body': 'x'}", "malformed JSON answer"),
    "junk in braces, open": (b"{debug: here I am\n", "not a JSON object .*: found b'{debug"),
    "an open brace in junk": (b'{"body": {here I am\n', "not a JSON object"),
    "trailing comma": (b'{"body":"x",}', "malformed"),
    "control character": (b'{"body":"a\nb"}', "malformed"),
    "not utf-8": (b'{"body":"\xff"}', "malformed"),
    "lone surrogate": (b'{"body":"\\ud800"}', "malformed"),
    "deep": (b'{"a":' * 300 + b"1" + b"}" * 300, "malformed|not a JSON object"),
    "endless depth": (b'{"a":' * 300, "not a JSON object"),
    "body number": (b'{"body":12}', "the answer's body: found 12, allowed text"),
    "body object": (b'{"body":{"a":1}}', "the answer's body: found an object, allowed text"),
    "content type list": (b'{"content_type":[]}', "the answer's content_type: found a list, allowed text"),
    "content type lines": (b'{"content_type":"a\\r\\nX: 1"}', "header Content-Type: found .*CR, LF, NUL"),
    "protocol text": (b'{"protocol":"http"}', "the answer's protocol: found text, allowed an object"),
    "status text": (b'{"protocol":{"status_code":"200"}}', "status_code: found text, allowed a whole number"),
    "status true": (b'{"protocol":{"status_code":true}}', "status_code: found true or false"),
    "status false": (b'{"protocol":{"status_code":false}}', "status_code: found true or false"),
    "status half": (b'{"protocol":{"status_code":200.5}}', r"status_code: found 200\.5"),
    "status 100": (b'{"protocol":{"status_code":100}}', "status_code: found 100"),
    "status 1000": (b'{"protocol":{"status_code":1000}}', "status_code: found 1000"),
    "status huge": (b'{"protocol":{"status_code":1%s}}' % (b"0" * 400), "status_code: found a number"),
    "status not a number": (b'{"protocol":{"status_code":NaN}}', "status_code: found a number"),
    "headers list": (b'{"protocol":{"headers":[]}}', "protocol.headers: found a list"),
    "header number": (b'{"protocol":{"headers":{"X":1}}}', r"protocol.headers.X: found 1, allowed a list of text"),
    "header list of numbers": (b'{"protocol":{"headers":{"X":[1]}}}', "header X: found int, allowed text"),
    "header name": (b'{"protocol":{"headers":{"X Y":["1"]}}}', "header name: found 'X Y'"),
    "header lines": (b'{"protocol":{"headers":{"X":["1\\r\\nY: 2"]}}}', "header X: found .*CR, LF, NUL"),
    "header beyond latin-1": ('{"protocol":{"headers":{"X":["€"]}}}'.encode(), "latin-1"),
    "long headers": (b'{"protocol":{"headers":{"X":["%s"]}}}' % (b"1" * MAX_HEAD_BYTES), "headers are over the limit"),
    "long body": (b'{"body":"%s"}' % (b"x" * 1001), "body of 1001 bytes is over the limit of 1000"),
    "endless blanks": (b"\n" * 70_000, "found over 65536 bytes of blanks"),
    "endless": (b'{"body":"%s' % (b"x" * 72_000), "the answer is over the limit of 71536 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_answer_fails_at_once_and_the_next_exchange_is_clean(name):
    data, message = BAD[name]
    decoder = JsonDecoder(max_body_bytes=1000)
    decoder.begin(GET)
    with pytest.raises(ProtocolError, match=message) as caught:
        decoder.feed(data)
    assert len(str(caught.value)) < 500
    with pytest.raises(RuntimeError, match="feed without begin"):
        decoder.feed(b"{}")
    assert decode(decoder, GET, ANSWERS["plain"][0]) == expected("plain")


@pytest.mark.parametrize("first", sorted(set(range(256)) - set(b"{ \t\r\n")))
def test_a_first_byte_that_starts_no_answer_fails_at_once(first):
    decoder = JsonDecoder()
    decoder.begin(GET)
    with pytest.raises(ProtocolError, match="not a JSON object"):
        decoder.feed(bytes([first]))


def test_a_body_of_the_limit_is_taken_whatever_it_costs_in_json():
    raw = b'{"body":"%s"}' % (b"\\u0001" * 1000)
    assert decode(JsonDecoder(max_body_bytes=1000), GET, raw) == Answer(b"\x01" * 1000, 200)


@pytest.mark.timeout(20)
def test_millions_of_values_of_one_header_are_over_the_limit_soon():
    raw = b'{"protocol":{"headers":{"X":[%s""]}}}' % (b'"",' * 2_000_000)
    with pytest.raises(ProtocolError, match="headers are over the limit"):
        decode(JsonDecoder(), GET, raw)


def test_a_large_answer_in_small_pieces_is_looked_at_once():
    body = '"\\' * 100_000 + "x" * 400_000
    raw = json.dumps({"body": body}).encode()
    decoder = JsonDecoder()
    pieces = [raw[at : at + 4096] for at in range(0, len(raw), 4096)]
    answer = decode(decoder, GET, *pieces)
    assert answer is not None
    assert answer.body == body.encode()
