"""What is wrong with a function, at length, and a running build's output: the panel above its log. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.causes import cause_lines
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.dashboard.source_paths import as_source
from hotdash.sanitize import plain, plain_lines

if TYPE_CHECKING:
    from hotdash.store import FunctionView

_BUILD_LINES = 200


def trouble_lines(view: FunctionView, *, now_s: float) -> list[Line]:
    """All of it, the newest build's output last; empty when all is well and nothing is built."""
    lines: list[Line] = []
    serves = words.serves(view) if view.revision else "nothing serves yet"
    if view.faults:
        lines.append((("▲ The function file is broken", Tone.ERROR), (f"; {serves}", Tone.MUTED)))
        lines += [text(f"  {line}") for fault in view.faults for line in plain_lines(_near(view, fault))]
    if not view.is_building:
        lines += _failure(view, serves)
    if view.spec.warnings and not view.faults:
        counted = words.counted(len(view.spec.warnings), "warning")
        lines.append(((f"? {counted} about the function file", Tone.WARNING),))
        lines += [text(f"  {line}") for warning in view.spec.warnings for line in plain_lines(_near(view, warning))]
    if view.is_building:
        lines.append((("◐ Building", Tone.ACCENT), (f" for {words.age(now_s - view.build_since_s)}", Tone.MUTED)))
        lines += _output(view)
    return lines


def _near(view: FunctionView, fault: str) -> str:
    """A fault or warning with its file below the function's own folder: `greet/func.yaml:7: …`."""
    return fault.replace(f"{view.spec.folder.parent}/", "")


def _failure(view: FunctionView, serves: str) -> list[Line]:
    """Why the last deploy failed, or why the function is not ready; empty when it is."""
    lines: list[Line] = []
    if view.fallen is not None:
        fell = words.fell(view.fallen.revision, view.fallen.task_id)
        before = ", before its first answer" if view.fallen.task_id else ""
        lines.append(((f"▲ {fell}{before}", Tone.ERROR), (f"; {serves}", Tone.MUTED)))
        lines += [text(f"  {line}") for line in cause_lines(view.fallen.cause)]
        if view.on_disk:
            again = f"  d deploys r{view.on_disk}'s code again; then it stays, however its calls end"
            lines.append(text(again, Tone.WARNING))
    elif view.deploy_error:
        lines.append((("▲ The last deploy failed", Tone.ERROR), (f"; {serves}", Tone.MUTED)))
        lines += [text(f"  {line}") for line in cause_lines(view.deploy_error)]
        lines += _output(view)
    elif view.reason:
        lines.append(((f"▲ {view.state}", Tone.ERROR),))
        lines += [text(f"  {line}") for line in cause_lines(view.reason)]
    return lines


def _output(view: FunctionView) -> list[Line]:
    return [(("  │ ", Tone.MUTED), (plain(as_source(line)), Tone.TEXT)) for line in view.build_log[-_BUILD_LINES:]]
