"""R4: the scaling decision, as a table and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hotdash.runtime.scaling import Counts, Decision, decide


def counts(*, queued=0, starting=0, idle=0, busy=0, limit=4, min_warm=0, room_for=99):
    return Counts(
        queued=queued, starting=starting, idle=idle, busy=busy, limit=limit, min_warm=min_warm, room_for=room_for
    )


@pytest.mark.parametrize(
    ("given_counts", "start", "reason"),
    [
        # the first task starts one, at once (R3)
        (counts(queued=1), 1, "starting 1: 1 task waits, no container runs"),
        (counts(), 0, "nothing waits"),
        (counts(busy=2, idle=1), 0, "nothing waits"),
        # one for each task that nothing will take
        (counts(queued=2), 2, "starting 2: 2 tasks wait, no container runs"),
        (counts(queued=1, busy=1), 1, "starting 1: 1 task waits, 1 busy"),
        (counts(queued=5, busy=2), 2, "starting 2: 5 tasks wait, 2 busy"),
        (counts(queued=3, starting=1, busy=1), 2, "starting 2: 3 tasks wait, 1 busy"),
        # what is idle or starting will take it
        (counts(queued=1, starting=1), 0, "1 starting for 1 waiting"),
        (counts(queued=2, starting=3), 0, "3 starting for 2 waiting"),
        (counts(queued=1, idle=1), 0, "an idle one takes it"),
        # the limit
        (counts(queued=1, busy=4), 0, "max_concurrency 4 reached: 4 busy"),
        (counts(queued=9, busy=1, limit=1), 0, "max_concurrency 1 reached: 1 busy"),
        (counts(queued=3, starting=2, limit=2), 0, "max_concurrency 2 reached: 0 busy, 2 starting"),
        # the limit was lowered below what runs
        (counts(queued=3, busy=5, limit=2), 0, "max_concurrency 2 reached: 5 busy"),
        # kept warm
        (counts(min_warm=2), 2, "starting 2: min_warm 2 are kept warm"),
        (counts(min_warm=2, busy=1), 1, "starting 1: min_warm 2 are kept warm"),
        (counts(min_warm=2, idle=1, starting=1), 0, "nothing waits"),
        (counts(min_warm=9, limit=2), 2, "starting 2: min_warm 9 are kept warm"),
        (counts(min_warm=2, queued=1), 2, "starting 2: 1 task waits, no container runs"),
    ],
)
def test_the_decision_and_its_reason(given_counts, start, reason):
    assert decide(given_counts) == Decision(start=start, reason=reason)


@pytest.mark.parametrize(
    ("given_counts", "decision"),
    [
        # no memory for any, or not for all (M12)
        (counts(queued=1, room_for=0), Decision(start=0, reason="no memory", short=1, for_tasks=True)),
        (
            counts(queued=3, busy=1, room_for=1),
            Decision(start=1, reason="starting 1: 3 tasks wait, 1 busy", short=2, for_tasks=True),
        ),
        (counts(queued=9, busy=2, room_for=0), Decision(start=0, reason="no memory", short=2, for_tasks=True)),
        # only to keep warm
        (counts(min_warm=2, room_for=0), Decision(start=0, reason="no memory", short=2)),
        (
            counts(queued=1, min_warm=3, room_for=1),
            Decision(start=1, reason="starting 1: 1 task waits, no container runs", short=2),
        ),
        # it is not memory that is wanting
        (
            counts(queued=1, busy=4, room_for=0),
            Decision(start=0, reason="max_concurrency 4 reached: 4 busy"),
        ),
        (counts(queued=1, starting=1, room_for=0), Decision(start=0, reason="1 starting for 1 waiting")),
        (counts(room_for=0), Decision(start=0, reason="nothing waits")),
    ],
)
def test_memory_in_the_decision(given_counts, decision):
    assert decide(given_counts) == decision
    assert decide(given_counts).is_starved == decision.for_tasks


some = st.integers(min_value=0, max_value=50)
any_counts = st.builds(
    Counts,
    queued=some,
    starting=some,
    idle=some,
    busy=some,
    limit=st.integers(min_value=1, max_value=50),
    min_warm=some,
    room_for=some,
)


@given(any_counts)
def test_a_start_never_goes_over_the_limit(c):
    start = decide(c).start
    assert start >= 0
    assert start == 0 or start + c.starting + c.idle + c.busy <= c.limit


@given(any_counts)
def test_no_more_start_than_is_needed(c):
    start = decide(c).start
    for_tasks = max(c.queued - c.idle - c.starting, 0)
    to_keep_warm = max(min(c.min_warm, c.limit) - c.starting - c.idle - c.busy, 0)
    assert start <= max(for_tasks, to_keep_warm)


@given(any_counts)
def test_a_waiting_task_that_nothing_will_take_gets_a_container_if_there_is_room(c):
    if c.queued > c.idle + c.starting and c.starting + c.idle + c.busy < c.limit and c.room_for:
        assert decide(c).start > 0


@given(any_counts)
def test_with_memory_what_is_short_would_start(c):
    decision, with_memory = decide(c), decide(replace(c, room_for=1000))
    assert decision.start <= c.room_for
    assert decision.start + decision.short == with_memory.start
    assert not with_memory.short


@given(any_counts)
def test_there_is_always_a_reason_in_words(c):
    reason = decide(c).reason
    assert reason
    assert reason.startswith(f"starting {decide(c).start}:") == (decide(c).start > 0)


@given(
    limit=st.integers(min_value=1, max_value=6),
    steps=st.lists(st.sampled_from(["submit", "started", "answered"]), max_size=80),
)
def test_so_many_tasks_never_start_more_containers(limit, steps):
    """A model of one function in which containers never fail: each step is followed by a decision, as in the ledger."""
    queued = starting = idle = busy = submitted = started = 0
    for step in steps:
        if step == "submit":
            submitted += 1
            queued += 1
        elif step == "started" and starting:
            starting -= 1
            idle += 1
        elif step == "answered" and busy:
            busy -= 1
            idle += 1
        taken = min(queued, idle)
        queued, idle, busy = queued - taken, idle - taken, busy + taken
        start = decide(counts(queued=queued, starting=starting, idle=idle, busy=busy, limit=limit)).start
        starting += start
        started += start
        assert started <= min(submitted, limit)
