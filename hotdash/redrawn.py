"""What is left of a line that its writer redrew: progress bars and spinners. A leaf: pure functions, any thread.

They go back to the line's start (a carriage return, or `CSI G` as npm's do) and write over what stands there; what is
longer stays behind it, as a terminal has it, unless they erase it (`CSI K`). A function that writes no newline for an
hour makes a line of 64 KiB this way, so nothing is looked at that cannot be seen.
"""

from __future__ import annotations

import re
from itertools import pairwise

MARK = "… "  # before a line of which something was written over
_CSI = "(?:\x1b\\[|\x9b)"
_SGR = re.compile(f"{_CSI}[0-9;:]{{0,64}}m")
_GO_BACK = re.compile(f"\r|{_CSI}[01]?G")
_ERASES = re.compile(f"{_CSI}([02]?)K")
_RESET = re.compile(f"{_CSI}0?m")
_COLOURS_KEPT = 32  # sequences; more than there are things to set


def is_redrawn(text: str) -> bool:
    """Whether a line goes back to its start."""
    return "\r" in text or ("G" in text and _GO_BACK.search(text) is not None)


def last_drawn(text: str, sequences: re.Pattern[str]) -> str:
    """What a terminal shows of a line in the end, in the colours in which it would.

    Args:
        text: A line.
        sequences: All escape sequences.
    """
    before, _, after = text.rpartition("\r")
    if not before and _GO_BACK.search(after) is None:  # each redrawing has a line of its own: most of a flood
        return after
    if "\x1b" not in text and "\x9b" not in text:
        return _last_plain(text)
    raw = sequences.sub(_kept, text)
    bounds = [(0, 0), *(found.span() for found in _GO_BACK.finditer(raw)), (len(raw), len(raw))]
    parts = [(left[1], right[0]) for left, right in pairwise(bounds)]
    seen: list[tuple[int, int]] = []
    covered, shown = 0, -1  # characters from the line's start; the last part with any
    at = len(parts)
    while at:
        at -= 1
        start, end = parts[at]
        part = raw[start:end]
        erases = [*_ERASES.finditer(part)] if "K" in part else []
        whole = next((found for found in reversed(erases) if found[1] == "2"), None)
        if whole is not None:
            start, part = start + whole.end(), part[whole.end() :]
        if len(part) > covered:
            size = len(sequences.sub("", part))
            if size > covered:
                seen.append((start + _offset(part, covered, sequences), end))
                covered, shown = size, at if shown < 0 else shown
        if erases:
            break
    is_hidden = any(sequences.sub("", raw[start:end]) for where, (start, end) in enumerate(parts) if where != shown)
    drawn = "".join(f"{_colours(raw, start)}{raw[start:end]}" for start, end in seen)
    return f"{MARK if is_hidden else ''}{drawn}"


def _last_plain(text: str) -> str:
    """The same for one without sequences."""
    *parts, drawn = [part for part in text.split("\r") if part] or [""]
    for part in reversed(parts):
        drawn += part[len(drawn) :]
    return f"{MARK}{drawn}" if parts else drawn


def _kept(sequence: re.Match[str]) -> str:
    """A sequence that colours, erases or goes back; nothing for another."""
    found = sequence[0]
    return found if found[-1] in "mKG" and (found[0] == "\x9b" or found[1:2] == "[") else ""


def _offset(part: str, count: int, sequences: re.Pattern[str]) -> int:
    """Where in a part the characters begin that come after the first `count`."""
    at = 0
    for found in sequences.finditer(part):
        if found.start() - at >= count:
            break
        count -= found.start() - at
        at = found.end()
    return at + count


def _colours(raw: str, end: int) -> str:
    """What sets the colours that hold at a place; nothing if none was ever set."""
    if "\x1b" not in raw and "\x9b" not in raw:
        return ""
    start = 0
    for found in _RESET.finditer(raw, 0, end):
        start = found.start()
    return "\x1b[0m" + "".join([found[0] for found in _SGR.finditer(raw, start, end)][-_COLOURS_KEPT:])
