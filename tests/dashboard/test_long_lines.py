"""Lines of any length are painted soon, and cut into the same rows as short ones."""

from __future__ import annotations

import time

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from hotdash.dashboard.lines import wrap_cuts
from hotdash.dashboard.widgets.painted import divided

BOLD = Style(bold=True)


@pytest.mark.parametrize("words", ["lorem ipsum ", "漢字かな", "e\u0301a", "👩\u200d👩\u200d👧 ", "a" * 50])
def test_a_long_line_is_cut_where_textual_would_cut_it(words: str) -> None:
    text = words * (7_000 // len(words))
    segments = [Segment(text, BOLD), Segment(text)]
    cuts = wrap_cuts(text + text, 90)
    whole = Strip(segments)
    assert len(cuts) > 50
    rows = divided(segments, cuts)
    assert [("".join(segment.text for segment in row), Segment.get_line_length(row)) for row in rows] == [
        (row.text, row.cell_length) for row in whole.divide([*cuts, whole.cell_length])
    ]
    assert sum(len(text) for row in rows for text, style, _ in row if style == BOLD) == len(text)


def test_eight_times_the_length_takes_no_more_than_some_ten_times_the_time() -> None:
    def took_s(length: int) -> float:
        text = "lorem ipsum " * (length // 12)
        cuts = wrap_cuts(text, 90)
        best_s = float("inf")
        for _ in range(5):
            began_s = time.thread_time()
            divided([Segment(text)], cuts)
            best_s = min(best_s, time.thread_time() - began_s)
        return best_s

    assert took_s(2**17) < 24 * took_s(2**14)  # by Textual alone it is 64 times and more
