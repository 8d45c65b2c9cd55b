"""What the history lets go of, the oldest first. The thread that writes calls it, on its own connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotdash.store.history.database import Database
    from hotdash.store.history.values import HistoryLimits

_SHARE = 10  # one in so many tasks goes at a time: each time costs the same, however few are too many
_PAGES_FREED = 2_000


def trim(database: Database, limits: HistoryLimits, *, now_s: float) -> int:
    """Removes what is too old, or too much.

    Args:
        database: For writing.
        limits: The bounds.
        now_s: Seconds since 1970.

    Returns:
        How many tasks went.
    """
    with database.transaction() as connection:
        gone = connection.execute("DELETE FROM tasks WHERE ended_time_s < ?", (now_s - limits.max_age_s,)).rowcount
        if gone:
            connection.execute(_ORPHANS)
        while database.used_bytes > limits.max_bytes:
            removed = connection.execute(_OLDEST).rowcount
            if removed <= 0:
                break
            connection.execute(_ORPHANS)
            gone += removed
    with database.translated():
        free = database.connection.execute("PRAGMA freelist_count").fetchone()[0]
        if free > _PAGES_FREED:
            database.connection.execute("PRAGMA incremental_vacuum").fetchall()
    return gone


_OLDEST = f"""
DELETE FROM tasks WHERE place IN
    (SELECT place FROM tasks ORDER BY place LIMIT 1 + (SELECT count(*) / {_SHARE} FROM tasks))
"""  # noqa: S608  no stranger's word in it
_ORPHANS = "DELETE FROM contents WHERE place NOT IN (SELECT place FROM tasks)"
