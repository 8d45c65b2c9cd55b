"""`ListTable`: a table that draws only the rows one sees, and of those only the ones that have changed.

Textual's DataTable repaints whole for each cell (one cell at 10 Hz costs 72% of a core): so this one is drawn by line.
The cursor belongs to a row's key, not to its place: rows may come, go and move under it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size

from hotdash.dashboard.lines import Column, Line, Row, Span, Tone, fit, fit_cell, fit_columns, text
from hotdash.dashboard.widgets.painted import GUTTER, Painted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.strip import Strip

Key = tuple[str, ...]
MARK = "◆"
_GAP = 1
_HEADING = 1  # lines


class Item(Struct, frozen=True, kw_only=True):
    """A row before it is drawn: its key, and what it shows (compared by identity: a view is kept until it changes)."""

    key: Key
    subject: object
    is_selectable: bool = True


class Order(Struct, frozen=True, kw_only=True):
    """An order in which a table can be: the title of the column whose head shows it, and what it sorts by."""

    column: str
    key: Callable[..., Any]


class ListTable(Painted):
    """A table of items; a subclass says how each is shown, and in which orders (the first is the one at the start)."""

    ORDERS: ClassVar[tuple[Order, ...]] = ()

    COMPONENT_CLASSES: ClassVar[set[str]] = {"painted--cursor", "painted--heading"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", show=False),
        Binding("down,j", "cursor(1)", show=False),
        Binding("home,g", "cursor_to(0)", show=False),
        Binding("end,G", "cursor_to(-1)", show=False),
        Binding("pageup", "cursor_page(-1)", show=False),
        Binding("pagedown", "cursor_page(1)", show=False),
        Binding("right,l", "unfold", show=False),
        Binding("left,h", "fold", show=False),
    ]

    def __init__(self, *, columns: tuple[Column, ...], widget_id: str | None = None) -> None:
        super().__init__(widget_id=widget_id)
        self.columns = columns
        self._on_selected: Callable[[ListTable], object] = lambda _: None
        self.items: tuple[Item, ...] = ()
        self.cursor_key: Key | None = None
        self.empty: tuple[Line, ...] = ()
        self.marked: frozenset[Key] = frozenset()
        self._steers = True
        self._order = 0
        self._places: dict[Key, int] = {}
        self._widths: tuple[int, ...] = ()
        self._widths_for = -1
        self._painted: dict[Key, Row] = {}

    # --- what a subclass says -----------------------------------------------------------------------------------------

    def row_of(self, item: Item) -> Row:
        """What is shown of an item."""
        raise NotImplementedError

    def instead_of(self, gone: Key, old: Sequence[Item]) -> Key | None:  # noqa: ARG002  for subclasses
        """The row to which the cursor goes when its own is gone; None for the nearest one.

        Args:
            gone: The key that is among the items no more.
            old: The items among which it was.
        """
        return None

    def renew(self) -> None:
        """Shows the rows again, in another order."""
        raise NotImplementedError

    # --- rows ---------------------------------------------------------------------------------------------------------

    @property
    def cursor(self) -> int | None:
        """The cursor's place among the items, or None where it stands on none."""
        return None if self.cursor_key is None else self._places.get(self.cursor_key)

    @property
    def cursor_item(self) -> Item | None:
        """The item under the cursor."""
        at = self.cursor
        return None if at is None else self.items[at]

    def show(self, items: Sequence[Item], *, columns: tuple[Column, ...] | None = None) -> None:
        """Takes new items, and repaints what is different and seen."""
        old, old_cursor = self.items, self.cursor
        was_seen = old_cursor is not None and self._is_seen(old_cursor)
        self.items = tuple(items)
        self._places = {item.key: at for at, item in enumerate(self.items)}
        moved = self._keep_cursor(old, old_cursor)
        if columns is not None and columns != self.columns:
            moved = True
            self.columns = columns
            self._widths_for = -1
        if len(old) != len(self.items):
            self.virtual_size = Size(0, len(self.items) + _HEADING)
        if [item.key for item in old] != [item.key for item in self.items] or moved:
            self.refresh()
            if was_seen:
                self.on_resize()
        else:
            self._refresh_where(lambda at: old[at].subject is not self.items[at].subject and self._is_stale(at))

    def refresh_live(self) -> None:
        """Repaints the seen rows whose words have changed with the time alone."""
        self._refresh_where(self._is_stale)

    def _is_stale(self, at: int) -> bool:
        """Whether a row would look different from what was painted last."""
        return self._painted.get(self.items[at].key) != self.row_of(self.items[at])

    def _refresh_where(self, has_changed: Callable[[int], bool]) -> None:
        first = self.scroll_offset.y
        for at in range(first, min(len(self.items), first + self.size.height)):
            if has_changed(at):
                self.refresh(Region(0, at - first + _HEADING, self.size.width, 1))

    def _keep_cursor(self, old: Sequence[Item], old_cursor: int | None) -> bool:
        """Puts the cursor on another row if its own is gone; returns whether it had to."""
        if self.cursor_key is None or self.cursor_key in self._places:
            return False
        wanted = self.instead_of(self.cursor_key, old)
        if wanted in self._places:
            self._put_cursor(self._places[wanted])
        else:
            self._put_cursor(self._selectable(min(old_cursor or 0, len(self.items) - 1), -1))
        return True

    # --- the cursor ---------------------------------------------------------------------------------------------------

    def tell_selected(self, listener: Callable[[ListTable], object]) -> None:
        """Calls `listener(table)` whenever another row is selected, or the table gets the focus.

        At once, and not by a message, which comes after the keys that were typed in one go: they would act on the row
        before.
        """
        self._on_selected = listener

    def select(self, key: Key) -> None:
        """Puts the cursor on a row, if there is one with this key."""
        if key in self._places:
            self._put_cursor(self._places[key])

    def ensure_cursor(self) -> None:
        """Puts the cursor on the first row if it stands on none."""
        if self.cursor is None and self.items:
            self._put_cursor(self._selectable(0, 1))

    @property
    def order(self) -> Order:
        """The order its rows are in."""
        return self.ORDERS[self._order]

    @property
    def order_words(self) -> str:
        """The order in words for the title, where the column may have no room; empty for the one at the start."""
        return f"by {self.order.column.lower()}" if self._order else ""

    def next_order(self) -> None:
        """Sorts the rows by the next order; after the last comes the first again."""
        self._order = (self._order + 1) % len(self.ORDERS)
        self.renew()
        self.refresh()

    def set_steers(self, *, on: bool) -> None:
        """Whether the cursor's row is what the right side is about; if not, it is but a place to come back to."""
        if on is not self._steers:
            self._steers = on
            self.refresh()
            if on:
                self.on_resize()
            else:
                self.scroll_to(y=0, animate=False, force=True)  # where the newest is

    def show_marked(self, keys: frozenset[Key]) -> None:
        """Shows a sign before these rows; where there is none, that takes no cell."""
        if keys != self.marked:
            self.marked = keys
            self.refresh()

    @property
    def _gutter_cells(self) -> int:
        return GUTTER + bool(self.marked)

    def action_cursor(self, step: int) -> None:
        """Moves the cursor by one selectable row."""
        at = self.cursor
        self._put_cursor(self._selectable(0, 1) if at is None else self._selectable(at + step, step))

    def action_cursor_to(self, place: int) -> None:
        """Moves the cursor to the first row (0) or the last (-1)."""
        self._put_cursor(self._selectable(0, 1) if place == 0 else self._selectable(len(self.items) - 1, -1))

    def action_cursor_page(self, direction: int) -> None:
        """Moves the cursor by a page."""
        page = max(1, self.size.height - _HEADING - 1)
        wanted = (self.cursor or 0) + direction * page
        self._put_cursor(self._selectable(max(0, min(len(self.items) - 1, wanted)), direction))

    def action_fold(self) -> None:
        """Nothing to fold, unless a subclass has it."""

    def action_unfold(self) -> None:
        """Nothing to unfold, unless a subclass has it."""

    def _selectable(self, start: int, step: int) -> int | None:
        """The first selectable place from `start` on, by `step`, else the other way; None if there is none."""
        step = 1 if step > 0 else -1
        ends = {1: len(self.items), -1: -1}
        for way in (step, -step):
            for at in range(start, ends[way], way):
                if 0 <= at < len(self.items) and self.items[at].is_selectable:
                    return at
        return None

    def _put_cursor(self, at: int | None) -> None:
        before = self.cursor
        self.cursor_key = None if at is None else self.items[at].key
        if before == at:
            return
        self.refresh()
        if at is not None:
            self._reveal(at)
        self._on_selected(self)

    def _is_seen(self, at: int) -> bool:
        top = self.scroll_offset.y
        return top <= at < top + max(1, self.size.height - _HEADING)

    def _reveal(self, at: int) -> None:
        rows = max(1, self.size.height - _HEADING)
        top = self.scroll_offset.y
        if at < top:
            self.scroll_to(y=at, animate=False, force=True)  # its bar may not be there yet
        elif at >= top + rows:
            self.scroll_to(y=at - rows + 1, animate=False, force=True)

    def on_focus(self) -> None:
        """A table with the focus has a cursor, and what it is on is what the user looks at."""
        self.ensure_cursor()
        self.refresh()
        self._on_selected(self)

    def on_blur(self) -> None:
        """The cursor's row is quieter without the focus."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Selects the row that was clicked; at its mark, folds or unfolds it."""
        at = int(event.y) - _HEADING + self.scroll_offset.y
        if event.y < _HEADING or not 0 <= at < len(self.items) or not self.items[at].is_selectable:
            return
        self._put_cursor(at)
        if event.x <= self._gutter_cells + 1:
            self.toggle(self.items[at])

    def toggle(self, item: Item) -> None:
        """Folds or unfolds an item, where a subclass has that."""

    # --- painting -----------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """The cursor stays in sight, where it says what is shown."""
        if self._steers and (at := self.cursor) is not None:
            self._reveal(at)

    def forget(self) -> None:
        """The theme has changed."""
        self._painted.clear()

    def render_line(self, y: int) -> Strip:
        """One line: the heading, a row, or nothing."""
        width = self.room
        if y == 0:
            return self.strip_of(self._heading(width), width, style=self.get_component_rich_style("painted--heading"))
        at = y - _HEADING + self.scroll_offset.y
        if at < len(self.items):
            return self._render_item(self.items[at], width)
        if not self.items and y <= len(self.empty):
            return self.strip_of(((" " * GUTTER, Tone.TEXT), *self.empty[y - 1]), width)
        return self.blank(width)

    def _render_item(self, item: Item, width: int) -> Strip:
        row = self.row_of(item)
        if len(self._painted) > 4 * self.size.height:
            self._painted.clear()  # rows long gone
        self._painted[item.key] = row
        is_cursor = item.key == self.cursor_key
        is_dim = not self._steers and not self.has_focus
        bar: Span = (("▏" if is_dim else "▌") if is_cursor else " ", Tone.ACCENT if self.has_focus else Tone.MUTED)
        style = self.get_component_rich_style("painted--cursor") if is_cursor and not is_dim else None
        mark: Line = ((MARK if item.key in self.marked else " ", Tone.ACCENT),) if self.marked else ()
        room = width - self._gutter_cells - _GAP  # a cell of air beside the scroll bar
        line = fit(row.wide, room) if row.wide else self._joined(row.cells, room)
        return self.strip_of((bar, *mark, *line), width, style=style)

    def _joined(self, cells: tuple[Line, ...], width: int) -> Line:
        line: list[Span] = []
        for column, room, cell in zip(self.columns, self._column_widths(width), cells, strict=True):
            if room:
                line.extend(fit_cell(cell, column, room))
                line.append((" " * _GAP, Tone.TEXT))
        return tuple(line)

    def _column_widths(self, width: int) -> tuple[int, ...]:
        if self._widths_for != width:
            self._widths = fit_columns(self.columns, width, gap=_GAP)
            self._widths_for = width
        return self._widths

    def _heading(self, width: int) -> Line:
        sorted_by = self.order.column if self.ORDERS else ""
        widths = self._column_widths(width - self._gutter_cells - _GAP)
        headings = tuple(
            text(f"{column.title[: max(0, room - 1)]}▾" if column.title == sorted_by else column.title, Tone.MUTED)
            for column, room in zip(self.columns, widths, strict=True)
        )
        cells = self._gutter_cells
        return ((" " * cells, Tone.MUTED), *self._joined(headings, width - cells - _GAP))
