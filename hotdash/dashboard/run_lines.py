"""From a task to the lines of the Run pane. Pure functions without Textual; any thread."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.causes import cause_lines
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.dashboard.presentation import task_ran_s, task_state, task_waited_s, why_queued
from hotdash.dashboard.why_lines import why_waits_lines
from hotdash.sanitize import plain, plain_lines
from hotdash.task import TaskState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.store import FunctionView, TaskView

_LINES_SHOWN = 500  # of a body; `y` copies it whole
_BODY_BYTES = 256 * 1024
_STDERR_SHOWN = 12
_JSON_KEY = re.compile(r'^(\s*)("(?:[^"\\]|\\.)*")(:.*)$')


def run_lines(task: TaskView, *, function: FunctionView | None, now_s: float) -> list[Line]:
    """All that there is to say of one task.

    Args:
        task: The task.
        function: Its function; None once that has been removed.
        now_s: The runtime's clock.
    """
    lines = [*_head(task, function, now_s), *why_waits_lines(task, function, now_s=now_s), ()]
    lines += _section("Request", task.payload, [(plain(key), plain(value)) for key, value in task.headers])
    result = task.result
    if result is None:
        return lines
    if result.error is not None:
        lines += [
            (),
            text("Error", Tone.STRONG),
            *(text(f"  {line}", Tone.ERROR) for line in cause_lines(result.error)),
        ]
        lines += _last_stderr(result.stderr_lines)
    if result.body or result.error is None:
        headers = [(plain(key), plain(value)) for key, value in result.headers.items()]
        lines += [(), *_section("Answer", result.body, headers)]
    return lines


def empty_lines(function: str | None) -> list[Line]:
    """What the Run pane says where there is no task."""
    if function is None:
        return [(), text("  Nothing is selected.", Tone.MUTED)]
    return [
        (),
        (("  ", Tone.TEXT), (plain(function), Tone.STRONG), (" has not been invoked yet.", Tone.MUTED)),
        (),
        (("  enter", Tone.ACCENT), ("  invokes it with its last payload", Tone.MUTED)),
        (("  i    ", Tone.ACCENT), ("  edits the payload first", Tone.MUTED)),
    ]


def body_text(body: bytes, limit_bytes: int) -> str | None:
    """A body, or its first `limit_bytes`, as text, JSON laid out; None if it is binary."""
    decoded = words.start_of(body, limit_bytes)
    if decoded is None or len(body) > limit_bytes or decoded.lstrip()[:1] not in {"{", "["}:
        return decoded
    try:
        return json.dumps(json.loads(decoded), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return decoded


def _head(task: TaskView, function: FunctionView | None, now_s: float) -> Iterable[Line]:
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
    ran_s = task_ran_s(task, now_s)
    yield _fact("function", plain(task.function) + (f"  r{task.revision}" if task.revision else ""))
    yield _fact("container", plain(task.container_id) or "-")
    yield _fact("queued", words.duration(task_waited_s(task, now_s)))
    yield _fact("ran", "-" if ran_s is None else words.duration(ran_s))
    if task.state is TaskState.QUEUED and function is not None:
        yield _fact("waits", why_queued(function))


def _fact(name: str, value: str) -> Line:
    return ((f"{name:<11}", Tone.MUTED), (value, Tone.TEXT))


def _section(title: str, body: bytes, headers: list[tuple[str, str]]) -> list[Line]:
    lines: list[Line] = [((f"{title}  ", Tone.STRONG), (words.size(len(body)) if body else "no body", Tone.MUTED))]
    lines += [((f"  {key}: ", Tone.MUTED), (value, Tone.TEXT)) for key, value in headers]
    if headers and body:
        lines.append(())
    return [*lines, *_body_lines(body)]


def _body_lines(body: bytes) -> list[Line]:
    if not body:
        return []
    shown = body_text(body, _BODY_BYTES)
    if shown is None:
        return [text(f"  binary, {words.size(len(body))}", Tone.MUTED)]
    is_json = shown[:1] in {"{", "["}
    rows = plain_lines(shown)
    lines = [_json_line(row) if is_json else text(f"  {row}") for row in rows[:_LINES_SHOWN]]
    if len(rows) > _LINES_SHOWN or len(body) > _BODY_BYTES:
        lines.append(text(f"  … shown to here of {words.size(len(body))}; y copies all", Tone.MUTED))
    return lines


def _json_line(row: str) -> Line:
    found = _JSON_KEY.match(row)
    if found is None:
        return text(f"  {row}")
    indent, key, rest = found.groups()
    return ((f"  {indent}", Tone.TEXT), (key, Tone.MUTED), (rest, Tone.TEXT))


def _last_stderr(stderr: tuple[str, ...]) -> list[Line]:
    if not stderr:
        return []
    title = (
        "Its stderr"
        if len(stderr) <= _STDERR_SHOWN
        else f"The last {_STDERR_SHOWN} of its {len(stderr):,} stderr lines"
    )
    return [(), text(title, Tone.STRONG), *(text(f"  {plain(line)}") for line in stderr[-_STDERR_SHOWN:])]
