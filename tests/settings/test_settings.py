"""`config.toml`: what it sets, and that a fault names line, key and what is allowed, and costs nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdash.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
# how I like it
driver = "process"
theme = "nord"
watch = false

[layout]
left_percent = 40
tab = "run"

[limits]
memory_mb = 512
log_lines = 500
history_mb = 16
history_days = 7

[keys]
burst = "b"
cancel = ["X", "f8"]
"""


def loaded(tmp_path: Path, text: str | bytes):
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_settings(path)


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    found = load_settings(tmp_path / "config.toml")
    assert (found.settings, found.faults, found.is_there) == (Settings(), (), False)


def test_a_good_file_is_followed(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD)
    assert found.faults == ()
    settings = found.settings
    assert (settings.driver, settings.theme, settings.watch) == ("process", "nord", False)
    assert (settings.layout.left_percent, settings.layout.functions_percent, settings.layout.tab) == (40, 50, "run")
    limits = settings.limits
    assert (limits.memory_mb, limits.log_lines, limits.history_mb, limits.history_days) == (512, 500, 16, 7)
    assert dict(settings.keys) == {"burst": ("b",), "cancel": ("X", "f8")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('driver = "podman"', "1: driver: found 'podman', allowed 'auto', 'process', 'docker'"),
        ("\nwatch = 1", "2: watch: found 1, allowed true or false"),
        ("theme = ''", "1: theme: found '', allowed a word in quotes"),
        ('drivr = "auto"', "1: drivr: found a key unknown here, allowed driver perhaps; one of driver, theme, watch"),
        ("[limits]\nlog_lines = 5", "2: limits.log_lines: found 5, allowed a whole number from 100 to 200,000"),
        ("[limits]\n log_lines = true", "2: limits.log_lines: found true, allowed a whole number"),
        ('[limits]\n"history_mb" = -1', "2: limits.history_mb: found -1, allowed a whole number from 0"),
        ("[limits]\nlog_lines = 1e3", "2: limits.log_lines: found 1000.0"),
        ("[layout]\nlef = 3", "2: layout.lef: found a key unknown here, allowed left_percent"),
        ("[layot]\nleft_percent = 40", "1: layot: found a key unknown here, allowed [layout] perhaps"),
        ("limits = 3", "1: limits: found 3, allowed a section, [limits]"),
        ("[keys]\n\ninvoke = {a = 1}", "3: keys.invoke: found a section, allowed a key, or a list of keys"),
        ("a = 1\nb = = 2", "2: found Invalid value, allowed TOML"),
        ("watch = true\nwatch = false", "2: found Cannot overwrite a value, allowed TOML"),
        (b"theme = '\xff'", " found bytes that are no UTF-8, allowed UTF-8"),
    ],
)
def test_a_fault_names_line_key_and_what_is_allowed_and_the_default_serves(tmp_path, text, words) -> None:
    found = loaded(tmp_path, text)
    assert [str(fault).startswith(f"{tmp_path}/config.toml:{words}") for fault in found.faults] == [True], found.faults
    assert found.settings == Settings()


def test_one_fault_costs_no_other_key_and_all_are_told_in_order(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD.replace("512", "1").replace('"process"', "3").replace('"run"', '"walk"'))
    assert [fault.key for fault in found.faults] == ["driver", "layout.tab", "limits.memory_mb"]
    assert found.settings.limits.log_lines == 500
    assert found.settings.theme == "nord"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    [fault] = load_settings(tmp_path / "config.toml").faults
    assert "allowed a file that can be read" in str(fault)
