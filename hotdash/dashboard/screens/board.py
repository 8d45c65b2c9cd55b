"""`BoardScreen`: the panes, and how they are kept true. `MainScreen` adds what the keys do.

The store says when it has something new; then a snapshot is taken, ten times a second at most, and only panes that are
seen are given it. A timer, once a second, renews figures and ages. Where nothing happens nothing else is done.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Container, Vertical
from textual.widgets import Input

from hotdash.dashboard.actions import Pane
from hotdash.dashboard.changes import ChangeWatch
from hotdash.dashboard.deploys import DeployWatch
from hotdash.dashboard.figures_watch import LAST_S, FiguresWatch
from hotdash.dashboard.invoker import Invoker, newest, newest_of_container
from hotdash.dashboard.past_lines import LineSource
from hotdash.dashboard.presentation import HeaderFacts
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.screens.log_board import LogBoard
from hotdash.dashboard.task_starts import TaskStarts
from hotdash.dashboard.titles import functions_title, notice_line, tasks_title, title_of
from hotdash.dashboard.trouble import trouble_lines
from hotdash.dashboard.welcome import welcome_lines
from hotdash.dashboard.widgets.bars import FooterBar, HeaderBar, TabBar
from hotdash.dashboard.widgets.deploys_pane import DeploysPane
from hotdash.dashboard.widgets.filter_bar import FilterBar
from hotdash.dashboard.widgets.functions_table import FunctionsTable
from hotdash.dashboard.widgets.list_table import ListTable
from hotdash.dashboard.widgets.log_view import LogView
from hotdash.dashboard.widgets.painted import TONE_CLASSES
from hotdash.dashboard.widgets.past_table import PastTable
from hotdash.dashboard.widgets.payload_pane import PayloadPane
from hotdash.dashboard.widgets.run_view import RunView
from hotdash.dashboard.widgets.tasks_table import TasksTable
from hotdash.dashboard.widgets.text_view import TextView

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer
    from textual.widget import Widget

    from hotdash.dashboard.ports import Controls
    from hotdash.dashboard.taste import Taste
    from hotdash.store import FunctionView, Store, TaskView
    from hotdash.store.payloads import PayloadBook

PULL_S = 0.1  # how often a snapshot is taken at most
FLOOD_LINES = 500  # so many in one pull are a flood: every row is another one each time, so that painting costs most
FLOOD_PULL_S = 0.15  # and how often it is taken then: the newest line is still no older than a quarter of a second
FIGURES_S = 1.0
_SLACK_S = 0.01  # a timer may be a little early


class BoardScreen(LogBoard):
    """Header, functions, tasks, logs, run, footer."""

    COMPONENT_CLASSES: ClassVar[set[str]] = TONE_CLASSES
    AUTO_FOCUS: ClassVar[str | None] = "#functions"  # not the first that could have it, and then this one

    def __init__(self, *, store: Store, controls: Controls, taste: Taste, book: PayloadBook | None = None) -> None:
        super().__init__(controls=controls)
        self.store = store
        self.taste = taste
        self.keys = taste.keys
        self.book = book
        self.invoker = Invoker(controls=controls, book=book, folder_of=self._folder_of)
        self.shows_all_tasks = False
        self.header = HeaderBar(widget_id="header")
        self.notices = TextView(widget_id="notices")
        self.functions = FunctionsTable(now_s=controls.now_s, widget_id="functions")
        self.tasks = TasksTable(now_s=controls.now_s, widget_id="tasks")
        self.trouble = TextView(widget_id="trouble")
        self.past = PastTable(widget_id="past")
        for table in (self.functions, self.tasks, self.past):
            table.tell_selected(self._row_selected)
        self.lines = LineSource(store)
        self.logs = LogView(store=self.lines, started_s=TaskStarts(snapshot=lambda: self.snapshot), widget_id="logs")
        self.logs.buffer.capacity = max(self.logs.buffer.capacity, taste.settings.limits.log_lines)
        self.run_view = RunView(widget_id="run")
        self.payload = PayloadPane(widget_id="payload-pane")
        self.stats = TextView(widget_id="stats")
        self.deploys = DeploysPane(now_s=controls.now_s, widget_id="deploys")
        self.views: dict[Pane, Widget] = {
            Pane.LOGS: self.logs,
            Pane.RUN: self.run_view,
            Pane.PAYLOAD: self.payload,
            Pane.STATS: self.stats,
            Pane.DEPLOYS: self.deploys,
        }
        self.tabs = TabBar(tabs=tuple(self.views), widget_id="tabs")
        self.welcome = TextView(widget_id="welcome")
        self.footer = FooterBar(keys=taste.keys, widget_id="footer")
        self.filters = {
            Pane.FUNCTIONS: FilterBar(widget_id="functions-filter"),
            Pane.TASKS: FilterBar(widget_id="tasks-filter"),
            Pane.LOGS: FilterBar(widget_id="logs-filter"),
        }
        self.first_tab = Pane[taste.settings.layout.tab.upper()]
        self.boxes = {
            1: Vertical(self.functions, id="functions-box", classes="pane"),
            2: Vertical(self.tasks, id="tasks-box", classes="pane"),
            3: Vertical(self.tabs, self.views[self.first_tab], id="right-box", classes="pane"),
        }
        self._is_complete = False
        self._titles: dict[int, str] = {}
        self._deploys = DeployWatch()
        self._changes = ChangeWatch()
        self._pulled_s = float("-inf")
        self._later: Timer | None = None
        self._pause_s = PULL_S
        self._changed_s = float("-inf")
        self._rates = FiguresWatch(store=store)

    def compose(self) -> ComposeResult:
        """The picture of the design's section 8."""
        yield self.header
        yield self.notices
        with Container(id="body"):
            yield Vertical(self.boxes[1], self.boxes[2], id="left")
            yield self.boxes[3]
        yield self.footer

    def complete(self) -> None:
        """Adds, once, what the first picture does not show: styling it all would make that a fifth later.

        A key that comes before the picture and wants any of it calls this itself.
        """
        if self._is_complete or not self.boxes[3].is_attached:
            return
        self._is_complete = True
        self.boxes[1].mount(self.filters[Pane.FUNCTIONS])
        self.boxes[2].mount(self.past, self.filters[Pane.TASKS])
        self.boxes[3].mount(self.trouble, after=self.tabs)
        hidden = [view for pane, view in self.views.items() if pane is not self.first_tab]
        self.boxes[3].mount(*hidden, self.filters[Pane.LOGS])
        self.mount(self.welcome, before=self.footer)

    def on_mount(self) -> None:
        """Shows what is there, and starts the two timers."""
        self.call_after_refresh(self.complete)
        self.trouble.can_focus = self.notices.can_focus = self.welcome.can_focus = False
        self.trouble.display = False
        self.tab = self.first_tab
        for pane, view in self.views.items():
            view.display = pane is self.tab
        self.functions.focus()
        self._pull()
        self._renew()
        self.set_interval(FIGURES_S, self._renew)

    # --- timers -------------------------------------------------------------------------------------------------------

    def _woken(self) -> None:
        """The store has something new. In its thread, or any."""
        with suppress(RuntimeError):  # the screen's loop has just ended
            self.call_later(self._look)

    def _look(self) -> None:
        """Takes a snapshot if there is a new one to take, or does so once the last was long enough ago."""
        if self.is_frozen or self._later is not None:
            return
        wait_s = self._pulled_s + self._pause_s - self.controls.now_s()
        if wait_s > _SLACK_S:
            self._later = self.set_timer(wait_s, self._look_now)
        elif self.store.version != self.snapshot.version:
            self._pull()

    def _look_now(self) -> None:
        self._later = None
        self._look()

    def _pull(self) -> None:
        self._pulled_s = self._changed_s = self.controls.now_s()
        self.snapshot = self.store.snapshot()
        self._show_functions()
        self._show_tasks()
        self._show_right()
        self._show_header()
        for told in (*self._changes.told(self.snapshot, self._pulled_s), *self._deploys.told(self.snapshot)):
            self.tell(told.text, is_bad=told.is_bad, is_odd=told.is_odd, is_news=True)
        self.store.tell_once(self._woken, after=self.snapshot.version)

    def _renew(self) -> None:
        """Once a second: rates, ages, and what no event tells of."""
        if self.is_frozen:
            return
        now_s = self.controls.now_s()
        if now_s - self._changed_s < LAST_S:
            self.functions.show_depths(self._rates.renew(self.snapshot, now_s))
            self.functions.show_memory(self._rates.figures.memory_bytes)
        self._show_header()
        self.functions.refresh_live()
        self.tasks.refresh_live()
        self._show_run()
        self.deploys.show(self.selected_view)
        self._show_trouble()
        self._show_note()

    # --- panes --------------------------------------------------------------------------------------------------------

    def _show_header(self) -> None:
        facts = HeaderFacts(
            driver_name=self.controls.driver_name,
            driver_note=self.controls.driver_note,
            watching=self.controls.watching,
            is_frozen=self.is_frozen,
            snapshot=self.snapshot,
            figures=self._rates.figures,
        )
        self.header.show(facts)
        is_empty = not self.snapshot.functions and self.controls.has_read
        if is_empty is not self.has_class("-empty"):
            self.set_class(is_empty, "-empty")
            self.functions.focus()
            self._show_footer()
        if is_empty:
            self.welcome.show(tuple(welcome_lines(self.controls, self.keys)))
        notices = () if is_empty else self.controls.notices()
        self.notices.show(tuple(notice_line(notice) for notice in notices))
        self.notices.display = bool(notices)

    def _entitle(self, number: int, title: str) -> None:
        """Sets a pane's title if it is another one: setting it paints the pane and all in it."""
        if self._titles.get(number) != title:
            self._titles[number] = title
            self.boxes[number].border_title = title

    def _show_functions(self) -> None:
        found = self.filters[Pane.FUNCTIONS].filter
        self.functions.show_snapshot(self.snapshot, found)
        self.functions.ensure_cursor()
        views = self.snapshot.functions
        self._entitle(1, functions_title(len(views), found, self.functions.order_words))

    def _show_tasks(self) -> None:
        found = self.filters[Pane.TASKS].filter
        views = self.task_views
        self.tasks.show_functions(views, found, is_named=self.shows_all_tasks)
        order = self.tasks.order_words
        self._entitle(2, tasks_title(views, found, order, self.tasks_note, is_all=self.shows_all_tasks))

    def _show_right(self) -> None:
        shown = self.log_scope if self.tab is Pane.LOGS else self.scope
        self._entitle(3, f"3 {title_of(shown.title)}")
        self._show_trouble()
        self._pause_s = PULL_S
        if self.tab is Pane.LOGS:
            self.logs.show_scope(self.log_scope)
            if not self.is_frozen and self.logs.pull() > FLOOD_LINES:
                self._pause_s = FLOOD_PULL_S
            self._show_logs_empty()
        self._show_run()
        self.deploys.show(self.selected_view)
        self._show_note()

    def _show_trouble(self) -> None:
        view = self.selected_view
        is_whole = not self.marks and self.scope.is_whole
        lines = trouble_lines(view, now_s=self.controls.now_s()) if view is not None and is_whole else []
        is_building = view is not None and view.is_building
        self.trouble.show(lines)
        self.trouble.display = bool(lines) and self.tab is Pane.LOGS
        if is_building:
            self.trouble.scroll_end(animate=False)

    def _show_run(self) -> None:
        raise NotImplementedError

    def _show_footer(self) -> None:
        if self.has_class("-empty"):
            self.footer.show(Pane.EMPTY)
        else:
            self.footer.show(Pane.FILTER if isinstance(self.focused, Input) else self.focused_pane)

    # --- what is selected ---------------------------------------------------------------------------------------------

    @property
    def selected_view(self) -> FunctionView | None:
        """The selected function as of the last snapshot."""
        return self.snapshot.functions.get(self.scope.function)

    def view_or_say(self) -> FunctionView | None:
        """The selected function; says so if none is."""
        view = self.selected_view
        if view is None:
            self.tell("no function is selected")
        return view

    @property
    def selected_task(self) -> TaskView | None:
        """The selected task; the selected container's newest; or the last one invoked of the selected function."""
        view = self.selected_view
        if view is None:
            return None
        if self.scope.task_id:
            chosen = self.tasks.selected
            return (
                chosen if chosen is not None and chosen.id == self.scope.task_id else newest(view, self.scope.task_id)
            )
        if self.scope.container_id:
            return newest_of_container(view, self.scope.container_id)
        return newest(view, self.invoker.last_task(view.key))

    def _folder_of(self, function: str) -> str:
        view = self.snapshot.functions.get(function)
        return str(view.spec.folder) if view is not None else ""

    @property
    def task_views(self) -> tuple[FunctionView, ...]:
        """The functions whose tasks are shown."""
        if self.shows_all_tasks:
            return tuple(self.snapshot.functions.values())
        selected = self.functions.selected
        view = self.snapshot.functions.get(selected[0]) if selected else None
        return (view,) if view is not None else ()

    @property
    def tasks_note(self) -> str:
        """What the tasks pane's title says at its end."""
        return ""

    @property
    def tasks_shown(self) -> ListTable:
        """The table in the tasks pane."""
        return self.tasks

    @property
    def focused_pane(self) -> Pane:
        """The pane that has the focus, or had it last."""
        focused: Widget | None = self.focused
        for pane, bar in self.filters.items():
            if focused is not None and bar in focused.ancestors:
                return pane
        if focused in {self.tasks, self.past}:
            return Pane.TASKS
        if focused is not None and self.views[self.tab] in focused.ancestors_with_self:
            return self.tab
        return Pane.FUNCTIONS

    def _row_selected(self, table: ListTable) -> None:
        """A row was selected: it says what the right side is about, if its table has the focus."""
        if table is self.functions:
            self._show_tasks()
        if table is self.functions and self.focused is not self.tasks_shown:
            function, container_id = self.functions.selected or ("", "")
            self._set_scope(Scope(function=function, container_id=container_id))
        elif table is self.focused is self.tasks and (task := self.tasks.selected) is not None:
            self._set_scope(Scope(function=task.function, task_id=task.id))

    def unmark(self) -> bool:
        """Takes all marks away; False if there were none."""
        if not self.marks:
            return False
        self.marks.clear()
        self.show_marks()
        return True

    def show_marks(self) -> None:
        """Shows the marks before their rows, and what is marked in the log."""
        tables = {"function": self.functions, "container": self.functions, "task": self.tasks, "past": self.past}
        for table in (self.functions, self.tasks, self.past):
            table.show_marked(frozenset(key for key in self.marks if tables[key[0]] is table))
        self.gather_marked()
        self._show_right()

    def gather_marked(self) -> None:
        """Brings the lines of what is marked into the log, where it has not got them."""

    def give_focus(self, widget: Widget) -> None:
        """Puts the focus on a widget at once, with what that selects: the next key may have come already."""
        self.set_focus(widget)
        if isinstance(widget, ListTable):
            widget.ensure_cursor()
            self._row_selected(widget)

    def _set_scope(self, scope: Scope) -> None:
        if scope != self.scope:
            self.scope = scope
            self._show_right()

    def on_descendant_focus(self) -> None:
        """The footer tells the focused pane's keys."""
        self._show_footer()
