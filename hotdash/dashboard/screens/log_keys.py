"""`LogKeys`: what the keys of the log do, those that mark rows, and the one that freezes the screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.action import Pane
from hotdash.dashboard.log_file_text import file_name, file_text
from hotdash.dashboard.scope import scope_of
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from pathlib import Path


class LogKeys(PayloadBoard):
    """The board with the keys of its log."""

    # --- what is shown ------------------------------------------------------------------------------------------------

    def action_toggle_follow(self) -> None:
        """Follows the log, or stays."""
        self.logs.set_follow(on=not self.logs.follow)

    def action_toggle_wrap(self) -> None:
        """Wraps long lines, or cuts them."""
        self.logs.set_wrap(on=not self.logs.wrap)
        self.tell("long lines are wrapped" if self.logs.wrap else "long lines are cut; ← → move sideways")

    def action_toggle_times(self) -> None:
        """No times, times of day, times since the task's start."""
        self.logs.next_times()

    def action_toggle_errors(self) -> None:
        """Shows only lines that tell of an error, or all."""
        self.logs.set_errors_only(on=not self.logs.buffer.errors_only)
        self._log_changed()

    def action_clear_log(self) -> None:
        """Hides the lines so far, or brings them back."""
        self.logs.clear_view()
        self._log_changed()

    def action_next_error(self) -> None:
        """Goes to the next line that tells of an error."""
        if self.tab is Pane.LOGS and not self.logs.go_to_error():
            self.tell("no line tells of an error")

    def action_freeze(self) -> None:
        """Freezes the screen, or lets it go on from where things are now."""
        self.is_frozen = not self.is_frozen
        if not self.is_frozen:
            self._pull()
            self._renew()
        self._show_header()
        self._show_note()

    def _log_changed(self) -> None:
        self._show_logs_empty()
        self._show_note()

    # --- marks --------------------------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Marks the selected row, or not."""
        table = self.tasks_shown if self.focused_pane is Pane.TASKS else self.functions
        key = table.cursor_key
        scope = None if key is None else scope_of(key)
        if key is None or scope is None:
            return
        if key in self.marks:
            del self.marks[key]
        else:
            self.marks[key] = scope
        self.show_marks()

    def action_sort(self) -> None:
        """Sorts the focused table by its next order."""
        table = self.tasks_shown if self.focused_pane is Pane.TASKS else self.functions
        table.next_order()
        self._show_functions()
        self._show_tasks()

    # --- copying and saving -------------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copies what the mouse has selected, else what the focused pane is about."""
        if selected := self.get_selected_text():
            self.copy(selected, "the selected text")
            return
        task, pane = self.selected_task, self.focused_pane
        if pane is Pane.LOGS:
            self.copy(self.logs.shown_text(), words.counted(len(self.logs.buffer.shown), "line"))
        elif pane is Pane.DEPLOYS:
            self.copy(self.deploys.detail.text, "what is told of the deploy")
        elif pane is Pane.STATS:
            self.copy(self.stats.text, "the figures")
        elif pane is Pane.FUNCTIONS or task is None:
            named = self.scope.container_id or self.scope.function
            self.copy(named, plain(named))
        elif task.result is not None:
            self.copy(task.result.body.decode("utf-8", "replace"), f"the answer of {words.short_id(task.id)}")
        else:
            self.copy(task.id, f"the id of {words.short_id(task.id)}")

    def on_text_selected(self) -> None:
        """The mouse has selected text: it is copied, as terminals do."""
        if selected := self.get_selected_text():
            self.copy(selected, words.counted(selected.count("\n") + 1, "selected line"))

    def action_save_log(self) -> None:
        """Saves the log's lines as they are shown."""
        from hotdash.dashboard.screens.save import SaveScreen  # noqa: PLC0415  opened seldom

        shown = self.logs.shown_lines()
        if not shown:
            self.tell("no line to save")
            return

        def told(path: Path | None) -> None:
            if path is not None:
                self.tell(f"saved {plain(str(path))}")

        what = words.counted(len(shown), "line")
        name = file_name(self.log_scope, time.time())
        self.app.push_screen(SaveScreen(what=what, text=file_text(shown), name=name), told)
