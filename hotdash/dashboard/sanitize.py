"""The styled form of `hotdash.sanitize`: a function's own colours (SGR) are kept, all other control goes.

Pure; any thread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.color import Color
from rich.style import Style

from hotdash.sanitize import SEQUENCES, SGR, TAB, in_the_end, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_SWITCHES: dict[int, Style] = {
    1: Style(bold=True),
    2: Style(dim=True),
    3: Style(italic=True),
    4: Style(underline=True),
    7: Style(reverse=True),
    9: Style(strike=True),
    21: Style(underline=True),
    22: Style(bold=False, dim=False),
    23: Style(italic=False),
    24: Style(underline=False),
    27: Style(reverse=False),
    29: Style(strike=False),
}
_NOTHING = Style()


def styled(text: str) -> list[tuple[str, Style]]:
    """One line in pieces of one style each. The pieces' texts are as `plain` makes them.

    Args:
        text: Anything at all. Blinking and hidden text are shown plainly.
    """
    if "\x1b" not in text and "\x9b" not in text:
        return [(plain(text), _NOTHING)]
    if "\r" in text or "G" in text:
        text = in_the_end(text)
    if "\t" in text:
        text = _expanded(text)
    pieces: list[tuple[str, Style]] = []
    style, at = _NOTHING, 0
    for found in SGR.finditer(text):
        _add(pieces, text[at : found.start()], style)
        style = _after(style, found[1])
        at = found.end()
    _add(pieces, text[at:], style)
    return pieces


def _expanded(text: str) -> str:
    """The line with spaces for its tabs, its sequences left where they are: they take no column, as for `plain`."""
    column, at, expanded = 0, 0, []
    for start, end in (*(found.span() for found in SEQUENCES.finditer(text)), (len(text), len(text))):
        shown = (" " * (column % TAB) + text[at:start]).expandtabs(TAB)[column % TAB :]
        column += len(shown)
        expanded += [shown, text[start:end]]
        at = end
    return "".join(expanded)


def _add(pieces: list[tuple[str, Style]], raw: str, style: Style) -> None:
    if shown := plain(raw):
        pieces.append((shown, style))


def _after(style: Style, parameters: str) -> Style:
    """The style that holds after one SGR sequence."""
    codes = iter([int(code) if code else 0 for code in re.split("[;:]", parameters)])
    for code in codes:
        if code == 0:
            style = _NOTHING
        elif code in _SWITCHES:
            style += _SWITCHES[code]
        elif code in {38, 48}:
            style += _extended(codes, is_background=code == 48)
        elif code in {39, 49}:
            style += Style(color="default") if code == 39 else Style(bgcolor="default")
        else:
            style += _standard(code)
    return style


def _standard(code: int) -> Style:
    """Colours 0 to 15; nothing for a code that is unknown, blinks or hides."""
    for start, offset, is_background in ((30, 0, False), (40, 0, True), (90, 8, False), (100, 8, True)):
        if start <= code < start + 8:
            return _coloured(Color.from_ansi(code - start + offset), is_background=is_background)
    return _NOTHING


def _extended(codes: Iterator[int], *, is_background: bool) -> Style:
    """`38;5;N` and `38;2;R;G;B`; nothing if it is neither."""
    kind = next(codes, None)
    if kind == 5:
        number = next(codes, 0)
        return _coloured(Color.from_ansi(number), is_background=is_background) if number < 256 else _NOTHING
    if kind == 2:
        red, green, blue = (min(255, next(codes, 0)) for _ in range(3))
        return _coloured(Color.from_rgb(red, green, blue), is_background=is_background)
    return _NOTHING


def _coloured(color: Color, *, is_background: bool) -> Style:
    return Style(bgcolor=color) if is_background else Style(color=color)
