"""Words for where Textual reads markup, and for the line of notices. Pure; any thread."""

from __future__ import annotations

from hotdash.dashboard.lines import Line, Tone
from hotdash.sanitize import plain


def title_of(words: str) -> str:
    """Titles are markup to Textual: what is not hotdash's own must not be read as such."""
    return plain(words).replace("\\", "\\\\").replace("[", r"\[")


def notice_line(notice: str) -> Line:
    """What is wrong outside any one function."""
    return ((" ! ", Tone.ERROR), (plain(notice), Tone.TEXT))
