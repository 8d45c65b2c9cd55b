"""`DeploysPane`: the Deploys tab: a function's revisions, and below them all there is to tell of the selected one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.containers import Vertical

from hotdash.dashboard.deploy_lines import detail_lines
from hotdash.dashboard.finding import Finding
from hotdash.dashboard.widgets.deploys_table import DeploysTable
from hotdash.dashboard.widgets.text_view import TextView

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from textual.app import ComposeResult

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.widgets.list_table import ListTable
    from hotdash.store import DeployView, FunctionView


class DeploysPane(Vertical):
    """The list has the focus; the text can be scrolled once it has. Nothing is worked out while it is not displayed."""

    def __init__(self, *, now_s: Callable[[], float], widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self.table = DeploysTable(now_s=now_s, widget_id="deploys-table")
        self.table.tell_selected(self._row_selected)
        self._found: Filter | None = None
        self.detail = TextView(widget_id="deploys-detail")
        self._now_s = now_s
        self._view: FunctionView | None = None

    def compose(self) -> ComposeResult:
        """The list above the text."""
        yield self.table
        yield self.detail

    def focus(self, scroll_visible: bool = True) -> Self:
        """Gives the focus to the list."""
        self.table.focus(scroll_visible)
        return self

    def show(self, view: FunctionView | None) -> None:
        """Shows a function's deploys; again and again, as the time passes."""
        if self.display:
            self._view = view
            self.table.show_deploys(view, self._found)
            self.table.refresh_live()
            self._show_detail()

    @property
    def finding(self) -> Finding:
        """How the search stands: how many deploys the list has; once one goes among them, the matches in the text."""
        told = self.detail.finding
        if not told.hit:
            told = Finding(hits=len(self.table.items), unit="deploy")
        return replace(told, found=self._found, is_hiding=True)

    def set_filter(self, found: Filter | None) -> None:
        """Shows only the deploys that match, and marks the matches in what is told of the selected one."""
        self._found = found
        self.detail.set_filter(None if found is not None and found.inverted else found)
        self.show(self._view)

    def go_to_match(self, direction: int) -> bool:
        """Goes to the next match in the text, or the one before; False if there is none."""
        return self.detail.go_to_match(direction)

    @property
    def selected(self) -> DeployView | None:
        """The selected deploy."""
        return self.table.selected

    def _row_selected(self, _: ListTable) -> None:
        """Another deploy is selected."""
        self.detail.scroll_home(animate=False)
        self.detail.leave_match()
        self._show_detail()

    def _show_detail(self) -> None:
        """While the selected one builds, its newest output is seen."""
        deploy = self.selected
        view = self._view
        is_hidden = deploy is None and view is not None and bool(view.deploys)  # by the filter: the list says so
        told = [] if view is None or is_hidden else detail_lines(view, deploy, now_s=self._now_s())
        self.detail.show(told)
        if deploy is not None and deploy.is_running and not self.detail.has_focus:
            self.detail.scroll_end(animate=False)
