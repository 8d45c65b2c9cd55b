"""Causes in few words: the runtime's sentences tell all, a row has room for the telling part. Pure; any thread."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hotdash.dashboard.source_paths import as_source
from hotdash.sanitize import plain, plain_lines
from hotdash.states import ContainerState

if TYPE_CHECKING:
    from collections.abc import Collection

    from hotdash.store import FunctionView

_LAST_STDERR = "; its last stderr: "
_LINE_MARK = " ⏎ "  # between those last lines
_AGAIN = "); trying again"
# Expressions are compiled when there is a first cause to tell: `re` keeps them, and the first picture needs none.
_LAUNCHER = r"^.*? (?:cannot run|does not start): "
_STARTS = r"^\d+ starts in a row failed(?:; the last: | \()"
_EXIT = r"\b(?:exited with code \d+|was killed by SIG\w+|ran out of memory(?: \([^)]*\))?)"

_EXCEPTION = r"[\w.]*(?:Error|Exception|Interrupt)\b"

# A task's error begins so: what is said instead, from the match's groups.
_SHORT: tuple[tuple[str, str], ...] = (
    (r"the container exited with code (\d+)", r"exit code \1"),
    (r"the container was killed by (SIG\w+)", r"\1"),
    (r"the container ran out of memory", "out of memory"),
    (r"the container closed its stdout", "closed its stdout"),
    (r"the container was killed by the user", "killed"),
    (r"not an answer in its format", "not an answer"),
    (r"cancelled by its caller", "cancelled by you"),
    (r"no answer within the function's (timeout of [\d.e+]+ s)", r"\1"),
    (r"the caller's (timeout of [\d.e+]+ s)", r"caller's \1"),
    (r"(?:the function )?answered \d+ (?=\S)", ""),
)


def short_cause(text: str) -> str:
    """Why a task failed, in few words: `KeyError: 'n' (exit code 1)`, `SIGSEGV`, `not an answer`; or its first line.

    Args:
        text: The error as the runtime tells it.
    """
    first = as_source(text.strip().split("\n", 1)[0])
    inner = re.sub(_LAUNCHER, "", first, count=1)
    if (bare := re.sub(_STARTS, "", inner, count=1)) != inner:
        return f"does not start: {short_cause(bare)}"
    for pattern, short in _SHORT:
        if (found := re.match(pattern, inner)) is not None:
            cause = found.expand(short) or plain(inner[found.end() :])
            last = _last_said(inner) if re.search(_EXIT, inner) else ""
            if re.match(_EXCEPTION, last):  # it tells more than how the process ended
                return f"{last} ({cause})"
            return f"{cause}: {last}" if last else cause
    return plain(inner)


def row_cause(text: str) -> str:
    """Why a deploy or a function failed, for one row: how the process ended, then the last line that it wrote."""
    cause = as_source(text.strip())
    also = "; trying again" if cause.endswith(_AGAIN) else ""
    head, _, said = cause.removesuffix(_AGAIN).partition(_LAST_STDERR)
    if (found := re.search(_EXIT, head)) is None:
        return plain(cause.split("\n", 1)[0])
    last = said.split(_LINE_MARK)[-1].strip() or _last_printed(head[found.end() :])
    return plain(f"{found[0]}: {last}{also}" if last else f"{found[0]}{also}")


def cause_lines(text: str, *, shown: Collection[str] = ()) -> list[str]:
    """A cause whole, in clean lines; each line of stderr that it quotes is one.

    Args:
        text: The cause as the runtime tells it.
        shown: Lines of stderr that are shown beside it: if those quoted are among them, they are not shown twice.
    """
    head, mark, said = as_source(text.strip()).partition(_LAST_STDERR)
    lines = plain_lines(head)
    if mark and not set(said.split(_LINE_MARK)) <= set(map(as_source, shown)):
        lines.append("its last stderr:")
        lines += [f"│ {plain(line)}" for line in said.split(_LINE_MARK)]
    return lines


def _last_said(text: str) -> str:
    """The last line of stderr that a cause quotes, clean; empty if it quotes none."""
    return plain(text.partition(_LAST_STDERR)[2].removesuffix(_AGAIN).split(_LINE_MARK)[-1].strip())


def short_why(view: FunctionView) -> str:
    """Why a function's tasks wait for a container, in a few words; empty if nothing was decided yet."""
    if not view.why.startswith("max_concurrency"):
        return plain(view.why)
    starting = view.count(ContainerState.STARTING)
    also = f", {starting} starting" if starting else ""
    return f"{view.count(ContainerState.BUSY)}/{view.spec.max_concurrency} busy{also} (max_concurrency)"


def _last_printed(tail: str) -> str:
    """The last line of what a build command printed: it is quoted behind a colon."""
    lines = [line for line in tail.splitlines() if line.strip(" :")] if tail.startswith(":") else []
    return lines[-1].strip(" :") if lines else ""
