"""`Invoker`: what keys make happen to tasks, in words for the user. No Textual; belongs to the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.dashboard import words
from hotdash.errors import HotdashError
from hotdash.sanitize import plain
from hotdash.store.payloads import Payload
from hotdash.task import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotdash.dashboard.ports import Controls
    from hotdash.store import FunctionView, TaskView
    from hotdash.store.payloads import PayloadBook


class Outcome(Struct, frozen=True, kw_only=True):
    """What to tell the user; nothing if empty."""

    text: str = ""
    is_bad: bool = False
    is_odd: bool = False


class Invoker:
    """Invokes, replays and cancels, and remembers what each function was last invoked with.

    Args:
        controls: What makes it happen.
        book: Remembers payloads beyond this run; None where nothing does.
        folder_of: A function's folder by its key; empty for one that is not known.
    """

    def __init__(
        self,
        *,
        controls: Controls,
        book: PayloadBook | None = None,
        folder_of: Callable[[str], str] = lambda _function: "",
    ) -> None:
        self._controls = controls
        self._book = book
        self._folder_of = folder_of
        self._payloads: dict[str, Payload] = {}
        self._last_tasks: dict[str, str] = {}

    def payload_of(self, view: FunctionView) -> Payload:
        """The function's last payload, of an earlier run if need be; else its first test's input, or nothing."""
        if (last := self._payloads.get(view.key)) is not None:
            return last
        if self._book is not None and (last := self._book.last(str(view.spec.folder))) is not None:
            return last
        tests = view.spec.tests
        return Payload(body=tests[0].stdin.encode()) if tests else Payload()

    def prepare(self, function: str, payload: Payload) -> None:
        """The next call is to have this payload."""
        self._payloads[function] = payload

    def last_task(self, function: str) -> str:
        """The id of the task last invoked from here; empty if there is none."""
        return self._last_tasks.get(function, "")

    def forget_last_task(self, function: str) -> None:
        """The newest task is meant from here on, whoever invoked it."""
        self._last_tasks.pop(function, None)

    def invoke(self, function: str, payload: Payload) -> Outcome:
        """Submits a task."""
        self._payloads[function] = payload
        folder = self._folder_of(function)
        if self._book is not None and folder:
            self._book.keep_last(folder, payload)
        try:
            self._last_tasks[function] = self._controls.submit(function, payload.body, payload.headers)
        except HotdashError as error:
            return Outcome(text=plain(str(error)), is_bad=True)
        return Outcome()

    def replay(self, task: TaskView) -> Outcome:
        """Submits a task's payload and headers again; `last_task` is the new one then."""
        return self.invoke(task.function, Payload(body=task.payload, headers=dict(task.headers)))

    def cancel(self, task: TaskView | None) -> Outcome:
        """Cancels a task."""
        if task is None:
            return Outcome(text="nothing runs or waits here")
        name = words.short_id(task.id)
        if task.state is TaskState.ENDED or not self._controls.cancel(task.id):
            return Outcome(text=f"{name} has ended already")
        return Outcome(text=f"{name} cancelled while it {'ran' if task.state is TaskState.RUNNING else 'waited'}")

    def cancel_all(self, ids: Sequence[str], noun: str) -> Outcome:
        """Cancels tasks.

        Args:
            ids: Theirs; those that wait stand before those that run, in whose place they would run.
            noun: What they are called.
        """
        if not ids:
            return Outcome(text="nothing runs or waits here")
        done = sum(self._controls.cancel(task_id) for task_id in ids)
        ended = len(ids) - done
        if not done:
            return Outcome(text=f"{words.counted(ended, noun)}: ended already")
        others = f"; {ended:,} had ended already" if ended else ""
        return Outcome(text=f"{words.counted(done, noun)} cancelled{others}")


def newest(view: FunctionView, preferred_id: str = "") -> TaskView | None:
    """The function's task with this id if it is still known, else its newest one."""
    known = (*view.ended[-1:], *view.running[-1:], *view.queued[-1:])
    if preferred_id:
        for task in (*view.queued, *view.running, *reversed(view.ended)):
            if task.id == preferred_id:
                return task
    return max(known, key=lambda task: task.queued_at_s, default=None)


def newest_of_container(view: FunctionView, container_id: str) -> TaskView | None:
    """The task that the container runs, else the one it ran last."""
    return next((task for task in (*view.running, *reversed(view.ended)) if task.container_id == container_id), None)


def parse_headers(typed: str) -> dict[str, str]:
    """`K: V` lines as headers.

    Raises:
        ValueError: A line is not of this form; the message names it.
    """
    headers: dict[str, str] = {}
    for line in filter(str.strip, typed.splitlines()):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or " " in name.strip():
            raise ValueError(f"a header is written `Name: value`, not `{plain(line)}`")
        headers[name.strip()] = value.strip()
    return headers
