"""What is told of a log beside its lines: whether it follows, what hides lines, why there is none. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.dashboard.finding import Finding, finding_line
from hotdash.dashboard.lines import Line, Span, Tone, text
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.dashboard.scope import Scope
    from hotdash.store import TaskView


class LogFacts(Struct, frozen=True, kw_only=True):
    """What a log's note is made of.

    Args:
        finding: How the search stands.
        is_behind: Whether there are lines that were not looked at yet.
        errors_only: Whether only lines that tell of an error are shown.
        is_cleared: Whether older lines have been cleared from view.
        dropped: Lines that were dropped before any listener saw them.
        follow: Whether the newest line is kept in sight.
        unseen: What has come while it was not.
        is_frozen: Whether the whole screen stands still.
    """

    finding: Finding = field(default_factory=Finding)
    is_behind: bool = False
    errors_only: bool = False
    is_cleared: bool = False
    dropped: int = 0
    follow: bool = True
    unseen: int = 0
    is_frozen: bool = False


def log_note(facts: LogFacts) -> Line:
    """At the right of the tabs, the most wanted last: there the room is."""
    note: list[Span] = [*finding_line(facts.finding)]
    if facts.is_behind:
        note.append(("looking …  ", Tone.MUTED))
    if facts.errors_only:
        note.append(("errors only  ", Tone.ERROR))
    if facts.is_cleared:
        note.append(("cleared  ", Tone.WARNING))
    if facts.dropped:
        note.append((f"{facts.dropped:,} lines dropped  ", Tone.WARNING))
    if facts.is_frozen:
        note.append(("frozen", Tone.WARNING))
    elif facts.follow:
        note.append(("following", Tone.MUTED))
    elif facts.unseen:
        note.append((f"▼ {facts.unseen:,} new", Tone.ACCENT))
    else:
        note.append(("not following", Tone.MUTED))
    return tuple(note)


def empty_log(scope: Scope, task: TaskView | None, facts: LogFacts, *, has_lines: bool) -> tuple[Line, ...]:
    """What is said where no line is shown.

    Args:
        scope: What the log is of.
        task: The task that is selected, or None.
        facts: What hides lines.
        has_lines: Whether there are lines, all of them hidden.
    """
    if has_lines and (facts.errors_only or facts.finding.found is not None):
        hidden = "tells of an error" if facts.errors_only else "matches the filter"
        return ((), text(" looking …" if facts.is_behind else f" no line {hidden}", Tone.MUTED))
    if not scope.functions:
        return ((), text(" nothing is selected", Tone.MUTED))
    if facts.is_cleared:
        return ((), text(" nothing new since it was cleared; c brings the older lines back", Tone.MUTED))
    if scope.marked:
        return ((), text(" nothing that is marked has written to stderr yet", Tone.MUTED))
    what = "this task" if scope.task_id else "this container" if scope.container_id else plain(scope.function)
    result = task.result if scope.task_id and task is not None else None
    said = " has written nothing to stderr yet"
    if result is not None:
        said = " has written nothing to stderr" if result.container_id else " never ran"
    return ((), ((" ", Tone.TEXT), (what, Tone.STRONG), (said, Tone.MUTED)))
