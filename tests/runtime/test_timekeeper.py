"""`Timekeeper`: callbacks at their time, in the order of times."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from runtime_tools import until

from hotdash.clock import VirtualClock
from hotdash.runtime.timekeeper import Timekeeper

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(start_s=0.0)


@pytest.fixture
def keeper(clock: VirtualClock) -> Iterator[Timekeeper]:
    keeper = Timekeeper(clock=clock)
    keeper.start()
    yield keeper
    keeper.close()
    assert "timer" not in {thread.name for thread in threading.enumerate()}


def test_a_callback_comes_at_its_time_and_not_before(clock, keeper):
    called = []
    keeper.at(10.0, lambda: called.append(clock.now()))
    until(lambda: clock.deadlines() == [10.0])
    clock.advance(9.0)
    assert called == []
    clock.advance(1.0)
    until(lambda: called)
    assert called == [10.0]


def test_a_time_that_is_past_comes_at_once(keeper):
    called = threading.Event()
    keeper.at(-5.0, called.set)
    assert called.wait(5)


def test_a_sooner_deadline_goes_before_one_that_is_waited_for(clock, keeper):
    called = []
    keeper.at(10.0, lambda: called.append("late"))
    until(lambda: clock.deadlines() == [10.0])
    keeper.at(3.0, lambda: called.append("soon"))
    until(lambda: clock.deadlines() == [3.0])
    keeper.at(20.0, lambda: called.append("last"))
    clock.advance(3.0)
    until(lambda: called == ["soon"])
    until(lambda: clock.deadlines() == [10.0])
    clock.advance(7.0)
    until(lambda: clock.deadlines() == [20.0])  # a wait is as long as it was reckoned: never skip one that is to come
    clock.advance(10.0)
    until(lambda: called == ["soon", "late", "last"])


def test_equal_times_come_in_the_order_of_asking(clock, keeper):
    called = []
    for number in range(50):
        keeper.at(1.0, lambda number=number: called.append(number))
    until(lambda: clock.deadlines() == [1.0])
    clock.advance(1.0)
    until(lambda: len(called) == 50)
    assert called == list(range(50))


def test_a_callback_may_ask_for_another(clock, keeper):
    called = []
    keeper.at(-1.0, lambda: keeper.at(5.0, lambda: called.append(clock.now())))
    until(lambda: clock.deadlines() == [5.0])
    clock.advance(5.0)
    until(lambda: called == [5.0])


def test_a_callback_that_raises_does_not_end_the_others(keeper, exceptions):
    called = threading.Event()

    def broken():
        raise ValueError("broken")

    keeper.at(-2.0, broken)
    keeper.at(-1.0, called.set)
    assert called.wait(5)
    assert [str(error) for error in exceptions] == ["broken"]


def test_what_is_due_after_the_close_is_forgotten(clock, keeper):
    called = []
    keeper.at(10.0, lambda: called.append("never"))
    keeper.close()
    keeper.close()
    clock.advance(20.0)
    assert called == []
