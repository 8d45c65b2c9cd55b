from __future__ import annotations

import pytest
from made_lines import stderr_line

from hotdash.dashboard.filters import BadFilter, parse_filter
from hotdash.dashboard.log_buffer import LogBuffer, Lost, text_of
from hotdash.events import StderrLine


def test_it_keeps_the_newest_and_tells_how_many_rows_went() -> None:
    buffer = LogBuffer(capacity=10)
    assert buffer.append(stderr_line(at) for at in range(8)) == 0
    assert buffer.append(stderr_line(at) for at in range(8, 13)) == 3
    assert [entry.seq for entry in buffer.shown if isinstance(entry, StderrLine)] == list(range(3, 13))
    assert buffer.rows == len(buffer) == 10
    assert buffer.append(stderr_line(at) for at in range(100, 200)) == 10
    assert text_of(buffer.shown[0]) == "line 190"


@pytest.mark.parametrize("capacity", [5, 50])
def test_wrapped_rows_are_found_again(capacity: int) -> None:
    buffer = LogBuffer(capacity=capacity)
    buffer.wrap_width = 10
    for at in range(20):
        buffer.append([stderr_line(at, "x" * (at * 3))])
    found = [buffer.at(row) for row in range(buffer.rows)]
    assert None not in found
    rows: dict[int, list[int]] = {}
    for entry, row in filter(None, found):
        assert isinstance(entry, StderrLine)
        rows.setdefault(entry.seq, []).append(row)
    assert all(of_one == list(range(len(of_one))) for of_one in rows.values())
    assert {seq: len(of_one) for seq, of_one in rows.items()} == {
        at: max(1, -(-at * 3 // 10)) for at in range(max(0, 20 - capacity), 20)
    }
    assert buffer.at(buffer.rows) is None
    assert buffer.at(-1) is None


def test_a_filter_hides_and_shows_again() -> None:
    buffer = LogBuffer(capacity=6)
    buffer.append(stderr_line(at, "error" if at % 2 else "fine") for at in range(6))
    buffer.filter = parse_filter("!err")
    buffer.arrange()
    assert {text_of(entry) for entry in buffer.shown} == {"fine"}
    assert buffer.append([stderr_line(6, "fine")]) == 1
    assert buffer.append([stderr_line(7, "error")]) == 0
    assert buffer.rows == 3
    buffer.filter = None
    buffer.arrange()
    assert buffer.rows == 6


def test_lost_lines_are_told_under_any_filter() -> None:
    buffer = LogBuffer()
    buffer.filter = parse_filter("nothing like it")
    buffer.arrange()
    buffer.append([Lost(count=1234), stderr_line(1)])
    assert [text_of(entry) for entry in buffer.shown] == ["1,234 lines lost here"]


def test_filters() -> None:
    assert parse_filter("") is None
    assert parse_filter("!") is None
    ignoring, minding, inverted = parse_filter("err"), parse_filter("Err"), parse_filter("!err")
    assert ignoring is not None
    assert minding is not None
    assert inverted is not None
    assert ignoring.matches("an ERROR")
    assert not minding.matches("an error")
    assert not inverted.matches("an error")
    with pytest.raises(BadFilter):
        parse_filter("wor(")
