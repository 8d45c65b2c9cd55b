"""`StatsBoard`: the board with its Stats tab, which is drawn once a second, and only while it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard.action import Pane
from hotdash.dashboard.run_lines import empty_lines
from hotdash.dashboard.screens.board import BoardScreen

if TYPE_CHECKING:
    from hotdash.dashboard.scope import Scope
    from hotdash.dashboard.widgets.text_view import TextView


class StatsBoard(BoardScreen):
    """The panes, and what the Stats tab shows."""

    def _renew(self) -> None:
        super()._renew()
        if not self.is_frozen:
            self.show_stats()

    def _set_scope(self, scope: Scope) -> None:
        super()._set_scope(scope)
        self.show_stats()

    def show_stats(self) -> None:
        """Draws the plots of what is selected as they are now."""
        view = self.selected_view
        if self.tab is not Pane.STATS:
            return
        if view is None:
            self.stats.show(empty_lines(None, self.keys))
            return
        from hotdash.dashboard.stats_lines import stats_lines  # noqa: PLC0415  not for the first picture

        now_s, container_id = self.controls.now_s(), self.scope.container_id
        series = self.store.series(now_s, view.key, container_id)
        width = self.stats.room - 1
        self.stats.show(stats_lines(view, series, container_id=container_id, width=width, now_s=now_s))

    def on_text_view_resized(self, message: TextView.Resized) -> None:
        """Plots are as wide as their pane."""
        if message.view is self.stats:
            self.show_stats()
