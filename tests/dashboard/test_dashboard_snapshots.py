"""How the screen looks, as SVG: the clock stands still, and no time of day is shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, measured_script, task_id, until
from deploy_story import deploys_script, fallen_script
from test_dashboard_keys import board
from test_history_pane import history_at, remember, today
from textual.widgets import TextArea

from hotdash.dashboard.app import HotdashApp
from hotdash.dashboard.taste import taste_of
from hotdash.settings import load_settings
from hotdash.store.history import PastOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from textual.pilot import Pilot

SIZES = [(160, 45), (100, 30), (60, 20)]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One day for all: tasks tell when they were called."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def still_app(script: Script) -> HotdashApp:
    script.clock.at += 7.0  # type: ignore[attr-defined]
    app = HotdashApp(script.store, FakeControls(script=script))
    app.animation_level = "none"
    return app


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_at_work(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys: tuple[Any, ...] = ("j",)
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_a_failed_task_in_the_run_pane(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("j", "2", "j", "j", "j", "greater_than_sign", "3")
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_the_history_sorted_and_marked(
    snap_compare: Callable[..., bool], size: tuple[int, int], tmp_path: Path
) -> None:
    remember(tmp_path, Script(Clock()))
    script = today()
    archive = history_at(tmp_path)

    async def open_it(pilot: Pilot[None]) -> None:
        screen = board(pilot.app)  # type: ignore[arg-type]
        screen.past._local_time = time.gmtime
        await pilot.press("a", "H")
        await until(pilot, lambda: screen.opened is not None and archive.reader.earlier)
        await pilot.press("space", "j", "space", "o", "o", "o", "o")
        await until(pilot, lambda: archive.reader.page.query.order is PastOrder.SIZE)
        await until(pilot, lambda: len(screen.logs.buffer.shown) == 2 and screen.opened.task.id == task_id(102))

    app = HotdashApp(script.store, FakeControls(script=script), archive=archive)
    app.animation_level = "none"
    try:
        assert snap_compare(app, terminal_size=size, run_before=open_it)
    finally:
        assert archive.close(10)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_the_logs_of_what_is_marked(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("j", "space", "G", "k", "k", "k", "space", "3", "slash", *"for the", "enter", "ampersand", "n")
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_stats(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(still_app(measured_script()), press=(*["greater_than_sign"] * 3, "3"), terminal_size=size)


@pytest.mark.parametrize("size", [(160, 45), (60, 20)], ids="{0[0]}x{0[1]}".format)
def test_stats_with_a_network(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = (*["greater_than_sign"] * 3, "3", *["pagedown"] * (3 if size[0] == 60 else 0))
    assert snap_compare(still_app(measured_script(has_network=True)), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_deploys_with_a_failed_build(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("3", "less_than_sign")
    assert snap_compare(still_app(deploys_script(Clock())), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_new_code_that_died_in_its_first_call(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(still_app(fallen_script(Clock())), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_an_empty_folder(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(still_app(Script(Clock())), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_the_payload_tab(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("j", "i", *'{"name": "Zo', "escape", "3", "3", "3")
    app = still_app(busy_script(Clock()))
    assert snap_compare(app, press=keys, terminal_size=size, run_before=_unblink)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_found_in_the_payload(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("j", "i", *'{"name": "Zoe", "nickname": ""}', "ctrl+f", *"name", "f3", "enter")
    app = still_app(busy_script(Clock()))
    assert snap_compare(app, press=keys, terminal_size=size, run_before=_unblink)


async def _unblink(pilot: Pilot[None]) -> None:
    for area in pilot.app.screen.query(TextArea):
        area.cursor_blink = False


@pytest.mark.parametrize("size", [(160, 45), (60, 20)], ids="{0[0]}x{0[1]}".format)
def test_what_is_wrong_in_the_settings(
    snap_compare: Callable[..., bool], size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".config" / "hotdash" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('driver = "podman"\n\n[layout]\nleft = 40\n\n[keys]\nburst = "j"\n')
    script = busy_script(Clock())
    app = HotdashApp(script.store, FakeControls(script=script), taste=taste_of(load_settings(path)))
    app.animation_level = "none"

    async def open_it(pilot: Pilot[None]) -> None:
        await pilot.press("question_mark")

    assert snap_compare(app, terminal_size=size, run_before=open_it)


def test_all_keys(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(still_app(busy_script(Clock())), press=("question_mark",), terminal_size=(160, 45))


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_a_search_in_the_run_pane(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("j", "2", "j", "j", "j", "greater_than_sign", "3", "slash", *"name", "enter", "n")
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=size)


def test_a_filter_of_deploys(snap_compare: Callable[..., bool]) -> None:
    keys = ("3", "less_than_sign", "slash", *"words", "enter")
    assert snap_compare(still_app(deploys_script(Clock())), press=keys, terminal_size=(100, 30))
