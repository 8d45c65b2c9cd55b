"""`HistoryWriter`: the history's one thread that writes, `history`.

Its maker owns it and ends it with `close`. It sleeps until a task has ended, collects for `flush_s`, longer after many,
and writes them in one transaction. Nobody waits for it: what comes faster than the disk takes is dropped and
counted, and what is wrong with the database is told once for each thing.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hotdash.store.history.faults import FaultKind, HistoryFault
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hotdash.store.history.database import Database
    from hotdash.store.history.values import EndedTask, HistoryLimits

FLUSH_S = 0.25
START_S = 1.0  # the screen is to be painted first
WAITING = 1_000  # tasks that may wait to be written
TASKS_PER_S = 1_000  # written in the long run: at 20,000 calls a second more would cost the calls their turns
WAITING_BYTES = 32 * 2**20
_RETRY_S = 2.0  # after a fault that may pass
_TRIM_S = 3_600.0
_TRIM_BYTES = 8 * 2**20  # written since the last look at the size
_MARGIN = 16  # one in so many bytes is left for what is written until the next look


class HistoryWriter:
    """Writes ended tasks.

    `_lock` guards what waits, and the counts.

    Args:
        path: The database.
        run: The name of this run.
        limits: The bounds.
        on_fault: Called in the thread with a text for the user.
        flush_s: Seconds that a task waits at most while the disk keeps up.
    """

    def __init__(
        self,
        *,
        path: Path,
        run: str,
        limits: HistoryLimits,
        on_fault: Callable[[str], object],
        flush_s: float = FLUSH_S,
    ) -> None:
        self._path = path
        self._run = run
        self._limits = limits
        self._on_fault = on_fault
        self._flush_s = flush_s
        self._lock = threading.Lock()
        self._waiting: list[EndedTask] = []
        self._waiting_bytes = 0
        self._closing = False
        self.dropped = 0
        self.written = 0
        self._some = threading.Event()
        self._end = threading.Event()
        self._database: Database | None = None
        self._told: set[str] = set()
        self._is_given_up = False
        self._is_doubted = False
        self._retry_at_s = 0.0
        self._trimmed_s = float("-inf")
        self._unseen_bytes = 0
        self._thread = threading.Thread(target=self._work, name="history", daemon=True)
        self._thread.start()

    def put(self, task: EndedTask) -> None:
        """Takes a task; returns at once. Of more than the disk takes, those that failed are kept the longest."""
        with self._lock:
            room = WAITING * (1 if task.result.status is TaskStatus.SUCCESS else 2)
            if self._closing or len(self._waiting) >= room or self._waiting_bytes >= WAITING_BYTES:
                self.dropped += 1
                return
            self._waiting.append(task)
            self._waiting_bytes += task.size_bytes
        self._some.set()

    def mend(self) -> None:
        """Somebody who reads has found the database broken: it is looked through, though no task waits."""
        self._is_doubted = True
        self._some.set()

    def close(self, timeout_s: float) -> bool:
        """Writes what waits and ends the thread. A second call does nothing.

        Returns:
            False if the disk has not taken it all within `timeout_s` seconds.
        """
        with self._lock:
            self._closing = True
        self._some.set()
        self._end.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        ending, rest_s = False, self._flush_s
        self._some.wait(START_S)
        self._attempt([])  # makes the file, and lets go of what is too old
        while not ending:
            self._some.wait()
            self._end.wait(rest_s)
            with self._lock:
                ending = self._closing
                tasks, self._waiting = self._waiting, []
                self._waiting_bytes = 0
                self._some.clear()
            rest_s = max(self._flush_s, len(tasks) / TASKS_PER_S)
            if not self._attempt(tasks):
                with self._lock:
                    self.dropped += len(tasks)
        if self._database is not None:
            self._database.close()

    def _attempt(self, tasks: list[EndedTask]) -> bool:
        """Writes; False if these tasks are lost. A broken database is moved away, and they go into a new one."""
        if self._is_given_up or time.monotonic() < self._retry_at_s:
            return False
        try:
            try:
                self._write(tasks)
            except HistoryFault as fault:
                if fault.kind is not FaultKind.BROKEN:
                    raise
                self._begin_anew(fault)
                self._write(tasks)
        except HistoryFault as fault:
            self._is_given_up = fault.kind is FaultKind.FOREIGN
            self._fail(str(fault))
            return False
        except Exception as error:  # noqa: BLE001  the thread's top: emitted, once; the runtime must not care
            self._fail(repr(error))
            return False
        return True

    def _fail(self, why: str) -> None:
        self._let_go()
        self._retry_at_s = time.monotonic() + _RETRY_S
        self._tell(f"no history: {why}; hotdash goes on without")

    def _write(self, tasks: list[EndedTask]) -> None:
        from hotdash.store.history import database, retention, rows  # noqa: PLC0415  SQLite: not before the screen

        if self._database is not None and not self._database.is_there:
            self._let_go()
        if self._database is None:
            self._database = database.Database(self._path)
        if self._is_doubted:
            self._is_doubted = False
            self._database.look_through()
        if tasks:
            with self._database.transaction() as connection:
                written = rows.insert(connection, tasks, run=self._run, limits=self._limits)
            with self._lock:
                self.written += written
                self.dropped += len(tasks) - written
            self._unseen_bytes += sum(task.size_bytes for task in tasks)
        now_s = time.monotonic()
        if now_s - self._trimmed_s > _TRIM_S or self._unseen_bytes > min(
            _TRIM_BYTES, self._limits.max_bytes // _MARGIN
        ):
            retention.trim(self._database, self._limits, now_s=time.time())
            self._trimmed_s, self._unseen_bytes = now_s, 0

    def _begin_anew(self, fault: HistoryFault) -> None:
        """Moves what is broken out of the way, once nobody else has."""
        from hotdash.store.history.database import set_aside  # noqa: PLC0415  as above

        broken = self._database.file if self._database is not None else None
        self._let_go()
        try:
            aside = set_aside(self._path, broken=broken)
        except OSError as error:
            raise HistoryFault(f"{fault}, and cannot be moved: {error.strerror}", kind=FaultKind.PASSING) from error
        if aside is not None:
            self._tell(f"the history was broken: {fault}; it is now {aside.name}, and a new one has begun")

    def _let_go(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._on_fault(text)
