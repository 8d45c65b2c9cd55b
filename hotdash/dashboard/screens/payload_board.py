"""`PayloadBoard`: the Payload tab and its keys: edit and invoke, presets, a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.actions import Pane
from hotdash.dashboard.lines import Tone
from hotdash.dashboard.presentation import preview, task_note, task_state
from hotdash.dashboard.screens.past_board import PastBoard
from hotdash.sanitize import plain
from hotdash.store.payloads import Payload

if TYPE_CHECKING:
    from textual.widget import Widget

    from hotdash.dashboard.widgets.payload_pane import PayloadPane
    from hotdash.store import FunctionView
    from hotdash.store.payloads import PayloadBook

_FAULTS_TOLD = 3
_FAULT_SIZE = 240  # characters; there are 45 actions of which one may have been meant
_FAULTS_S = 20.0  # there are whole lines to read
_MOST_BYTES = 8 * 2**20  # M11: a larger one no runtime takes


class PayloadBoard(PastBoard):
    """The panes, and what is done with payloads."""

    _came_from: tuple[Pane, Widget | None] | None = None

    def on_mount(self) -> None:
        """Tells what is wrong in the settings: once, since the defaults serve."""
        if not (faults := self.taste.faults):
            return
        from textwrap import shorten  # noqa: PLC0415  as a rule nothing is wrong

        for fault in faults[:_FAULTS_TOLD]:
            told = shorten(plain(str(fault)), _FAULT_SIZE, placeholder=f" … {self.keys.shown('help')} tells all")
            self.notify(told, severity="warning", timeout=_FAULTS_S, markup=False)
        more = len(faults) - _FAULTS_TOLD
        if more > 0:
            told = f"{words.counted(more, 'fault')} more in the settings: {self.keys.shown('help')} tells all"
            self.notify(f"and {told}", markup=False)

    def open_tab(self, pane: Pane) -> None:
        """Opens a tab at the right."""
        raise NotImplementedError

    def action_edit_payload(self) -> None:
        """Goes to the payload of the selected function, all of it selected: what is typed replaces it."""
        if self.view_or_say() is None:
            return
        if self.focused_pane is not Pane.PAYLOAD:
            self._came_from = (self.tab, self.focused)
        self.open_tab(Pane.PAYLOAD)
        self.payload.edit()

    def action_send_payload(self) -> None:
        """Invokes with what stands in the Payload tab, and goes back to where one came from."""
        if self._send():
            self.leave_payload()

    def action_send_and_stay(self) -> None:
        """Invokes with what stands in the Payload tab."""
        self._send()

    def leave_payload(self) -> bool:
        """Back to the tab and the pane that one came from by key; False if one did not."""
        if self._came_from is None:
            return False
        tab, focused = self._came_from
        self._came_from = None
        self.open_tab(tab)
        self.give_focus(focused if focused is not None and focused.display else self.functions)
        return True

    def _send(self) -> bool:
        view = self.view_or_say()
        if view is None:
            return False
        if self.tab is Pane.PAYLOAD and self.payload.fault:
            self.tell(self.payload.fault, is_bad=True)
            return False
        outcome = self.invoker.invoke(view.key, self.invoker.payload_of(view))
        self.tell(outcome.text, is_bad=outcome.is_bad)
        return not outcome.is_bad

    def action_pick_preset(self) -> None:
        """Puts a preset of the selected function into the Payload tab."""
        from hotdash.dashboard.screens.ask import ChooseScreen  # noqa: PLC0415  opened seldom

        view, book = self._view_and_book()
        if view is None or book is None:
            return
        folder = str(view.spec.folder)
        own = book.presets(folder)
        presets = dict(own)
        for test in view.spec.tests:
            presets.setdefault(f"test: {test.name}", Payload(body=test.stdin.encode()))
        if not presets:
            key = self.keys.shown("save_preset")
            self.tell(f"{plain(view.key)} has no preset: {key} keeps what stands in the Payload tab")
            return

        def picked(name: str | None) -> None:
            if name is not None:
                self.action_edit_payload()
                self.payload.replace(presets[name])

        title = f"Presets of {plain(view.key)}"
        rows = {name: preview(payload.body) for name, payload in presets.items()}
        chooser = ChooseScreen(title=title, names=rows, removable=tuple(own), remove=partial(book.remove, folder))
        self.app.push_screen(chooser, picked)

    def action_save_preset(self) -> None:
        """Keeps the selected function's payload and headers under a name."""
        from hotdash.dashboard.screens.ask import AskScreen  # noqa: PLC0415  opened seldom

        view, book = self._view_and_book()
        if view is None or book is None:
            return
        payload, folder = self.invoker.payload_of(view), str(view.spec.folder)

        def fault(name: str) -> str:
            try:
                book.keep(folder, name, payload)
            except ValueError as error:
                return str(error)
            return ""

        def kept(name: str | None) -> None:
            if name is not None:
                self.tell(f"kept as {plain(name.strip())}; {self.keys.shown('pick_preset')} brings it back")

        title = f"Keep the payload of {plain(view.key)}"
        question = f"A name for it ({preview(payload.body)[:40] or 'empty'}):"
        self.app.push_screen(AskScreen(title=title, question=question, does="keep", fault=fault), kept)

    def _view_and_book(self) -> tuple[FunctionView | None, PayloadBook | None]:
        """The selected function, and where its presets are kept; says so if there is none."""
        view = self.view_or_say()
        if view is not None and self.book is None:
            self.tell("presets are not kept")
        return view, self.book

    def action_load_payload(self) -> None:
        """Puts a file into the Payload tab."""
        from hotdash.dashboard.screens.ask import AskScreen  # noqa: PLC0415  opened seldom

        view = self.view_or_say()
        if view is None:
            return
        loaded: list[bytes] = []

        def fault(typed: str) -> str:
            try:
                loaded[:] = [_contents(Path(typed.strip()).expanduser())]
            except (OSError, ValueError, RuntimeError) as error:
                return plain(error.strerror or str(error) if isinstance(error, OSError) else str(error))
            return ""

        def use(typed: str | None) -> None:
            if typed is not None:
                headers = self.invoker.payload_of(view).headers
                self.action_edit_payload()
                self.payload.replace(Payload(body=loaded[0], headers=headers))

        title = f"A file as the payload of {plain(view.key)}"
        question = f"Its path, from {plain(str(Path.cwd()))}:"
        self.app.push_screen(AskScreen(title=title, question=question, does="load", fault=fault), use)

    def on_payload_pane_edited(self, message: PayloadPane.Edited) -> None:
        """What stands in the tab is what is sent."""
        self.invoker.prepare(message.function, message.payload)

    def _show_payload(self) -> None:
        view = self.selected_view
        if self.tab is not Pane.PAYLOAD or view is None:
            return
        self.payload.prepare()
        self.payload.show(view.key, self.invoker.payload_of(view))
        task = self.selected_task
        if task is None or task.id != self.invoker.last_task(view.key):
            self.payload.tell(())
            return
        mark, word = task_state(task)
        gap = (" ", Tone.TEXT)
        name = (words.short_id(task.id), words.task_tone(task.id))
        self.payload.tell((name, gap, mark, gap, word, ("  ", Tone.TEXT), *task_note(task, view)))

    def _show_right(self) -> None:
        super()._show_right()
        self._show_payload()


def _contents(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        OSError: It cannot be read.
        ValueError: It is none, or too large.
    """
    if not path.is_file():
        raise ValueError(f"{path}: {'not a file' if path.exists() else 'no such file'}")
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{path}: {words.size(size)}, allowed {words.size(_MOST_BYTES)}")
    return path.read_bytes()
