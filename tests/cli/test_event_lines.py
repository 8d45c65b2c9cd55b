"""The JSON lines of `hotdash serve`: none waits for a reader, what is left out is counted, and an end is told."""

from __future__ import annotations

import io
import json
import os
import threading

import pytest
from made_lines import stderr_line
from real_tools import until

from hotdash.event_lines import EventLines
from hotdash.events import ContainerIdle


def test_who_reads_too_slowly_misses_lines_of_stderr_alone_and_is_told_how_many():
    read_end, write_end = os.pipe()
    gone = threading.Event()
    stream = os.fdopen(write_end, "w")
    lines = EventLines(stream, on_gone=gone.set)
    for number in range(12_000):
        lines(stderr_line(number))
    lines(ContainerIdle(seq=12_000, at_s=0.0, time_s=1.0, function="f", container_id="c-1", revision=1))
    lines.start()
    reader = os.fdopen(read_end)
    read = [json.loads(reader.readline()) for _ in range(10_002)]
    lines.close()
    stream.close()
    assert reader.read() == ""
    reader.close()
    assert [line["text"] for line in read[:10_000]] == [f"line {number}" for number in range(10_000)]
    assert read[10_000]["event"] == "ContainerIdle"
    assert read[10_001] == {"event": "LinesOmitted", "count": 2_000}
    assert not gone.is_set()


def test_events_of_every_kind_are_bounded_by_number():
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream, os.fdopen(read_end) as reader:
        lines = EventLines(stream, on_gone=lambda: None)
        for number in range(30_000):
            lines.say("Small", number=number)
        lines.start()
        read = [json.loads(reader.readline()) for _ in range(20_001)]
        assert [line.get("number") for line in read[:-1]] == list(range(20_000))
        assert read[-1] == {"event": "EventsOmitted", "count": 10_000}
        lines.close()


def test_events_are_bounded_by_what_they_hold_and_one_that_is_larger_goes_through():
    stream = io.StringIO()
    lines = EventLines(stream, on_gone=lambda: None)
    lines.say("Huge", headers={"x": "y" * 40 * 2**20})
    for _ in range(100):
        lines.say("Large", headers={"x": "y" * 2**20})
    lines.start()
    lines.close()
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["Huge", "EventsOmitted"]
    assert told[-1]["count"] == 100


def test_a_text_that_is_no_utf_8_is_told_with_its_bytes_and_the_next_line_follows():
    stream, gone = io.StringIO(), []
    lines = EventLines(stream, on_gone=lambda: gone.append(True))
    lines.say("Serving", folder=os.fsdecode(b"/f/a\xff"), more=[{"x": "\udc80"}])
    lines.say("Next")
    lines.start()
    lines.close()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first == {"event": "Serving", "folder": "/f/a\\udcff", "more": [{"x": "\\udc80"}]}
    assert (second, gone) == ({"event": "Next"}, [])


def test_a_fault_of_the_thread_itself_is_reported_and_told_once(monkeypatch):
    reported: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda fault: reported.append(fault.exc_value))
    gone: list[bool] = []
    lines = EventLines(io.StringIO(), on_gone=lambda: gone.append(True))
    lines.start()
    lines.say("Odd", value=object())
    until(lambda: gone, "the word that nothing more is written")
    lines.close()
    assert (gone, [type(error) for error in reported]) == ([True], [TypeError])


def test_a_stream_that_is_gone_is_told_once_and_costs_nothing_more():
    read_end, write_end = os.pipe()
    os.close(read_end)
    gone = []
    stream = os.fdopen(write_end, "w", buffering=1)
    lines = EventLines(stream, on_gone=lambda: gone.append(True))
    lines.start()
    lines.say("Serving")
    until(lambda: gone, "the word that nobody reads")
    lines.say("Serving")
    lines.close()
    assert gone == [True]
    with pytest.raises(BrokenPipeError):
        stream.close()
