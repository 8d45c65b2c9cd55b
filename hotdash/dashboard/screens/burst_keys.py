"""`BurstKeys`: the keys that send many calls, and those that end what runs and waits.

While a burst is under way a timer of its own shows how far it is, and pushes it where it has come to rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.action import Pane
from hotdash.dashboard.invoker import newest_of_container
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from textual.timer import Timer

    from hotdash.dashboard.burst import Burst
    from hotdash.dashboard.lines import Line
    from hotdash.dashboard.screens.burst import BurstAnswer
    from hotdash.store import FunctionView

PUSH_S = 0.25
KEPT_S = 30.0  # how long the outcome stands below the function's row: a toast is soon gone


class BurstKeys(PayloadBoard):
    """The board with what is done to many tasks at once."""

    _push_timer: Timer | None = None

    def on_mount(self) -> None:
        """Nothing has been sent yet."""
        self._bursts: dict[str, Burst] = {}
        self._over_s: dict[str, float] = {}  # when a burst was first seen to be over
        self._burst_answers: dict[str, BurstAnswer] = {}

    # --- sending ------------------------------------------------------------------------------------------------------

    def action_burst(self) -> None:
        """Invokes the selected function many times, so many at once."""
        from hotdash.dashboard.screens.burst import BurstAnswer, BurstScreen  # noqa: PLC0415  opened seldom

        view = self.view_or_say()
        if view is None:
            return
        function = view.key
        if function in self._bursts and function not in self._over_s:
            self.tell(f"a burst of {plain(function)} is under way: {self.keys.shown('cancel')} on its row ends it")
            return

        def send(answer: BurstAnswer | None) -> None:
            current = self.snapshot.functions.get(function)  # it may have been removed while the question stood
            if answer is not None and current is not None:
                self._burst_answers[function] = answer
                self._begin(current, answer)

        initial = self._burst_answers.get(function) or BurstAnswer()
        self.app.push_screen(BurstScreen(function=function, initial=initial), send)

    def _begin(self, view: FunctionView, answer: BurstAnswer) -> None:
        from hotdash.dashboard.burst import Burst, BurstPlan  # noqa: PLC0415  not for the first picture

        payload = self.invoker.payload_of(view)
        plan = BurstPlan(function=view.key, payload=payload, calls=answer.calls, at_once=answer.at_once)
        self._bursts[view.key] = Burst(controls=self.controls, plan=plan)
        self._over_s.pop(view.key, None)
        self.invoker.forget_last_task(view.key)
        self._push_bursts()
        if self._push_timer is None:
            self._push_timer = self.set_interval(PUSH_S, self._push_bursts)

    def _push_bursts(self) -> None:
        """Sends what can be sent, tells how far each burst is, and what became of those that are over."""
        from hotdash.dashboard.burst_words import burst_line, burst_summary, went_well  # noqa: PLC0415  as above

        now_s, cancel_key = self.controls.now_s(), self.keys.shown("cancel")
        lines: dict[str, Line] = {}
        for function, burst in list(self._bursts.items()):
            if function not in self._over_s:
                burst.push()
            tally = burst.tally
            if tally.is_over and function not in self._over_s:
                self._over_s[function] = now_s
                self.tell(burst_summary(tally), is_odd=not went_well(tally), is_bad=bool(tally.fault), is_news=True)
            if now_s - self._over_s.get(function, now_s) > KEPT_S:
                del self._bursts[function], self._over_s[function]
            else:
                lines[function] = burst_line(tally, cancel_key=cancel_key)
        if not self.is_frozen or not lines:
            self.functions.show_notes(lines)
        if not self._bursts and self._push_timer is not None:
            self._push_timer.stop()
            self._push_timer = None

    # --- ending -------------------------------------------------------------------------------------------------------

    def action_cancel(self) -> None:
        """Cancels what is marked in the tasks; else the selected task; the container's; or all of the function."""
        marked = [scope.task_id for scope in self.marks.values() if scope.task_id]
        if marked and self.focused_pane is Pane.TASKS:
            self.say(self.invoker.cancel_all(marked, "marked task"))
        elif self.no_task:
            self.tell(self.no_task)
        elif (view := self.view_or_say()) is None:
            return
        elif self.scope.task_id:
            self.say(self.invoker.cancel(self.selected_task))
        elif self.scope.container_id:
            self.say(self.invoker.cancel(newest_of_container(view, self.scope.container_id)))
        else:
            self._cancel_all_of(view)

    def _cancel_all_of(self, view: FunctionView) -> None:
        """Ends what runs and waits of a function, and its burst; asks where that is more than one task."""
        from hotdash.dashboard.screens.confirm import ConfirmScreen  # noqa: PLC0415  opened seldom

        function = view.key
        ids, unsent = self._unended(function), self._unsent(function)
        if len(ids) <= 1 and not unsent:
            self._end_all_of(function, ids)
            return

        def end(is_yes: bool | None) -> None:
            if is_yes:
                self._end_all_of(function, self._unended(function))

        tasks = words.counted(len(ids), "task")
        question = f"Cancel {tasks} of {plain(function)}?"
        if unsent:
            question = f"Cancel {tasks} of {plain(function)}, and send no more of its burst ({unsent:,} left)?"
        self.app.push_screen(ConfirmScreen(question=question, yes="cancel them", no="let them go on"), end)

    def _end_all_of(self, function: str, ids: list[str]) -> None:
        unsent = self._unsent(function)
        if (burst := self._bursts.get(function)) is not None:
            ids = [*dict.fromkeys((*ids, *burst.stop()))]  # the screen may not have seen the newest yet
        outcome = self.invoker.cancel_all(ids, "task")
        if unsent:
            self.tell(f"{outcome.text}; {words.counted(unsent, 'call')} of the burst not sent")
            self._push_bursts()
        else:
            self.say(outcome)

    def _unended(self, function: str) -> list[str]:
        """The ids of what waits, the first one first, and then of what runs, whose containers would take what waits."""
        view = self.snapshot.functions.get(function)
        return [] if view is None else [task.id for task in (*view.queued, *view.running)]

    def _unsent(self, function: str) -> int:
        burst = self._bursts.get(function)
        return burst.tally.unsent if burst is not None else 0
