"""`Painted`: what every line-API widget of the dashboard shares: tones become styles of the theme, lines become strips.

Runs in the screen's thread, as all widgets do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hotdash.dashboard.lines import Line, Tone

if TYPE_CHECKING:
    from collections.abc import Iterable

GUTTER = 1  # cells at the left, where a cursor's bar stands


class Painted(ScrollView, can_focus=True):
    """A scrolling widget that draws its own lines."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in Tone} | {"painted--cursor", "painted--heading"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self, *, widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self._tones: dict[Tone, Style] = {}

    def tone(self, tone: Tone) -> Style:
        """A tone's style in the theme: its colour and weight, without a background of its own."""
        style = self._tones.get(tone)
        if style is None:
            full = self.get_component_rich_style(f"tone--{tone}")
            style = Style(color=full.color, bold=full.bold, italic=full.italic, underline=full.underline)
            self._tones[tone] = style
        return style

    def segments(self, line: Line) -> Iterable[Segment]:
        """A line's spans in their styles."""
        return [Segment(content, self.tone(tone)) for content, tone in line]

    def strip_of(self, line: Line, width: int, *, style: Style | None = None) -> Strip:
        """A line as a strip of exactly `width` cells; `style` is painted below it, the widget's own if None."""
        base = self.rich_style if style is None else style
        return Strip(self.segments(line)).adjust_cell_length(width).apply_style(base)

    def notify_style_update(self) -> None:
        """Forgets the styles of the theme before."""
        super().notify_style_update()
        self._tones.clear()
        self.forget()

    def forget(self) -> None:
        """Forgets what was painted; for those that keep strips."""
