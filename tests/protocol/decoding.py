"""What the tests of decoders share: one exchange, whole or in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hotdash.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Collection

    from hotdash.protocol.base import Answer, Decoder
    from hotdash.task import TaskRequest


class Case(NamedTuple):
    """What comes, to which request, and what it means."""

    data: bytes
    request: TaskRequest
    answer: Answer


def decode(decoder: Decoder, request: TaskRequest, *pieces: bytes) -> Answer | None:
    """One exchange; all but the last piece must leave the answer open."""
    decoder.begin(request)
    for piece in pieces[:-1]:
        assert decoder.feed(piece) is None
    return decoder.feed(pieces[-1])


def pieces_of(raw: bytes, cuts: Collection[int]) -> list[bytes]:
    """`raw`, cut at these places."""
    at = sorted(cuts)
    return [raw[start:end] for start, end in zip([0, *at], [*at, len(raw)], strict=True)]


def bytes_of(raw: bytes) -> list[bytes]:
    """`raw`, a piece a byte."""
    return [raw[at : at + 1] for at in range(len(raw))]


def outcome(decoder: Decoder, request: TaskRequest, *pieces: bytes) -> Answer | str:
    """The first answer in `pieces`, or `error`."""
    decoder.begin(request)
    try:
        for piece in pieces:
            answer = decoder.feed(piece)
            if answer is not None:
                return answer
        return decoder.end()
    except ProtocolError:
        return "error"


def edited(raw: bytes, edits: Collection[tuple[int, bytes, int]]) -> bytes:
    """`raw` with faults: at a place, bytes more, and so many fewer."""
    for at, new, gone in edits:
        raw = raw[:at] + new + raw[at + gone :]
    return raw
