"""`BuildCores`: how many builds run side by side. In the threads that build; no thread of its own."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hotdash.errors import BuildCancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.functions.spec import FunctionSpec

_LOOK_S = 0.05  # how often one that waits asks whether it is cancelled


def default_builds() -> int:
    """As many as there are cores; two at least, since a build that waits for the network uses none."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, cores)


class BuildCores:
    """Lets so many builds run at once. Its own semaphore is all that is shared.

    A build without commands only copies files: it takes no core, and so never waits behind another function's long one.
    """

    def __init__(self, *, limit: int) -> None:
        self._free = threading.BoundedSemaphore(limit)

    @contextmanager
    def hold(self, spec: FunctionSpec, *, is_cancelled: Callable[[], bool]) -> Iterator[None]:
        """Waits for a core and holds it.

        Raises:
            BuildCancelled: The build was cancelled before its turn.
        """
        if not spec.build:
            yield
            return
        while not self._free.acquire(timeout=_LOOK_S):
            if is_cancelled():
                raise BuildCancelled(f"the build of {spec.key} was cancelled while it waited for a core")
        try:
            yield
        finally:
            self._free.release()
