"""`DeploysTable`: a function's deploys, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard.deploy_lines import DEPLOY_COLUMNS, deploy_cells
from hotdash.dashboard.lines import Row, Tone
from hotdash.dashboard.widgets.list_table import Item, ListTable
from hotdash.store import DeployView

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.store import FunctionView


class DeploysTable(ListTable):
    """Keys: `("deploy", function, place)`. The cursor stays with the newest until it is moved away from it."""

    def __init__(self, *, now_s: Callable[[], float], widget_id: str | None = None) -> None:
        super().__init__(columns=DEPLOY_COLUMNS, widget_id=widget_id)
        self._now_s = now_s
        self._function = ""
        self.empty = ((("nothing has been deployed yet", Tone.MUTED),),)

    def show_deploys(self, view: FunctionView | None) -> None:
        """Shows a function's deploys."""
        function = "" if view is None else view.key
        follows = function != self._function or self.cursor in {None, 0}
        self._function = function
        deploys = () if view is None else view.deploys[::-1]
        self.show([Item(key=("deploy", function, str(deploy.seq)), subject=deploy) for deploy in deploys])
        if follows and self.items:
            self.select(self.items[0].key)

    @property
    def selected(self) -> DeployView | None:
        """The deploy under the cursor."""
        item = self.cursor_item
        return item.subject if item is not None and isinstance(item.subject, DeployView) else None

    def row_of(self, item: Item) -> Row:
        """A deploy's row."""
        assert isinstance(item.subject, DeployView)  # noqa: S101  there is no other kind
        return Row(cells=deploy_cells(item.subject, now_s=self._now_s()))
