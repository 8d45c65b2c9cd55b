"""`TasksTable`: running tasks, then those that wait (the next one first), then the ended ones, the newest first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from hotdash.dashboard import words
from hotdash.dashboard.lines import Row, Tone
from hotdash.dashboard.presentation import (
    ONE_FUNCTION_TASK_COLUMNS,
    TASK_COLUMNS,
    more_queued,
    task_cells,
    task_ran_s,
    task_waited_s,
)
from hotdash.dashboard.widgets.list_table import Item, ListTable, Order
from hotdash.store import TaskView
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotdash.dashboard.filters import Filter
    from hotdash.store import FunctionView

_QUEUED_SHOWN = 5  # while folded: what has ended stays in sight below a long queue

_ENDED_SHOWN = 1_000  # in all; the store keeps as many of each function
_ENDED_LEAST = 50


class TasksTable(ListTable):
    """Tasks of one function or of all. Keys: `("task", f, id)`, and `("more",)` for the queued ones not shown."""

    ORDERS: ClassVar[tuple[Order, ...]] = (
        Order(column="STATE", key=lambda _task, _now_s: 0),  # running, queued, ended
        Order(column="RAN", key=lambda task, now_s: -(task_ran_s(task, now_s) or 0.0)),
        Order(column="WAITED", key=lambda task, now_s: -task_waited_s(task, now_s)),
        Order(column="ANSWER, WHY", key=lambda task, _now_s: _rank_of_end(task)),
    )

    def __init__(
        self,
        *,
        now_s: Callable[[], float],
        time_s: Callable[[], float] = time.time,
        local_time: Callable[[float], time.struct_time] = time.localtime,
        widget_id: str | None = None,
    ) -> None:
        super().__init__(columns=ONE_FUNCTION_TASK_COLUMNS, widget_id=widget_id)
        self._time_s = time_s
        self._local_time = local_time
        self._now_s = now_s
        self._is_unfolded = False
        self._is_named = False
        self._functions: dict[str, FunctionView] = {}
        self._filter: Filter | None = None
        self._hint = ""
        self.total = 0

    def show_functions(self, functions: Sequence[FunctionView], found: Filter | None, *, is_named: bool) -> None:
        """Shows the tasks of these functions that the filter lets through; with a column of names if `is_named`."""
        self._functions = {view.key: view for view in functions}
        self._filter, self._is_named = found, is_named
        items = self._items(functions)
        self.total = len(items)
        if found is not None:
            items = found.kept(items, lambda item: str(self.row_of(item)))
        said = (
            "no task matches the filter" if found is not None else "no tasks yet: enter invokes the selected function"
        )
        self.empty = (((said, Tone.MUTED),), ((self._hint, Tone.MUTED),))
        self.show(items, columns=TASK_COLUMNS if is_named else ONE_FUNCTION_TASK_COLUMNS)

    def set_hint(self, said: str) -> None:
        """What an empty table says, too."""
        if said != self._hint:
            self._hint = said
            self.refresh()

    @property
    def selected(self) -> TaskView | None:
        """The task under the cursor."""
        item = self.cursor_item
        return item.subject if item is not None and isinstance(item.subject, TaskView) else None

    def go_to(self, function: str, task_id: str) -> None:
        """Puts the cursor on a task, if the filter lets it through; unfolds the queue where it is among the hidden."""
        key = ("task", function, task_id)
        if all(item.key != key for item in self.items):
            self._fold(is_unfolded=True)
        self.select(key)

    def row_of(self, item: Item) -> Row:
        """A task's row."""
        if isinstance(item.subject, int):
            return Row(wide=more_queued(item.subject))
        task = item.subject
        assert isinstance(task, TaskView)  # noqa: S101  there is no third kind
        function = self._functions[task.function]
        called = words.clock(task.queued_time_s, self._time_s(), self._local_time)
        cells = task_cells(task, function=function, now_s=self._now_s(), is_named=self._is_named, called=called)
        return Row(cells=cells)

    def renew(self) -> None:
        """See `ListTable`."""
        self.show_functions(tuple(self._functions.values()), self._filter, is_named=self._is_named)

    def action_unfold(self) -> None:
        """Shows all that wait."""
        self._fold(is_unfolded=True)

    def action_fold(self) -> None:
        """Shows only the first that wait."""
        self._fold(is_unfolded=False)

    def _fold(self, *, is_unfolded: bool) -> None:
        self._is_unfolded = is_unfolded
        self.renew()

    def _items(self, functions: Sequence[FunctionView]) -> list[Item]:
        is_one = len(functions) == 1
        running = [task for view in functions for task in view.running]
        queued = [task for view in functions for task in view.queued]
        kept = max(_ENDED_LEAST, _ENDED_SHOWN // max(1, len(functions)))
        ended = [task for view in functions for task in view.ended[-kept:]]
        if not is_one:
            running.sort(key=_started_s)
            queued.sort(key=_queued_s)
            ended.sort(key=_ended_s)
        if self.order is not self.ORDERS[0]:
            key, now_s = self.order.key, self._now_s()
            tasks = (*running, *queued, *reversed(ended))
            return [_item(task) for task in sorted(tasks, key=lambda task: key(task, now_s))]
        hidden = 0 if self._is_unfolded or self._filter is not None else max(0, len(queued) - _QUEUED_SHOWN - 1)
        shown = queued[: len(queued) - hidden]
        items = [_item(task) for task in (*running, *shown)]
        if hidden:
            items.append(Item(key=("more",), subject=hidden))
        items.extend(_item(task) for task in reversed(ended))
        return items


def _item(task: TaskView) -> Item:
    return Item(key=("task", task.function, task.id), subject=task)


def _rank_of_end(task: TaskView) -> int:
    """Failed ones first, then the cancelled, then what has no answer yet, then the good ones."""
    if task.result is None:
        return 2
    return {TaskStatus.SUCCESS: 3, TaskStatus.CANCELLED: 1}.get(task.result.status, 0)


def _queued_s(task: TaskView) -> float:
    return task.queued_at_s


def _started_s(task: TaskView) -> float:
    return task.started_at_s or 0.0


def _ended_s(task: TaskView) -> float:
    return task.ended_at_s or 0.0
