"""Parking: each unpark lets one wait pass, however the two meet; no descriptor outlives its parker."""

from __future__ import annotations

import os
import threading

import pytest
from descriptors import open_descriptors
from real_tools import PATIENCE_S

from hotdash.parker import EventfdParker, LockParker, ParkingLot

HAS_EVENTFD = hasattr(os, "eventfd")
KINDS = [LockParker, pytest.param(EventfdParker, marks=pytest.mark.skipif(not HAS_EVENTFD, reason="no eventfds here"))]


@pytest.fixture(params=KINDS)
def parker(request):
    return request.param()


def test_an_unpark_that_came_first_is_kept(parker):
    parker.unpark()
    assert parker.park(0)
    assert not parker.park(0)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, 0.01])
def test_a_wait_ends_with_its_time(parker, timeout_s: float):
    assert not parker.park(timeout_s)


@pytest.mark.parametrize("timeout_s", [None, PATIENCE_S, 1e9, 1e300, float("inf")])
def test_a_parked_thread_is_woken(parker, timeout_s: float | None):
    passed: list[bool] = []
    thread = threading.Thread(target=lambda: passed.append(parker.park(timeout_s)))
    thread.start()
    parker.unpark()
    thread.join(PATIENCE_S)
    assert passed == [True]


def test_it_is_used_again_and_again(parker):
    back = type(parker)()

    def answer() -> None:
        for _ in range(2_000):
            assert parker.park(PATIENCE_S)
            back.unpark()

    thread = threading.Thread(target=answer)
    thread.start()
    for _ in range(2_000):
        parker.unpark()
        assert back.park()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_lot_hands_each_parker_to_one_at_a_time():
    lot = ParkingLot()
    first, second = lot.borrow(), lot.borrow()
    assert first is not second
    lot.give_back(first)
    assert lot.borrow() is first


@pytest.mark.skipif(not HAS_EVENTFD, reason="no eventfds here")
def test_a_closed_lot_keeps_no_descriptor():
    before = open_descriptors()
    lot = ParkingLot()
    kept, late = lot.borrow(), lot.borrow()
    assert len(open_descriptors() - before) == 2
    lot.give_back(kept)
    del kept
    lot.close()
    assert len(open_descriptors() - before) == 1
    lot.give_back(late)
    del late
    assert open_descriptors() <= before


@pytest.mark.skipif(not HAS_EVENTFD, reason="no eventfds here")
def test_where_no_descriptor_is_free_a_lock_serves(monkeypatch):
    def none_free(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "eventfd", none_free)
    parker = ParkingLot().borrow()
    assert isinstance(parker, LockParker)
    parker.unpark()
    assert parker.park(0)
