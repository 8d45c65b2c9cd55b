"""`CallKeys`: the keys that invoke: with the last payload, or with a task's own. What was sent is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.action import Pane
from hotdash.dashboard.presentation import preview
from hotdash.dashboard.scope import Scope
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from hotdash.dashboard.widgets.list_table import ListTable
    from hotdash.store.payloads import Payload

_PAYLOAD_CELLS = 40  # of a payload, in what is told


class CallKeys(PayloadBoard):
    """The board with the keys that invoke."""

    _awaited: tuple[str, str] | None = None  # a replay's function and id, until its task is in a snapshot

    def action_invoke(self) -> None:
        """Invokes the selected function with its last payload, where that is what one would expect."""
        if self.past.has_focus:
            self.tell(f"{self._shown('replay')} invokes with this task's payload; {self._elsewhere}")
            return
        if self.focused_pane is Pane.DEPLOYS:
            self.tell(
                f"{self._shown('roll_back')} makes this revision live, {self._shown('redeploy')} deploys what is on "
                f"disk; {self._elsewhere}"
            )
            return
        view = self.view_or_say()
        if view is None:
            return
        payload = self.invoker.payload_of(view)
        outcome = self.invoker.invoke(view.key, payload)
        self.say(outcome)
        if not outcome.text:
            self.tell(f"{plain(view.key)}: sent {payload_words(payload)}")

    def action_replay(self) -> None:
        """Invokes again with the selected task's payload, and goes to the new task."""
        task = self.selected_task
        if task is None or self.no_replay:
            self.tell(self.no_replay)
            return
        outcome = self.invoker.replay(task)
        if outcome.is_bad:
            self.say(outcome)
            return
        new_id = self.invoker.last_task(task.function)
        self.tell(f"{words.short_id(new_id)} repeats {words.short_id(task.id)}")
        if self.scope.task_id:
            self._awaited = (task.function, new_id)

    # --- to the task that a replay has made ---------------------------------------------------------------------------

    def _pull(self) -> None:
        super()._pull()
        if self._awaited is None:
            return
        function, task_id = self._awaited
        view = self.snapshot.functions.get(function)
        if view is None or not any(
            task.id == task_id for tasks in (view.queued, view.running, view.ended) for task in tasks
        ):
            return
        self._awaited = None
        if self.is_past:
            self.toggle_past()
        self.unmark()
        bar = self.filters[Pane.TASKS]
        if bar.filter is not None and ("task", function, task_id) not in {item.key for item in self.tasks.items}:
            bar.action_clear()  # it was for other tasks
        self.tasks.go_to(function, task_id)
        self._set_scope(Scope(function=function, task_id=task_id))

    def _row_selected(self, table: ListTable) -> None:
        """Who goes elsewhere meanwhile is not called back."""
        if table is self.focused:
            self._awaited = None
        super()._row_selected(table)

    def _set_scope(self, scope: Scope) -> None:
        """What the right side is about; the cursor of a table that has no say in that is dimmed."""
        super()._set_scope(scope)
        selected = self.functions.selected
        self.functions.set_steers(on=selected is None or selected[0] == scope.function)
        for table in (self.tasks, self.past):
            table.set_steers(on=bool(scope.task_id))

    def _shown(self, action: str) -> str:
        return self.keys.shown(action)

    @property
    def _elsewhere(self) -> str:
        return f"{self._shown('invoke')} invokes in the functions and tasks"


def payload_words(payload: Payload) -> str:
    """What was sent, in words: its start, or that it was empty."""
    if not payload.body:
        return "an empty payload"
    start = preview(payload.body)
    return start if len(start) <= _PAYLOAD_CELLS else f"{start[: _PAYLOAD_CELLS - 1]}…"
