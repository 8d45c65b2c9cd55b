"""The caller's handle: however a wait and the end of a task meet, the caller has the result, and once."""

from __future__ import annotations

import threading

import pytest
from real_tools import PATIENCE_S, until

from hotdash.parker import ParkingLot
from hotdash.task import Task, TaskRequest, TaskResult, TaskStatus


def task(parking: ParkingLot | None = None) -> Task:
    request = TaskRequest(id="0" * 24, function="echo", payload=b"")
    return Task(request=request, submitted_s=0.0, canceller=lambda _: False, parking=parking or ParkingLot())


RESULT = TaskResult(task_id="0" * 24, function="echo", status=TaskStatus.SUCCESS)


def test_a_result_that_is_there_is_returned_at_once():
    one = task()
    one.set_result(RESULT)
    assert one.result() is RESULT
    assert one.result(0) is RESULT


@pytest.mark.parametrize("timeout_s", [0, 0.01])
def test_a_wait_that_ends_first_says_so_and_the_task_goes_on(timeout_s: float):
    one = task()
    with pytest.raises(TimeoutError, match=f"has not ended after {timeout_s} s; it goes on"):
        one.result(timeout_s)
    assert not one.done()
    one.set_result(RESULT)
    assert one.result(0) is RESULT


def test_all_who_wait_have_it():
    one, got = task(), []
    waits = [None, PATIENCE_S, None, PATIENCE_S]
    threads = [threading.Thread(target=lambda timeout=timeout: got.append(one.result(timeout))) for timeout in waits]
    for thread in threads:
        thread.start()
    until(lambda: len(one._waiting) == len(waits), "four waits")
    one.set_result(RESULT)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert got == [RESULT] * len(waits)


def test_an_unpark_for_a_wait_that_ended_early_wakes_nobody_else():
    """Results come around the ends of waits: a parker that may still be unparked is never another wait's."""
    parking = ParkingLot()
    for round_ in range(2_000):
        one = task(parking)
        setter = threading.Thread(target=one.set_result, args=(RESULT,))
        setter.start()
        try:
            assert one.result(0.00002 * (round_ % 10)) is RESULT
        except TimeoutError:
            assert one.result() is RESULT
        setter.join()
        other = task(parking)
        with pytest.raises(TimeoutError):
            other.result(0)
        other.set_result(RESULT)


def test_it_is_answered_once():
    one = task()
    one.set_result(RESULT)
    with pytest.raises(RuntimeError, match="answered twice"):
        one.set_result(RESULT)


def test_values_are_frozen():
    with pytest.raises(AttributeError):
        RESULT.body = b"other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        task().request.payload = b"other"  # type: ignore[misc]
