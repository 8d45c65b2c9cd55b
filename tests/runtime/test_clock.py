"""The virtual clock and the gates: on these every other test of the runtime stands."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from runtime_tools import PATIENCE_S, until

from hotdash.clock import SystemClock, SystemGate, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator


class Waiter:
    """A thread that waits at a gate once."""

    def __init__(self, gate, timeout_s=None):
        self.passed = None
        self.thread = threading.Thread(target=self._run, args=(gate, timeout_s), daemon=True)
        self.thread.start()

    def _run(self, gate, timeout_s):
        self.passed = gate.wait(timeout_s)

    def end(self):
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
        return self.passed


@pytest.fixture(params=[SystemClock, VirtualClock])
def clock(request) -> Iterator[SystemClock | VirtualClock]:
    return request.param()


# every gate ----------------------------------------------------------------------------------------------------------


def test_a_gate_is_closed_at_first(clock):
    assert clock.gate().wait(0) is False


def test_an_open_gate_lets_one_pass_and_closes_behind(clock):
    gate = clock.gate()
    gate.open()
    assert gate.wait() is True
    assert gate.wait(0) is False


def test_opening_an_open_gate_changes_nothing(clock):
    gate = clock.gate()
    gate.open()
    gate.open()
    assert gate.wait(0) is True
    assert gate.wait(0) is False


def test_a_negative_time_looks_and_returns(clock):
    gate = clock.gate()
    assert gate.wait(-1.0) is False
    gate.open()
    assert gate.wait(-1.0) is True


@pytest.mark.parametrize("timeout_s", [None, 1e9, float("inf")])
def test_a_waiting_thread_is_let_through(clock, timeout_s):
    gate = clock.gate()
    waiter = Waiter(gate, timeout_s)
    gate.open()
    assert waiter.end() is True
    assert gate.wait(0) is False


# the system's --------------------------------------------------------------------------------------------------------


def test_a_system_gate_ends_a_wait_whose_time_is_over():
    clock = SystemClock()
    before_s = clock.now()
    assert SystemGate().wait(0.01) is False
    assert clock.now() - before_s >= 0.009


def test_the_systems_clock_tells_the_moment():
    clock = SystemClock()
    assert clock.time_of(clock.now() + 5) - clock.time_of(clock.now()) == pytest.approx(5, abs=1)
    assert clock.time_of(clock.now()) > 1.7e9


def test_many_openings_from_many_threads_harm_no_gate():
    gate = SystemGate()
    threads = [threading.Thread(target=lambda: [gate.open() for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gate.wait(0) is True
    assert gate.wait(0) is False


# the virtual ---------------------------------------------------------------------------------------------------------


def test_virtual_time_stands_still_until_it_is_moved():
    clock = VirtualClock(start_s=7.0)
    assert clock.now() == 7.0
    clock.advance(2.5)
    assert clock.now() == 9.5
    assert clock.time_of(9.5) == 9.5


def test_a_parked_wait_is_seen_and_ends_at_its_deadline():
    clock = VirtualClock(start_s=100.0)
    waiter = Waiter(clock.gate(), 30.0)
    until(lambda: clock.deadlines() == [130.0])
    clock.advance(29.9)
    assert waiter.passed is None
    assert clock.deadlines() == [130.0]
    clock.advance(0.2)
    assert waiter.end() is False
    assert clock.deadlines() == []


def test_waits_end_in_the_order_of_their_deadlines():
    clock = VirtualClock(start_s=0.0)
    order = []

    class Gate:
        """Notes the moment at which its wait ended."""

        def __init__(self):
            self.inner = clock.gate()

        def run(self, timeout_s):
            assert self.inner.wait(timeout_s) is False
            order.append(timeout_s)

    threads = []
    for timeout_s in (3.0, 1.0, 2.0):
        threads.append(threading.Thread(target=Gate().run, args=(timeout_s,), daemon=True))
        threads[-1].start()
    until(lambda: clock.deadlines() == [1.0, 2.0, 3.0])
    for expected in (1.0, 2.0, 3.0):
        clock.advance(1.0)
        until(lambda expected=expected: order and order[-1] == expected)
    assert order == [1.0, 2.0, 3.0]


def test_a_deadline_left_over_from_an_earlier_wait_ends_nothing():
    clock = VirtualClock(start_s=0.0)
    gate = clock.gate()
    first = Waiter(gate, 10.0)
    until(lambda: clock.deadlines() == [10.0])
    gate.open()
    assert first.end() is True
    second = Waiter(gate, 100.0)
    until(lambda: clock.deadlines() == [100.0])
    clock.advance(50.0)
    assert clock.deadlines() == [100.0]
    gate.open()
    assert second.end() is True


def test_a_wait_without_a_time_has_no_deadline():
    clock = VirtualClock()
    gate = clock.gate()
    waiter = Waiter(gate)
    clock.advance(1e6)
    assert clock.deadlines() == []
    gate.open()
    assert waiter.end() is True
