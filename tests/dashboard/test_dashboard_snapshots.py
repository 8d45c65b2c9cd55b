"""How the screen looks, as SVG: the clock stands still, and no time of day is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, measured_script
from deploy_story import deploys_script

from hotdash.dashboard.app import HotdashApp

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = [(160, 45), (100, 30), (60, 20)]


def still_app(script: Script) -> HotdashApp:
    script.clock.at += 7.0  # type: ignore[attr-defined]
    app = HotdashApp(script.store, FakeControls(script=script))
    app.animation_level = "none"
    return app


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_at_work(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys: tuple[Any, ...] = ("j",)
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=size)


def test_a_failed_task_in_the_run_pane(snap_compare: Callable[..., bool]) -> None:
    keys = ("j", "2", "j", "j", "j", "greater_than_sign")
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=(160, 45))


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_the_logs_of_what_is_marked(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("j", "space", "G", "k", "k", "k", "space", "3", "slash", *"for the", "enter", "ampersand", "n")
    assert snap_compare(still_app(busy_script(Clock())), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_stats(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(still_app(measured_script()), press=("3", "3", "3"), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_deploys_with_a_failed_build(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    keys = ("3", "less_than_sign")
    assert snap_compare(still_app(deploys_script(Clock())), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
def test_an_empty_folder(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    assert snap_compare(still_app(Script(Clock())), terminal_size=size)


def test_all_keys(snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(still_app(busy_script(Clock())), press=("question_mark",), terminal_size=(160, 45))
