"""A log's lines as the text of a file, and writing it without ever replacing a file unasked. Any thread."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.dashboard.log_buffer import Entry, Lost, text_of
from hotdash.task import Attribution

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.dashboard.scope import Scope

_BY = {
    Attribution.BY_ID: "by-id",
    Attribution.BY_TIME: "by-time",
    Attribution.IN_TASK: "in-task",
    Attribution.CONTAINER: "container",
}


def file_text(entries: Iterable[Entry]) -> str:
    """A line each: its time (ISO 8601), function, container, task, how it came to that, and its clean words."""
    return "".join(f"{_line(entry)}\n" for entry in entries)


def file_name(scope: Scope, now_s: float) -> str:
    """A name to propose: what the log is of, and the time (seconds since 1970)."""
    parts = ["marked"] if scope.marked else [scope.function, scope.container_id, scope.task_id[:6]]
    named = "-".join(filter(None, parts)) or "hotdash"
    safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in named).lstrip(".")
    return f"{safe}-{time.strftime('%Y%m%d-%H%M%S', time.localtime(now_s))}.log"


def write_file(typed: str, text: str, *, may_replace: bool) -> Path:
    """Writes a file, private to its user as what functions say may be.

    Args:
        typed: Its path; `~` is the home folder.
        text: What goes into it.
        may_replace: Whether a file of that name may be replaced.

    Returns:
        Where it is.

    Raises:
        FileExistsError: There is one, and it may not.
        OSError: It cannot be written.
    """
    path = Path(typed).expanduser().absolute()
    if may_replace and path.is_file():
        path.unlink()
    with path.open("x", encoding="utf-8", errors="replace") as file:
        path.chmod(0o600)
        file.write(text)
    return path


def _line(entry: Entry) -> str:
    if isinstance(entry, Lost):
        return f"-- {text_of(entry)} --"
    at = datetime.fromtimestamp(entry.time_s).astimezone().isoformat(timespec="milliseconds")
    task = entry.task_id or "-"
    return f"{at} {entry.function} {entry.container_id} {task} {_BY[entry.attribution]} {text_of(entry)}"
