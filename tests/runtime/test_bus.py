"""`EventBus`: one total order over all threads, delivered to every listener, whatever another does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from runtime_tools import until

from hotdash import events as ev
from hotdash.clock import SystemGate, VirtualClock
from hotdash.runtime import bus as bus_module
from hotdash.runtime.bus import EventBus
from hotdash.task import Attribution

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bus() -> Iterator[EventBus]:
    bus = EventBus(clock=VirtualClock(start_s=50.0))
    bus.start()
    yield bus
    bus.close()


@pytest.fixture
def seen(bus: EventBus) -> list[ev.Event]:
    seen: list[ev.Event] = []
    bus.subscribe(seen.append)
    return seen


def say(bus, text):
    bus.emit(ev.BuildOutput, "f", text=text)


def line(text):
    return ("", Attribution.CONTAINER, text)


def test_events_come_in_the_order_in_which_they_were_emitted(bus, seen):
    for number in range(100):
        say(bus, f"{number}")
    assert bus.flush()
    assert [event.text for event in seen] == [f"{number}" for number in range(100)]
    assert [event.seq for event in seen] == list(range(1, 101))
    assert {(event.at_s, event.time_s, event.function) for event in seen} == {(50.0, 50.0, "f")}


def test_all_threads_share_one_order_that_agrees_with_each_of_them(bus, seen):
    lock = threading.Lock()
    truth = []

    def work(name):
        for number in range(200):
            with lock:  # what makes it true
                truth.append(f"{name}{number}")
                say(bus, f"{name}{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bus.flush()
    assert [event.text for event in seen] == truth
    assert [event.seq for event in seen] == list(range(1, 801))


def test_lines_become_an_event_each(bus, seen):
    bus.emit_lines("f", "c-1", 3, [("t" * 24, Attribution.IN_TASK, "one"), line("two")])
    assert bus.flush()
    assert [(event.seq, event.text, event.task_id, event.attribution) for event in seen] == [
        (1, "one", "t" * 24, Attribution.IN_TASK),
        (2, "two", "", Attribution.CONTAINER),
    ]
    assert {(event.container_id, event.revision) for event in seen} == {("c-1", 3)}


def test_a_flush_waits_for_what_was_emitted_before_it(bus):
    gate, entered = SystemGate(), threading.Event()
    seen = []

    def slow(event):
        entered.set()
        gate.wait()
        seen.append(event)

    bus.subscribe(slow)
    say(bus, "one")
    assert entered.wait(5)
    assert bus.flush(0.001) is False
    assert seen == []
    gate.open()
    assert bus.flush()
    assert len(seen) == 1


def test_a_flush_from_a_listener_or_after_the_end_waits_for_nothing(bus, seen):
    flushed = []
    bus.subscribe(lambda _: flushed.append(bus.flush()))
    say(bus, "one")
    until(lambda: flushed)
    assert flushed == [False]
    bus.close()
    assert bus.flush() is False


def test_a_listener_hears_from_its_subscription_to_its_end(bus):
    heard = []
    say(bus, "before")
    assert bus.flush()
    unsubscribe = bus.subscribe(lambda event: heard.append(event.text))
    say(bus, "during")
    assert bus.flush()
    unsubscribe()
    unsubscribe()
    say(bus, "after")
    assert bus.flush()
    assert heard == ["during"]


def test_a_listener_that_raises_harms_nobody(bus, exceptions):
    first, last = [], []

    def broken(event):
        raise ValueError(event.text)

    bus.subscribe(first.append)
    bus.subscribe(broken)
    bus.subscribe(last.append)
    say(bus, "one")
    say(bus, "two")
    assert bus.flush()
    assert [event.text for event in first] == [event.text for event in last] == ["one", "two"]
    assert [(type(error), str(error)) for error in exceptions] == [(ValueError, "one"), (ValueError, "two")]


def test_lines_are_dropped_and_counted_when_listeners_are_far_behind_and_nothing_else_is(bus, monkeypatch):
    monkeypatch.setattr(bus_module, "BACKLOG_LINES", 3)
    gate, entered = SystemGate(), threading.Event()
    seen = []

    def slow(event):
        if not seen:
            entered.set()
            gate.wait()
        seen.append(event)

    bus.subscribe(slow)
    say(bus, "blocks")
    assert entered.wait(5)
    for number in range(10):
        bus.emit_lines("f", "c-1", 1, [line(f"{number}a"), line(f"{number}b")])
    bus.emit_lines("g", "c-2", 1, [line("other")])
    say(bus, "kept")
    gate.open()
    assert bus.flush()
    until(lambda: sum(isinstance(event, ev.LinesDropped) for event in seen) == 2)
    texts = [event.text for event in seen if isinstance(event, ev.StderrLine)]
    assert texts == ["0a", "0b", "1a", "1b"], "the backlog, in lines and not in batches, then no more"
    assert [event.text for event in seen if isinstance(event, ev.BuildOutput)] == ["blocks", "kept"]
    assert {event.function: event.count for event in seen if isinstance(event, ev.LinesDropped)} == {"f": 16, "g": 1}
    bus.emit_lines("f", "c-1", 1, [line("again")])
    assert bus.flush()
    assert seen[-1].text == "again"
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))


def test_the_close_delivers_what_is_left_and_ends_the_thread(bus, seen):
    threads = {thread.name for thread in threading.enumerate()}
    assert "events" in threads
    for number in range(500):
        say(bus, f"{number}")
    bus.close()
    bus.close()
    assert len(seen) == 500
    assert "events" not in {thread.name for thread in threading.enumerate()}


def test_a_parked_bus_wakes_for_each_event(bus, seen):
    for number in range(20):
        say(bus, f"{number}")
        until(lambda number=number: len(seen) == number + 1)
