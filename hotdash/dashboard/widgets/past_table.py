"""`PastTable`: tasks of the history, the newest first, or as they are asked for. Its rows do not change."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from rich.cells import cell_len

from hotdash.dashboard import words
from hotdash.dashboard.lines import Column, Row, Tone, text
from hotdash.dashboard.presentation import ONE_FUNCTION_PAST_COLUMNS, PAST_COLUMNS, past_cells
from hotdash.dashboard.widgets.list_table import Item, ListTable, Order
from hotdash.sanitize import plain
from hotdash.store.history.values import PastOrder, PastPage, PastTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.dashboard.filters import Filter


_SORTED = 6  # a column's `keep`: before a task's id and how long it ran, behind its function


def _as_it_came(_task: object) -> int:
    return 0


class PastTable(ListTable):
    """Keys: `("past", place, function, id)`, and `("older",)` for those that were not asked for yet."""

    # The database sorts: over all tasks there are, not over those that are here.
    ORDERS: ClassVar[tuple[Order, ...]] = tuple(
        Order(column=column, key=_as_it_came) for column in ("ENDED", "RAN", "WAITED", "STATE", "SIZE")
    )

    def __init__(
        self,
        *,
        time_s: Callable[[], float] = time.time,
        local_time: Callable[[float], time.struct_time] = time.localtime,
        widget_id: str | None = None,
    ) -> None:
        super().__init__(columns=ONE_FUNCTION_PAST_COLUMNS, widget_id=widget_id)
        self._time_s = time_s
        self._local_time = local_time
        self._is_named = False
        self._needed: tuple[PastPage | None, dict[str, int]] = (None, {})
        self.wants_older: Callable[[], None] = lambda: None

    def show_page(self, page: PastPage, found: Filter | None, *, is_named: bool) -> None:
        """Shows the tasks of a page that the filter lets through; with a column of names if `is_named`."""
        self._is_named = is_named
        self._measure(page)
        kept = {item.key: item.subject for item in self.items}
        items: list[Item] = []
        for past in page.tasks:
            key = ("past", str(past.place), past.task.function, past.task.id)
            known = kept.get(key)  # the same object where it is the same task: its row is not painted again
            items.append(Item(key=key, subject=known if known == past else past))
        if found is not None:
            items = found.kept(items, lambda item: str(self.row_of(item)))
        if page.total > len(page.tasks):
            items.append(Item(key=("older",), subject=page.total - len(page.tasks)))
        said = "no task of the history matches the filter" if found is not None else "the history has no task of it"
        self.empty = (((said, Tone.MUTED),),)
        self.show(items, columns=self._columns(PAST_COLUMNS if is_named else ONE_FUNCTION_PAST_COLUMNS))

    def _columns(self, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        """The columns, no wider than they need to be; the one that is sorted by goes before lesser ones."""
        needed, sorted_by = self._needed[1], self.order.column
        return tuple(
            replace(
                column,
                width=min(column.width, max(needed.get(column.title, column.width), len(column.title) + 1)),
                keep=max(column.keep, _SORTED) if column.title == sorted_by else column.keep,
            )
            for column in columns
        )

    def _measure(self, page: PastPage) -> None:
        """The cells that a page's words take, in the columns where they may take few: so others have more room."""
        if self._needed[0] is page or not page.tasks:
            return
        ends = [past.ended_time_s for past in page.tasks]
        moments = [words.moment(end, self._time_s(), self._local_time) for end in (min(ends), max(ends))]
        is_today = all(":" in moment[:3] for moment in moments)
        results = [past.task.result for past in page.tasks]
        self._needed = (
            page,
            {
                "FUNCTION": max(cell_len(plain(name)) for name in {past.task.function for past in page.tasks}),
                "STATE": 2 + max(len(result.status) for result in results if result is not None),
                "ENDED": max(map(len, moments)) if is_today else len("26 Nov 14:03"),
            },
        )

    @property
    def selected(self) -> PastTask | None:
        """The task under the cursor."""
        item = self.cursor_item
        return item.subject if item is not None and isinstance(item.subject, PastTask) else None

    @property
    def past_order(self) -> PastOrder:
        """The order that its title and its column's head tell, to be asked for."""
        return PastOrder(self.order.column.lower())

    def renew(self) -> None:
        """Nothing yet: what is asked for in another order comes as a page."""

    def row_of(self, item: Item) -> Row:
        """A task's row, or the one that stands for older ones."""
        if isinstance(item.subject, PastTask):
            ended = words.moment(item.subject.ended_time_s, self._time_s(), self._local_time)
            return Row(cells=past_cells(item.subject, ended=ended, is_named=self._is_named))
        assert isinstance(item.subject, int)  # noqa: S101  there is no third kind
        older = words.counted(item.subject, "older task" if self.past_order is PastOrder.ENDED else "more task")
        return Row(wide=((f"  … {older}", Tone.WARNING), *text("  → shows more", Tone.MUTED)))

    def action_unfold(self) -> None:
        """Asks for older ones."""
        self.wants_older()
