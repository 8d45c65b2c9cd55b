"""What is told of a log beside its lines: whether it follows, what hides lines, why there is none. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.dashboard import words
from hotdash.dashboard.finding import Finding, finding_line
from hotdash.dashboard.lines import Line, Span, Tone, text
from hotdash.sanitize import plain
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from hotdash.dashboard.scope import Scope
    from hotdash.store import Snapshot, TaskView

_FAILED = frozenset({TaskStatus.ERROR, TaskStatus.TIMEOUT})


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


def log_modes(facts: LogFacts) -> Line:
    """What hides lines, and what is missing; the filter last, since it may be long. Empty if nothing."""
    modes: list[Span] = []
    if facts.is_behind:
        modes.append(("looking …  ", Tone.MUTED))
    if facts.errors_only:
        modes.append(("errors only  ", Tone.ERROR))
    if facts.is_cleared:
        modes.append(("cleared  ", Tone.WARNING))
    if facts.dropped:
        modes.append((f"{facts.dropped:,} lines dropped  ", Tone.WARNING))
    return (*modes, *finding_line(facts.finding))


def log_follows(facts: LogFacts, *, is_short: bool = False) -> Line:
    """Whether the newest line is kept in sight; in eight cells if `is_short`."""
    if facts.is_frozen:
        return text("frozen", Tone.WARNING)
    if facts.follow:
        return text("follows" if is_short else "following", Tone.MUTED)
    if facts.unseen:
        new = f"▼{words.count(facts.unseen)} new" if is_short else f"▼ {facts.unseen:,} new"
        return text(new, Tone.ACCENT)
    return text("stays" if is_short else "not following", Tone.MUTED)


def failed_in(scope: Scope, snapshot: Snapshot) -> int:
    """How many of the tasks that are still known, and that a log is of, have failed."""
    return sum(
        task.result is not None and task.result.status in _FAILED and part.has_task(task)
        for part in scope.marked or (scope,)
        if (view := snapshot.functions.get(part.function)) is not None
        for task in view.ended
    )


def _all_hidden(scope: Scope, facts: LogFacts, failed: int) -> Line:
    """Why no line is shown though there are some, or tasks that failed without one."""
    if facts.is_behind:
        return text(" looking …", Tone.MUTED)
    if not facts.errors_only:
        return text(" no line matches the filter", Tone.MUTED)
    said: Line = text(" no stderr line tells of an error", Tone.MUTED)
    if failed:
        where = "see Run" if scope.task_id else "see 2 Tasks"
        what = "the task failed" if scope.task_id else f"{words.counted(failed, 'task')} failed"
        said = (*said, ("; ", Tone.MUTED), (what, Tone.ERROR), (f", {where}", Tone.MUTED))
    return said


def empty_log(
    scope: Scope, task: TaskView | None, facts: LogFacts, *, has_lines: bool, failed: int = 0
) -> tuple[Line, ...]:
    """What is said where no line is shown.

    Args:
        scope: What the log is of.
        task: The task that is selected, or None.
        facts: What hides lines.
        has_lines: Whether there are lines, all of them hidden.
        failed: How many of its tasks have failed: not each says so in its stderr.
    """
    if (facts.errors_only and (has_lines or failed)) or (facts.finding.found is not None and has_lines):
        return ((), _all_hidden(scope, facts, failed))
    if not scope.functions:
        return ((), text(" nothing is selected", Tone.MUTED))
    if facts.is_cleared:
        return ((), text(" nothing new since it was cleared; c brings the older lines back", Tone.MUTED))
    if scope.marked:
        return ((), text(" nothing that is marked has written to stderr yet", Tone.MUTED))
    what = "this task" if scope.task_id else "this container" if scope.container_id else plain(scope.function)
    result = task.result if scope.task_id and task is not None else None
    done = " has written nothing to stderr yet"
    if result is not None:
        done = " has written nothing to stderr" if result.container_id else " never ran"
    return ((), ((" ", Tone.TEXT), (what, Tone.STRONG), (done, Tone.MUTED)))
