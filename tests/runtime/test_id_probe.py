"""The probe spares the search for ids, and changes nothing of what that finds."""

from __future__ import annotations

import itertools
import re

from hypothesis import example, given
from hypothesis import strategies as st

from hotdash.runtime.id_probe import IdProbe, may_have_id
from hotdash.runtime.stderr import LINE_BYTES, StderrTap
from hotdash.task import Attribution

OLD, NOW, STRANGER = "0123456789abcdef01234567", "fedcba9876543210fedcba98", "aaaaaaaaaaaaaaaaaaaaaaaa"
_TOKEN = re.compile(r"(?<![\w-])[0-9a-f]{24}(?![\w-])")
WORDS = st.sampled_from([OLD, NOW, STRANGER, OLD[:12], OLD[12:], "f", "\n", " ", "-", "word ", "é", "x" * 120])
PIECES = st.lists(st.lists(WORDS, max_size=6).map(lambda words: "".join(words).encode()), max_size=8)


class Written:
    """A container's stderr, and a bus that writes down what it is told."""

    id = "c-1"
    is_stderr_late = False

    def __init__(self) -> None:
        self.data = b""
        self.told: list[tuple[str, Attribution, str]] = []

    def take_stderr(self) -> bytes:
        data, self.data = self.data, b""
        return data

    def emit_lines(self, _function: str, _container: str, _revision: int, batch: list) -> None:
        self.told += batch


def owner(text: str) -> tuple[str, Attribution]:
    """Section 6, word by word."""
    named = [found for found in _TOKEN.findall(text) if found in {OLD, NOW}]
    return (named[0], Attribution.BY_ID) if named else (NOW, Attribution.IN_TASK)


def tapped() -> tuple[StderrTap, Written]:
    written = Written()
    tap = StderrTap(container=written, function="f", revision=1, bus=written)  # type: ignore[arg-type]
    tap.begin(OLD)
    tap.end()
    tap.begin(NOW)
    return tap, written


@given(PIECES)
@example([OLD[:12].encode(), OLD[12:].encode(), b"\n"])
@example([b"line\n" + OLD.encode(), b" and", b" more\nnext\n"])
@example([b"x" * (LINE_BYTES - 12) + OLD.encode() * 2 + b"\n", OLD.encode()])
def test_each_line_goes_to_the_task_that_a_search_for_ids_finds(pieces: list[bytes]) -> None:
    tap, written = tapped()
    for piece in pieces:
        written.data = piece
        with tap._lock:
            tap._take()
    tap.end()
    assert [(task_id, how) for task_id, how, _ in written.told] == [owner(text) for *_, text in written.told]


@given(PIECES)
def test_no_id_is_missed_wherever_a_read_ends(pieces: list[bytes]) -> None:
    probe = IdProbe()
    answers = [probe.is_in(piece) for piece in pieces]
    ends = list(itertools.accumulate(map(len, pieces)))
    whole = b"".join(pieces)
    start = 0
    for line in whole.splitlines(keepends=True):
        end = start + len(line)
        if may_have_id(line):
            said = next(answer for answer, at in zip(answers, ends, strict=True) if at >= end)
            assert said if line.endswith(b"\n") else probe.is_in_rest
        start = end


def test_a_flood_without_ids_is_never_searched() -> None:
    probe = IdProbe()
    flood = b"2026-11-27T01:02:03 c0ffee deadbeef line 123456 of the flood, facade cafebabe\n" * 1_000
    assert not any(probe.is_in(flood[at : at + 4_096]) for at in range(0, len(flood), 4_096))
