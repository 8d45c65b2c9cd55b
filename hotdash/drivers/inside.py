"""What a driver may tell of its living containers beside running them: how to get into one.

A driver that can is an `Insider`. Any thread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Inside(Struct, frozen=True, kw_only=True):
    """One living container from within.

    Args:
        shell_command: What starts a shell in its surroundings: a program and its arguments, run on this machine.
        folder: Where that is to be started on this machine; None for anywhere.
        shell_environment: All of that program's environment but `TERM`; None for hotdash's own.
        command: What the container itself runs; empty where only its image knows.
        environment: The container's environment.
        mounts: What of this machine is seen in it, a line each.
        limits: What else it is held to, a line each.
    """

    shell_command: tuple[str, ...]
    folder: str | None
    shell_environment: Mapping[str, str] | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


@runtime_checkable
class Insider(Protocol):
    """A driver that knows its living containers. Any thread."""

    def inside(self, container_id: str) -> Inside | None:
        """One of them from within; None once it has ended."""
        ...
