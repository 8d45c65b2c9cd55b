"""What a driver may tell of its living containers beside running them: what they use, and how to get into one.

A driver that can is an `Insider`. `LiveContainers` is how one keeps count; any thread.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.drivers.base import Container, Stats


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
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

    def stats(self) -> Mapping[str, Stats]:
        """What each of them uses now, by its id; may wait for an engine, so never in the screen's thread."""
        ...


C = TypeVar("C", bound="Container")


class LiveContainers(Generic[C]):
    """A driver's containers by id, for as long as someone else keeps them. The lock guards the dictionary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: WeakValueDictionary[str, C] = WeakValueDictionary()

    def add(self, container: C) -> C:
        """Takes one that has just started, and returns it."""
        with self._lock:
            self._by_id[container.id] = container
        return container

    def get(self, container_id: str) -> C | None:
        """The one of that id, living or ended a moment ago."""
        with self._lock:
            return self._by_id.get(container_id)

    def stats(self) -> dict[str, Stats]:
        """What each one that lives uses now."""
        with self._lock:
            containers = list(self._by_id.values())
        found = ((container.id, container.stats()) for container in containers)
        return {container_id: stats for container_id, stats in found if stats is not None}
