"""`FindKeys`: the filter of each pane, and the keys that go among what it matches.

Tables and Logs hide what a filter does not match; panes of text mark its matches among all their lines, and hide the
others only once they are asked to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hotdash.dashboard.action import Pane
from hotdash.dashboard.filters import TOO_SLOW_WHY, parse_filter
from hotdash.dashboard.finding import Finding, parse_search
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.dashboard.widgets.filter_bar import FilterBar

if TYPE_CHECKING:
    from textual.widget import Widget

_NO_FILTER = {
    Pane.STATS: "Stats draws all of what is selected: a container of it, in Functions, has figures of its own",
}


class Searched(Protocol):
    """A view in whose text one can search."""

    @property
    def finding(self) -> Finding:
        """How the search stands."""
        ...

    def go_to_match(self, direction: int) -> bool:
        """Goes to the next match (1), or the one before (-1); False if there is none."""
        ...


class FindKeys(PayloadBoard):
    """The board, with filters."""

    @property
    def searched(self) -> Searched | None:
        """The view of the open tab, if one can search in it."""
        views: dict[Pane, Searched] = {
            Pane.LOGS: self.logs,
            Pane.RUN: self.run_view,
            Pane.PAYLOAD: self.payload,
            Pane.DEPLOYS: self.deploys,
        }
        return views.get(self.tab)

    @property
    def finding(self) -> Finding:
        """How the search in the open tab stands."""
        view = self.searched
        return Finding() if view is None else view.finding

    def action_filter(self) -> None:
        """Opens the focused pane's filter."""
        self.complete()
        pane = self.focused_pane
        if pane in _NO_FILTER:
            self.tell(_NO_FILTER[pane])
            return
        if pane not in self.filters:  # of a tab: made once one wants it
            parse = parse_search if pane is Pane.PAYLOAD else parse_filter
            self.filters[pane] = FilterBar(parse=parse, widget_id=f"{pane.lower()}-filter")
            self.boxes[3].mount(self.filters[pane])
        self.filters[pane].open()

    def action_find(self) -> None:
        """The same where `/` is typed as text."""
        self.action_filter()

    def action_find_next(self) -> None:
        """Goes to the next match where `n` is typed as text."""
        self.action_next_match()

    def action_find_previous(self) -> None:
        """Goes to the match before where `N` is typed as text."""
        self.action_next_match(-1)

    def action_previous_match(self) -> None:
        """Goes to the match before."""
        self.action_next_match(-1)

    def action_next_match(self, direction: int = 1) -> None:
        """Goes to the filter's next match in the open tab, or the one before."""
        view = self.searched
        if view is None:
            self.tell(_NO_FILTER.get(self.tab, "nothing to search in"))
        elif view.finding.found is None:
            key = self.keys.shown("find" if self.tab is Pane.PAYLOAD else "filter")
            self.tell(f"nothing is searched for: {key} does")
        elif view.finding.found.is_too_slow:
            self.tell(f"the filter is {TOO_SLOW_WHY}")
        elif not view.go_to_match(direction):
            self.tell("nothing matches" if self.tab is Pane.PAYLOAD else "no line matches")
        self._show_note()

    def action_toggle_hiding(self) -> None:
        """Marks the filter's matches among all lines, or hides the others."""
        if self.tab is Pane.LOGS:
            self.logs.set_hiding(on=not self.logs.buffer.is_hiding)
            self._show_logs_empty()
        elif self.tab is Pane.RUN:
            self.run_view.set_hiding(on=not self.run_view.is_hiding)
            self._show_run()
        else:
            self.tell("Logs and Run can show all lines, or only those that match")
        self._show_note()

    # --- what is typed ------------------------------------------------------------------------------------------------

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        """Another filter holds in one of the panes, or it has given up."""
        found = message.bar.filter
        if found is not None and found.is_too_slow and not message.bar.display:
            self.tell(f"the filter is {TOO_SLOW_WHY}", is_odd=True)
        pane = self._pane_of(message.bar)
        if pane is Pane.LOGS:
            self.logs.set_filter(found)
            self._show_logs_empty()
        elif pane is Pane.RUN:
            self.run_view.set_filter(found)
            self._show_run()
            self.run_view.go_to_first()
        elif pane is Pane.PAYLOAD:
            self.payload.set_filter(found)
        elif pane is Pane.DEPLOYS:
            self.deploys.set_filter(found)
        else:
            self._show_functions()
            self._show_tasks()
        self._show_note()

    def on_filter_bar_done(self, message: FilterBar.Done) -> None:
        """Back from the filter to its pane."""
        pane = self._pane_of(message.bar)
        if pane is Pane.PAYLOAD:
            self.payload.focus_found()
            return
        widgets: dict[Pane, Widget] = {
            Pane.FUNCTIONS: self.functions,
            Pane.TASKS: self.tasks_shown,
            Pane.LOGS: self.logs,
            Pane.RUN: self.run_view,
            Pane.DEPLOYS: self.deploys.table,
        }
        self.give_focus(widgets[pane])

    def _pane_of(self, bar: FilterBar) -> Pane:
        return next(pane for pane, own in self.filters.items() if own is bar)
