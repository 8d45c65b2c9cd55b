"""Fifteen minutes in seconds: what is measured, what is filled in, what it costs."""

from __future__ import annotations

from math import isnan, nan

import pytest

from hotdash.store.series import SECONDS_KEPT, Measure, Series, percentiles


def tail(series: Series, measure: Measure, now_s: float, count: int) -> list[float | None]:
    """The last values, None for what is not a number."""
    return [None if isnan(value) else value for value in series.until(now_s)[measure][-count:]]


def test_seconds_between_two_samples_are_filled_by_what_can_be_said_of_them() -> None:
    series = Series()
    series.put(100.2, {Measure.CALLS: 4, Measure.HOT: 2, Measure.P95: 0.5, Measure.QUEUE: 3})
    series.put(104.9, {Measure.CALLS: 2, Measure.HOT: 1, Measure.P95: nan, Measure.QUEUE: 1})
    assert tail(series, Measure.CALLS, 106, 8) == [None, 4, 2, 2, 2, 2, 0, 0]  # an average over the time between
    assert tail(series, Measure.HOT, 106, 8) == [None, 2, 2, 2, 2, 1, 1, 1]  # what was so stays so
    assert tail(series, Measure.P95, 106, 8) == [None, 0.5, None, None, None, None, None, None]
    assert tail(series, Measure.QUEUE, 106, 8) == [None, 3, 0, 0, 0, 1, 0, 0]
    assert len(series.until(106)[Measure.CALLS]) == SECONDS_KEPT


def test_what_is_older_than_a_quarter_of_an_hour_is_gone() -> None:
    series = Series()
    for second in range(2 * SECONDS_KEPT + 10):
        series.put(second, {Measure.CALLS: second})
    values = series.until(2 * SECONDS_KEPT + 9)[Measure.CALLS]
    assert values[0] == SECONDS_KEPT + 10
    assert values[-1] == 2 * SECONDS_KEPT + 9
    later = series.until(2 * SECONDS_KEPT + 9 + SECONDS_KEPT - 1)[Measure.CALLS]
    assert later[0] == 2 * SECONDS_KEPT + 9
    assert set(later[1:]) == {0.0}
    series.put(100 * SECONDS_KEPT, {Measure.CALLS: 7})
    assert tail(series, Measure.CALLS, 100 * SECONDS_KEPT, 1) == [7]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [([], (nan, nan, nan)), ([3.0], (3.0, 3.0, 3.0)), ([float(at) for at in range(100)], (50.0, 95.0, 99.0))],
)
def test_percentiles(runs: list[float], expected: tuple[float, float, float]) -> None:
    found = percentiles(runs[::-1])
    assert [found[measure] for measure in (Measure.P50, Measure.P95, Measure.P99)] == pytest.approx(
        expected, nan_ok=True
    )
