"""The contract of `hotdash.drivers.base.Container`, sentence by sentence, over every driver."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from contract_behaviours import Behaviour
from contract_harness import (
    PATIENCE_S,
    DriverHarness,
    StderrThread,
    fill,
    read_exactly,
    read_to_end,
    until,
    write_all,
)
from descriptors import open_descriptors

from hotdash.drivers.base import Exit
from hotdash.errors import ContainerGone, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.drivers.base import Container


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], object]], threading.Thread]]:
    """Runs something in another thread, which is joined at the end of the test."""
    threads = []

    def run(function: Callable[[], object]) -> threading.Thread:
        threads.append(threading.Thread(target=function, daemon=True))
        threads[-1].start()
        return threads[-1]

    yield run
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def ready(harness: DriverHarness, behaviour: Behaviour) -> Container:
    container = harness.start(behaviour)
    assert read_exactly(container, 6) == b"ready\n"
    return container


# start, id, pid ------------------------------------------------------------------------------------------------------


def test_a_container_has_the_id_of_its_spec(harness):
    first, second = harness.start(Behaviour.ECHO), harness.start(Behaviour.ECHO)
    assert first.id.startswith("c-")
    assert first.id != second.id


def test_the_pid_names_a_process_or_is_none(harness):
    container = harness.start(Behaviour.ECHO)
    assert isinstance(container.pid, int) if harness.has_processes else container.pid is None


def test_what_cannot_be_started_raises_and_leaves_nothing(harness):
    with pytest.raises(StartError) as caught:
        harness.start_impossible()
    assert str(caught.value)


# write, close_stdin --------------------------------------------------------------------------------------------------


def test_what_is_written_is_answered(harness):
    container = harness.start(Behaviour.ECHO)
    assert container.write(b"one\n") == 4
    assert read_exactly(container, 4) == b"one\n"
    assert container.write(memoryview(b"two\n")) == 4
    assert read_exactly(container, 4) == b"two\n"


def test_a_write_takes_what_goes_without_waiting_and_then_nothing(harness):
    container = ready(harness, Behaviour.NEVER_READS)
    taken = fill(container)
    assert 0 < taken < 4 * 2**20
    assert container.write(b"x") == 0
    assert container.unread_bytes() in ({taken, None} if harness.may_not_know_unread else {taken})


def test_a_large_write_goes_through_piece_by_piece(harness, in_thread):
    container = harness.start(Behaviour.ECHO)
    data = bytes(range(256)) * 4096
    sent = 0
    came = bytearray()
    while len(came) < len(data):
        sent += container.write(data[sent : sent + 200_000]) if sent < len(data) else 0
        chunk = container.read(PATIENCE_S, or_writable=sent < len(data))
        came += chunk or b""
    assert bytes(came) == data


def test_a_write_to_a_container_that_closed_its_stdin_raises(harness):
    container = ready(harness, Behaviour.CLOSES_STDIN)
    if not harness.sees_streams_closed:
        assert container.write(b"x") == 1
        assert container.unread_bytes() is None, "it does not claim to know"
        return
    with pytest.raises(ContainerGone):
        container.write(b"x")


def test_a_write_to_a_container_that_has_ended_raises(harness):
    container = harness.start(Behaviour.EXITS)
    assert container.wait(PATIENCE_S) == Exit(code=3)
    with pytest.raises(ContainerGone):
        container.write(b"x")


def test_closing_stdin_lets_it_read_the_end(harness):
    container = harness.start(Behaviour.ECHO)
    container.write(b"last")
    container.close_stdin()
    assert read_to_end(container) == b"last"
    assert container.wait(PATIENCE_S) == Exit(code=0)


def test_closing_stdin_twice_does_nothing_and_a_write_then_raises(harness):
    container = harness.start(Behaviour.ECHO)
    container.close_stdin()
    container.close_stdin()
    with pytest.raises(ContainerGone):
        container.write(b"x")


def test_a_read_for_room_with_stdin_closed_still_reads(harness):
    container = harness.start(Behaviour.ECHO)
    container.write(b"last")
    container.close_stdin()
    assert container.read(PATIENCE_S, or_writable=True) == b"last"


# read, wake ----------------------------------------------------------------------------------------------------------


def test_a_read_with_no_time_looks_and_returns(harness):
    container = harness.start(Behaviour.ECHO)
    assert container.read(0) is None
    container.write(b"x")
    until(lambda: container.read(0) == b"x")
    assert container.read(0) is None


def test_a_negative_time_is_none_at_all(harness):
    assert harness.start(Behaviour.ECHO).read(-1.0) is None


def test_a_read_returns_none_when_the_time_runs_out_and_not_before(harness):
    container = harness.start(Behaviour.ECHO)
    before_s = time.monotonic()
    assert container.read(0.05) is None
    assert time.monotonic() - before_s >= 0.049


@pytest.mark.parametrize("timeout_s", [None, 1e9, float("inf")])
def test_a_read_waits_as_long_as_it_takes(harness, timeout_s):
    container = harness.start(Behaviour.ECHO)
    container.write(b"x")
    assert container.read(timeout_s) == b"x"


def test_a_read_returns_a_bounded_piece(harness):
    container = harness.start(Behaviour.ANSWERS_BIG)
    container.write(b"1000000\n")
    pieces = []
    while sum(map(len, pieces)) < 1_000_000:
        pieces.append(container.read(PATIENCE_S))
        assert pieces[-1]
    assert max(map(len, pieces)) <= 70_000
    assert b"".join(pieces) == b"a" * 1_000_000


def test_a_read_for_room_returns_at_once_when_there_is_room(harness):
    container = ready(harness, Behaviour.NEVER_READS)
    assert container.read(PATIENCE_S, or_writable=True) is None
    assert container.write(b"x") == 1


def test_a_read_for_room_waits_while_there_is_none(harness):
    container = ready(harness, Behaviour.NEVER_READS)
    fill(container)
    before_s = time.monotonic()
    assert container.read(0.05, or_writable=True) is None
    assert time.monotonic() - before_s >= 0.049


def test_a_read_for_room_returns_when_nobody_reads_any_more(harness, in_thread):
    container = ready(harness, Behaviour.NEVER_READS)
    fill(container)
    in_thread(container.kill)
    while (chunk := container.read(PATIENCE_S, or_writable=True)) is not None and chunk:
        pass
    with pytest.raises(ContainerGone):
        until(lambda: container.write(b"x"))


def test_a_wake_from_another_thread_ends_the_read_that_waits(harness, in_thread):
    container = harness.start(Behaviour.ECHO)
    in_thread(container.wake)
    assert container.read(None) is None


def test_a_wake_before_a_read_ends_the_next_one_only(harness):
    container = harness.start(Behaviour.ECHO)
    container.wake()
    container.wake()
    before_s = time.monotonic()
    assert container.read(PATIENCE_S) is None
    assert time.monotonic() - before_s < PATIENCE_S / 2
    assert container.read(0.02) is None
    container.write(b"x")
    assert container.read(PATIENCE_S) == b"x"


def test_a_wake_together_with_data_loses_neither(harness):
    container = harness.start(Behaviour.ECHO)
    container.write(b"x")
    container.wake()
    seen = [container.read(PATIENCE_S), container.read(PATIENCE_S)]
    assert set(seen) == {None, b"x"}, "in either order"
    assert container.read(0) is None


def test_a_wake_is_not_starved_by_data(harness):
    container = harness.start(Behaviour.ANSWERS_BIG)
    container.write(b"20000000\n")  # well within its memory: a look at it while it runs would end it
    assert container.read(PATIENCE_S)
    container.wake()
    assert None in [container.read(PATIENCE_S) for _ in range(3)]


def test_wakes_by_the_thousand_do_not_block(harness):
    container = harness.start(Behaviour.ECHO)
    for _ in range(20_000):
        container.wake()
    assert container.read(PATIENCE_S) is None
    container.write(b"x")
    seen = container.read(PATIENCE_S)
    while seen is None:
        seen = container.read(PATIENCE_S)
    assert seen == b"x"


def test_the_end_of_stdout_is_empty_bytes_again_and_again(harness):
    container = harness.start(Behaviour.CLOSES_STDOUT)
    if harness.sees_streams_closed:
        assert container.read(PATIENCE_S) == b""
        assert container.read(PATIENCE_S) == b""
        assert container.read(None, or_writable=True) == b""
        assert container.wait(0) is None, "it lives, though its stdout has ended"
    container.close_stdin()
    assert container.wait(PATIENCE_S) == Exit(code=0)
    assert container.read(PATIENCE_S) == b""
    assert container.read(None, or_writable=True) == b""


def test_all_that_a_container_wrote_comes_before_the_end(harness):
    container = harness.start(Behaviour.EXITS)
    stderr = StderrThread(container)
    assert container.wait(PATIENCE_S) == Exit(code=3)
    stderr.join()
    assert read_to_end(container) == b"out\n"
    assert container.read(None) == b""
    assert bytes(stderr.taken) == b"err\n"


# unread_bytes, waits_for_input ---------------------------------------------------------------------------------------


def test_what_nobody_has_read_is_counted(harness):
    container = ready(harness, Behaviour.NEVER_READS)
    assert container.unread_bytes() in {0, None}
    write_all(container, b"12345")
    write_all(container, b"678")
    assert container.unread_bytes() == (None if harness.may_not_know_unread else 8)


def test_what_was_read_is_not_counted(harness):
    container = harness.start(Behaviour.ECHO)
    write_all(container, b"12345")
    read_exactly(container, 5)
    assert container.unread_bytes() == (None if harness.may_not_know_unread else 0)


def test_what_nobody_has_read_is_known_after_death_too(harness):
    container = ready(harness, Behaviour.DIES_UNREAD)
    stderr = StderrThread(container)
    container.write(b"12345")
    assert container.wait(PATIENCE_S) == Exit(signal="SIGABRT")
    stderr.join()
    assert container.unread_bytes() == (None if harness.may_not_know_unread else 5)
    container.close()
    assert container.unread_bytes() == (None if harness.may_not_know_unread else 5)


def test_a_request_read_before_death_is_not_counted(harness):
    container = ready(harness, Behaviour.CRASHES)
    container.write(b"12345")
    assert container.wait(PATIENCE_S) == Exit(signal="SIGSEGV")
    assert container.unread_bytes() == (None if harness.may_not_know_unread else 0)


def test_once_its_end_was_closed_unread_input_is_only_known_to_be_none_at_all(harness):
    container = harness.start(Behaviour.ECHO)
    write_all(container, b"12345")
    read_exactly(container, 5)
    container.close_stdin()
    assert container.unread_bytes() in {0, None}


def test_waiting_for_input_is_seen_or_not_told(harness):
    container = harness.start(Behaviour.ECHO)
    if container.waits_for_input() is None:
        return
    until(lambda: container.waits_for_input() is True, "blocked reading stdin")
    busy = ready(harness, Behaviour.NEVER_READS)
    assert not busy.waits_for_input()


# stderr --------------------------------------------------------------------------------------------------------------


def test_stderr_written_before_an_answer_is_there_at_the_answer(harness):
    container = harness.start(Behaviour.WRITES_STDERR)
    stderr = StderrThread(container)
    total = 0
    for number in [0, 1, 7, 4096, 30_000, 65_536, 3, 0, 12] * 10:
        container.write(b"%d\n" % number)
        read_exactly(container, len(str(number)) + 1)
        total += number
        if container.is_stderr_late:  # most often it is there then, but that is no promise
            container.settle_stderr()
            until(lambda total=total: len(stderr.taken) >= total)
        stderr.take()
        with stderr.lock:
            assert len(stderr.taken) == total
    assert bytes(stderr.taken) == b"e" * total


def test_taking_stderr_never_waits(harness):
    container = harness.start(Behaviour.ECHO)
    assert container.take_stderr() == b""


def test_taking_stderr_ends_in_a_flood(harness):
    container = harness.start(Behaviour.FLOODS_STDERR)
    assert container.wait_stderr()
    pieces = [container.take_stderr() for _ in range(50)]
    assert max(map(len, pieces)) <= 2**20
    assert any(pieces)


def test_the_stderr_thread_waits_and_ends_with_the_container(harness):
    container = harness.start(Behaviour.ECHO)
    stderr = StderrThread(container)
    container.write(b"x")
    read_exactly(container, 1)
    assert stderr.running
    container.kill()
    stderr.join()
    assert bytes(stderr.taken) == b""
    assert container.wait_stderr() is False, "and again"


def test_a_container_that_closed_its_stderr_has_not_ended(harness):
    container = harness.start(Behaviour.CLOSES_STDERR)
    stderr = StderrThread(container)
    container.write(b"x")
    read_exactly(container, 1)
    assert stderr.running
    container.close_stdin()
    stderr.join()
    assert container.wait(PATIENCE_S) == Exit(code=0)


def test_a_killed_flood_is_drained_to_its_end(harness):
    container = harness.start(Behaviour.FLOODS_STDERR)
    stderr = StderrThread(container)
    until(lambda: len(stderr.taken) > 100_000)
    container.kill()
    stderr.join()
    assert container.take_stderr() == b""


def test_a_read_that_waits_ends_with_the_container(harness, in_thread):
    container = ready(harness, Behaviour.IGNORES_TERM)
    StderrThread(container)
    in_thread(container.kill)
    assert container.read(None) == b""


# wait, stop, kill, stats, close --------------------------------------------------------------------------------------


def test_waiting_returns_none_when_the_time_runs_out(harness):
    container = harness.start(Behaviour.ECHO)
    assert container.wait(0) is None
    assert container.wait(0.02) is None


def test_an_exit_is_told_again_and_again(harness):
    container = harness.start(Behaviour.EXITS)
    assert container.wait(None) == Exit(code=3)
    assert container.wait(0) == Exit(code=3)
    assert str(container.wait(0)) == "exited with code 3"


def test_a_signal_is_named(harness):
    container = ready(harness, Behaviour.CRASHES)
    container.write(b"x")
    ended = container.wait(PATIENCE_S)
    assert ended == Exit(signal="SIGSEGV")
    assert str(ended) == "was killed by SIGSEGV"


def test_stopping_lets_it_end_well(harness):
    assert ready(harness, Behaviour.EXITS_AT_TERM).stop(PATIENCE_S) == Exit(code=7)


def test_stopping_kills_what_does_not_end(harness):
    container = ready(harness, Behaviour.IGNORES_TERM)
    assert container.stop(0.05) == Exit(signal="SIGKILL")
    assert container.stop(0.05) == Exit(signal="SIGKILL"), "and again"


def test_stopping_what_has_ended_tells_how_it_did(harness):
    container = harness.start(Behaviour.EXITS)
    container.wait(PATIENCE_S)
    assert container.stop(0) == Exit(code=3)


def test_killing_is_done_at_once_and_any_number_of_times(harness, in_thread):
    container = ready(harness, Behaviour.IGNORES_TERM)
    for _ in range(8):
        in_thread(container.kill)
    assert container.wait(PATIENCE_S) == Exit(signal="SIGKILL")
    container.kill()
    assert container.wait(0) == Exit(signal="SIGKILL")


def test_killing_what_has_ended_does_not_change_how_it_ended(harness):
    container = harness.start(Behaviour.EXITS)
    container.wait(PATIENCE_S)
    container.kill()
    assert container.wait(0) == Exit(code=3)


def test_stats_while_it_lives_and_none_after(harness):
    container = harness.start(Behaviour.ECHO)
    container.write(b"x")
    read_exactly(container, 1)
    until(lambda: container.stats() is not None, "the first look at what it uses")
    stats = container.stats()
    assert stats is not None
    assert stats.pids >= 1
    assert stats.memory_bytes >= 0
    assert stats.cpu_s >= 0
    container.kill()
    container.wait(PATIENCE_S)
    assert container.stats() is None


def test_closing_kills_what_runs_and_a_second_time_does_nothing(harness):
    container = ready(harness, Behaviour.IGNORES_TERM)
    container.close()
    assert container.wait(0) == Exit(signal="SIGKILL")
    container.close()


def test_after_closing_any_thread_may_still_call(harness):
    before = open_descriptors()
    container = ready(harness, Behaviour.NEVER_READS)
    container.close()
    container.kill()
    container.wake()
    assert container.stats() is None
    container.close_stdin()
    assert container.take_stderr() == b""
    assert container.wait_stderr() is False
    assert container.read(None) == b""
    with pytest.raises(ContainerGone):
        container.write(b"x")
    assert len(open_descriptors() - before) <= 1, "the driver may keep one, for its guardian or its engine"


def test_closing_while_the_stderr_thread_waits_is_safe(harness):
    container = ready(harness, Behaviour.NEVER_READS)
    stderr = StderrThread(container)
    container.close()
    stderr.join()


def test_any_thread_may_call_while_another_closes(harness, in_thread):
    for _ in range(10):
        container = harness.start(Behaviour.FLOODS_STDERR)
        stderr = StderrThread(container)
        go = threading.Event()

        def bother(container=container, go=go):
            go.wait(PATIENCE_S)
            for _ in range(50):
                container.wake()
                container.kill()
                container.stats()

        others = [in_thread(bother) for _ in range(3)]
        go.set()
        container.close()
        for other in others:
            other.join(PATIENCE_S)
        stderr.join()


def test_many_containers_one_after_another_leave_nothing(harness):
    def one() -> None:
        container = harness.start(Behaviour.ECHO)
        stderr = StderrThread(container)
        container.write(b"x")
        read_exactly(container, 1)
        container.kill()
        container.wait(None)
        stderr.join()
        container.close()

    one()
    before = open_descriptors()
    for _ in range(10):
        one()
    assert len(open_descriptors()) <= len(before), "a connection to an engine that is kept may be another one"
