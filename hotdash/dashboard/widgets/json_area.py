"""`JsonArea`: a text area that shows JSON in colours, and marks what is searched for.

Not by Textual's own highlighter: tree-sitter (0.26 with its grammar of JSON) corrupts memory, and ends the program. No
token of JSON goes over a line's end, so a regular expression for a line is exact.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.style import Style
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from hotdash.dashboard.lines import Tone
from hotdash.dashboard.widgets.matches import spans_of

if TYPE_CHECKING:
    from rich.text import Text

    from hotdash.dashboard.filters import Filter

_MATCH = Style(reverse=True)
_TOKEN = re.compile(
    r"""(?P<label>"(?:[^"\\]|\\.)*"(?=\s*:))"""
    r"""|(?P<string>"(?:[^"\\]|\\.)*"?)"""
    r"""|(?P<number>-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"""
    r"""|(?P<word>\b(?:true|false|null)\b)"""
)
TONES = {"label": Tone.ACCENT, "string": Tone.SUCCESS, "number": Tone.WARNING, "word": Tone.WARNING}


def tokens(line: str) -> list[tuple[int, int, Tone]]:
    """The coloured parts of a line of JSON: start, end, and what they mean."""
    return [(*found.span(), TONES[found.lastgroup]) for found in _TOKEN.finditer(line) if found.lastgroup]


class JsonArea(TextArea):
    """Shows its text in colours while `is_json`."""

    is_json = False
    found: Filter | None = None

    def mark(self, found: Filter | None) -> None:
        """Marks what the filter matches; nothing if None."""
        if found != self.found:
            self.found = found
            self.notify_style_update()  # forgets the lines that it has drawn
            self.refresh()

    def get_line(self, line_index: int) -> Text:
        """A line, in its colours, matches reversed."""
        line = super().get_line(line_index)
        if self.is_json:
            for start, end, tone in tokens(line.plain):
                full = self.screen.get_component_rich_style(f"tone--{tone}")
                line.stylize(Style(color=full.color, bold=full.bold), start, end)
        if self.found is not None:
            for start, end in spans_of(self.found, line.plain):
                if self.selection != Selection((line_index, start), (line_index, end)):  # which is seen as it is
                    line.stylize(_MATCH, start, end)
        return line
