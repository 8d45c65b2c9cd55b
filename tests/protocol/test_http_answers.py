"""The decoder of `http`: what it makes of what follows an answer, of one that ends early, and of what is none."""

from __future__ import annotations

import string

import pytest
from decoding import decode
from http_cases import ANSWERS, CASES, GET, HEAD, OK
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdash.errors import ProtocolError
from hotdash.protocol.base import MAX_HEAD_BYTES, Answer, is_blank
from hotdash.protocol.exchange import MAX_INTERIM, HttpDecoder

bounded = settings(max_examples=100, deadline=None, database=None)

answers = pytest.mark.parametrize("name", ANSWERS)


def expected(name: str) -> Answer:
    return CASES[name].answer


@answers
def test_one_that_came_whole_has_started(name):
    data, request, _ = CASES[name]
    decoder = HttpDecoder()
    assert decode(decoder, request, data) == expected(name)
    assert decoder.started


@answers
@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\r", b"\n\n", b"\r\n\r\n", b"\n\n\n"])
def test_a_blank_line_behind_is_no_surplus_and_does_not_harm_the_next(name, blank):
    data, request, *_ = ANSWERS[name]
    decoder = HttpDecoder()
    assert all(is_blank(blank[:at]) and is_blank(blank[at:]) for at in range(len(blank)))
    for at in range(1, len(data)):
        assert decode(decoder, request, data[:at], data[at:] + blank) == expected(name)
        assert not decoder.surplus
        assert decode(decoder, request, blank, data) == expected(name)


@answers
@pytest.mark.parametrize("behind", [b"x", b" \n", b"\n ", b"\r\nx", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nX"])
def test_surplus_is_told_and_the_answer_stands(name, behind):
    data, request, *_ = ANSWERS[name]
    decoder = HttpDecoder()
    for at in range(1, len(data)):
        assert decode(decoder, request, data[:at], data[at:] + behind) == expected(name)
        assert decoder.surplus
    decoder.begin(request)
    assert not decoder.surplus


@answers
def test_any_cut_is_told_at_the_end(name):
    data, request, *_ = ANSWERS[name]
    for at in range(len(data)):
        decoder = HttpDecoder()
        decoder.begin(request)
        assert decoder.feed(data[:at]) is None
        with pytest.raises(ProtocolError, match=r"^stdout ended "):
            decoder.end()


def test_two_answers_back_to_back_never_mix():
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
    second = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
    for at in range(len(first), len(first + second) + 1):
        decoder = HttpDecoder()
        decoder.begin(GET)
        answer = decoder.feed((first + second)[:at])
        assert answer is not None
        assert answer.body == b"first"
        assert decoder.surplus is (at > len(first))


@bounded
@given(
    status=st.integers(200, 999).filter(lambda code: code not in {204, 304}),
    fields=st.lists(
        st.tuples(
            st.text(string.ascii_letters + "-", min_size=1, max_size=8).map("X-{}".format),
            st.text(string.printable.strip(), max_size=8),
        ),
        max_size=4,
        unique_by=lambda field: field[0].lower(),
    ),
    body=st.binary(max_size=40),
    chunk=st.integers(0, 20),
    end=st.sampled_from([b"\r\n", b"\n"]),
)
def test_what_a_function_writes_is_what_is_read(status, fields, body, chunk, end):
    head = [b"HTTP/1.1 %d R" % status, *(f"{name}: {value}".encode() for name, value in fields)]
    if chunk:
        head.append(b"Transfer-Encoding: chunked")
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        wire = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        head.append(b"Content-Length: %d" % len(body))
        wire = body
    answer = decode(HttpDecoder(), GET, end.join(head) + end * 2 + wire)
    assert answer is not None
    assert (answer.status_code, answer.body) == (status, body)
    assert list(answer.headers.items())[:-1] == fields


BAD = {
    "junk": (b"hello world\n", r"not an HTTP/1.1 answer: found b'hello world\\n'"),
    "one letter": (b"h", "not an HTTP/1.1 answer"),
    "HTTP/0.9": (b"HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n", "not an HTTP/1.1 answer"),
    "HTTP/2": (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "not an HTTP/1.1 answer"),
    "HTTP/1.7": (b"HTTP/1.7 200 OK\r\nContent-Length: 0\r\n\r\n", "malformed"),
    "RTSP": (b"RTSP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "not an HTTP/1.1 answer"),
    "a request": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "found b'GET / HTTP/1.1"),
    "status word": (b"HTTP/1.1 fine\r\n", "malformed"),
    "status 099": (b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", "cannot have status 99"),
    "status 1000": (b"HTTP/1.1 1000 OK\r\nContent-Length: 0\r\n\r\n", "malformed"),
    "101": (b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "cannot have status 101"),
    "no length": (OK + b"X: 1\r\n\r\n", "neither Content-Length nor"),
    "no headers": (OK + b"\r\n", "neither Content-Length nor"),
    "close without length": (OK + b"Connection: close\r\n\r\n", "could never end"),
    "duplicate length": (OK + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", "malformed"),
    "two lengths": (OK + b"Content-Length: 1\r\ncontent-length: 2\r\n\r\nxx", "malformed"),
    "length list": (OK + b"Content-Length: 1, 1\r\n\r\nx", "malformed"),
    "length and chunks": (OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"),
    "chunks and length": (OK + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", "malformed"),
    "negative length": (OK + b"Content-Length: -1\r\n\r\n", "malformed"),
    "signed length": (OK + b"Content-Length: +1\r\n\r\nx", "malformed"),
    "empty length": (OK + b"Content-Length:\r\n\r\n", "malformed"),
    "huge length": (OK + b"Content-Length: %s\r\n\r\n" % (b"9" * 40), "malformed"),
    "many zeros": (OK + b"Content-Length: %s1\r\n\r\nx" % (b"0" * 5000), "not a number"),
    "long body": (OK + b"Content-Length: 1001\r\n\r\n", "body of 1001 bytes is over the limit of 1000"),
    "long chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n", "over the limit of 1000"),
    "long chunks": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"64\r\n%s\r\n" % (b"x" * 100) * 10 + b"1\r\n",
        "over the limit of 1000",
    ),
    "huge chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\n%s\r\n" % (b"f" * 16), "over the limit"),
    "bad chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed"),
    "negative chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", "malformed"),
    "prefixed chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n", "malformed"),
    "no chunk size": (OK + b"Transfer-Encoding: chunked\r\n\r\n\r\n", "malformed"),
    "long chunk data": (OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nab", "malformed"),
    "endless chunk line": (OK + b"Transfer-Encoding: chunked\r\n\r\n1;%s" % (b"x" * 5000), "line between chunks"),
    "endless trailers": (
        OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: 12345\r\n" * 7000, "line between chunks",
    ),
    "bad trailer": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n", "malformed"),
    "other coding": (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", "'gzip, chunked' is not supported"),
    "unknown coding": (OK + b"Transfer-Encoding: gzip\r\n\r\n", "'gzip' is not supported"),
    "coding twice": (
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "is not supported",
    ),
    "chunks in 1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked in HTTP/1.1"),
    "1.0 without length": (b"HTTP/1.0 200 OK\r\n\r\n", "could never end"),
    "no colon": (OK + b"Traceback (most recent call last)\n", "malformed"),
    "space before colon": (OK + b"X : 1\r\n", "malformed"),
    "nameless": (OK + b": 1\r\n", "malformed"),
    "folded": (OK + b"X: 1\r\n 2\r\n", "malformed"),
    "NUL": (OK + b"X: \0\r\n", "malformed"),
    "lone CR": (OK + b"X: a\rb\r\n", "malformed"),
    "long head": (b"HTTP/1.1 200 OK\r\n" + b"X: 12345\r\n" * 7000, "head of the answer is over the limit of 65536"),
    "long line": (OK + b"X: " + b"1" * 70_000, "head of the answer is over the limit of 65536"),
    "long whole head": (
        b"HTTP/1.1 200 OK\r\n" + b"X: 12345\r\n" * 6600 + b"Content-Length: 0\r\n\r\n", "over the limit of 65536",
    ),
    "endless blanks": (b"\r\n" * 40_000, "over the limit of 65536"),
    "many interims": (b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1), "more than 16 1xx answers"),
    "long interims": (
        (b"HTTP/1.1 103 E\r\nX: %s\r\n\r\n" % (b"1" * 10_000)) * 7, "head of the answer is over the limit of 65536",
    ),
    "junk after interim": (b"HTTP/1.1 100 Continue\r\n\r\nhello", "not an HTTP/1.1 answer: found b'hello'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_answer_fails_at_once(name):
    data, message = BAD[name]
    decoder = HttpDecoder(max_body_bytes=1000)
    decoder.begin(GET)
    with pytest.raises(ProtocolError, match=message) as caught:
        decoder.feed(data)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", [name for name in BAD if len(BAD[name][0]) < 2000])
def test_what_is_no_answer_fails_split_as_well_and_the_next_exchange_is_clean(name):
    data, _ = BAD[name]
    decoder = HttpDecoder(max_body_bytes=1000)
    for pieces in ([data[:at], data[at:]] for at in range(1, len(data))):
        with pytest.raises(ProtocolError):
            decode(decoder, GET, *pieces)
        assert decode(decoder, GET, ANSWERS["length"][0]) == expected("length")


@pytest.mark.parametrize("first", sorted(set(range(256)) - set(b"H\r\n")))
def test_a_first_byte_that_starts_no_answer_fails_at_once(first):
    decoder = HttpDecoder()
    decoder.begin(GET)
    with pytest.raises(ProtocolError, match=r"not an HTTP/1\.1 answer"):
        decoder.feed(bytes([first]))


def test_a_head_of_the_limit_is_taken_and_one_byte_more_is_not():
    start, end = b"HTTP/1.1 200 OK\r\nX: ", b"\r\nContent-Length: 0\r\n\r\n"
    padding = MAX_HEAD_BYTES - len(start) - len(end)
    for pieces in ([0], [0, 30_000], [0, 65_535]):
        for more, fits in ((0, True), (1, False)):
            data = start + b"1" * (padding + more) + end
            cut = [data[a:b] for a, b in zip(pieces, [*pieces[1:], len(data)], strict=True)]
            decoder = HttpDecoder()
            if fits:
                assert decode(decoder, GET, *cut) is not None
            else:
                with pytest.raises(ProtocolError, match="over the limit"):
                    decode(decoder, GET, *cut)


def test_interims_count_towards_the_limit_of_the_head_also_before_a_known_head():
    final = b"HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: 0\r\n\r\n" % (b"1" * 60_000)
    decoder = HttpDecoder()
    assert decode(decoder, GET, final) is not None
    with pytest.raises(ProtocolError, match="over the limit"):
        decode(decoder, GET, b"HTTP/1.1 103 E\r\nX: %s\r\n\r\n" % (b"1" * 6_000), final)


def test_sixteen_interims_are_skipped():
    data = b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_INTERIM + ANSWERS["length"][0]
    assert decode(HttpDecoder(), GET, data) == expected("length")


def test_a_body_of_the_limit_is_taken():
    decoder = HttpDecoder(max_body_bytes=1000)
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n%s\r\n0\r\n\r\n" % (b"x" * 1000)
    for data in (whole, chunked):
        answer = decode(decoder, GET, data)
        assert answer is not None
        assert answer.body == b"x" * 1000


def test_a_known_head_does_not_hide_that_head_requests_have_no_body():
    decoder = HttpDecoder()
    assert decode(decoder, GET, ANSWERS["length"][0]) == expected("length")
    answer = decode(decoder, HEAD, ANSWERS["length"][0])
    assert answer is not None
    assert answer.body == b""
    assert decoder.surplus


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "stdout ended before an answer"),
        (b"\r\n", "stdout ended before an answer"),
        (b"HTTP/1.1 2", "within the head of an answer: found b'HTTP/1.1 2'"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "after a 1xx answer, before the final one"),
        (OK + b"Content-Length: 10\r\n\r\nabc", "after 3 of 10 bytes of the answer's body"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "a chunked body, after 2 bytes of it"),
    ],
)
def test_the_end_tells_how_far_the_answer_came(data, message):
    decoder = HttpDecoder()
    decoder.begin(GET)
    assert decoder.feed(data) is None
    with pytest.raises(ProtocolError, match=message):
        decoder.end()


def test_started_tells_whether_an_answer_has_begun():
    decoder = HttpDecoder()
    decoder.begin(GET)
    assert not decoder.started
    decoder.feed(b"\r\n")
    assert not decoder.started
    decoder.feed(b"H")
    assert decoder.started
    decoder.begin(GET)
    assert not decoder.started


def test_an_exchange_that_was_given_up_leaves_nothing_behind():
    data, request, *_ = ANSWERS["trailers"]
    decoder = HttpDecoder()
    for name in ("trailers", "length", "interim"):
        given_up = ANSWERS[name][0]
        for at in range(len(given_up)):
            decoder.begin(GET)
            decoder.feed(given_up[:at])
            assert decode(decoder, request, data) == expected("trailers")
