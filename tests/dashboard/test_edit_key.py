"""`e` opens the editor at the error that one looks at, and errors name sources, not images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, drive, task_id, until
from test_dashboard_keys import board, to_function

from hotdash import events as ev
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.run_lines import run_lines
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.states import FunctionState
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp

IMAGE = "/home/me/.cache/hotdash/images/greet-403358f27327/93fd8e5ab4115d28"
CRASH = (
    "Traceback (most recent call last):",
    f'  File "{IMAGE}/func.py", line 30, in <module>',
    "RuntimeError: boom",
)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that the terminal was lent to."""
    commands: list[list[str]] = []

    def lend(_: object, command: Sequence[str], **__: object) -> str:
        commands.append(list(command))
        return ""

    monkeypatch.setattr("hotdash.dashboard.screens.edit_keys.lend", lend)
    monkeypatch.setenv("VISUAL", "vim")
    return commands


def greet(folder: Path) -> Script:
    """One function with sources, and a task that crashed in line 30."""
    script = Script(Clock())
    for name in ("func.py", "func.yaml"):
        (folder / name).touch()
    script.specs["greet"] = FunctionSpec(name="greet", folder=folder, file=folder / "func.yaml", format=Format.HTTP)
    script.feed(ev.FunctionChanged, "greet", spec=script.specs["greet"], state=FunctionState.READY)
    script.live("greet", 1)
    script.container("greet", "c-1")
    script.queue("greet", task_id(1), b"boom")
    script.start("greet", task_id(1), "c-1")
    for line in CRASH:
        script.line("greet", "c-1", line, task_id(1))
    error = f"the container exited with code 1 before it answered; its last stderr: {' ⏎ '.join(CRASH)}"
    script.end(task_id(1), body=b"", status=TaskStatus.ERROR, error=error, stderr_lines=CRASH, idle=False)
    return script


def test_e_opens_the_selected_function_and_the_line_of_the_task_or_the_log_line_that_failed(
    tmp_path: Path, opened: list[list[str]]
) -> None:
    source = str(tmp_path / "func.py")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("e")
        assert opened.pop() == ["vim", source], "nothing ails the function"
        await pilot.press("2", "e")
        assert opened.pop() == ["vim", "+30", source]
        await pilot.press("1", "3", "e")
        assert opened.pop() == ["vim", source], "no line of the log is selected"
        await pilot.press("right_square_bracket", "e")
        assert opened.pop() == ["vim", "+30", source]
        assert opened == []

    drive(greet(tmp_path), steps)


def test_e_opens_a_broken_function_file_at_its_fault(tmp_path: Path, opened: list[list[str]]) -> None:
    script = greet(tmp_path)
    fault = f"{tmp_path}/func.yaml:7: found a tab, allowed spaces to indent with"
    script.feed(ev.FunctionFaulty, "greet", faults=(fault,))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("e")
        assert opened == [["vim", "+7", str(tmp_path / "func.yaml")]]

    drive(script, steps)


def test_the_log_names_sources_and_finds_them_so(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await to_function(pilot, "greet")
        await until(pilot, lambda: 'File "greet/func.py", line 30' in screen.logs.shown_text())
        await pilot.press("3", "slash", *"greet/func", "enter")
        await until(pilot, lambda: len(screen.logs.buffer.shown) == 1)

    drive(greet(tmp_path), steps)


def test_a_failed_tasks_row_and_its_run_tell_the_exception_once_and_the_source(tmp_path: Path) -> None:
    script = greet(tmp_path)
    view = script.store.snapshot().functions["greet"]
    (task,) = view.ended
    assert task.result is not None
    assert IMAGE in "".join(task.result.stderr), "what callers get stays as it was"
    shown = [unstyled(line) for line in run_lines(task, function=view, now_s=script.clock())]
    assert [line.strip() for line in shown].count("RuntimeError: boom") == 1
    assert "its last stderr" not in "\n".join(shown)
    assert '    File "greet/func.py", line 30, in <module>' in shown
