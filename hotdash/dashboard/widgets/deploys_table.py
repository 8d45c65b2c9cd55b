"""`DeploysTable`: a function's deploys, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard.deploy_lines import DEPLOY_COLUMNS, deploy_cells
from hotdash.dashboard.lines import Row, Tone
from hotdash.dashboard.widgets.list_table import Item, ListTable
from hotdash.sanitize import plain
from hotdash.store import DeployView

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.dashboard.filters import Filter
    from hotdash.store import FunctionView


class DeploysTable(ListTable):
    """Keys: `("deploy", function, place)`. The cursor stays with the newest until it is moved away from it."""

    def __init__(self, *, now_s: Callable[[], float], widget_id: str | None = None) -> None:
        super().__init__(columns=DEPLOY_COLUMNS, widget_id=widget_id)
        self._now_s = now_s
        self._function = ""

    def show_deploys(self, view: FunctionView | None, found: Filter | None = None) -> None:
        """Shows a function's deploys that the filter lets through: by their rows, causes and files."""
        function = "" if view is None else view.key
        follows = function != self._function or self.cursor in {None, 0}
        self._function = function
        deploys = () if view is None else view.deploys[::-1]
        items = [Item(key=("deploy", function, str(deploy.seq)), subject=deploy) for deploy in deploys]
        if found is not None:
            items = found.kept(items, self._words_of)
        said = "no deploy matches the filter" if deploys else "nothing has been deployed yet"
        self.empty = (((said, Tone.MUTED),),)
        self.show(items)
        if follows and self.items:
            self.select(self.items[0].key)

    @property
    def selected(self) -> DeployView | None:
        """The deploy under the cursor."""
        item = self.cursor_item
        return item.subject if item is not None and isinstance(item.subject, DeployView) else None

    def _words_of(self, item: Item) -> str:
        """A deploy's words, for filters: also those for which its row has no room."""
        assert isinstance(item.subject, DeployView)  # noqa: S101  there is no other kind
        files = (change.path for change in item.subject.occasion.changes)
        return "  ".join((str(self.row_of(item)), *map(plain, (item.subject.error, *files))))

    def row_of(self, item: Item) -> Row:
        """A deploy's row."""
        assert isinstance(item.subject, DeployView)  # noqa: S101  there is no other kind
        return Row(cells=deploy_cells(item.subject, now_s=self._now_s()))
