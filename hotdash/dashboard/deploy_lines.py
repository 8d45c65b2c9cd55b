"""The Deploys tab in words: a row for each revision, and all there is to tell of the selected one. Pure; any thread.

Every text that hotdash did not write passes `plain` here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.causes import cause_lines
from hotdash.dashboard.lines import Column, Line, Span, Tone, text
from hotdash.dashboard.source_paths import as_source
from hotdash.sanitize import plain
from hotdash.states import Origin
from hotdash.store import DeployStep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.states import SourceChange
    from hotdash.store import BuildLine, DeployView, FunctionView

DEPLOY_COLUMNS = (
    Column(title="REV", width=4),
    Column(title="STATE", width=15),
    Column(title="WHAT CHANGED", width=12, stretch=True),
    Column(title="IMAGE", width=7, keep=2),
    Column(title="TOOK", width=6, right=True, keep=4),
    Column(title="AGO", width=6, right=True, keep=3),
)
_FILES_SHOWN = 50
_NAMED = 2  # files in a row
_KINDS: dict[str, Span] = {
    "added": ("+", Tone.SUCCESS),
    "modified": ("~", Tone.WARNING),
    "removed": ("-", Tone.ERROR),
}
_DOING = {DeployStep.BUILD: "building", DeployStep.START: "starting"}
_FAILED = {
    DeployStep.BUILD: "build failed",
    DeployStep.START: "start failed",
    DeployStep.PROBATION: "died",
}
_AT = {
    DeployStep.BUILD: "while it built",
    DeployStep.START: "while it started",
}


def deploy_state(deploy: DeployView, now_s: float) -> tuple[Span, Span]:
    """A deploy's mark and word."""
    if deploy.is_running:
        lasted = words.duration(now_s - deploy.began_at_s)
        return ("◐", Tone.ACCENT), (f"{_DOING.get(deploy.step, deploy.step)} {lasted}", Tone.ACCENT)
    if deploy.error:
        return ("✗", Tone.ERROR), (_FAILED.get(deploy.step, "failed"), Tone.ERROR)
    if deploy.is_live:
        return ("●", Tone.SUCCESS), ("live", Tone.SUCCESS)
    if deploy.can_roll_back:
        return ("○", Tone.TEXT), ("kept", Tone.TEXT)
    return ("·", Tone.MUTED), ("was live", Tone.MUTED)


def deploy_cells(deploy: DeployView, *, now_s: float) -> tuple[Line, ...]:
    """The cells of a deploy's row, as `DEPLOY_COLUMNS`."""
    mark, word = deploy_state(deploy, now_s)
    return (
        text(f"r{deploy.revision}" if deploy.revision else "-", Tone.STRONG if deploy.is_live else Tone.TEXT),
        (mark, (" ", Tone.TEXT), word),
        what_changed(deploy),
        text(plain(deploy.short_id), Tone.MUTED),
        text("" if deploy.is_running else words.duration(deploy.total_s), Tone.MUTED),
        text(words.age(now_s - deploy.began_at_s), Tone.MUTED),
    )


def what_changed(deploy: DeployView) -> Line:
    """What a deploy is about, in a row."""
    if deploy.origin is Origin.ROLLBACK:
        return text(f"rollback: r{deploy.again} again")
    if deploy.origin is Origin.RESTORED:
        return text(f"restored: r{deploy.again} again")
    changes = deploy.occasion.changes
    if not changes:
        return text("first" if deploy.revision == 1 else "settings" if deploy.revision else "", Tone.MUTED)
    line: list[Span] = []
    for change in changes[:_NAMED]:
        line += [(plain(change.path), Tone.TEXT), *_counts(change), ("  ", Tone.TEXT)]
    if (more := deploy.occasion.changed - _NAMED) > 0:
        line.append((f"and {more:,} more", Tone.MUTED))
    return tuple(line)


def waiting_line(view: FunctionView) -> Line:
    """What is on disk and does not run, in a line; empty when there is no such thing and nothing is held back."""
    if not view.waiting_count and view.on_disk:
        return text(f"runs r{view.code_of}'s code; on disk: r{view.on_disk}'s; d deploys it", Tone.WARNING)
    if not view.waiting_count:
        return text("saves wait until d deploys them, or W lets go", Tone.WARNING) if view.held else ()
    named = ", ".join(map(plain, view.waiting[:_NAMED]))
    more = f" and {view.waiting_count - _NAMED} more" if view.waiting_count > _NAMED else ""
    verb = "waits" if view.waiting_count == 1 else "wait"
    return text(f"{words.counted(view.waiting_count, 'change')} {verb}: {named}{more}; d deploys", Tone.WARNING)


def detail_lines(view: FunctionView, deploy: DeployView | None, *, now_s: float) -> list[Line]:
    """All there is to tell of the selected deploy, the build's newest output last."""
    lines: list[Line] = []
    if waits := waiting_line(view):
        lines += [(("! ", Tone.WARNING), *waits), ()]
    if deploy is None:
        return [*lines, text("nothing has been deployed yet", Tone.MUTED)]
    mark, word = deploy_state(deploy, now_s)
    name = f"r{deploy.revision}" if deploy.revision else "not live"
    image = f"  image {plain(deploy.short_id)}" if deploy.short_id else ""
    also = " (built before)" if deploy.reused else ""
    lines += [((f"{name} ", Tone.STRONG), mark, (" ", Tone.TEXT), word, (f"{image}{also}", Tone.MUTED))]
    lines += [_times(deploy), ()]
    if deploy.error:
        serves = f"; r{view.revision} serves" if view.revision and view.revision != deploy.revision else ""
        how = f"It failed {_AT.get(deploy.step, '')}"
        if deploy.step is DeployStep.PROBATION:
            how = words.fell(deploy.revision, deploy.task_id)
            how += ", before its first answer" if deploy.task_id else ""
        lines.append(((f"▲ {how}", Tone.ERROR), (serves, Tone.MUTED)))
        lines += [text(f"  {line}") for line in cause_lines(deploy.error)]
        lines.append(())
    lines += _changes(deploy)
    lines += _log(deploy, now_s)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def rollback_target(view: FunctionView, chosen: DeployView | None) -> tuple[int, str]:
    """The revision to go back to, or 0 and why there is none.

    Args:
        view: The function.
        chosen: The deploy that the user has chosen; None for the one before the live one.
    """
    name = plain(view.key)
    if chosen is None:
        kept = [deploy.revision for deploy in view.deploys if deploy.can_roll_back]
        return (max(kept), "") if kept else (0, f"{name}: there is no earlier revision to go back to")
    if chosen.can_roll_back:
        return chosen.revision, ""
    if chosen.is_live:
        return 0, f"{name}: r{chosen.revision} is live"
    if not chosen.revision:
        return 0, f"{name}: this one was never live"
    return 0, f"{name}: r{chosen.revision} is not kept any more"


def is_deploying(view: FunctionView) -> bool:
    """Whether a deploy is under way, which a rollback would end."""
    return any(deploy.is_running for deploy in view.deploys)


def _times(deploy: DeployView) -> Line:
    parts = (
        ("quiet", deploy.occasion.quiet_s or None),
        ("build", deploy.build_s),
        ("start", deploy.start_s or None),
        ("swap", deploy.swap_s),
    )
    line: list[Span] = []
    for what, seconds in parts:
        if seconds is not None:
            line += [(f"{what} ", Tone.MUTED), (f"{words.duration(seconds)}  ", Tone.TEXT)]
    if not deploy.is_running and len(line) > 2:
        line += [("in all ", Tone.MUTED), (words.duration(deploy.total_s), Tone.TEXT)]
    return tuple(line)


def _changes(deploy: DeployView) -> list[Line]:
    occasion = deploy.occasion
    if not occasion.changed:
        return []
    noun = "file" if occasion.changed == 1 else "files"
    lines: list[Line] = [text(f"{occasion.changed:,} {noun} changed", Tone.STRONG)]
    for change in occasion.changes[:_FILES_SHOWN]:
        mark, tone = _KINDS.get(change.kind, ("?", Tone.MUTED))
        lines.append((("  ", Tone.TEXT), (mark, tone), (f" {plain(change.path)}", Tone.TEXT), *_counts(change)))
    if (more := occasion.changed - _FILES_SHOWN) > 0:
        lines.append(text(f"  and {more:,} more", Tone.MUTED))
    return [*lines, ()]


def _counts(change: SourceChange) -> Iterable[Span]:
    if change.plus:
        yield f" +{change.plus:,}", Tone.SUCCESS
    if change.minus:
        yield f" -{change.minus:,}", Tone.ERROR


def _log(deploy: DeployView, now_s: float) -> list[Line]:
    if not deploy.log:
        return []
    ended_s = deploy.began_at_s + deploy.build_s if deploy.build_s is not None else None
    if ended_s is None:
        ended_s = now_s if deploy.is_running else deploy.log[-1].at_s
    lines: list[Line] = [text("Build log", Tone.STRONG)]
    steps = [line.at_s for line in deploy.log if line.step]
    ends = iter([*steps[1:], ended_s])
    lines += [_step(line, next(ends)) if line.step else _output(line) for line in deploy.log]
    return lines


def _step(line: BuildLine, ended_s: float) -> Line:
    return (
        (f"  step {line.step} of {line.steps}  ", Tone.ACCENT),
        (plain(line.text), Tone.STRONG),
        (f"  {words.duration(ended_s - line.at_s)}", Tone.MUTED),
    )


def _output(line: BuildLine) -> Line:
    return (("  │ ", Tone.MUTED), (plain(as_source(line.text)), Tone.TEXT))
