"""`Exchange`: one request out, one answer in, over a container's two pipes at once. Runs in the serve thread.

Writing and reading share one loop: a function may answer before it has read all, and a request larger than a pipe would
otherwise wait for a reader that itself waits to be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.errors import ContainerGone, ProtocolError
from hotdash.protocol.base import is_blank

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.clock import Clock
    from hotdash.drivers.base import Container
    from hotdash.protocol.base import Answer, Decoder


class Interrupted(Exception):
    """Somebody wants the exchange to end: a cancel, a kill, a drain, the close."""


class DeadlinePassed(Exception):
    """The task's time is over."""


class StreamEnded(Exception):
    """The container closed its stdout, or ended, before the answer was complete; or it took nothing of the request."""


class OutOfTurn(ProtocolError):
    """The container wrote before it had read anything of the request: that answers something else (M1)."""


class Exchange:
    """The exchanges of one container, one after another.

    `written` tells how many bytes of the current request have gone into the container's stdin (M4 compares it with
    what is still unread there), `is_written` whether all have.
    """

    __slots__ = ("_clock", "_container", "_decoder", "is_written", "written")

    def __init__(self, *, container: Container, decoder: Decoder, clock: Clock) -> None:
        self._container = container
        self._decoder = decoder
        self._clock = clock
        self.written = 0
        self.is_written = True

    def run(self, request: bytes, *, deadline_s: float, is_interrupted: Callable[[], bool]) -> Answer:
        """Sends `request` and waits for the answer.

        Args:
            request: All of its bytes.
            deadline_s: On the clock.
            is_interrupted: Asked before anything is sent, and whenever a wait ended without the whole answer.

        Returns:
            The answer. `is_written` may still be False: the function answered without reading all.

        Raises:
            Interrupted, DeadlinePassed, StreamEnded: See there.
            OutOfTurn: The bytes that came are no answer to this request.
            ProtocolError: They are not an answer.
        """
        if is_interrupted():  # before the first wait: a look at stdout may have taken the wake
            raise Interrupted
        rest = self._send_some(request)
        container, feed, now = self._container, self._decoder.feed, self._clock.now
        has_begun = False
        while True:
            chunk = container.read(deadline_s - now(), or_writable=bool(rest))
            if chunk:
                if not has_begun and not is_blank(chunk):  # a blank line may belong to the answer before (M2)
                    has_begun = True
                    self._check_read(chunk)
                answer = feed(chunk)
                if answer is not None:
                    return answer
            elif chunk is not None:
                raise StreamEnded
            if rest:
                rest = self._send_more(rest)
            if is_interrupted():
                raise Interrupted
            if now() >= deadline_s:
                raise DeadlinePassed

    def run_to_end(self, payload: bytes, *, deadline_s: float, is_interrupted: Callable[[], bool]) -> Answer:
        """As `run`, for a cold container: stdin ends after `payload`, and the end of stdout completes the answer."""
        if is_interrupted():
            raise Interrupted
        container = self._container
        rest = self._send(payload)
        if not rest:
            container.close_stdin()
        while True:
            chunk = container.read(deadline_s - self._clock.now(), or_writable=bool(rest))
            if chunk:
                self._decoder.feed(chunk)
            elif chunk is not None:
                return self._decoder.end()
            if rest:
                rest = self._send_more(rest)
                if not rest:
                    container.close_stdin()
            if is_interrupted():
                raise Interrupted
            if self._clock.now() >= deadline_s:
                raise DeadlinePassed

    def _check_read(self, chunk: bytes) -> None:
        """What comes while nothing of the request has been read answers something else: a task before it (M1).

        Raises:
            OutOfTurn: That is so, as far as it can be told.
        """
        unread = self._container.unread_bytes()
        if self.written == 0 or (unread is not None and self.written <= unread):
            raise OutOfTurn(f"it wrote before it had read anything of the request: {chunk[:60]!r}")

    def _send_some(self, request: bytes) -> memoryview | None:
        """As `_send`, to one that is of no use if it takes none: what it may still write answers a task before (M1).

        Raises:
            StreamEnded: It reads no more.
        """
        rest = self._send(request)
        if rest is None and not self.is_written:
            raise StreamEnded
        return rest

    def _send(self, request: bytes) -> memoryview | None:
        """Sends what goes at once; returns what is left, or None if nothing is."""
        self.written = 0
        self.is_written = False
        try:
            written = self._container.write(request) if request else 0
        except ContainerGone:  # it may have answered all the same, and its end tells more than this
            return None
        self.written = written
        if written == len(request):
            self.is_written = True
            return None
        return memoryview(request)[written:]

    def _send_more(self, rest: memoryview) -> memoryview | None:
        try:
            written = self._container.write(rest)
        except ContainerGone:
            return None
        self.written += written
        if written == len(rest):
            self.is_written = True
            return None
        return rest[written:]
