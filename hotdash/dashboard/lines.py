"""Text with meaning, as plain values: what presentation makes and widgets paint. Any thread.

A `Tone` says what a piece of text means; only the style sheet knows which colour of the theme that is.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct
from rich.cells import cell_len, chop_cells, set_cell_size


class Tone(StrEnum):
    """What a piece of text means; the style sheet has a class `tone--…` for each."""

    TEXT = "text"
    STRONG = "strong"
    MUTED = "muted"
    ACCENT = "accent"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    TASK_0 = "task-0"
    TASK_1 = "task-1"
    TASK_2 = "task-2"
    TASK_3 = "task-3"
    TASK_4 = "task-4"


TASK_TONES = (Tone.TASK_0, Tone.TASK_1, Tone.TASK_2, Tone.TASK_3, Tone.TASK_4)

_WORD = re.compile("[^ ]+ ?| ")

Span = tuple[str, Tone]
Line = tuple[Span, ...]


class Column(Struct, frozen=True, kw_only=True):
    """A column of a table.

    Args:
        title: Its heading.
        width: Cells; for the one that stretches, the least it may have.
        stretch: Whether it takes what the others leave.
        right: Whether its text stands to the right.
        keep: Those with the smallest go first where there is no room; 9 never goes.
        cut: The place in a cell of the span that is cut where there is no room, so that what stands behind it stays;
            None for what stands last.
    """

    title: str
    width: int
    stretch: bool = False
    right: bool = False
    keep: int = 9
    cut: int | None = None


class Row(Struct, frozen=True, kw_only=True):
    """What a table shows of one item: cells, or (`wide`) one line across all columns."""

    cells: tuple[Line, ...] = ()
    wide: Line = ()

    def __str__(self) -> str:
        """Its words, for filters."""
        return unstyled(self.wide) if self.wide else "  ".join(unstyled(cell) for cell in self.cells)


def text(content: str, tone: Tone = Tone.TEXT) -> Line:
    """A line of one span."""
    return ((content, tone),)


def width_of(line: Line) -> int:
    """The cells that a line takes."""
    return sum(cell_len(content) for content, _ in line)


def unstyled(line: Line) -> str:
    """A line's text alone."""
    return "".join(content for content, _ in line)


def fit(line: Line, width: int, *, right: bool = False) -> Line:
    """The line in exactly `width` cells: padded, or cut with `…`."""
    if width <= 0:
        return ()
    used = width_of(line)
    if used <= width:
        pad = " " * (width - used)
        if right or not line:
            return ((pad, Tone.TEXT), *line)
        *before, (last, tone) = line
        return (*before, (last + pad, tone))  # one span fewer to paint
    kept: list[Span] = []
    room = width - 1
    for content, tone in line:
        taken = cell_len(content)
        if taken > room:
            kept.append((set_cell_size(content, room) + "…", tone))
            break
        kept.append((content, tone))
        room -= taken
    return tuple(kept)


def fit_cell(cell: Line, column: Column, width: int) -> Line:
    """A cell in exactly `width` cells, as its column says: a name is cut, a mark behind it never."""
    over = width_of(cell) - width
    if column.cut is not None and over > 0 and width > 0 and column.cut < len(cell) - 1:
        name, tone = cell[column.cut]
        short = unstyled(fit(((name, tone),), max(1, cell_len(name) - over)))
        cell = (*cell[: column.cut], (short, tone), *cell[column.cut + 1 :])
    return fit(cell, width, right=column.right)


def fit_columns(columns: tuple[Column, ...], width: int, *, gap: int) -> tuple[int, ...]:
    """Cells for each column within `width`; 0 for one that has no room.

    Args:
        columns: At most one stretches.
        width: Cells in all.
        gap: Cells between two columns.
    """
    shown = list(range(len(columns)))

    def needed() -> int:
        return sum(columns[at].width for at in shown) + gap * (len(shown) - 1)

    while needed() > width:
        least = min(shown, key=lambda at: (columns[at].keep, -at))
        if columns[least].keep >= 9:
            break
        shown.remove(least)
    spare = width - needed()
    return tuple(
        0 if at not in shown else max(1, column.width + spare) if column.stretch else column.width
        for at, column in enumerate(columns)
    )


def wrap_cuts(content: str, width: int, rest_width: int = 0) -> list[int]:
    """Where a text is cut into rows: the cells at which all rows but the first begin.

    Args:
        content: One clean line.
        width: Cells of the first row.
        rest_width: Cells of the others; the same if 0.
    """
    if len(content) * 2 <= width:
        return []
    rest_width = rest_width or width
    if not content.isascii():
        return _wide_cuts(content, width, rest_width)
    cuts: list[int] = []
    at, room, length = 0, width, len(content)
    while length - at > room:
        space = content.rfind(" ", at + 1, at + room + 1)
        at = at + room if space < at + room // 3 else space + 1  # a long word is cut where the row ends
        cuts.append(at)
        room = rest_width
    return cuts


def _wide_cuts(content: str, width: int, rest_width: int) -> list[int]:
    """The same where characters are not all one cell wide: never within a character."""
    if cell_len(content) <= width:
        return []
    cuts: list[int] = []
    at, row_at, room = 0, 0, width

    def cut() -> None:
        nonlocal row_at, room
        cuts.append(at)
        row_at, room = at, rest_width

    for word in _WORD.findall(content):  # with the space behind it, which may hang over the row's end
        if at - row_at + cell_len(word.rstrip(" ")) > room and at - row_at > room // 3:
            cut()
        *full, last = _pieces(word, room - (at - row_at), rest_width)
        for piece in full:
            at += cell_len(piece)
            cut()
        at += cell_len(last)
    return cuts


def _pieces(word: str, left: int, rest_width: int) -> list[str]:
    """A word in one piece if it fits what is left of the row; else cut where the rows end."""
    if cell_len(word.rstrip(" ")) <= left:
        return [word]
    first = chop_cells(word, left)[0] if left > 1 else ""
    return [first, *chop_cells(word[len(first) :], rest_width)]
