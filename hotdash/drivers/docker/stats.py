"""`StatsWatch`: what containers use, from looks that one thread takes, so that nobody else waits for the engine.

The thread `docker:stats` is the driver's: it starts when somebody first asks, looks at each container that is asked
about once in `PERIOD_S`, sleeps while nobody asks, and ends when the driver closes, which joins it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from docker.utils import version_gte

from hotdash.drivers.base import Stats
from hotdash.drivers.docker.faults import EngineErrors
from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import docker

PERIOD_S = 1.0
_ONE_SHOT_API = "1.41"  # Docker 20.10
FORGET_S = 5.0  # a container that nobody has asked about for so long is looked at no more


class StatsWatch:
    """The last known use of each container. The condition's lock guards the table, who is asked about, and the thread.

    Args:
        connect: Opens a client, which the thread closes: its requests wait for nobody else's.
    """

    def __init__(self, *, connect: Callable[[], docker.APIClient]) -> None:
        self._connect = connect
        self._changed = threading.Condition()
        self._asked_s: dict[str, float] = {}
        self._known: dict[str, Stats] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def of(self, engine_id: str) -> Stats | None:
        """What the last look found; None while there was none. From now on that container is looked at."""
        with self._changed:
            if self._closed:
                return None
            if engine_id not in self._asked_s:
                self._changed.notify()
            self._asked_s[engine_id] = time.monotonic()
            if self._thread is None:
                self._start()
            return self._known.get(engine_id)

    def forget(self, engine_id: str) -> None:
        """It has ended."""
        with self._changed:
            self._asked_s.pop(engine_id, None)
            self._known.pop(engine_id, None)

    def close(self) -> None:
        """Ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="docker:stats", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # the next who asks tries again
        self._thread = thread

    def _run(self) -> None:
        client = None
        try:
            client = self._connect()
            looked: dict[str, float] = {}
            while (due := self._next(looked)) is not None:
                looked = {engine_id: at_s for engine_id, at_s in looked.items() if engine_id in self._asked_s}
                for engine_id in due:
                    looked[engine_id] = time.monotonic()
                    self._look(client, engine_id)
        except Exception as error:  # noqa: BLE001  the thread's top
            report(error)
        finally:
            if client is not None:
                client.close()

    def _next(self, looked: Mapping[str, float]) -> list[str] | None:
        """Waits for containers that are to be looked at; None at the end."""
        with self._changed:
            while not self._closed:
                now_s = time.monotonic()
                for engine_id in [key for key, at_s in self._asked_s.items() if now_s - at_s > FORGET_S]:
                    del self._asked_s[engine_id]
                due_s = {engine_id: looked.get(engine_id, -PERIOD_S) + PERIOD_S for engine_id in self._asked_s}
                if due := [engine_id for engine_id, at_s in due_s.items() if at_s <= now_s]:
                    return due
                self._changed.wait(min(due_s.values()) - now_s if due_s else None)
            return None

    def _look(self, client: docker.APIClient, engine_id: str) -> None:
        """One look, one request: `one_shot` spares the engine the second that it else waits for a difference."""
        quick = {"one_shot": True} if version_gte(client.api_version, _ONE_SHOT_API) else {}
        try:
            told = client.stats(engine_id, stream=False, **quick)
        except EngineErrors:  # it has ended, or the engine is away: its container says so
            told = {}
        stats = stats_of(told)
        with self._changed:
            if stats is None or engine_id not in self._asked_s:
                self._known.pop(engine_id, None)
            else:
                self._known[engine_id] = stats


def stats_of(told: Mapping[str, Any]) -> Stats | None:
    """The seam's figures from the engine's. Memory is the working set, as `docker stats` counts: no file cache."""
    memory = told.get("memory_stats") or {}
    if "usage" not in memory:
        return None
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    networks = told.get("networks")
    return Stats(
        memory_bytes=max(memory["usage"] - cache, 0),
        cpu_s=((told.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage", 0) / 1e9,
        pids=(told.get("pids_stats") or {}).get("current", 0),
        received_bytes=None if networks is None else _sum(networks, "rx_bytes"),
        sent_bytes=None if networks is None else _sum(networks, "tx_bytes"),
    )


def _sum(networks: Mapping[str, Mapping[str, Any]], name: str) -> int:
    return sum(int(network.get(name, 0)) for network in networks.values())
