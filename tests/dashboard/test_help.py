"""The help: the pane one is in first, each action's name for the settings, where those are, and finding a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, drive, until
from test_dashboard_keys import board, edit, toasts

from hotdash.dashboard.actions import ACTIONS
from hotdash.dashboard.keys import name_of
from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.dashboard.screens.help import HelpScreen
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.taste import taste_of
from hotdash.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp


def shown(app: HotdashApp) -> list[str]:
    return app.screen.query_one("#help").text.splitlines()  # type: ignore[attr-defined, no-any-return]


async def open_help(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys, "question_mark")
    await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


@pytest.mark.parametrize(
    ("keys", "heading", "has"),
    [
        ((), "Functions, where you are", "burst"),
        (("2",), "Tasks, where you are", "replay"),
        (("3",), "Logs, where you are", "toggle_wrap"),
        (("3", "less_than_sign"), "Deploys, where you are", "roll_back"),
    ],
)
def test_the_pane_one_is_in_comes_first_and_each_action_has_its_name_once(
    keys: tuple[str, ...], heading: str, has: str
) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_help(pilot, *keys)
        first, *rest = shown(app)
        assert first == heading
        assert any(line.endswith(f"  {has}") for line in rest[: rest.index("")])
        for action in ACTIONS:
            assert sum(line.endswith(f"  {name_of(action)}") for line in rest) == 1

    drive(busy_script(Clock()), steps)


def test_slash_finds_lines_and_escape_brings_all_back(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_help(pilot)
        every = shown(app)
        await pilot.press("slash", *"jq BURST")
        assert shown(app) == ["  no line has that; esc shows all again"]
        await pilot.press("home", "delete", "delete", "delete", "enter")
        assert shown(app)[0] == "Functions, where you are"
        assert len([line for line in shown(app) if line.startswith("  B ")]) == 1
        await pilot.press("escape")
        assert shown(app) == every
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))

    drive(busy_script(Clock()), steps)


@pytest.mark.parametrize("is_there", [True, False])
def test_the_palette_and_the_help_name_the_settings_file_and_how_to_remap(tmp_path: Path, is_there: bool) -> None:
    path = tmp_path / "config.toml"
    if is_there:
        path.write_text('[keys]\nburst = "b"\n')

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: app.screen.query("CommandList"))
        await pilot.press(*"remap")
        await until(pilot, lambda: app.screen.query("CommandList").first().option_count == 1)  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = "\n".join(shown(app))
        assert str(path) in text
        assert ("not there" in text) is not is_there
        assert 'burst = "b"' in text

    drive(busy_script(Clock()), steps, taste=taste_of(load_settings(path)))


def test_ctrl_c_copies_in_an_editor_and_quits_elsewhere_as_q_does() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("j")
        await edit(pilot)
        await pilot.press(*"Ada", "shift+home", "ctrl+c")
        assert app.clipboard == "Ada"
        await pilot.press("end", "ctrl+c")
        assert "nothing is selected to copy; ctrl+q quits" in toasts(app)
        assert board(app).payload.has_focus_within
        await pilot.press("escape", "slash", *"gre", "ctrl+c")
        assert isinstance(app.screen, MainScreen)
        await pilot.press("enter", "ctrl+c")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))

    async def idle(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.is_running)

    drive(busy_script(Clock()), steps)
    script = Script(Clock())
    script.function("greet")
    drive(script, idle)
