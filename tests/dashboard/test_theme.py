"""The theme chosen on the screen is there at the next start, unless the settings name one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, drive, until
from test_dashboard_keys import toasts

from hotdash.dashboard.taste import taste_of
from hotdash.settings import load_settings
from hotdash.store.kept_theme import KeptTheme

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp


def run(folder: Path, *, choose: str = "", expect: str, says: str = "") -> None:
    """Starts the screen with a folder's settings, and chooses a theme in the palette."""
    faults: list[str] = []
    kept = KeptTheme(path=folder / "theme", on_fault=faults.append)
    script = Script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        assert app.theme == expect
        if choose:
            app.action_change_theme()
            await until(pilot, lambda: app.screen.query("CommandInput"))
            await pilot.press(*choose)
            await until(pilot, lambda: app.screen.query("CommandList").first().option_count == 1)  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, lambda: app.theme == choose)
            assert any(says in toast for toast in toasts(app)), toasts(app)

    drive(script, steps, kept_theme=kept, taste=taste_of(load_settings(folder / "config.toml")))
    kept.close()
    assert not faults


def test_a_theme_chosen_on_the_screen_is_there_at_the_next_start(tmp_path: Path) -> None:
    run(tmp_path, expect="textual-dark", choose="nord", says="theme nord, from now on")
    run(tmp_path, expect="nord", choose="gruvbox", says=f"a theme in {tmp_path}/config.toml would go before it")
    run(tmp_path, expect="gruvbox")


def test_a_theme_of_the_settings_goes_before_it_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "theme").write_text("gruvbox\n")
    (tmp_path / "config.toml").write_text('theme = "nord"\n')
    run(tmp_path, expect="nord", choose="dracula", says="until you quit: ")
    assert (tmp_path / "theme").read_text() == "gruvbox\n"
    assert (tmp_path / "config.toml").read_text() == 'theme = "nord"\n'


def test_a_kept_name_that_is_no_theme_is_passed_over(tmp_path: Path) -> None:
    for odd in (b"no-such\n", b"\xff\x00", b"x" * 100_000):
        (tmp_path / "theme").write_bytes(odd)
        run(tmp_path, expect="textual-dark")


@pytest.mark.parametrize("file", ["file/theme", "folder"], ids=["no folder can be made", "the name is a folder's"])
def test_a_disk_that_takes_nothing_costs_the_choice_alone_and_is_told(tmp_path: Path, file: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    faults: list[str] = []
    kept = KeptTheme(path=tmp_path / file, on_fault=faults.append)
    kept.keep("nord")
    kept.close()
    assert kept.name == "nord"
    assert len(faults) == 1
    assert "the theme is not kept" in faults[0]
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}, "nothing half written stays"
