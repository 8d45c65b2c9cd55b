"""`EditKeys`: the key that opens the editor, where the error stands that one looks at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hotdash.dashboard.action import Pane
from hotdash.dashboard.editors import editor_command
from hotdash.dashboard.lending import lend
from hotdash.dashboard.screens.payload_board import PayloadBoard
from hotdash.dashboard.source_paths import as_source, place_of
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hotdash.dashboard.source_paths import Place
    from hotdash.store import FunctionView

_SOURCES = ("func.py", "func.js", "func.sh")


class EditKeys(PayloadBoard):
    """The board with the key that opens the editor."""

    def action_edit_source(self) -> None:
        """Opens the selected function's source in the user's editor, at the error that is selected, if one is."""
        view = self.view_or_say()
        if view is None:
            return
        view, place = self._error_place(view)
        path, line = (_source_of(view), 0) if place is None else (place.path, place.line)
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        try:
            command = editor_command(editor, str(path), line)
        except ValueError as error:
            self.tell(f"the editor `{plain(editor)}` is no command: {error}", is_bad=True)
            return
        if fault := lend(self.app, command):
            self.tell(plain(fault), is_bad=True)
        self.refresh()

    def _error_place(self, view: FunctionView) -> tuple[FunctionView, Place | None]:
        """The error that is selected: the log's, if one has gone to one there; the task's; what ails the function."""
        if self.focused_pane is Pane.LOGS and (lines := self.logs.error_here()):
            owner = self.snapshot.functions.get(lines[0].function, view)
            if place := place_of((as_source(line.text) for line in lines), owner.spec.folder):
                return owner, place
        for told in self._causes(view):
            if place := place_of(map(as_source, told), view.spec.folder):
                return view, place
        return view, None

    def _causes(self, view: FunctionView) -> Iterable[Iterable[str]]:
        task = self.selected_task
        is_chosen = bool(self.scope.task_id) or self.focused_pane is Pane.RUN
        if task is not None and task.result is not None and task.result.error is not None and is_chosen:
            yield task.result.stderr_lines
        yield view.faults
        if view.fallen is not None:
            yield view.fallen.cause.split(" ⏎ ")
        elif view.deploy_error:
            yield view.build_log
            yield view.deploy_error.split(" ⏎ ")
        yield view.reason.split(" ⏎ ")


def _source_of(view: FunctionView) -> Path:
    """The file that a user most likely wants to edit."""
    for word in view.spec.entrypoint or ():
        if (named := view.spec.folder / word).is_file():
            return named
    return next((path for name in _SOURCES if (path := view.spec.folder / name).is_file()), view.spec.file)
