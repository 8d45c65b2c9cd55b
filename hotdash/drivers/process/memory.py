"""`MemoryWatch`: holds every container of the process driver to its `memory`, by looking at it (section 5).

One thread (`memory`) for the whole driver, which owns it: made with the first container, joined by `close`. It waits on
an event, for 250 ms while there are containers, else until there is one. Limits that the system would hold do not do:
RLIMIT_AS breaks Node, and RLIMIT_DATA stops nothing.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from hotdash.drivers.base import Exit
from hotdash.drivers.process.usage import memory_of_groups, shared_out_memory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hotdash.drivers.process.group import ProcessGroup

PERIOD_S = 0.25
# A second look after this long, before anything is killed. A process between vfork and exec shows its parent's memory
# as its own; it does so for far less than this.
CONFIRM_S = 0.02


class MemoryWatch:
    """Kills process groups that use more than their limit; their `Exit` says so.

    The lock guards the thread and the groups. No group need be taken out: one that has ended is forgotten, and nothing
    is ever sent to it.

    Args:
        look: Resident bytes of each of these groups (by their ids); one that has no process may be left out.
        look_closely: The same for one group, what its processes share counted once; slower.
    """

    def __init__(
        self,
        *,
        look: Callable[[Collection[int]], Mapping[int, int]] = memory_of_groups,
        look_closely: Callable[[int], int] = shared_out_memory_of,
    ) -> None:
        self._look = look
        self._look_closely = look_closely
        self._lock = threading.Lock()
        self._limits: dict[ProcessGroup, int] = {}
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._news = threading.Event()  # the first container of all, or the end
        self._end = threading.Event()

    def ensure(self) -> None:
        """Starts the thread if there is none, before there is anything to watch.

        Raises:
            OSError: The system has no thread to give.
        """
        with self._lock:
            if self._thread is not None or self._is_closed:
                return
            thread = threading.Thread(target=self._keep, name="memory", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise OSError(f"no thread could be started to watch memory: {error}") from error
            self._thread = thread

    def watch(self, group: ProcessGroup, *, limit_bytes: int) -> None:
        """Holds a group to a limit from now until it ends; `ensure` was called before."""
        with self._lock:
            is_first = not self._limits
            self._limits[group] = limit_bytes
        if is_first:
            self._news.set()

    def close(self) -> None:
        """Ends and joins the thread."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
        self._end.set()
        self._news.set()
        if thread is not None:
            thread.join()

    # ---- the thread

    def _keep(self) -> None:
        while not self._end.is_set():
            with self._lock:
                self._limits = {group: limit for group, limit in self._limits.items() if group.ended is None}
                limits = dict(self._limits)
                self._news.clear()
            if self._end.is_set():  # it came before the event was cleared
                return
            if limits:
                with suppress(OSError):  # no free descriptor, say: the next look may be luckier
                    self._sample(limits)
            self._news.wait(PERIOD_S if limits else None)

    def _sample(self, limits: Mapping[ProcessGroup, int]) -> None:
        """Looks at all, once more at those above their limit, and kills those that still are."""
        suspects = self._above(limits)
        if not suspects or self._end.wait(CONFIRM_S):
            return
        for group in self._above({group: limits[group] for group in suspects}):
            used = self._look_closely(group.pid)
            if used > limits[group]:
                group.kill(cause=Exit(out_of_memory=True, used_bytes=used, limit_bytes=limits[group]))

    def _above(self, limits: Mapping[ProcessGroup, int]) -> list[ProcessGroup]:
        used = self._look({group.pid for group in limits})
        return [group for group, limit in limits.items() if used.get(group.pid, 0) > limit]
