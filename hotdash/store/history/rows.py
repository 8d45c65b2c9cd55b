"""Tasks as rows, and rows as tasks. The history's threads alone call these, each on its own connection."""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hotdash.events import StderrLine
from hotdash.store.history.values import EndedTask, PastContents, PastOrder, PastPage, PastQuery, PastTask
from hotdash.store.snapshot import TaskView
from hotdash.task import Attribution, TaskResult, TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotdash.store.history.values import HistoryLimits

_Row = tuple[Any, ...]
BAD_ROW = (ValueError, KeyError, TypeError)  # bad JSON, an unknown status; not by this version's hand

_PREVIEW_BYTES = 240  # of an answer, for its row on the screen
_TASK = "place, run, id, folder, function, status, status_code, error, revision, container_id, queued_time_s, ended_time_s, queued_s, run_s, payload_bytes, body_bytes, preview, starting_s"  # noqa: E501  a statement's columns
_INSERT_TASK = f"INSERT INTO tasks ({_TASK}) VALUES ({', '.join('?' * 18)})"  # noqa: S608  no stranger's word in it
_INSERT_CONTENTS = "INSERT INTO contents VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OF_VERSION_1 = _TASK.replace("starting_s", "0.0")  # until who writes has brought the file to this version
_ORDER = {
    PastOrder.ENDED: "place DESC",
    PastOrder.RAN: "run_s DESC, place DESC",
    PastOrder.WAITED: "queued_s DESC, place DESC",
    PastOrder.STATE: "CASE status WHEN 'success' THEN 2 WHEN 'cancelled' THEN 1 ELSE 0 END, place DESC",
    PastOrder.SIZE: "body_bytes DESC, place DESC",
}
_BELOW = "(folder = :root OR substr(folder, 1, length(:root) + 1) = :root || '/')"


def insert(connection: sqlite3.Connection, tasks: Sequence[EndedTask], *, run: str, limits: HistoryLimits) -> int:
    """Writes tasks, in a transaction of the caller's.

    Returns:
        How many are written: one that SQLite cannot hold costs no other its row.
    """
    try:
        _insert_all(connection, tasks, run=run, limits=limits)
    except (*BAD_ROW, OverflowError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError):
        if len(tasks) == 1:
            return 0
        return sum(insert(connection, (task,), run=run, limits=limits) for task in tasks)
    return len(tasks)


def _insert_all(connection: sqlite3.Connection, tasks: Sequence[EndedTask], *, run: str, limits: HistoryLimits) -> None:
    """All of them, or none and an error."""
    place = connection.execute("SELECT coalesce(max(place), 0) FROM tasks").fetchone()[0] + 1
    task_rows = [_task_row(task, place + at, run) for at, task in enumerate(tasks)]
    contents_rows = [_contents_row(task, place + at, limits) for at, task in enumerate(tasks)]
    connection.execute("SAVEPOINT tasks")
    try:
        connection.executemany(_INSERT_TASK, task_rows)
        connection.executemany(_INSERT_CONTENTS, contents_rows)
    except (OverflowError, sqlite3.Error):
        with suppress(sqlite3.Error):  # some errors have rolled back already
            connection.execute("ROLLBACK TO tasks")
        raise
    connection.execute("RELEASE tasks")


def page(connection: sqlite3.Connection, query: PastQuery, *, root: str, run: str) -> PastPage:
    """The first tasks, in the order that is asked for, of those that a query asks for.

    Args:
        connection: A history's.
        query: What is asked for.
        root: The folder that hotdash shows; no function of another is given.
        run: This run's own name.
    """
    where = "folder = :folder" if query.folder else _BELOW
    names = {"folder": clean(query.folder), "root": clean(root), "limit": query.limit}
    sql = f"SELECT {_columns(connection)} FROM tasks WHERE {where} ORDER BY {_ORDER[query.order]} LIMIT :limit"  # noqa: S608  as above
    rows = connection.execute(sql, names).fetchall()
    tasks = tuple(task for row in rows if (task := _past_task(row, run=run)) is not None)
    total = len(tasks)
    if len(rows) == query.limit:
        total = connection.execute(f"SELECT count(*) FROM tasks WHERE {where}", names).fetchone()[0]  # noqa: S608  as above
    return PastPage(query=query, tasks=tasks, total=total)


def earlier(connection: sqlite3.Connection, *, root: str, run: str) -> Mapping[str, int]:
    """How many tasks of other runs than this there are, by the function's folder."""
    sql = f"SELECT folder, count(*) FROM tasks WHERE {_BELOW} AND run != :run GROUP BY folder"  # noqa: S608  as above
    return dict(connection.execute(sql, {"root": clean(root), "run": run}))


def contents(connection: sqlite3.Connection, place: int) -> PastContents | None:
    """All that was kept of a task; None if it has been removed since, or is not to be read."""
    row = connection.execute(f"SELECT {_columns(connection)} FROM tasks WHERE place = ?", (place,)).fetchone()  # noqa: S608  as above
    more = connection.execute("SELECT * FROM contents WHERE place = ?", (place,)).fetchone()
    if row is None or more is None:
        return None
    try:
        return _contents(row, more)
    except BAD_ROW:
        return None


def _contents(row: _Row, more: _Row) -> PastContents:
    place, payload, headers, body, answer_headers, error, stderr, dropped = more
    kept = json.loads(stderr)
    task = _view(
        row,
        body=body,
        error=error,
        headers=dict(json.loads(answer_headers)),
        stderr_lines=tuple(text for _, attribution, text in kept if attribution != Attribution.CONTAINER),
        stderr_dropped=dropped,
    )
    return PastContents(
        place=place,
        task=replace(task, payload=payload or b"", headers=tuple((name, value) for name, value in json.loads(headers))),
        lines=tuple(_line(seq, task, *line) for seq, line in enumerate(kept, start=-len(kept))),
        payload_bytes=row[14],
        body_bytes=row[15],
        ended_time_s=row[11],
    )


def _columns(connection: sqlite3.Connection) -> str:
    """What of a task is read: an older hotdash's file has less until it is opened for writing."""
    return _TASK if connection.execute("PRAGMA user_version").fetchone()[0] > 1 else _OF_VERSION_1


def clean(text: str) -> str:
    """Text that SQLite takes: half a pair of surrogates is none, and a name of a folder may hold one."""
    return text.encode("utf-8", "replace").decode()


def _in_short(error: str) -> str:
    """An error for a row: its begin says how it ended, and its end, a traceback's last line, why."""
    if len(error) <= _PREVIEW_BYTES:
        return error
    return f"{error[: _PREVIEW_BYTES // 2 - 1]} … {error[1 - _PREVIEW_BYTES // 2 :]}"


def _task_row(task: EndedTask, place: int, run: str) -> tuple[object, ...]:
    result = task.result
    return (
        place,
        run,
        result.task_id,
        clean(task.folder),
        clean(result.function),
        str(result.status),
        result.status_code,
        None if result.error is None else clean(_in_short(result.error)),
        result.revision,
        clean(result.container_id),
        task.queued_time_s,
        task.ended_time_s,
        result.queued_s,
        result.run_s,
        len(task.payload),
        len(result.body),
        result.body[:_PREVIEW_BYTES],
        task.starting_s,
    )


def _contents_row(task: EndedTask, place: int, limits: HistoryLimits) -> tuple[object, ...]:
    result = task.result
    kept: list[tuple[float, str, str]] = []
    own = 0  # the container's: the result has none of these
    room = limits.stderr_bytes
    for line in reversed(task.lines):
        room -= len(line.text)
        if room < 0:
            break
        own += not line.task_id
        kept.append((line.time_s, str(line.attribution), line.text))
    return (
        place,
        task.payload if len(task.payload) <= limits.payload_bytes else None,
        json.dumps(task.headers),
        result.body[: limits.body_bytes],
        json.dumps(list(result.headers.items())),
        None if result.error is None else clean(result.error),
        json.dumps(kept[::-1]),
        result.stderr_dropped + max(0, len(result.stderr_lines) - (len(kept) - own)),
    )


def _past_task(row: _Row, *, run: str) -> PastTask | None:
    """None for what no hotdash of this version has written: it costs the page no other row."""
    try:
        task = _view(row, body=row[16], error=row[7])
    except BAD_ROW:
        return None
    return PastTask(place=row[0], task=task, ended_time_s=row[11], is_earlier=row[1] != run, body_bytes=row[15])


def _view(row: _Row, *, body: bytes, error: str | None, **result: Any) -> TaskView:
    """A row of `tasks` as a task that has ended; `result` is more of its result."""
    _, _, task_id, _, function, status, code, _, revision, container_id, queued_time_s, _, queued_s, run_s, *_ = row
    return TaskView(
        id=task_id,
        function=function,
        state=TaskState.ENDED,
        payload=b"",
        headers=(),
        queued_at_s=0.0,  # this run's clock has no such moment
        queued_time_s=queued_time_s,
        container_id=container_id,
        revision=revision,
        starting_s=row[17],
        result=TaskResult(
            task_id=task_id,
            function=function,
            status=TaskStatus(status),
            body=body,
            status_code=code,
            error=error,
            queued_s=queued_s,
            run_s=run_s,
            container_id=container_id,
            revision=revision,
            **result,
        ),
    )


def _line(seq: int, task: TaskView, time_s: float, attribution: str, text: str) -> StderrLine:
    """A line of a past task; `at_s` counts from its start, since this run's clock has no such moment."""
    result = task.result
    assert result is not None  # noqa: S101  it has ended
    return StderrLine(
        seq=seq,
        at_s=time_s - task.queued_time_s - result.queued_s,
        time_s=time_s,
        function=task.function,
        container_id=task.container_id,
        revision=task.revision,
        task_id="" if attribution == Attribution.CONTAINER else task.id,
        attribution=Attribution(attribution),
        text=text,
    )
