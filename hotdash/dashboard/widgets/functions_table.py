"""`FunctionsTable`: the functions, below each its containers, below those what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from hotdash.dashboard.deploy_lines import waiting_line
from hotdash.dashboard.lines import Line, Row, Tone, unstyled
from hotdash.dashboard.presentation import (
    FUNCTION_COLUMNS,
    container_cells,
    function_cells,
    trouble_line,
    troubles,
    warnings,
)
from hotdash.dashboard.widgets.list_table import Item, Key, ListTable, Order
from hotdash.store import ContainerView, FunctionView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hotdash.dashboard.filters import Filter
    from hotdash.store import Snapshot


class Trouble(Struct, frozen=True, kw_only=True):
    """A row that says what is wrong with the function above it, or odd."""

    reason: str
    tone: Tone = Tone.ERROR


class Note(Struct, frozen=True, kw_only=True):
    """A row that says what goes on with the function above it."""

    line: Line


class FunctionsTable(ListTable):
    """Functions and containers.

    Keys: `("function", f)`, `("container", f, id)`, `("trouble", f, n)`, `("note", f)`.
    """

    ORDERS: ClassVar[tuple[Order, ...]] = (
        Order(column="FUNCTION", key=lambda view: view.key),
        Order(column="STATE", key=lambda view: (not troubles(view), str(view.state) == "ready", view.key)),
        Order(column="HOT", key=lambda view: (-view.hot, view.key)),
        Order(column="QUEUE", key=lambda view: (-view.queue_depth, view.key)),
    )

    def __init__(self, *, now_s: Callable[[], float], widget_id: str | None = None) -> None:
        super().__init__(columns=FUNCTION_COLUMNS, widget_id=widget_id)
        self._now_s = now_s
        self._folded: set[str] = set()
        self._snapshot: Snapshot | None = None
        self._filter: Filter | None = None
        self._depths: Mapping[str, tuple[int, ...]] = {}
        self._memory: Mapping[str, int] = {}
        self._troubles: dict[str, tuple[FunctionView, tuple[Trouble, ...]]] = {}
        self._notes: dict[str, Note] = {}

    def show_snapshot(self, snapshot: Snapshot, found: Filter | None) -> None:
        """Shows the functions of a snapshot that the filter lets through (by themselves or by one of their rows)."""
        self._snapshot, self._filter = snapshot, found
        views = sorted(snapshot.functions.values(), key=self.order.key)
        items = [item for view in views for item in self._items_of(view)]
        if found is not None:
            shown = {item.key[1] for item in found.kept(items, lambda item: str(self.row_of(item)))}
            items = [item for item in items if item.key[1] in shown]
        words = "no function matches the filter" if snapshot.functions else "looking for functions …"
        self.empty = (((words, Tone.MUTED),),)
        self._troubles = {key: kept for key, kept in self._troubles.items() if key in snapshot.functions}
        self.show(items)

    def renew(self) -> None:
        """See `ListTable`."""
        if self._snapshot is not None:
            self.show_snapshot(self._snapshot, self._filter)

    def show_depths(self, depths: Mapping[str, tuple[int, ...]]) -> None:
        """Takes the queues' last seconds by function, for the sparklines."""
        self._depths = depths

    def show_memory(self, memory_bytes: Mapping[str, int]) -> None:
        """Takes what each container uses, by its id."""
        self._memory = memory_bytes

    def show_notes(self, lines: Mapping[str, Line]) -> None:
        """Shows a line below each of these functions, by their keys; none below the others."""
        if lines != {function: note.line for function, note in self._notes.items()}:
            kept = self._notes  # the same object where it says the same: its row is not painted again
            self._notes = {
                function: kept[function] if function in kept and kept[function].line == line else Note(line=line)
                for function, line in lines.items()
            }
            self.renew()

    @property
    def selected(self) -> tuple[str, str] | None:
        """The selected function's key, and the container's id (empty where none is selected)."""
        if self.cursor_key is None:
            return None
        return self.cursor_key[1], self.cursor_key[2] if self.cursor_key[0] == "container" else ""

    def row_of(self, item: Item) -> Row:
        """A function's, a container's or a trouble's row."""
        subject = item.subject
        if isinstance(subject, FunctionView):
            depths = self._depths.get(subject.key, ())
            is_open = subject.key not in self._folded
            return Row(cells=function_cells(subject, now_s=self._now_s(), depths=depths, is_open=is_open))
        if isinstance(subject, ContainerView):
            return Row(cells=container_cells(subject, now_s=self._now_s(), memory_bytes=self._memory.get(subject.id)))
        if isinstance(subject, Note):
            return Row(wide=(("    └ ", Tone.MUTED), *subject.line))
        assert isinstance(subject, Trouble)  # noqa: S101  there is no fifth kind
        return Row(wide=trouble_line(subject.reason, subject.tone))

    def instead_of(self, gone: Key, old: Sequence[Item]) -> Key | None:
        """A container's function; a function's nearest neighbour, the next one rather than the one before."""
        names = [item.key[1] for item in old if item.key[0] == "function"]
        if gone[1] not in names:
            return None
        at = names.index(gone[1])
        left = {item.key[1] for item in self.items}
        nearest = sorted(range(len(names)), key=lambda other: (abs(other - at), other < at))
        return next((("function", names[other]) for other in nearest if names[other] in left), None)

    def action_fold(self) -> None:
        """Hides the selected function's containers."""
        self._fold(is_open=False)

    def action_unfold(self) -> None:
        """Shows the selected function's containers."""
        self._fold(is_open=True)

    def toggle(self, item: Item) -> None:
        """A click on a function's mark."""
        if item.key[0] == "function":
            self._fold(is_open=item.key[1] in self._folded)

    def _fold(self, *, is_open: bool) -> None:
        if self.cursor_key is None or self._snapshot is None:
            return
        key = self.cursor_key[1]
        (self._folded.discard if is_open else self._folded.add)(key)
        if not is_open:
            self.select(("function", key))
        self.renew()
        self.refresh()

    def _items_of(self, view: FunctionView) -> Iterable[Item]:
        yield Item(key=("function", view.key), subject=view)
        if (note := self._notes.get(view.key)) is not None:
            yield Item(key=("note", view.key), subject=note, is_selectable=False)
        if view.key not in self._folded:
            for container in view.containers:
                yield Item(key=("container", view.key, container.id), subject=container)
        for number, trouble in enumerate(self._troubles_of(view)):
            yield Item(key=_trouble_key(view, number), subject=trouble, is_selectable=False)

    def _troubles_of(self, view: FunctionView) -> tuple[Trouble, ...]:
        """The same objects for the same view, so that an unchanged row is not painted again."""
        kept = self._troubles.get(view.key)
        if kept is None or kept[0] is not view:
            wrong = (Trouble(reason=reason) for reason in troubles(view))
            odd = (Trouble(reason=reason, tone=Tone.WARNING) for reason in warnings(view))
            waits = (Trouble(reason=unstyled(line), tone=Tone.WARNING) for line in (waiting_line(view),) if line)
            kept = (view, (*wrong, *waits, *odd))
            self._troubles[view.key] = kept
        return kept[1]


def _trouble_key(view: FunctionView, number: int) -> Key:
    return ("trouble", view.key, str(number))
