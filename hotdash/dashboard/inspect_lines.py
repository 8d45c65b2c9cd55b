"""What there is to know of a function or a container as it is set up: the lines of the inspection. Pure; any thread.

Values that look like secrets are masked until one asks for them: a screen is shared, a terminal is recorded.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from hotdash.dashboard import use_words, words
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.dashboard.why_lines import why_lines
from hotdash.sanitize import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotdash.drivers.inside import Inside
    from hotdash.functions.spec import FunctionSpec
    from hotdash.store import ContainerView, FunctionView, SeriesView

MASK = "•••••• (m shows it)"
_SECRET_NAME = re.compile(
    r"secret|passw|passphrase|token|api_?key|private|credential|auth|session|cookie|dsn|(?:^|_)(?:key|pw|pwd)(?:$|_)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]+:[^/\s@]+@"  # a user and password in a URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:AKIA[0-9A-Z]{12}|gh[pousr]_\w{16}|sk-[\w-]{16}|xox[abp]-|eyJ[\w-]{10,}\.)"
)
_NAME_CELLS = 14


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable's value is better not shown unasked."""
    return bool(value) and (_SECRET_NAME.search(name) is not None or _SECRET_VALUE.search(value) is not None)


def inspect_lines(
    view: FunctionView,
    container: ContainerView | None,
    inside: Inside | None,
    *,
    shows_secrets: bool,
    now_s: float,
    command: tuple[str, ...] = (),
    used: SeriesView | None = None,
) -> list[Line]:
    """All of it.

    Args:
        view: The function.
        container: The container of it that is meant; None for the function.
        inside: That container from within; None where its driver does not tell, or it has ended.
        shows_secrets: Whether what looks secret is shown.
        now_s: The runtime's clock.
        command: What any of its containers runs, where that is known.
        used: What it uses, where that has been measured.
    """
    spec = view.spec
    lines = _container_lines(container, now_s) if container is not None else _function_lines(view)
    if used is not None:
        lines += [_fact(name, said) for name, said in _uses(used) if said]
    lines += _file_lines(view)
    command = inside.command if inside is not None and inside.command else command or spec.entrypoint or ()
    lines += [
        (),
        text("Command", Tone.STRONG),
        text(f"  {plain(shlex.join(command)) if command else 'as its image, or its files, have it'}"),
    ]
    if inside is not None and inside.folder is not None:
        lines.append(text(f"  in {plain(inside.folder)}", Tone.MUTED))
    if inside is not None:
        lines += [(), text("Environment", Tone.STRONG), *_variables(inside.environment, shows_secrets=shows_secrets)]
        lines += [(), text("Mounts", Tone.STRONG), *(text(f"  {plain(mount)}") for mount in inside.mounts or ("none",))]
    else:
        lines += [(), text("Environment, from config", Tone.STRONG)]
        lines += _variables(spec.config, shows_secrets=shows_secrets)
    lines += [(), text("Limits", Tone.STRONG), *(_fact(name, value) for name, value in _limits(spec))]
    if inside is not None:
        lines += [text(f"  {plain(limit)}") for limit in inside.limits]
    if container is None:
        lines += [(), *why_lines(view, now_s=now_s)]
    return lines


def _function_lines(view: FunctionView) -> list[Line]:
    spec = view.spec
    facts = {
        "name": f"{spec.name}  {spec.version}",
        "app": spec.app,
        "folder": str(spec.folder),
        "format": str(spec.format),
        "state": str(view.state),
        "revision": f"r{view.revision}" if view.revision else "none yet",
        "image": view.image_id or spec.image or "none yet",
        "runtime": spec.runtime or "",
        "network": spec.network or "",
    }
    return [_fact(name, value) for name, value in facts.items() if value]


def _file_lines(view: FunctionView) -> list[Line]:
    """What is wrong in the function's file, whole; the rows of the tables have no room for it."""
    if view.faults:
        until = text("  what is told here is of the file as it last was whole, until this is mended", Tone.MUTED)
        return [(), text("Broken file", Tone.ERROR), *(text(f"  {plain(fault)}") for fault in view.faults), until]
    if view.spec.warnings:
        return [(), text("Warnings", Tone.WARNING), *(text(f"  {plain(each)}") for each in view.spec.warnings)]
    return []


def _container_lines(container: ContainerView, now_s: float) -> list[Line]:
    facts = {
        "container": container.id,
        "function": f"{container.function}  r{container.revision}",
        "state": f"{container.state}, {words.age(now_s - container.since_s)}",
        "pid": "" if container.pid is None else str(container.pid),
        "served": words.counted(container.tasks_served, "task"),
        "started in": "" if container.start_s is None else words.duration(container.start_s),
    }
    return [_fact(name, value) for name, value in facts.items() if value]


def _uses(used: SeriesView) -> Iterable[tuple[str, str]]:
    yield "uses", use_words.now(used)
    yield "traffic", use_words.network(used)


def _limits(spec: FunctionSpec) -> list[tuple[str, str]]:
    return [
        ("memory", f"{spec.memory_mb} MB a container"),
        ("concurrency", f"at most {words.counted(spec.max_concurrency, 'container')}, {spec.min_warm} kept warm"),
        ("queue", words.counted(spec.max_queue, "waiting task")),
        ("timeout", f"{spec.timeout_s:g} s a task, {spec.wait_timeout_s:g} s of waiting for memory"),
        ("idle", f"{spec.idle_timeout_s:g} s"),
        ("start", f"{spec.init_timeout_s:g} s"),
        ("build", f"{spec.build_timeout_s:g} s"),
        ("drain", f"{spec.drain_timeout_s:g} s"),
    ]


def _variables(environment: Mapping[str, str], *, shows_secrets: bool) -> list[Line]:
    if not environment:
        return [text("  empty", Tone.MUTED)]
    lines: list[Line] = []
    for name, value in sorted(environment.items()):
        if looks_secret(name, value) and not shows_secrets:
            lines.append(((f"  {plain(name)}=", Tone.MUTED), (MASK, Tone.WARNING)))
            continue
        first, *rest = plain_lines(value) or [""]
        lines.append(((f"  {plain(name)}=", Tone.MUTED), (first, Tone.TEXT)))
        lines += [text(f"    {row}") for row in rest]
    return lines


def _fact(name: str, value: str) -> Line:
    return ((f"  {name:<{_NAME_CELLS}}", Tone.MUTED), (plain(value), Tone.TEXT))
