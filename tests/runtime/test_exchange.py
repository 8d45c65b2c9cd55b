"""`Exchange`: a request out and an answer in, over both pipes at once. All in one thread: scripts run in it, too."""

from __future__ import annotations

import pytest
from runtime_tools import http_answer, make_spec

from hotdash.clock import VirtualClock
from hotdash.drivers.base import ContainerSpec
from hotdash.drivers.stub import PIPE_BYTES, StubDriver
from hotdash.errors import ProtocolError
from hotdash.functions.spec import Format
from hotdash.protocol.formats import format_of
from hotdash.runtime.exchange import DeadlinePassed, Exchange, Interrupted, StreamEnded
from hotdash.task import TaskRequest

REQUEST = TaskRequest(id="1" * 24, function="f", payload=b"")


class Table:
    """An exchange with a container whose script is given."""

    def __init__(self, script, *, format_name="http"):
        self.clock = VirtualClock(start_s=0.0)
        self.is_interrupted = False
        self.writes = 0

        def counting(container):
            self.writes += 1
            script(self, container)

        spec = make_spec(format=Format(format_name))
        driver = StubDriver(clock=self.clock, script=counting)
        image = driver.build(spec, on_output=str, is_cancelled=bool)
        self.container = driver.start(
            ContainerSpec(id="c-1", function="f", app="app", revision=1, image=image, environment={}, memory_mb=128)
        )
        decoder = format_of(spec).decoder()
        decoder.begin(REQUEST)
        self.exchange = Exchange(container=self.container, decoder=decoder, clock=self.clock)

    def run(self, request=b"request", *, deadline_s=30.0):
        return self.exchange.run(request, deadline_s=deadline_s, is_interrupted=lambda: self.is_interrupted)

    def run_to_end(self, payload=b"payload", *, deadline_s=30.0):
        return self.exchange.run_to_end(payload, deadline_s=deadline_s, is_interrupted=lambda: self.is_interrupted)


def test_a_request_is_written_and_its_answer_read():
    def script(table, container):
        assert container.consume() == b"request"
        container.say(http_answer(b"hello"))

    table = Table(script)
    answer = table.run()
    assert (answer.status_code, answer.body) == (200, b"hello")
    assert table.exchange.is_written
    assert table.exchange.written == 7


@pytest.mark.parametrize("size", [PIPE_BYTES, PIPE_BYTES + 1, 5 * PIPE_BYTES])
def test_a_request_larger_than_a_pipe_goes_out_while_the_answer_streams_in(size):
    request = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    came = bytearray()

    def echo(table, container):
        if not came:
            container.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = container.consume(10_000)
        if len(came) + len(piece) + container.unread_bytes() == size:  # all is written: nobody will call again
            piece += container.consume()
        came.extend(piece)
        container.say(piece)

    table = Table(echo)
    assert table.run(request).body == request
    assert table.exchange.is_written
    assert table.exchange.written == size


def test_an_answer_may_come_before_all_is_read_and_that_is_told():
    table = Table(lambda _, container: (container.consume(1), container.say(http_answer(b"enough"))))
    assert table.run(b"x" * 3 * PIPE_BYTES).body == b"enough"
    assert not table.exchange.is_written
    assert table.exchange.written == PIPE_BYTES


def test_the_next_exchange_starts_its_counts_anew():
    table = Table(lambda _, container: (container.consume(), container.say(http_answer(b"x"))))
    table.run(b"first")
    table.exchange._decoder.begin(REQUEST)
    table.run(b"second, longer")
    assert table.exchange.written == 14


def test_an_answer_in_many_pieces_is_put_together():
    whole = http_answer(b"0123456789")
    rest = [whole[at : at + 1] for at in range(len(whole))]
    table = Table(lambda _, container: container.consume())
    read = table.container.read

    def read_one(timeout_s, *, or_writable=False):
        if rest:
            table.container.say(rest.pop(0))
        return read(timeout_s, or_writable=or_writable)

    table.container.read = read_one
    assert table.run().body == b"0123456789"


# its ends ------------------------------------------------------------------------------------------------------------


def test_a_container_that_ends_without_an_answer_ends_the_stream():
    table = Table(lambda _, container: container.exit(3))
    with pytest.raises(StreamEnded):
        table.run()
    assert table.exchange.written == 7
    assert table.container.unread_bytes() == 7


def test_a_container_that_closes_its_stdout_ends_the_stream():
    with pytest.raises(StreamEnded):
        Table(lambda _, container: container.end_stdout()).run()


def test_a_container_that_has_ended_before_is_sent_nothing():
    table = Table(lambda _, __: None)
    table.container.exit(0)
    with pytest.raises(StreamEnded):
        table.run()
    assert table.exchange.written == 0
    assert not table.exchange.is_written


def test_an_answer_stands_that_was_whole_when_the_container_ended():
    def script(table, container):
        container.consume(1)
        container.say(http_answer(b"last"))
        container.exit(1)

    table = Table(script)
    assert table.run(b"x" * 3 * PIPE_BYTES).body == b"last"
    assert not table.exchange.is_written


def test_half_an_answer_is_none():
    def script(table, container):
        container.consume()
        container.say(http_answer(b"hello")[:-1])
        container.exit(0)

    table = Table(script)
    with pytest.raises(StreamEnded):
        table.run()
    assert table.exchange._decoder.started


def test_junk_is_a_protocol_error():
    junk = b"Traceback (most recent call last):\n"
    with pytest.raises(ProtocolError):
        Table(lambda _, container: (container.consume(), container.say(junk))).run()


def test_what_comes_while_nothing_of_the_request_is_read_answers_something_else():
    with pytest.raises(ProtocolError, match="it wrote before it had read anything of the request: "):
        Table(lambda _, container: container.say(http_answer(b"late"))).run()
    read_one_byte = Table(lambda _, container: (container.consume(1), container.say(http_answer(b"hasty"))))
    assert read_one_byte.run().body == b"hasty"
    cannot_tell = Table(lambda _, container: container.say(http_answer(b"from afar")))
    cannot_tell.container.unread_bytes = lambda: None
    assert cannot_tell.run().body == b"from afar"


def test_the_deadline_ends_it():
    table = Table(lambda table, _: table.clock.advance(31.0))
    with pytest.raises(DeadlinePassed):
        table.run()


def test_a_deadline_in_the_middle_of_an_answer_ends_it():
    def script(table, container):
        container.consume()
        container.say(http_answer(b"hello")[:-1])
        table.clock.advance(30.0)

    with pytest.raises(DeadlinePassed):
        Table(script).run()


def test_an_answer_that_is_whole_at_the_deadline_stands():
    def script(table, container):
        container.consume()
        container.say(http_answer(b"just"))
        table.clock.advance(30.0)

    assert Table(script).run().body == b"just"


def test_who_is_interrupted_before_sends_nothing():
    table = Table(lambda _, __: None)
    table.is_interrupted = True
    with pytest.raises(Interrupted):
        table.run()
    assert table.writes == 0
    with pytest.raises(Interrupted):
        table.run_to_end()
    assert table.writes == 0


def test_a_wake_with_a_reason_interrupts_and_one_without_does_not():
    def with_reason(table, container):
        table.is_interrupted = True
        container.wake()

    with pytest.raises(Interrupted):
        Table(with_reason).run()

    def without(table, container):
        container.wake()
        container.consume()
        container.say(http_answer(b"on"))

    assert Table(without).run().body == b"on"


def test_an_endless_answer_can_be_interrupted():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n"
    table = Table(lambda _, container: (container.consume(), container.say(head)))
    read = table.container.read
    reads = []

    def read_more(timeout_s, *, or_writable=False):
        table.container.say(b"x" * 1000)
        reads.append(timeout_s)
        table.is_interrupted = len(reads) == 5
        return read(timeout_s, or_writable=or_writable)

    table.container.read = read_more
    with pytest.raises(Interrupted):
        table.run()
    assert len(reads) == 5


# cold ----------------------------------------------------------------------------------------------------------------


def test_cold_stdin_ends_after_the_payload_and_stdout_is_the_answer():
    got = []

    def script(table, container):
        got.append(container.consume())
        if container.stdin_closed:
            container.say(b"body")
            container.exit(0)

    table = Table(script, format_name="default")
    assert table.run_to_end().body == b"body"
    assert b"".join(got) == b"payload"


def test_cold_an_empty_payload_is_just_the_end_of_stdin():
    table = Table(lambda _, container: container.exit(0), format_name="default")
    assert table.run_to_end(b"").body == b""
    assert table.container.stdin_closed


def test_cold_a_payload_larger_than_a_pipe_goes_out_whole():
    got = bytearray()

    def script(table, container):
        piece = container.consume()
        got.extend(piece)
        container.say(piece)
        if container.stdin_closed:
            container.exit(0)

    payload = b"0123456789" * 20_000
    table = Table(script, format_name="default")
    assert table.run_to_end(payload).body == payload
    assert bytes(got) == payload


def test_cold_one_that_ends_without_reading_has_answered():
    def script(table, container):
        container.say(b"done")
        container.exit(0)

    table = Table(script, format_name="default")
    assert table.run_to_end(b"x" * 3 * PIPE_BYTES).body == b"done"


def test_cold_the_deadline_and_an_interrupt_end_it():
    with pytest.raises(DeadlinePassed):
        Table(lambda table, _: table.clock.advance(31.0), format_name="default").run_to_end()

    def interrupt(table, container):
        table.is_interrupted = True
        container.wake()

    with pytest.raises(Interrupted):
        Table(interrupt, format_name="default").run_to_end()
