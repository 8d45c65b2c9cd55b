"""`Painted`: what every line-API widget of the dashboard shares: tones become styles of the theme, lines become strips.

Runs in the screen's thread, as all widgets do.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hotdash.dashboard.lines import Line, Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The screen has them, not each widget: styling fifteen classes for each of ten widgets doubles the time to first paint.
TONE_CLASSES: set[str] = {f"tone--{tone}" for tone in Tone}
_PIECE = 1_000  # characters
_JOINS = frozenset({"Mn", "Me", "Mc", "Cf", "Sk", "So"})  # what may stand in one cell with its neighbour: emoji, too
GUTTER = 1  # cells at the left, where a cursor's bar stands


class Painted(ScrollView, can_focus=True):
    """A scrolling widget that draws its own lines. Its screen has `TONE_CLASSES` among its component classes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_by(1)", show=False),
        Binding("k,up", "scroll_by(-1)", show=False),
        Binding("g,home", "scroll_far(0)", show=False),
        Binding("G,end", "scroll_far(1)", show=False),
    ]

    ALLOW_SELECT: ClassVar[bool] = False  # `Selectable` is for text

    def __init__(self, *, widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self._tones: dict[tuple[Tone, Style], Style] = {}
        self._base: Style | None = None

    def action_scroll_by(self, rows: int) -> None:
        """Scrolls by some rows, at once: an animation would still run when the next key comes."""
        self.scroll_relative(y=rows, animate=False)

    def action_scroll_far(self, end: int) -> None:
        """Scrolls to the first row (0) or the last (1)."""
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False)

    @property
    def room(self) -> int:
        """The cells there are to draw in, beside the scroll bar."""
        return self.scrollable_content_region.width

    @property
    def base(self) -> Style:
        """The widget's own style; Textual's `rich_style` asks all ancestors each time."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def tone(self, tone: Tone, base: Style | None = None) -> Style:
        """A tone's style in the theme, on the background of `base`, or of the widget."""
        base = self.base if base is None else base
        style = self._tones.get((tone, base))
        if style is None:
            full = self.screen.get_component_rich_style(f"tone--{tone}")
            own = Style(color=full.color, bold=full.bold, italic=full.italic, underline=full.underline)
            style = self._tones[tone, base] = base + own
        return style

    def segments(self, line: Line, base: Style | None = None) -> list[Segment]:
        """A line's spans in their styles."""
        return [Segment(content, self.tone(tone, base)) for content, tone in line if content]

    def strip_of(self, line: Line, width: int, *, style: Style | None = None) -> Strip:
        """A line as a strip of exactly `width` cells; `style` is painted below it, the widget's own if None."""
        return padded(self.segments(line, style), width, self.base if style is None else style)

    def blank(self, width: int) -> Strip:
        """An empty row."""
        return Strip.blank(width, self.base)

    def notify_style_update(self) -> None:
        """Forgets the styles of the theme before."""
        super().notify_style_update()
        self._tones.clear()
        self._base = None
        self.forget()

    def forget(self) -> None:
        """Forgets what was painted; for those that keep strips."""


def padded(segments: list[Segment], width: int, style: Style) -> Strip:
    """Segments as a strip of exactly `width` cells. Strips are dear to make: this makes one where it can."""
    used = sum(segment.cell_length for segment in segments)
    if used < width:
        segments.append(Segment(" " * (width - used), style))
    strip = Strip(segments, max(used, width))
    return strip if used <= width else strip.crop(0, width)


def divided(segments: Iterable[Segment], cuts: Sequence[int]) -> list[list[Segment]]:
    """Segments cut at these cells.

    Rich looks at all the rest of a segment for each cut: in one of 64 KiB that takes half a second.
    """
    pieces = [piece for segment in segments for piece in _pieces(segment)]
    return list(Segment.divide(pieces, [*cuts, sum(piece.cell_length for piece in pieces)]))


def _pieces(segment: Segment) -> Iterable[Segment]:
    text, style, _ = segment
    at = 0
    while len(text) - at > 2 * _PIECE:
        end = at + _PIECE
        while end < at + 2 * _PIECE and not text[end].isascii() and unicodedata.category(text[end]) in _JOINS:
            end += 1
        yield Segment(text[at:end], style)
        at = end
    yield Segment(text[at:], style)
