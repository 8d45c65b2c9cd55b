"""`HistoryReader`: the history's thread that reads, `history-read`, for a screen that must not wait for a disk.

Its maker owns it; it starts with the first question, waits for the next, and ends with `close`. Of several questions
of a kind only the newest is answered. Answers are attributes; the thread calls `on_answer` when there are new ones.
"""

from __future__ import annotations

import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

from hotdash.store.history.faults import FaultKind, HistoryFault
from hotdash.store.history.values import PastPage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hotdash.store.history.database import Database
    from hotdash.store.history.values import PastContents, PastQuery

_READ_BUSY_S = 1.0


class HistoryReader:
    """Answers questions about past tasks.

    `_turn` guards the questions. Answers are written by the thread alone, `version` last; reading them needs no lock.

    Args:
        path: The database.
        root: The folder that hotdash shows.
        run: The name of this run.
        on_broken: Called in the thread when the database is found broken.
        on_fault: Called in the thread with a text for the user, once for each thing that is wrong.
    """

    def __init__(
        self,
        *,
        path: Path,
        root: str,
        run: str,
        on_broken: Callable[[], object],
        on_fault: Callable[[str], object],
    ) -> None:
        self._path = path
        self._root = root
        self._run = run
        self._on_broken = on_broken
        self._on_fault = on_fault
        self._told: set[str] = set()
        self.version = 0
        self.on_answer: Callable[[], object] = lambda: None
        self.page = PastPage()
        self.contents: PastContents | None = None
        self.marked: Mapping[int, PastContents] = MappingProxyType({})
        self.earlier: Mapping[str, int] = MappingProxyType({})
        self._turn = threading.Condition()
        self._questions: dict[str, Callable[[Database], None]] = {}
        self._closing = False
        self._thread: threading.Thread | None = None

    def look(self, query: PastQuery) -> None:
        """Asks for a page; it comes as `page`."""

        def answer(database: Database) -> None:
            from hotdash.store.history import rows  # noqa: PLC0415  it stands on SQLite

            self.page = rows.page(database.connection, query, root=self._root, run=self._run)

        self._ask("page", answer)

    def open(self, place: int) -> None:
        """Asks for all of one task; it comes as `contents`, or not if it has been removed."""

        def answer(database: Database) -> None:
            from hotdash.store.history import rows  # noqa: PLC0415  it stands on SQLite

            self.contents = rows.contents(database.connection, place)

        self._ask("contents", answer)

    def gather(self, places: Sequence[int]) -> None:
        """Asks for all of these tasks; they come as `marked`, by place, without those that have been removed."""

        def answer(database: Database) -> None:
            from hotdash.store.history import rows  # noqa: PLC0415  it stands on SQLite

            kept = self.marked
            found = {place: kept.get(place) or rows.contents(database.connection, place) for place in places}
            self.marked = MappingProxyType({place: past for place, past in found.items() if past is not None})

        self._ask("marked", answer)

    def count(self) -> None:
        """Asks how many tasks of earlier runs there are; they come as `earlier`, by folder."""

        def answer(database: Database) -> None:
            from hotdash.store.history import rows  # noqa: PLC0415  it stands on SQLite

            self.earlier = MappingProxyType(dict(rows.earlier(database.connection, root=self._root, run=self._run)))

        self._ask("earlier", answer)

    def close(self, timeout_s: float) -> None:
        """Ends the thread; what was asked and not answered stays so."""
        with self._turn:
            self._closing = True
            self._turn.notify()
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _ask(self, kind: str, answer: Callable[[Database], None]) -> None:
        with self._turn:
            if self._closing:
                return
            self._questions[kind] = answer
            self._turn.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="history-read", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        database: Database | None = None
        while (answers := self._next()) is not None:
            try:
                database = self._opened(database)
                with database.translated():
                    for answer in answers:
                        answer(database)
            except HistoryFault as fault:
                if database is not None:
                    database.close()
                    database = None
                if fault.kind is FaultKind.BROKEN:
                    self._on_broken()  # the one who writes finds the same, and tells it; so it does of other faults
            except Exception as error:  # noqa: BLE001  the thread's top: emitted, and the next question is answered
                self._tell(f"a question to the history has no answer: {error!r}")
            self.version += 1
            self.on_answer()
        if database is not None:
            database.close()

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._on_fault(text)

    def _next(self) -> list[Callable[[Database], None]] | None:
        """Waits for questions; None when it is to end."""
        with self._turn:
            while not self._questions and not self._closing:
                self._turn.wait()
            answers, self._questions = list(self._questions.values()), {}
            return None if self._closing else answers

    def _opened(self, database: Database | None) -> Database:
        """The database, opened if it was not, and anew if it is another file now."""
        from hotdash.store.history.database import Database  # noqa: PLC0415  SQLite: not before the screen

        if database is not None and database.is_there:
            return database
        if database is not None:
            database.close()
        return Database(self._path, reads=True, busy_s=_READ_BUSY_S)
