"""Paths of images in what functions print, shown as those of their sources; and where an error stands in a source.

A function of the process driver runs in a copy below the cache folder, and its tracebacks name that: long, and nothing
that one could open. This is a matter of what is shown: results and log files keep the text as it was. Pure but for
`place_of`, which looks whether files are there; any thread.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MARK = "/images/"
# Expressions are compiled when a text has something for them: `re` keeps them, and the first picture needs none.
# What the process driver's `ImageStore` names its folders: KEY-HASH/IMAGE/, or KEY-HASH/tmp-X/ while it builds.
_IMAGE = r"/images/([\w.-]{1,200}?)-[0-9a-f]{12}/(?:[0-9a-f]{16}|tmp-[0-9a-f]{12})/"
_LONGEST = 1_024  # characters of a path before that: looking back must not cost a long line its square
_BREAK = r"[\s\"'`()<>\[\]{},;\x00-\x1f\x7f-\x9f]"

_PYTHON = r'File "([^"\n]{1,1024})", line (\d{1,9})'
_COLON = r"([^\s:\"'`()<>]{1,1024}\.\w{1,16}):(\d{1,9})"
_OLDEST = 400  # lines, from the newest, in which a place is looked for


class Place(Struct, frozen=True, kw_only=True):
    """A line of a source."""

    path: Path
    line: int


def as_source(text: str) -> str:
    """A text with the paths of images as those of sources: `greet/func.py`.

    Args:
        text: A line or several, sanitized or not.
    """
    if _MARK not in text:
        return text
    parts, at = [], 0
    for found in re.finditer(_IMAGE, text):
        parts += [text[at : max(at, _begin(text, found.start()))], f"{found[1]}/"]
        at = found.end()
    return "".join([*parts, text[at:]])


def _begin(text: str, end: int) -> int:
    """Where the absolute path begins whose first part ends at `end`."""
    low = max(0, end - _LONGEST)
    quote = text.rfind('"', low, end)
    if quote >= 0 and text.startswith("/", quote + 1):  # within quotes a path may hold spaces
        return quote + 1
    run = low
    for found in re.compile(_BREAK).finditer(text, low, end):
        run = found.end()
    if text.startswith("file://", run):
        return run
    slash = text.find("/", run, end)
    return end if slash < 0 else slash


def place_of(lines: Iterable[str], folder: Path) -> Place | None:
    """Where in a function's folder an error stands; None if that is not told.

    Args:
        lines: What was printed. Python names the place of the error last; others name it first.
        folder: The function's.
    """
    newest = list(lines)[-_OLDEST:]
    text = "\n".join(newest)
    python = [place for found in re.finditer(_PYTHON, text) if (place := _place(found, folder))]
    if python:
        return python[-1]
    return next((place for found in re.finditer(_COLON, text) if (place := _place(found, folder))), None)


def _place(found: re.Match[str], folder: Path) -> Place | None:
    """A path of an image, of a container or of the folder, as a file in the folder: by as much of its end as fits."""
    parts = PurePosixPath(found[1]).parts
    for at in range(max(0, len(parts) - 12), len(parts)):
        inner = PurePosixPath(*parts[at:])
        if inner.is_absolute() or ".." in inner.parts:
            continue
        if (path := folder / inner).is_file():
            return Place(path=path, line=max(1, int(found[2])))
    return None
