"""`PastBoard`: the history in the tasks pane. Its own thread answers what is asked of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hotdash.dashboard import words
from hotdash.dashboard.actions import Pane
from hotdash.dashboard.run_lines import empty_lines, run_lines
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.screens.stats_board import StatsBoard
from hotdash.dashboard.time_bar import BAR_CELLS
from hotdash.dashboard.titles import task_counts, title_of
from hotdash.store.history.values import PastPage, PastQuery

if TYPE_CHECKING:
    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.ports import Controls
    from hotdash.dashboard.taste import Taste
    from hotdash.dashboard.widgets.list_table import ListTable
    from hotdash.dashboard.widgets.text_view import TextView
    from hotdash.store import Store, TaskView
    from hotdash.store.history import History, PastContents
    from hotdash.store.payloads import PayloadBook

_COUNT_S = 0.5  # after the first picture
_PAGE = 1_000  # tasks
_MORE = 4  # times as many as before


class PastBoard(StatsBoard):
    """The panes, and past tasks in place of this run's while one wants them.

    Args:
        store: See `BoardScreen`.
        controls: See `BoardScreen`.
        taste: See `BoardScreen`.
        book: See `BoardScreen`.
        archive: The history; None where none is kept.
    """

    def __init__(
        self,
        *,
        store: Store,
        controls: Controls,
        taste: Taste,
        book: PayloadBook | None = None,
        archive: History | None = None,
    ) -> None:
        super().__init__(store=store, controls=controls, taste=taste, book=book)
        self.archive = archive
        self.is_past = False
        self.opened: PastContents | None = None
        self._wanted: int | None = None  # the place of the task that was asked for, until it comes
        # A task, a depth, a width, what was looked for.
        self._run_shown: tuple[TaskView | None, int, int, Filter | None] = (None, 0, 0, None)
        self._below_tasks = ""
        self._seen = 0
        self._written = 0
        self._query: PastQuery | None = None  # what was asked for last
        self.past.wants_older = self._look_further
        if archive is not None:
            archive.reader.on_answer = self._answered

    def on_mount(self) -> None:
        """Asks how much there is, once the first picture is shown."""
        self.past.display = False
        if self.archive is not None:
            self.set_timer(_COUNT_S, self.archive.reader.count)

    # --- what is selected ---------------------------------------------------------------------------------------------

    @property
    def tasks_shown(self) -> ListTable:
        """The table in the tasks pane."""
        return self.past if self.is_past else self.tasks

    @property
    def tasks_note(self) -> str:
        """How many tasks of earlier runs there are, and the key that shows them."""
        earlier = self._earlier()
        return f"{self.keys.shown('toggle_past')}: {earlier:,} earlier" if earlier else ""

    @property
    def selected_task(self) -> TaskView | None:
        """The opened task of the history, else as without one."""
        if self.opened is not None and self.scope.place == self.opened.place:
            return self.opened.task
        return super().selected_task

    @property
    def no_task(self) -> str:
        """Why no key acts on a task: the pane that has the keys shows none. Empty if it does, or another has them."""
        if self.focused_pane is not Pane.TASKS or self.tasks_shown.cursor_item is not None:
            return ""
        is_filtered = self.filters[Pane.TASKS].filter is not None
        return "no task is selected: none matches the filter" if is_filtered else "no task is selected"

    @property
    def no_replay(self) -> str:
        """Why the selected task cannot be replayed; empty if it can."""
        if self.no_task:
            return self.no_task
        task = self.selected_task
        if task is None:
            return "no task to replay"
        if self.opened is not None and task is self.opened.task and not self.opened.has_payload:
            return f"its payload of {words.size(self.opened.payload_bytes)} was too large for the history to keep"
        return ""

    def _row_selected(self, table: ListTable) -> None:
        """A past task was selected: it is opened when it has come. Any other row is the board's."""
        if table is not self.past:
            super()._row_selected(table)
            return
        chosen = self.past.selected
        if chosen is not None and self.focused is self.past and self.archive is not None:
            self._wanted = chosen.place
            self.archive.reader.open(chosen.place)

    def _set_scope(self, scope: Scope) -> None:
        self._wanted = None
        if self.opened is not None and scope.place != self.opened.place:
            self.opened = None
            self._choose_lines()
        super()._set_scope(scope)

    def on_text_view_resized(self, message: TextView.Resized) -> None:
        """The bar in Run is made to measure."""
        if message.view is self.run_view:
            self._show_run()

    def on_run_view_folded(self) -> None:
        """JSON is to be shown to another depth."""
        self._show_run()

    def _show_footer(self) -> None:
        if self.past.has_focus:
            self.footer.show(Pane.HISTORY)
        else:
            super()._show_footer()

    # --- showing ------------------------------------------------------------------------------------------------------

    def toggle_past(self) -> None:
        """Shows the history, or this run's tasks again."""
        if self.archive is None:
            self.tell("no history is kept")
            return
        self.complete()
        had_focus = self.tasks_shown.has_focus
        self.is_past = not self.is_past
        self.past.display, self.tasks.display = self.is_past, not self.is_past
        self.archive.reader.count()
        self._query = None
        self._show_tasks()
        if not self.is_past and self.scope.task_id and (self.opened is not None or self._wanted is not None):
            function = self.functions.selected or (self.scope.function, "")
            self._set_scope(Scope(function=function[0], container_id=function[1]))  # the past task is shown no more
        if had_focus or self.is_past:
            self.give_focus(self.tasks_shown)

    def _answered(self) -> None:
        """The history has an answer. In its thread."""
        with suppress(RuntimeError):  # the screen's loop has just ended
            self.call_later(self._look_at_past)

    def _look_at_past(self) -> None:
        if self.archive is None or self.archive.reader.version == self._seen:
            return
        reader = self.archive.reader
        self._seen = reader.version
        self._show_tasks()
        contents = reader.contents
        if contents is not None and contents.place == self._wanted:
            self.opened = contents
            self._choose_lines()
            task = contents.task
            self._set_scope(Scope(function=task.function, task_id=task.id, place=contents.place))
        if self._choose_lines():
            self._show_right()

    def gather_marked(self) -> None:
        """Asks for what was kept of the tasks of the history that are marked; their lines come into the log."""
        places = tuple(scope.place for scope in self.marks.values() if scope.place)
        if self.archive is not None and not self.archive.reader.marked.keys() >= set(places):
            self.archive.reader.gather(places)
        self._choose_lines()

    def _choose_lines(self) -> bool:
        """Gives the log the lines of past tasks, of this run's, or of both; False if it has had the same already."""
        if self.marks and self.archive is not None:
            kept = self.archive.reader.marked
            pasts = [kept[scope.place] for scope in self.marks.values() if scope.place in kept]
            has_live = not all(scope.place for scope in self.marks.values())
        else:
            pasts, has_live = [self.opened] if self.opened is not None else [], self.opened is None
        if not self.lines.give(pasts, has_live=has_live):
            return False
        self.logs.floor = 0  # what was cleared from view was of other lines
        self.logs.show_scope(Scope())  # the one that is shown next begins anew
        return True

    def _show_run(self) -> None:
        if self.tab is not Pane.RUN:
            return
        task, view = self.selected_task, self.selected_view
        depth, width, found = self.run_view.depth, self.run_view.room or BAR_CELLS, self.run_view.found
        now = (task, depth, width, found)
        shown, self._run_shown = self._run_shown, now
        if task is None:
            self.run_view.show(empty_lines(view.key if view else None, self.keys))
            return
        if task.result is not None and shown[0] is task and shown[1:] == now[1:]:
            return  # it changes no more
        if shown[0] is None or shown[0].id != task.id:
            self.run_view.leave_match()
        past = self.opened if self.opened is not None and task is self.opened.task else None
        now_s = self.controls.now_s()
        self.run_view.show(
            run_lines(task, function=view, now_s=now_s, past=past, depth=depth, width=width, found=found)
        )

    def _renew(self) -> None:
        super()._renew()
        if self.is_past and self.archive is not None and self._query and self.archive.written != self._written:
            self._written = self.archive.written
            self.archive.reader.look(self._query)

    def _show_tasks(self) -> None:
        self._show_this_run()
        if self.is_past:
            self._show_past()
            return
        earlier, key = self._earlier(), self.keys.shown("toggle_past")
        self.tasks.set_hint(f"{key} shows {words.counted(earlier, 'task')} of earlier runs" if earlier else "")
        super()._show_tasks()

    def _show_this_run(self) -> None:
        """Below the history: what runs and waits now, which its rows do not have, and the way back to it."""
        below = ""
        if self.is_past:
            counts = task_counts(self.task_views) or "no task yet"
            below = f"this run: {counts} · {self.keys.shown('toggle_past')} shows it"
        if below != self._below_tasks:
            self._below_tasks = below
            self.boxes[2].border_subtitle = below

    def _earlier(self) -> int:
        """How many tasks of earlier runs there are of the functions whose tasks are shown."""
        if self.archive is None:
            return 0
        counts = self.archive.reader.earlier
        if self.shows_all_tasks:
            return sum(counts.values())
        return sum(counts.get(str(view.spec.folder), 0) for view in self.task_views)

    def _show_past(self) -> None:
        if self.archive is None:
            return
        view = None if self.shows_all_tasks else next(iter(self.task_views), None)
        folder = str(view.spec.folder) if view is not None else ""
        reader = self.archive.reader
        order = self.past.past_order
        if self._query is None or (folder, order) != (self._query.folder, self._query.order):
            self._query = PastQuery(folder=folder, limit=_PAGE, order=order)
            reader.look(self._query)
        found = self.filters[Pane.TASKS].filter
        page = reader.page if reader.page.query.folder == folder else PastPage()
        self.past.show_page(page, found, is_named=view is None)
        self.past.ensure_cursor()
        lost = f"{self.archive.dropped:,} not kept" if self.archive.dropped else ""
        parts = (
            f"2 History · {title_of(view.key) if view is not None else 'all functions'}",
            f"/{title_of(found.typed)}" if found else "",
            self.past.order_words,
            f"{words.counted(page.total, 'task')}, {self._earlier():,} earlier",
            lost,
        )
        self._entitle(2, " · ".join(filter(None, parts)))

    def _look_further(self) -> None:
        if self.archive is not None and self._query is not None:
            self._query = replace(self._query, limit=_MORE * self._query.limit)
            self.archive.reader.look(self._query)
