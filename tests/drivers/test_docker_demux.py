"""The demultiplexer, fed whole, byte by byte, split anywhere, several frames in a read, and cut off."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotdash.drivers.docker.demux import Demultiplexer
from hotdash.errors import ProtocolError


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxI", stream, len(payload)) + payload


FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=12)


def feed_all(demux: Demultiplexer, pieces: list[bytes]) -> tuple[bytes, bytes]:
    fed = [demux.feed(piece) for piece in pieces]
    return b"".join(out for out, _ in fed), b"".join(err for _, err in fed)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(at)]


def test_one_frame_of_stdout_is_its_payload():
    assert Demultiplexer().feed(frame(1, b"hello")) == (b"hello", b"")


def test_several_frames_in_one_read_go_to_their_streams():
    data = frame(1, b"one ") + frame(2, b"err") + frame(1, b"two") + frame(2, b"or")
    assert Demultiplexer().feed(data) == (b"one two", b"error")


def test_what_looks_like_one_frame_but_begins_within_another_is_payload():
    inner = frame(1, b"x")
    demux = Demultiplexer()
    head = struct.pack(">BxxxI", 2, len(inner))
    assert demux.feed(head) == (b"", b"")
    assert demux.feed(inner) == (b"", inner)
    assert not demux.is_within


def test_the_engine_s_own_errors_come_with_stderr():
    assert Demultiplexer().feed(frame(3, b"no space left")) == (b"", b"no space left")


@given(frames=FRAMES, places=st.lists(st.integers(min_value=0, max_value=10_000), max_size=30))
def test_split_anywhere_it_is_the_same(frames, places):
    data = b"".join(frame(stream, payload) for stream, payload in frames)
    demux = Demultiplexer()
    out, err = feed_all(demux, cut(data, places))
    assert out == b"".join(payload for stream, payload in frames if stream == 1)
    assert err == b"".join(payload for stream, payload in frames if stream == 2)
    assert not demux.is_within


@given(frames=FRAMES)
def test_byte_by_byte_it_is_the_same(frames):
    data = b"".join(frame(stream, payload) for stream, payload in frames)
    whole = Demultiplexer().feed(data)
    assert feed_all(Demultiplexer(), [data[i : i + 1] for i in range(len(data))]) == whole


@given(payload=st.binary(min_size=1, max_size=40), left_out=st.integers(min_value=1, max_value=1_000))
def test_a_truncated_frame_is_known_and_what_came_of_it_is_given(payload, left_out):
    data = frame(1, payload)
    cut_off = data[: max(len(data) - left_out, 1)]
    demux = Demultiplexer()
    out, err = demux.feed(cut_off)
    assert (out, err) == (cut_off[8:], b"")
    assert demux.is_within


@pytest.mark.parametrize("data", [b"HTTP/1.1 500 Internal", b"\x04\0\0\0\0\0\0\x01x", b"\xff"])
def test_what_is_no_such_stream_is_refused(data):
    with pytest.raises(ProtocolError, match="not one of frames"):
        Demultiplexer().feed(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(data):
    try:
        out, err = Demultiplexer().feed(data)
    except ProtocolError:
        return
    assert len(out) + len(err) <= len(data)
