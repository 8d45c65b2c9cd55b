"""The README names every action that a key can be given to, and its example of settings is one."""

from __future__ import annotations

import re
from pathlib import Path

from hotdash.dashboard.actions import ACTIONS
from hotdash.dashboard.keys import name_of
from hotdash.dashboard.taste import taste_of
from hotdash.settings import load_settings

README = Path(__file__).parents[2] / "README.md"


def test_every_actions_name_is_there() -> None:
    text = README.read_text()
    named = set(re.findall(r"`(\w+)`", text[text.index("The actions' names") : text.index("`ctrl+q` always quits")]))
    assert named == {name_of(action) for action in ACTIONS}


def test_the_settings_shown_are_good_ones(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(README.read_text().partition("```toml\n")[2].partition("```")[0])
    taste = taste_of(load_settings(tmp_path / "config.toml"))
    assert taste.faults == ()
    assert (taste.keys.shown("burst"), taste.settings.limits.history_days) == ("b", 30)
