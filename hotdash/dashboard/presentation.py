"""From snapshots to the words and marks of header and tables. Pure functions without Textual; any thread.

Every text that hotdash did not write passes `plain` here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from rich.cells import cell_len, set_cell_size

from hotdash.dashboard import words
from hotdash.dashboard.causes import row_cause, short_cause, short_why
from hotdash.dashboard.lines import Column, Line, Span, Tone, text, width_of
from hotdash.sanitize import plain
from hotdash.states import ContainerState, FunctionState
from hotdash.task import TaskState, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.store import ContainerView, Figures, FunctionView, Snapshot, TaskView
    from hotdash.store.history import PastTask

JUST_LIVE_S = 5.0  # how long a new revision is marked
_DEPTH_BARS = 10
_PREVIEW_BYTES = 200
_WIDE = 130  # cells of the header
_NOTE_CELLS = 40  # of the header; `?` has the note whole

FUNCTION_COLUMNS = (
    Column(title="FUNCTION", width=13, stretch=True, cut=4),  # the name
    Column(title="STATE", width=14),
    Column(title="FORMAT", width=11, keep=1),
    Column(title="REV", width=4, keep=5),
    Column(title="HOT", width=8, keep=6),
    Column(title="QUEUE", width=5, right=True, keep=4),
    Column(title="LAST 30 S", width=_DEPTH_BARS, keep=2),
)
TASK_COLUMNS = (
    Column(title="TASK", width=8),
    Column(title="FUNCTION", width=12, keep=7),
    Column(title="STATE", width=11),
    Column(title="CALLED", width=8, keep=1),
    Column(title="WAITED", width=7, right=True, keep=4),
    Column(title="RAN", width=7, right=True, keep=5),
    Column(title="CONTAINER", width=9, keep=2),
    Column(title="ANSWER, WHY", width=12, stretch=True),
)
PAST_COLUMNS = (
    Column(title="TASK", width=8, keep=4),
    Column(title="FUNCTION", width=12, keep=7),
    Column(title="STATE", width=11),
    Column(title="ENDED", width=12, keep=8),
    Column(title="RAN", width=7, right=True, keep=5),
    Column(title="SIZE", width=7, right=True, keep=2),
    Column(title="REV", width=4, keep=1),
    Column(title="ANSWER, WHY", width=12, stretch=True),
)
ONE_FUNCTION_PAST_COLUMNS = tuple(column for column in PAST_COLUMNS if column.title != "FUNCTION")
ONE_FUNCTION_TASK_COLUMNS = tuple(column for column in TASK_COLUMNS if column.title != "FUNCTION")

_FUNCTION_TONES = {
    FunctionState.BUILDING: Tone.ACCENT,
    FunctionState.READY: Tone.SUCCESS,
    FunctionState.FAILING: Tone.ERROR,
    FunctionState.FAILED: Tone.ERROR,
    FunctionState.NEEDS_DOCKER: Tone.WARNING,
    FunctionState.NEEDS_RUNTIME: Tone.WARNING,
    FunctionState.REMOVED: Tone.MUTED,
}
_CONTAINER_MARKS: dict[ContainerState, Span] = {
    ContainerState.STARTING: ("◐", Tone.MUTED),
    ContainerState.IDLE: ("○", Tone.SUCCESS),
    ContainerState.BUSY: ("●", Tone.ACCENT),
    ContainerState.DRAINING: ("◌", Tone.WARNING),
    ContainerState.STOPPED: ("✗", Tone.MUTED),
}
_STATUS_MARKS: dict[TaskStatus, Span] = {
    TaskStatus.SUCCESS: ("✓", Tone.SUCCESS),
    TaskStatus.ERROR: ("✗", Tone.ERROR),
    TaskStatus.TIMEOUT: ("✗", Tone.ERROR),
    TaskStatus.CANCELLED: ("■", Tone.WARNING),
}


# --- functions and their containers -----------------------------------------------------------------------------------


def function_mark(view: FunctionView) -> Span:
    """A function's dot; filled where a container of it is hot."""
    if view.is_building or view.state is FunctionState.BUILDING:
        return "◐", Tone.ACCENT
    if view.state is FunctionState.READY:
        return ("●" if view.hot else "○"), Tone.SUCCESS
    return ("✗" if view.state in {FunctionState.FAILED, FunctionState.FAILING} else "▲"), _FUNCTION_TONES[view.state]


def function_state(view: FunctionView, now_s: float) -> Span:
    """A function's state as a word; while it builds, for how long."""
    if view.is_building:
        return f"building {words.duration(now_s - view.build_since_s)}", Tone.ACCENT
    return str(view.state), _FUNCTION_TONES[view.state]


def function_cells(view: FunctionView, *, now_s: float, depths: Sequence[int], is_open: bool) -> tuple[Line, ...]:
    """The cells of a function's row, as `FUNCTION_COLUMNS`."""
    fold = (" " if not view.containers else "▾" if is_open else "▸", Tone.MUTED)
    broken: Line = ((" !", Tone.ERROR),) if view.faults or view.deploy_error else ()
    if not broken and view.spec.warnings:
        broken = ((" ?", Tone.WARNING),)
    is_new = bool(view.revision) and now_s - view.live_since_s < JUST_LIVE_S
    waiting = view.queue_depth
    warmth = "hot" if view.spec.format.is_hot else "cold"
    return (
        (fold, (" ", Tone.TEXT), function_mark(view), (" ", Tone.TEXT), (plain(view.key), Tone.STRONG), *broken),
        (function_state(view, now_s),),
        text(str(view.spec.format), Tone.MUTED),
        text(f"r{view.revision}" if view.revision else "-", Tone.ACCENT if is_new else Tone.MUTED),
        text(f"{view.hot}/{view.spec.max_concurrency} {warmth}", Tone.TEXT if view.hot else Tone.MUTED),
        text(words.count(waiting), Tone.WARNING if waiting else Tone.MUTED),
        text(words.sparkline(depths, _DEPTH_BARS), Tone.WARNING),
    )


def container_cells(view: ContainerView, *, now_s: float, memory_bytes: int | None = None) -> tuple[Line, ...]:
    """The cells of a container's row, as `FUNCTION_COLUMNS`; below the queue stands the memory that it uses."""
    mark, tone = _CONTAINER_MARKS[view.state]
    since_s = now_s - view.since_s
    lasted = f" {words.age(since_s)}" if since_s >= 1 else ""
    task = text(words.short_id(view.task_id), words.task_tone(view.task_id)) if view.task_id else text("")
    return (
        (("    ", Tone.TEXT), (mark, tone), (" ", Tone.TEXT), (plain(view.id), Tone.TEXT)),
        text(f"{view.state}{lasted}", tone),
        task,
        text(f"r{view.revision}", Tone.MUTED),
        text(
            "cold" if view.cold else f"{words.count(view.tasks_served)} use{'s'[: view.tasks_served != 1]}", Tone.MUTED
        ),
        text("" if memory_bytes is None else words.memory(memory_bytes), Tone.MUTED),
        text("" if view.pid is None else f"pid {view.pid}", Tone.MUTED),
    )


def troubles(view: FunctionView) -> tuple[str, ...]:
    """What is wrong with a function now, a line each, for below its row; empty when all is well."""
    serves = f"; {words.serves(view)}" if view.revision else ""
    found = []
    if view.faults:
        found.append(f"{_without_folder(view, view.faults[0])}{serves}")
    if view.fallen is not None:  # what serves instead is told in the line of what is on disk
        found.append(f"{words.fell(view.fallen.revision, view.fallen.task_id)}: {short_cause(view.fallen.cause)}")
    elif view.deploy_error:
        found.append(f"deploy: {row_cause(view.deploy_error)}{serves}")
    if view.reason and not view.deploy_error:
        found.append(row_cause(view.reason))
    return tuple(found)


def is_broken(view: FunctionView) -> bool:
    """Whether its code or file is at fault, and not a program or an engine that is missing here."""
    return bool(view.faults or view.deploy_error) or view.state in {FunctionState.FAILED, FunctionState.FAILING}


def warnings(view: FunctionView) -> tuple[str, ...]:
    """What is odd in a function's file, in one line, for below its row; empty when nothing is."""
    if not view.spec.warnings or view.faults:  # a broken file has worse to tell, and its warnings are an older one's
        return ()
    first, *more = view.spec.warnings
    others = f" (and {len(more)} more)" if more else ""
    return (f"warning{others}: {_without_folder(view, first)}",)


def trouble_line(reason: str, tone: Tone = Tone.ERROR) -> Line:
    """A trouble's row: it spans all columns."""
    return (("    └ ", Tone.MUTED), (reason, tone))


# --- tasks ------------------------------------------------------------------------------------------------------------


def task_state(task: TaskView) -> tuple[Span, Span]:
    """A task's mark and word."""
    if task.result is not None:
        mark, tone = _STATUS_MARKS[task.result.status]
        return (mark, tone), (str(task.result.status), tone)
    if task.state is TaskState.RUNNING:
        return ("●", Tone.ACCENT), ("running", Tone.ACCENT)
    return ("○", Tone.WARNING), ("queued", Tone.WARNING)


def task_waited_s(task: TaskView, now_s: float) -> float:
    """Seconds in the queue, so far or in all."""
    if task.result is not None:
        return task.result.queued_s
    return (now_s if task.started_at_s is None else task.started_at_s) - task.queued_at_s


def task_ran_s(task: TaskView, now_s: float) -> float | None:
    """Seconds of running, so far or in all; None if it has not run."""
    if task.result is not None:
        return task.result.run_s if task.result.container_id else None
    return None if task.started_at_s is None else now_s - task.started_at_s


def task_cells(
    task: TaskView, *, function: FunctionView, now_s: float, is_named: bool, called: str = ""
) -> tuple[Line, ...]:
    """The cells of a task's row, as `TASK_COLUMNS`, without the function's where not `is_named`."""
    mark, word = task_state(task)
    ran_s = task_ran_s(task, now_s)
    cells: tuple[Line, ...] = (
        text(words.short_id(task.id), words.task_tone(task.id)),
        (mark, (" ", Tone.TEXT), word),
        text(called, Tone.MUTED),
        text(words.duration(task_waited_s(task, now_s)), Tone.MUTED),
        text("" if ran_s is None else words.duration(ran_s)),
        text(plain(task.container_id), Tone.MUTED),
        task_note(task, function),
    )
    return (cells[0], text(plain(task.function)), *cells[1:]) if is_named else cells


def past_cells(past: PastTask, *, ended: str, is_named: bool) -> tuple[Line, ...]:
    """The cells of a past task's row, as `PAST_COLUMNS`, without the function's where not `is_named`."""
    task = past.task
    mark, word = task_state(task)
    ran_s = task_ran_s(task, 0.0)
    cells: tuple[Line, ...] = (
        text(words.short_id(task.id), words.task_tone(task.id)),
        (mark, (" ", Tone.TEXT), word),
        text(ended, Tone.MUTED),
        text("" if ran_s is None else words.duration(ran_s)),
        text(words.size(past.body_bytes) if past.body_bytes else "", Tone.MUTED),
        text(f"r{task.revision}" if task.revision else "-", Tone.MUTED),
        task_note(task, None),
    )
    return (cells[0], text(plain(task.function)), *cells[1:]) if is_named else cells


def task_note(task: TaskView, function: FunctionView | None) -> Line:
    """What there is to say of a task in a line: why it waits, what it was asked, what it answered, why it failed."""
    result = task.result
    if result is None and task.state is TaskState.QUEUED and function is not None:
        return text(("again: " if task.again else "") + _short_why_queued(function))
    if result is None:
        asked = preview(task.payload)
        return text(f"← {asked}" if asked else "", Tone.MUTED)  # what it was asked, and no answer
    code = f"{result.status_code} " if result.status_code is not None else ""
    if result.error is not None:
        return ((code, Tone.MUTED), (short_cause(result.error), Tone.ERROR))
    return ((code, Tone.MUTED), (preview(result.body), Tone.TEXT))


def why_queued(function: FunctionView) -> str:
    """Why a function's tasks wait, in words."""
    if not function.revision:
        return _first_line(function.reason) if function.reason else "waits for the first build"
    if function.state is FunctionState.FAILING and function.reason:
        return _first_line(function.reason)
    return plain(function.why) or "waits for a container"


def _short_why_queued(function: FunctionView) -> str:
    """The same where there is little room."""
    if function.reason and (not function.revision or function.state is FunctionState.FAILING):
        return row_cause(function.reason)
    return (short_why(function) or "waits for a container") if function.revision else why_queued(function)


def more_queued(hidden: int) -> Line:
    """The row that stands for waiting tasks that are not shown."""
    return (
        (f"  … {words.counted(hidden, 'more task')} wait{'s' if hidden == 1 else ''}", Tone.WARNING),
        ("  → shows all", Tone.MUTED),
    )


def preview(body: bytes) -> str:
    """The start of a payload or body in one line; a binary one by its size."""
    start = words.start_of(body, _PREVIEW_BYTES)
    if start is None:
        return f"{words.size(len(body))}, binary"
    return plain(" ".join(start.split("\n"))).strip()


# --- the header -------------------------------------------------------------------------------------------------------


class HeaderFacts(Struct, frozen=True, kw_only=True):
    """What the header tells; `is_frozen`, that all on the screen stands still."""

    driver_name: str
    driver_note: str
    watching: bool
    is_frozen: bool = False
    snapshot: Snapshot
    figures: Figures


class HeaderPart(Struct, frozen=True, kw_only=True):
    """A part of the header; `rank` says how long it stays, `bar` what stands before it if not the usual bar."""

    rank: int
    line: Line
    bar: str | None = None


def header_parts(facts: HeaderFacts, width: int) -> list[HeaderPart]:
    """The header's parts in their order; where it is narrow, only what the driver's note says first."""
    shot, figures = facts.snapshot, facts.figures
    busy, idle = shot.count(ContainerState.BUSY), shot.count(ContainerState.IDLE)
    hot = sum(view.hot for view in shot.functions.values())
    p95 = "-" if figures.p95_s is None else words.duration(figures.p95_s)
    trend: Span = (words.sparkline(figures.depths, _DEPTH_BARS), Tone.WARNING)
    waiting = sum(view.waiting_count for view in shot.functions.values())
    waits = f", {words.counted(waiting, 'change')} wait{'s'[: waiting == 1]}" if waiting else ""
    watching = text("● watching", Tone.SUCCESS) if facts.watching else text(f"○ not watching{waits}", Tone.WARNING)
    note = plain(facts.driver_note if width >= _WIDE else facts.driver_note.partition(";")[0])
    broken = sum(is_broken(view) for view in shot.functions.values())
    parts = [
        HeaderPart(rank=8, line=text(plain(facts.driver_name), Tone.STRONG)),
        HeaderPart(rank=7, line=text(set_cell_size(note, min(cell_len(note), _NOTE_CELLS)), Tone.WARNING), bar=", "),
        HeaderPart(rank=2, line=_figure(len(shot.functions), "function" if len(shot.functions) == 1 else "functions")),
        HeaderPart(rank=6, line=_figure(hot, "hot")),
        HeaderPart(rank=5, line=_figure(idle, "idle"), bar="  "),
        HeaderPart(rank=5, line=_figure(busy, "busy", Tone.ACCENT), bar="  "),
        HeaderPart(rank=8, line=_figure(shot.queued, "queued", Tone.WARNING)),
        HeaderPart(rank=1, line=(trend,) if any(figures.depths) else (), bar=" "),
        HeaderPart(rank=3, line=((words.rate(figures.calls_per_s), Tone.TEXT), (" calls/s", Tone.MUTED))),
        HeaderPart(rank=3, line=(("p95 ", Tone.MUTED), (p95, Tone.TEXT))),
        HeaderPart(rank=8, line=_figure(broken, "broken", Tone.ERROR) if broken else ()),
        HeaderPart(rank=4, line=_figure(shot.errors, "error" if shot.errors == 1 else "errors", Tone.ERROR)),
        HeaderPart(rank=9, line=(("■ frozen  ", Tone.WARNING), *watching) if facts.is_frozen else watching),
    ]
    return [part for part in parts if width_of(part.line)]


def header_line(facts: HeaderFacts, width: int) -> Line:
    """The header in `width` cells, the last part at the right; where there is no room, low ranks are left out."""
    *parts, last = header_parts(facts, width)
    while len(parts) > 1 and width_of(_joined(parts, width)) + 2 + width_of(last.line) > width:
        parts.remove(min(reversed(parts), key=lambda part: part.rank))
    left = _joined(parts, width)
    room = width - width_of(left) - width_of(last.line)
    return (*left, (" " * max(0, room), Tone.TEXT), *last.line)


def _joined(parts: list[HeaderPart], width: int) -> Line:
    bar = "  │  " if width >= _WIDE else " │ "
    line: list[Span] = []
    for part in parts:
        if line:
            line.append((bar if part.bar is None else part.bar, Tone.MUTED))
        line.extend(part.line)
    return tuple(line)


def _figure(number: int, noun: str, tone: Tone = Tone.TEXT) -> Line:
    """A figure and its word, quiet when it is zero."""
    return ((words.count(number), tone if number else Tone.MUTED), (f" {noun}", Tone.MUTED))


def _without_folder(view: FunctionView, fault: str) -> str:
    """A fault or warning of a function file for a row, which has little room; the panel has it whole."""
    return plain(fault.replace(f"{view.spec.folder}/", ""))


def _first_line(reason: str) -> str:
    lines = reason.strip().split("\n", 1)
    return plain(lines[0])
