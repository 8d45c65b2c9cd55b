"""`Sampler`: once a second, what containers use and what has happened goes into the store's series.

Its thread (`stats`) is made by `start` and joined by `close`; between samples it waits for the close. Where nothing
happens it samples every few seconds, and where no container is, not at all: an idle hotdash costs nothing for it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hotdash.errors import report
from hotdash.store import Usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.runtime.snapshot import RuntimeSnapshot
    from hotdash.store import Store

EVERY_S = 1.0
IDLE_S = 5.0


class Sampler:
    """Feeds a store's series.

    Args:
        store: Whose.
        snapshot: `Runtime.snapshot`, which tells what each container uses.
        now_s: The runtime's clock.
    """

    def __init__(self, *, store: Store, snapshot: Callable[[], RuntimeSnapshot], now_s: Callable[[], float]) -> None:
        self._store = store
        self._snapshot = snapshot
        self._now_s = now_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stats", daemon=True)
        self._seen = -1
        self._sampled_s = -IDLE_S
        self._has_something = True

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, and waits for that."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(EVERY_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  the thread's top: the next second may do better
                report(error)

    def look(self) -> None:
        """Takes a sample, if there may be something new in it."""
        now_s, version = self._now_s(), self._store.version
        is_new = version != self._seen
        if not is_new and (not self._has_something or now_s - self._sampled_s < IDLE_S):
            return
        self._seen, self._sampled_s = version, now_s
        self._has_something = self._store.sample(now_s, self._usage())

    def _usage(self) -> dict[str, Usage]:
        return {
            container.id: Usage(
                cpu_s=container.stats.cpu_s,
                memory_bytes=container.stats.memory_bytes,
                pids=container.stats.pids,
                received_bytes=container.stats.received_bytes,
                sent_bytes=container.stats.sent_bytes,
            )
            for function in self._snapshot().functions.values()
            for container in function.containers
            if container.stats is not None
        }
