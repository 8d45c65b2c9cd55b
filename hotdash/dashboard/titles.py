"""The titles of the panes, and the notices below the header. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard.lines import Line, Tone
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.dashboard.filters import Filter
    from hotdash.store import FunctionView


def title_of(words: str) -> str:
    """Titles are markup to Textual: what is not hotdash's own must not be read as such."""
    return plain(words).replace("\\", "\\\\").replace("[", r"\[")


def functions_title(count: int, found: Filter | None, order: str) -> str:
    """The functions' pane: how many, what they are filtered and sorted by."""
    return _joined("1 Functions", str(count), _filter(found), order)


def tasks_title(views: Sequence[FunctionView], found: Filter | None, order: str, note: str, *, is_all: bool) -> str:
    """The tasks' pane: whose, what they are filtered and sorted by, how many are in which state, and a note."""
    whose = "all functions" if is_all else title_of(views[0].key) if views else ""
    return _joined("2 Tasks", whose, _filter(found), order, task_counts(views), note)


def task_counts(views: Sequence[FunctionView]) -> str:
    """How many tasks are in which state; empty if there is none."""
    tally = (
        (sum(len(view.running) for view in views), "running"),
        (sum(len(view.queued) for view in views), "queued"),
        (sum(len(view.ended) for view in views), "ended"),
    )
    return ", ".join(f"{count:,} {word}" for count, word in tally if count)


def notice_line(notice: str) -> Line:
    """A line below the header."""
    return ((" ! ", Tone.ERROR), (plain(notice), Tone.TEXT))


def _filter(found: Filter | None) -> str:
    return f"/{title_of(found.typed)}{' too slow, not used' if found.is_too_slow else ''}" if found else ""


def _joined(*parts: str) -> str:
    return " · ".join(filter(None, parts))
