"""The tests depend on nothing in the home of whoever runs them, and leave nothing there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hotdash.settings import default_path, load_settings
from hotdash.store.history.history import default_path as history_path
from hotdash.store.logfile import default_path as log_path

if TYPE_CHECKING:
    from collections.abc import Iterable

TESTS = Path(__file__).parent
POISON = 'driver = "docker"\ntheme = "no-such-theme"\n[limits]\nmemory_mb = 6\n[keys]\ninvoke = "q"\n'
# In this process, in child processes, and on a screen.
SAMPLE = [
    f"{Path(__file__).name}::test_the_usual_settings_serve",
    "cli/test_invoke.py::test_data_goes_as_it_was_typed_though_it_is_no_utf8",
    "settings/test_settings.py",
]


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def poisoned(folders: Iterable[Path]) -> None:
    for folder in folders:
        (folder / "hotdash").mkdir(parents=True)
        (folder / "hotdash" / "config.toml").write_text(POISON)


def test_the_usual_settings_serve() -> None:
    loaded = load_settings()
    assert (loaded.is_there, loaded.faults, loaded.settings.driver) == (False, (), "auto")
    for path in (default_path(), history_path(), log_path()):
        assert path.is_relative_to(os.environ["HOME"])


@pytest.mark.timeout(240)  # a pytest within
@pytest.mark.parametrize("by", ["home", "variables"])
def test_a_poisoned_config_in_the_developers_home_changes_nothing(by: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    elsewhere = tmp_path / "elsewhere"
    poisoned([home / ".config", home / "Library" / "Application Support", elsewhere])
    before = names_in(tmp_path)
    places = {f"XDG_{kind}_HOME": str(elsewhere) for kind in ("CONFIG", "STATE", "CACHE", "DATA")}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "--no-cov", *(str(TESTS / one) for one in SAMPLE)],
        cwd=TESTS.parent,
        env=os.environ | {"HOME": str(home)} | (places if by == "variables" else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert names_in(tmp_path) == before
