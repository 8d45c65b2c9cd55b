"""`Database`: one connection to the history's file, and the file's schema. One thread uses it at a time.

WAL, so that those who read never wait for the one who writes, and several hotdashes write to one file by turns. What
was committed is kept when hotdash is killed. The file is the user's alone: what functions are asked may be secret.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from hotdash.store.history.faults import FaultKind, HistoryFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x686F7464  # "hotd": SQLite's own mark of whose a database is
SCHEMA_VERSION = 2
BUSY_S = 1.0  # so long the one thread that writes waits for another hotdash's turn
_BESIDE = ("", "-wal", "-shm")
_MARKS = ("application_id", "user_version")
_BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_WORDS = {
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_LOCKED: "another program has locked it",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_PERM: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk does not take it",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is no database",
}

# `contents` apart from `tasks`, so that a list of tasks reads none of their bodies.
_SCHEMA = f"""
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE tasks (
    place INTEGER PRIMARY KEY, run TEXT NOT NULL, id TEXT NOT NULL, folder TEXT NOT NULL, function TEXT NOT NULL,
    status TEXT NOT NULL, status_code INTEGER, error TEXT, revision INTEGER NOT NULL, container_id TEXT NOT NULL,
    queued_time_s REAL NOT NULL, ended_time_s REAL NOT NULL, queued_s REAL NOT NULL, run_s REAL NOT NULL,
    payload_bytes INTEGER NOT NULL, body_bytes INTEGER NOT NULL, preview BLOB NOT NULL,
    starting_s REAL NOT NULL DEFAULT 0
);
CREATE INDEX tasks_by_folder ON tasks (folder);
CREATE TABLE contents (
    place INTEGER PRIMARY KEY, payload BLOB, headers TEXT NOT NULL, body BLOB NOT NULL, answer_headers TEXT NOT NULL,
    error TEXT, stderr TEXT NOT NULL, stderr_dropped INTEGER NOT NULL
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
# From each older version to the next. Only what an older hotdash that has the file open can do without may be added.
_STEPS = {1: "ALTER TABLE tasks ADD COLUMN starting_s REAL NOT NULL DEFAULT 0"}


class Database:
    """An open history.

    Args:
        path: The file; it and its folder are made if need be, unless it is only read.
        reads: Whether it is for reading alone.
        busy_s: Seconds to wait for another's turn.

    Raises:
        HistoryFault: It cannot be used; the kind tells what follows.
    """

    def __init__(self, path: Path, *, reads: bool = False, busy_s: float = BUSY_S) -> None:
        self.path = path
        with self.translated():
            if not reads:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its -wal and -shm the same mode
            self.file = path.stat()
            mode = "ro" if reads else "rw"
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=busy_s, isolation_level=None
            )
        try:
            with self.translated():
                self._check(reads=reads)
        except HistoryFault:
            self.connection.close()
            raise

    def _check(self, *, reads: bool) -> None:
        """Makes the tables in an empty file, and an older hotdash's as they are now; refuses a stranger's."""
        self.connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last tasks, a crash none
        self.connection.execute("PRAGMA journal_size_limit = 4194304")
        whose, version, tables = self._marks()
        if not reads and not (tables and whose == APPLICATION_ID):
            with _alone(self.path):  # another hotdash may be making the tables just now
                whose, version, tables = self._marks()
                if not tables and whose in {0, APPLICATION_ID}:
                    self.connection.executescript(_SCHEMA)
                    whose, version, tables = self._marks()
        if whose != APPLICATION_ID and tables:
            raise HistoryFault(
                f"{self.path}: another program's database, left alone: move it away, and hotdash keeps its history",
                kind=FaultKind.FOREIGN,
            )
        if version > SCHEMA_VERSION:
            raise HistoryFault(
                f"{self.path}: of a newer hotdash, left alone: use that one, or move the file away",
                kind=FaultKind.FOREIGN,
            )
        if not reads and version < SCHEMA_VERSION:
            with _alone(self.path):
                self._renew()

    def _renew(self) -> None:
        """Brings an older file's tables to this version, all steps or none."""
        with self.transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]  # another hotdash may have been first
            for step in range(version, SCHEMA_VERSION):
                connection.execute(_STEPS[step])
            connection.execute(f"PRAGMA user_version = {max(version, SCHEMA_VERSION)}")

    def _marks(self) -> tuple[int, int, int]:
        """Whose it is, of which version, and how many tables it has."""
        whose, version = (self.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _MARKS)
        return whose, version, self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raises what SQLite raises as a `HistoryFault`."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise fault_of(error, self.path) from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is written within it."""
        with self.translated():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled back already
                    self.connection.execute("ROLLBACK")
                raise

    @property
    def is_there(self) -> bool:
        """Whether the path still leads to this file: the user may have removed it, another hotdash moved it aside."""
        try:
            return os.path.samestat(self.path.stat(), self.file)
        except OSError:
            return False

    @property
    def used_bytes(self) -> int:
        """What the file's used pages take."""
        pages, free, size = (
            self.connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def look_through(self) -> None:
        """Reads all of it.

        Raises:
            HistoryFault: It is broken.
        """
        with self.translated():
            found = self.connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise HistoryFault(f"{self.path}: it is damaged", kind=FaultKind.BROKEN)

    def close(self) -> None:
        """Closes it; a second call does nothing."""
        with suppress(sqlite3.Error):
            self.connection.close()


def fault_of(error: sqlite3.Error | OSError, path: Path) -> HistoryFault:
    """An error of SQLite or of the system as a fault.

    Args:
        error: What was raised.
        path: The database.
    """
    if isinstance(error, OSError):
        return HistoryFault(f"{path}: {error.strerror or error}", kind=FaultKind.PASSING)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest of it tells what SQLite did then
    kind = FaultKind.BROKEN if code in _BROKEN else FaultKind.PASSING
    if isinstance(error, sqlite3.OperationalError) and code == sqlite3.SQLITE_ERROR:
        kind = FaultKind.BROKEN  # a table or a column is missing: not by this version's hand
    return HistoryFault(f"{path}: {_WORDS.get(code, str(error))}", kind=kind)


def set_aside(path: Path, *, broken: os.stat_result | None) -> Path | None:
    """Moves a broken database away, with what SQLite keeps beside it.

    Args:
        path: The database.
        broken: The file that was found broken: another hotdash may have put a new one in its place since.

    Returns:
        Where it is now; None if it was another's file already.

    Raises:
        OSError: It cannot be moved.
    """
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    with _alone(path):
        try:
            if broken is not None and not os.path.samestat(path.stat(), broken):
                return None
        except FileNotFoundError:
            return None
        for end in _BESIDE:
            with suppress(FileNotFoundError):
                path.with_name(path.name + end).rename(aside.with_name(aside.name + end))
    return aside


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other hotdash makes this database, or moves it away."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def counted(path: Path) -> int:
    """How many tasks a history holds; for `hotdash doctor`.

    Raises:
        HistoryFault: It cannot be read.
    """
    database = Database(path, reads=True, busy_s=0.1)
    with closing(database), database.translated():
        return int(database.connection.execute("SELECT count(*) FROM tasks").fetchone()[0])
