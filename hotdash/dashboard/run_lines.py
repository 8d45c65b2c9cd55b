"""From a task to the lines of the Run pane. Pure functions without Textual; any thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.causes import cause_lines
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.dashboard.presentation import task_state, why_queued
from hotdash.dashboard.source_paths import as_source
from hotdash.dashboard.time_bar import BAR_CELLS, time_lines
from hotdash.dashboard.why_lines import why_waits_lines
from hotdash.sanitize import plain
from hotdash.task import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.keys import Keys
    from hotdash.store import FunctionView, TaskView
    from hotdash.store.history import PastContents

_STDERR_SHOWN = 12
DEPTH = 3  # levels of JSON that are unfolded at first


def run_lines(
    task: TaskView,
    *,
    function: FunctionView | None,
    now_s: float,
    past: PastContents | None = None,
    depth: int = DEPTH,
    found: Filter | None = None,
    width: int = BAR_CELLS,
) -> list[Line]:
    """All that there is to say of one task.

    Args:
        task: The task.
        function: Its function; None once that has been removed.
        now_s: The runtime's clock.
        past: What the history says of it; None for a task of this run.
        depth: Levels of JSON that are unfolded.
        found: What is looked for: JSON that holds it is unfolded.
        width: Cells of the pane.
    """
    lines = [*_head(task, function, now_s, past, width), *why_waits_lines(task, function, now_s=now_s), ()]
    asked_bytes = past.payload_bytes if past is not None else None
    lines += _section("Request", task.payload, [*task.headers], depth=depth, whole_bytes=asked_bytes, found=found)
    result = task.result
    if result is None:
        return lines
    if result.error is not None:
        lines += [
            (),
            text("Error", Tone.STRONG),
            *(text(f"  {line}", Tone.ERROR) for line in cause_lines(result.error, shown=result.stderr_lines)),
        ]
        lines += _last_stderr(result.stderr_lines)
    if result.body or result.error is None:
        answered_bytes = past.body_bytes if past is not None else None
        headers = [*result.headers.items()]
        answer = _section("Answer", result.body, headers, depth=depth, whole_bytes=answered_bytes, found=found)
        lines += [(), *answer]
    return lines


def empty_lines(function: str | None, keys: Keys) -> list[Line]:
    """What the Run pane says where there is no task."""
    if function is None:
        return [(), text("  Nothing is selected.", Tone.MUTED)]
    return [
        (),
        (("  ", Tone.TEXT), (plain(function), Tone.STRONG), (" has not been invoked yet.", Tone.MUTED)),
        (),
        ((f"  {keys.shown('invoke'):<5}", Tone.ACCENT), ("  invokes it with its last payload", Tone.MUTED)),
        ((f"  {keys.shown('edit_payload'):<5}", Tone.ACCENT), ("  edits the payload first", Tone.MUTED)),
    ]


def _head(
    task: TaskView, function: FunctionView | None, now_s: float, past: PastContents | None, width: int
) -> Iterable[Line]:
    mark, word = task_state(task)
    code = task.result.status_code if task.result is not None else None
    yield (
        (words.short_id(task.id), words.task_tone(task.id)),
        ("  ", Tone.TEXT),
        mark,
        (" ", Tone.TEXT),
        word,
        (f"  {code}" if code is not None else "", Tone.STRONG),
    )
    yield text(task.id, Tone.MUTED)
    yield ()
    yield _fact("function", plain(task.function) + (f"  r{task.revision}" if task.revision else ""))
    yield _fact("container", plain(task.container_id) or "-")
    if past is not None:
        ended = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(past.ended_time_s))
        yield _fact("ended", f"{ended}, from the history")
    else:
        yield _fact("called", _called(task))
    if task.state is TaskState.QUEUED and function is not None:
        yield _fact("waits", why_queued(function))
    yield ()
    yield from time_lines(task, now_s, width)


def _called(task: TaskView) -> str:
    """When a task of this run was submitted, and when it ended if that is another second."""
    now_s = time.time()
    called = words.moment(task.queued_time_s, now_s, time.localtime)
    if task.result is None:
        return called
    ended_s = task.queued_time_s + task.result.queued_s + task.result.run_s
    ended = words.moment(ended_s, now_s, time.localtime)
    return called if ended == called else f"{called}, ended {ended}"


def _fact(name: str, value: str) -> Line:
    return ((f"{name:<11}", Tone.MUTED), (value, Tone.TEXT))


def _section(
    title: str,
    body: bytes,
    headers: list[tuple[str, str]],
    *,
    depth: int,
    whole_bytes: int | None,
    found: Filter | None,
) -> list[Line]:
    size_bytes = len(body) if whole_bytes is None else whole_bytes
    size = words.size(size_bytes) if size_bytes else "no body"
    lines: list[Line] = [((f"{title}  ", Tone.STRONG), (size, Tone.MUTED))]
    lines += [((f"  {plain(key)}: ", Tone.MUTED), (plain(value), Tone.TEXT)) for key, value in headers]
    if headers and body:
        lines.append(())
    if size_bytes and not body:
        return [*lines, text("  too large for the history: not kept", Tone.MUTED)]
    from hotdash.dashboard.body_lines import body_lines  # noqa: PLC0415  it stands on JSON: not before there is an answer

    return [*lines, *body_lines(body, dict(headers), depth=depth, whole_bytes=whole_bytes, found=found)]


def _last_stderr(stderr: tuple[str, ...]) -> list[Line]:
    if not stderr:
        return []
    title = (
        "Its stderr"
        if len(stderr) <= _STDERR_SHOWN
        else f"The last {_STDERR_SHOWN} of its {len(stderr):,} stderr lines"
    )
    return [(), text(title, Tone.STRONG), *(text(f"  {plain(as_source(line))}") for line in stderr[-_STDERR_SHOWN:])]
