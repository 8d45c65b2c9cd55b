"""`LogBoard`: what the board tells of its log beside the lines, and what the log is of. `BoardScreen` has the panes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard.action import Pane
from hotdash.dashboard.finding import finding_line
from hotdash.dashboard.lines import Line, Tone, unstyled
from hotdash.dashboard.log_words import LogFacts, empty_log, failed_in, log_follows, log_modes
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.screens.telling import TellingScreen
from hotdash.dashboard.titles import title_of
from hotdash.store import Snapshot

if TYPE_CHECKING:
    from textual.containers import Vertical

    from hotdash.dashboard.finding import Finding
    from hotdash.dashboard.ports import Controls
    from hotdash.dashboard.widgets.bars import TabBar
    from hotdash.dashboard.widgets.list_table import Key
    from hotdash.dashboard.widgets.log_view import LogView
    from hotdash.store import TaskView


class LogBoard(TellingScreen):
    """A screen with a log. The widgets are made by its subclass."""

    logs: LogView
    tabs: TabBar
    boxes: dict[int, Vertical]

    def __init__(self, *, controls: Controls) -> None:
        super().__init__(controls=controls)
        self.snapshot = Snapshot(version=-1)
        self.scope = Scope()
        self.marks: dict[Key, Scope] = {}
        self.tab = Pane.LOGS
        self.is_frozen = False
        self._below = ""

    @property
    def selected_task(self) -> TaskView | None:
        """The task that is meant by what is selected."""
        raise NotImplementedError

    @property
    def log_scope(self) -> Scope:
        """What the log is of: what is selected, or all that is marked."""
        return Scope(marked=tuple(self.marks.values())) if self.marks else self.scope

    @property
    def log_facts(self) -> LogFacts:
        """What there is to tell of the log beside its lines."""
        return LogFacts(
            finding=self.logs.finding,
            is_behind=self.logs.buffer.is_behind,
            errors_only=self.logs.buffer.errors_only,
            is_cleared=bool(self.logs.floor),
            dropped=self.snapshot.lines_dropped,
            follow=self.logs.follow,
            unseen=self.logs.unseen,
            is_frozen=self.is_frozen,
        )

    @property
    def finding(self) -> Finding:
        """How the search in the open tab stands."""
        raise NotImplementedError

    def _show_note(self) -> None:
        """At the right of the tabs: whether the log follows, what is searched for and hides lines, if there is room.

        Where there is not, that stands below the pane: nobody is to take a part of the lines for all of them.
        """
        below = ""
        note: Line
        if self.tab is Pane.LOGS:
            modes, note = log_modes(self.log_facts), log_follows(self.log_facts)
        else:
            modes, note = finding_line(self.finding), (("frozen", Tone.WARNING),) if self.is_frozen else ()
        if self.tabs.has_room_for((*modes, *note)):
            note = (*modes, *note)
        else:
            below = title_of(unstyled(modes).rstrip())
            if self.tab is Pane.LOGS and not self.tabs.has_room_for(note):
                note = log_follows(self.log_facts, is_short=True)
        self.tabs.show(self.tab, note)
        if below != self._below:
            self._below = below
            self.boxes[3].border_subtitle = below

    def _show_logs_empty(self) -> None:
        task = self.selected_task if self.log_scope.task_id else None
        buffer = self.logs.buffer
        is_told = buffer.errors_only and not buffer.shown
        failed = failed_in(self.log_scope, self.snapshot) if is_told else 0
        self.logs.set_empty(empty_log(self.log_scope, task, self.log_facts, has_lines=bool(len(buffer)), failed=failed))

    def on_resize(self) -> None:
        """There may be more room beside the tabs, or less."""
        self.call_after_refresh(self._show_note)

    def on_log_view_changed(self) -> None:
        """The log follows, or does not any more, or has new lines."""
        self._show_note()
