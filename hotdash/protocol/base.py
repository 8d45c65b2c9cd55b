"""The seam of a format: how a task becomes bytes, and fed bytes an answer. Sans-IO: no file, no socket, no thread.

A `Format` is shared and has no state. A `Decoder` belongs to one container for its whole life (a parser kept is 3 µs a
task cheaper than a new one) and is used by that container's serve thread alone:

    decoder = FORMATS[spec.format].decoder()
    decoder.begin(request)              # before the request's first byte goes out
    answer = decoder.feed(chunk)        # None: more must come. An Answer: the exchange is over; look at `surplus`
    answer = decoder.end()              # the stream ended: the answer that this completes, or a ProtocolError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from hotdash.task import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec
    from hotdash.task import TaskRequest

MAX_BODY_BYTES = 8 * 2**20  # M11: the default bound of an answer
MAX_HEAD_BYTES = 64 * 2**10  # section 4: a longer head is an error
_ENDS = frozenset({b"", b"\r", b"\n"})


def is_blank(data: bytes) -> bool:
    """Whether `data` is no more than blank lines, or a part of them: what may follow an answer in any format (M2).

    Any number of them, since how many come in one read is chance, and no decoder takes them for a part of an answer.
    """
    return data[:1] in _ENDS and not data.strip(b"\r\n")  # the first byte alone tells, of nearly all that is not


class Answer(NamedTuple):  # not a dataclass, for the same reason as `TaskResult`
    """A whole answer as the format read it.

    Args:
        status_code: None where the format has none.
        error: Why the answer itself says that the function failed (a status ≥ 500); None otherwise.
    """

    body: bytes
    status_code: int | None = None
    headers: Mapping[str, str] = NO_HEADERS
    error: str | None = None


class Decoder(Protocol):
    """Turns one container's stdout into answers, one exchange after another."""

    @property
    def surplus(self) -> bool:
        """Whether bytes followed the last answer (a blank line aside): the container must be retired (M2)."""
        ...

    @property
    def started(self) -> bool:
        """Whether any byte of the current answer has come."""
        ...

    def begin(self, request: TaskRequest) -> None:
        """Starts the exchange for `request`; forgets everything of the one before."""
        ...

    def feed(self, data: bytes) -> Answer | None:
        """Takes bytes as they come, split anywhere.

        Returns:
            The answer once it is complete, None before. After an answer, `feed` may not be called until `begin`.

        Raises:
            ProtocolError: These bytes cannot be an answer; the message says what was found.
        """
        ...

    def end(self) -> Answer:
        """The stream has ended.

        Raises:
            ProtocolError: The answer was not complete; the message says how far it came.
        """
        ...


class WithoutVariables:
    """A format that gives containers no variables: all is in the request."""

    __slots__ = ()

    def environment(self, spec: FunctionSpec) -> Mapping[str, str]:  # noqa: ARG002  the seam's signature
        """None: a function learns all from the request."""
        return NO_HEADERS

    def task_environment(self, spec: FunctionSpec, request: TaskRequest) -> Mapping[str, str]:  # noqa: ARG002  as above
        """None: the container outlives the task."""
        return NO_HEADERS


class Format(Protocol):
    """One way for tasks to travel. Without state, so one object serves all threads."""

    def environment(self, spec: FunctionSpec) -> Mapping[str, str]:
        """The variables that the format gives every container of the function (M8)."""
        ...

    def task_environment(self, spec: FunctionSpec, request: TaskRequest) -> Mapping[str, str]:
        """The variables that tell a cold container of its task; empty for a hot format."""
        ...

    def encode(self, spec: FunctionSpec, request: TaskRequest, *, deadline_at_s: float = 0.0) -> bytes:
        """The request's bytes for the container's stdin.

        Args:
            spec: The function.
            request: The task's.
            deadline_at_s: When the task's time is over, in seconds since 1970, for formats that tell it.

        Raises:
            InvalidRequest: Something of it cannot travel in this format.
        """
        ...

    def decoder(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> Decoder:
        """A new decoder, for one container."""
        ...
