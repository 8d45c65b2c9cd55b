"""From match to match, by their places."""

from __future__ import annotations

import pytest

from hotdash.dashboard.hits import hit_from, number_of_hit

HITS = (3, 5, 9)


@pytest.mark.parametrize(
    ("place", "after", "before", "number"),
    [(0, 3, 9, 0), (3, 5, 9, 1), (4, 5, 3, 0), (5, 9, 3, 2), (9, 3, 5, 3), (12, 3, 9, 0)],
)
def test_one_goes_to_the_next_match_round_the_ends_and_a_match_has_its_number(
    place: int, after: int, before: int, number: int
) -> None:
    assert (hit_from(HITS, place, 1), hit_from(HITS, place, -1), number_of_hit(HITS, place)) == (after, before, number)


def test_where_nothing_matches_there_is_nowhere_to_go() -> None:
    assert (hit_from((), 3, 1), hit_from((), 3, -1), number_of_hit((), 3)) == (None, None, 0)
