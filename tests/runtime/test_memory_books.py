"""M12: the books of memory and the line of those who wait for it, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.runtime.admission import Claim, MemoryBudget, default_memory_mb

if TYPE_CHECKING:
    from collections.abc import Callable


def budget(total_mb: int) -> tuple[MemoryBudget, list[Callable[[], object]]]:
    """A budget, and what it has put off until later."""
    later: list[Callable[[], object]] = []
    return MemoryBudget(total_mb=total_mb, later=later.append), later


def claim(name: str = "f") -> Claim:
    return Claim(function=name, tell=lambda: None)


def test_all_or_none_are_booked_and_given_back():
    books, later = budget(300)
    greet, resize = claim("greet"), claim("resize")
    assert books.room_for(greet, memory_mb=128, is_urgent=True) == 2
    assert books.book(greet, ("a", "b"), memory_mb=128)
    assert not books.book(resize, ("c", "d"), memory_mb=40)
    assert books.book(resize, ("c",), memory_mb=40)
    assert books.used_by() == {"greet": 256, "resize": 40}
    assert books.shortage(64) == "no memory: needs 64 MB, 296 MB of 300 MB in use by greet 256 MB, resize 40 MB"
    for container in ("a", "b", "c", "c", "never booked"):
        books.release(container)
    assert books.used_mb == 0
    assert later == []  # nobody waited


def test_the_words_name_the_greatest_users():
    books, _ = budget(100)
    for number in range(7):
        assert books.book(claim(f"f{number}"), (f"c{number}",), memory_mb=7 + number)
    assert books.shortage(50).endswith("by f6 13 MB, f5 12 MB, f4 11 MB, f3 10 MB, f2 9 MB, 2 more")
    assert "needs 101 MB, and there are 100 MB in all" in books.shortage(101)


def test_who_came_first_goes_first_and_one_that_does_not_fit_holds_up_nobody():
    books, later = budget(100)
    first, second, third = claim("first"), claim("second"), claim("third")
    assert books.book(claim("old"), ("a",), memory_mb=60)
    assert books.book(claim("old"), ("b",), memory_mb=40)
    books.book(first, (), memory_mb=80, short=1)
    books.book(second, (), memory_mb=40, short=1)
    assert books.is_wanted
    books.release("b")
    assert len(later) == 1  # all are told, once
    assert books.room_for(second, memory_mb=40, is_urgent=True) == 1  # the first does not fit
    assert books.room_for(third, memory_mb=40, is_urgent=True) == 0  # the second would, and came before
    books.release("a")
    assert len(later) == 1
    assert books.room_for(second, memory_mb=40, is_urgent=True) == 0  # now the first fits
    assert books.room_for(first, memory_mb=80, is_urgent=True) == 1
    books.withdraw(first)
    assert books.room_for(second, memory_mb=40, is_urgent=True) == 2


def test_who_waits_for_what_another_takes_is_told():
    """It counted on that, and on what a leaving container would give back: now others are to make room."""
    books, later = budget(100)
    large, small = claim("large"), claim("small")
    assert books.book(claim("leaving"), ("a",), memory_mb=60)
    books.book(large, (), memory_mb=80, short=1)
    assert books.lacking_mb(large, obtainable_mb=60) == 40
    assert later == []
    assert books.book(small, ("b",), memory_mb=40)
    assert len(later) == 1


def test_what_only_keeps_warm_comes_after_every_task():
    books, _ = budget(100)
    warm, task = claim("warm"), claim("task")
    books.book(warm, (), memory_mb=40, is_urgent=False, short=1, short_for_tasks=False)
    assert not books.is_wanted
    assert books.room_for(warm, memory_mb=40, is_urgent=False) == 2
    books.book(task, (), memory_mb=200, short=1)
    assert books.room_for(warm, memory_mb=40, is_urgent=False) == 0
    assert books.room_for(task, memory_mb=40, is_urgent=True) == 2
    assert books.lacking_mb(warm, obtainable_mb=1000) == 0  # nothing is stopped for it
    assert not warm.asks()


def test_nothing_is_stopped_in_vain():
    books, _ = budget(100)
    books.book(claim("old"), ("a",), memory_mb=90)
    wants = claim()
    books.book(wants, (), memory_mb=40, short=2)
    assert books.lacking_mb(wants, obtainable_mb=20) == 0
    assert books.lacking_mb(wants, obtainable_mb=30) == 30
    assert books.lacking_mb(wants, obtainable_mb=90) == 70
    assert wants.asks()
    assert not wants.asks()


def test_nobody_joins_the_line_when_there_is_room_by_now():
    books, later = budget(100)
    books.book(claim("old"), ("a",), memory_mb=90)
    wants = claim()
    assert books.room_for(wants, memory_mb=40, is_urgent=True) == 0
    books.release("a")  # after its look, before it waits: nobody would tell it
    assert not books.book(wants, (), memory_mb=40, short=1)
    assert not wants.is_waiting
    assert later == []
    assert books.book(wants, ("b", "c"), memory_mb=40, short=1)
    assert wants.is_waiting


def test_who_waits_is_told_in_order():
    books, later = budget(10)
    told: list[str] = []
    for name, for_tasks in (("warm", False), ("one", True), ("two", True)):
        waits = Claim(function=name, tell=lambda name=name: told.append(name))
        books.book(waits, (), memory_mb=40, is_urgent=for_tasks, short=1, short_for_tasks=for_tasks)
    books.tell()
    later.pop()()
    assert told == ["one", "two", "warm"]
    books.tell()
    assert len(later) == 1


def test_by_default_half_of_what_is_available(monkeypatch):
    class Memory:
        available = 10 * 2**30

    monkeypatch.setattr("hotdash.runtime.admission.psutil.virtual_memory", lambda: Memory)
    assert default_memory_mb() == 5 * 1024
