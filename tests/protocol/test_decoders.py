"""What holds for the decoder of every hot format on stdin and stdout, on all its cases."""

from __future__ import annotations

import http_cases
import json_cases
import pytest
from decoding import Case, bytes_of, decode, edited, outcome, pieces_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdash.protocol.exchange import HttpDecoder
from hotdash.protocol.json_answers import JsonDecoder

bounded = settings(max_examples=100, deadline=None, database=None)
PLAIN = {HttpDecoder: http_cases.CASES["length"], JsonDecoder: json_cases.CASES["plain"]}
FORMATS = {HttpDecoder: [*http_cases.CASES.values()], JsonDecoder: [*json_cases.CASES.values()]}
formats = pytest.mark.parametrize("make", FORMATS)
each_case = pytest.mark.parametrize(
    ("make", "case"),
    [
        pytest.param(make, case, id=f"{kind}-{name}")
        for kind, make, cases in (("http", HttpDecoder, http_cases.CASES), ("json", JsonDecoder, json_cases.CASES))
        for name, case in cases.items()
    ],
)


@each_case
def test_an_answer_is_the_same_whole_byte_by_byte_and_split_anywhere(make, case: Case):
    data, request, answer = case
    decoder = make()
    assert decode(decoder, request, data) == answer
    assert decode(decoder, request, *bytes_of(data)) == answer
    assert not decoder.surplus
    for at in range(1, len(data)):
        assert decode(decoder, request, data[:at], b"", data[at:]) == answer, at
        assert not decoder.surplus


@formats
@bounded
@given(data=st.data())
def test_random_splits_equal_whole_over_exchanges(make, data):
    decoder = make()
    for raw, request, answer in data.draw(st.lists(st.sampled_from(FORMATS[make]), min_size=1, max_size=6)):
        cuts = data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=8))
        assert decode(decoder, request, *pieces_of(raw, cuts)) == answer


@formats
@bounded
@given(data=st.data())
def test_corruption_gives_an_answer_or_a_protocol_error_however_it_is_split(make, data):
    case = data.draw(st.sampled_from(FORMATS[make]))
    places = st.integers(0, len(case.data))
    raw = edited(
        case.data, data.draw(st.lists(st.tuples(places, st.binary(max_size=3), st.integers(0, 3)), max_size=4))
    )
    cut = data.draw(places)
    splits = ([raw], [raw[:cut], raw[cut:]], bytes_of(raw))
    whole, in_two, in_bytes = (outcome(make(max_body_bytes=1000), case.request, *pieces) for pieces in splits)
    assert whole == in_two == in_bytes


@formats
def test_bytes_outside_an_exchange_are_the_callers_fault(make):
    decoder, (data, request, answer) = make(), PLAIN[make]
    for _ in range(2):
        for misuse in (lambda: decoder.feed(b"x"), decoder.end):
            with pytest.raises(RuntimeError, match="without begin"):
                misuse()
        assert decode(decoder, request, data) == answer


@formats
def test_an_answers_headers_cannot_be_changed(make):
    answer = decode(make(), PLAIN[make].request, PLAIN[make].data)
    assert answer is not None
    with pytest.raises(TypeError):
        answer.headers["X"] = "1"  # type: ignore[index]
