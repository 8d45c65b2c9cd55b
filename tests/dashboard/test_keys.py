"""Keys as the user has them: what a file may ask for, what it is told, and that the screen follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, busy_script, drive, until
from test_dashboard_keys import board, toasts

from hotdash.dashboard.actions import ACTIONS, Pane
from hotdash.dashboard.keys import Keys, name_of
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.screens.help import HelpScreen
from hotdash.dashboard.settings_lines import settings_lines
from hotdash.dashboard.taste import taste_of
from hotdash.dashboard.widgets.text_view import TextView
from hotdash.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from dashboard_fake import FakeControls
    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp
    from hotdash.dashboard.taste import Taste


def taste(tmp_path: Path, text: str) -> Taste:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return taste_of(load_settings(path))


def said(tmp_path: Path, text: str) -> list[str]:
    return [str(fault).removeprefix(f"{tmp_path}/config.toml:") for fault in taste(tmp_path, text).faults]


@pytest.mark.parametrize(
    ("typed", "key", "shown"),
    [
        ('"/"', "slash", "/"),
        ('"D"', "D", "D"),
        ('","', "comma", ","),
        ('"f8"', "f8", "f8"),
        ('"ctrl+d"', "ctrl+d", "ctrl+d"),
        ('["escape", "b"]', "escape,b", "esc"),
        ('"é"', "é", "é"),
    ],
)
def test_a_key_is_a_character_or_a_name_and_is_shown_as_people_write_it(tmp_path, typed, key, shown) -> None:
    freed = '[keys]\nfilter = "F6"\nback = "F7"\n'.replace("F6", "f6").replace("F7", "f7")
    mine = taste(tmp_path, f"{freed}burst = {typed}\n")
    assert mine.faults == ()
    assert mine.keys.keymap["burst"] == key
    assert mine.keys.shown("burst") == shown


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('xyzzy = "x"', ["2: keys.xyzzy: found no action of this name, allowed back, burst,"]),
        ('invoke = "entr"', ["2: keys.invoke: found 'entr', allowed a character, or a name: f5, ctrl+d"]),
        ('invoke = "hyper+x"', ["2: keys.invoke: found 'hyper+x'"]),
        ('invoke = "j"', ["2: keys.invoke: found 'j', which moves in every pane"]),
        ('invoke = "tab"', ["2: keys.invoke: found 'tab'"]),
        ("invoke = 7", ["2: keys.invoke: found 7, allowed a key, or a list of keys, in quotes"]),
        ("invoke = []", ["2: keys.invoke: found []"]),
        ('invoke = "x"', ["2: keys.invoke: found 'x', which is cancel's, too, allowed a key of its own"]),
        ('burst = "f8"\ninvoke = "f8"', ["3: keys.invoke: found 'f8', which is burst's, too"]),
        ('invoke = "x"\ncancel = "enter"', []),
    ],
)
def test_bad_and_conflicting_keys_are_told_by_line_and_by_both_names_and_the_usual_serve(tmp_path, line, words) -> None:
    found = said(tmp_path, f"[keys]\n{line}\n")
    assert len(found) == len(words)
    assert all(text.startswith(word) for text, word in zip(found, words, strict=True)), found
    if words:
        assert taste(tmp_path, f"[keys]\n{line}\n").keys.shown("invoke") == "enter"


def test_a_fault_that_frees_a_key_does_not_give_it_to_two(tmp_path: Path) -> None:
    mine = taste(tmp_path, '[keys]\ncancel = "j"\nredeploy = "x"\n')
    keys = [key for action in mine.keys.actions for key in action.key.split(",")]
    assert len(keys) == len(set(keys))
    assert len(mine.faults) == 2


def test_the_way_out_stays() -> None:
    quits = next(action for action in Keys({"quit": ("f10",)}).actions if action.id == "quit")
    assert quits.key == "f10,ctrl+q"


def test_every_action_can_be_named() -> None:
    names = [name_of(action) for action in ACTIONS]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_the_screen_the_footer_help_and_palette_follow(tmp_path: Path) -> None:
    mine = taste(tmp_path, '[keys]\ntoggle_watching = "f9"\ncancel = "w"\nhelp = "f1"\nquit = "Q"\n')

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("f9")
        assert controls.calls == [("watch", "False")]
        board(app).functions.select(("container", "report", "c-91d0aa"))
        await until(pilot, lambda: board(app).scope.container_id)
        await pilot.press("x", "w")
        assert [call[0] for call in controls.calls] == ["watch", "cancel"]
        shown = {action.id: action.shown for action in board(app).footer._keys.footer(Pane.FUNCTIONS)}
        assert (shown["toggle_watching"], shown["cancel"], shown["quit"]) == ("f9", "w", "Q")
        assert any(command.title == "watch  (f9)" for command in app.get_system_commands(app.screen))
        await pilot.press("question_mark")
        assert not isinstance(app.screen, HelpScreen)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "f9         Deploy on save" in app.screen.query_one("#help").text  # type: ignore[attr-defined]

    drive(busy_script(Clock()), steps, taste=mine)


def test_what_is_wrong_in_the_settings_is_told_once_and_takes_no_room(tmp_path: Path) -> None:
    mine = taste(tmp_path, "a = 1\nb = 2\nc = 3\nd = '[/b]'\n")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await until(pilot, lambda: len(toasts(app)) == 4)
        assert "config.toml:1: a: found a key unknown here" in toasts(app)[0]
        assert toasts(app)[3] == "and 1 fault more in the settings: ? tells all"
        assert not board(app).notices.display

    drive(busy_script(Clock()), steps, taste=mine)


def test_a_long_fault_is_told_in_part_and_the_help_has_all_of_it(tmp_path: Path) -> None:
    mine = taste(tmp_path, '[keys]\nbrust = "b"\n')

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await until(pilot, lambda: toasts(app))
        assert toasts(app)[0].endswith(" … ? tells all")
        shown = await help_shown(app, pilot)
        assert shown[2].endswith(str(mine.faults[0]).rpartition(" ")[2])

    drive(busy_script(Clock()), steps, taste=mine)


async def help_shown(app: HotdashApp, pilot: Pilot[None]) -> list[str]:
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(app.screen, HelpScreen))
    shown = app.screen.query_one("#help", TextView).text.splitlines()
    await pilot.press("escape")
    return shown


def test_the_help_tells_what_is_wrong_in_the_settings_as_long_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    mine = taste(tmp_path, 'watch = 1\n[keys]\ninvok = "[/b]"\n')

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        shown = await help_shown(app, pilot)
        assert shown[0] == "Settings"
        assert shown[1].split() == ["file", str(path)]
        assert shown[2] == "  line 1     watch: found 1, allowed true or false"
        said = "keys.invok: found no action of this name, allowed invoke perhaps; one of "
        assert shown[3].startswith(f"  line 3     {said}")
        path.write_text("watch = 2\n")
        shown = await help_shown(app, pilot)
        assert shown[2] == "  line 1     watch: found 2, allowed true or false"
        assert shown[3:5] == [
            "  until then the usual serves in their place",
            "  changed    since hotdash started; it holds from the next start on",
        ]
        assert toasts(app) == []
        path.write_text("watch = true\n")
        shown = await help_shown(app, pilot)
        assert shown[0] != "Settings"
        file, changed, *_ = shown[shown.index("Settings: config, your own keys") + 1 :]
        assert file == f"  file       {path}"
        assert "holds from the next start on" in changed
        path.unlink()
        assert any(line.startswith("  not there  and not needed") for line in await help_shown(app, pilot))

    drive(busy_script(Clock()), steps, taste=mine)


def test_the_help_says_where_the_settings_are_as_one_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    mine = taste(tmp_path, "watch = false\n")
    assert [unstyled(line) for line in settings_lines(mine)] == ["Settings", "  file       ~/config.toml", ""]


def test_theme_and_layout_are_followed_and_an_unknown_theme_is_told(tmp_path: Path) -> None:
    mine = taste(tmp_path, 'theme = "nord"\n[layout]\nleft_percent = 40\nfunctions_percent = 30\n')

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        assert app.theme == "nord"
        assert app.screen.query_one("#left").size.width == 80
        heights = [app.screen.query_one(f"#{name}-box").outer_size.height for name in ("functions", "tasks")]
        assert heights[0] / sum(heights) == pytest.approx(0.3, abs=0.03)

    drive(busy_script(Clock()), steps, size=(200, 45), taste=mine)
    found = said(tmp_path, '\ntheme = "nrd"')
    assert found[0].startswith("2: theme: found 'nrd', allowed ansi-dark,")
