"""What the help tells of `config.toml`: where it is, what is wrong in it now. Reads it; the screen's thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.dashboard.lines import Line, Tone, text
from hotdash.dashboard.taste import taste_of
from hotdash.sanitize import plain
from hotdash.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.dashboard.taste import Taste
    from hotdash.errors import Fault


def settings_lines(taste: Taste) -> Iterable[Line]:
    """The file's place, its faults as it is now, each with line, key and remedy; nothing where there is no file's path.

    Args:
        taste: What holds: the file as it was when hotdash started.
    """
    if taste.path is None:
        return
    loaded = load_settings(taste.path)
    now = taste_of(loaded)
    yield text("Settings", Tone.STRONG)
    yield _row("file", plain(_short(taste.path)), Tone.TEXT)
    for fault in now.faults:
        yield _row(f"line {fault.line}" if fault.line else "wrong", _fault(fault), Tone.ERROR)
    if now.faults:
        yield _row("until then", "the usual serves in their place", Tone.MUTED)
    elif not loaded.is_there:
        yield _row("not there", "and not needed; the README says what may be in it", Tone.MUTED)
    if (now.settings, now.faults) != (taste.settings, taste.faults):
        yield _row("changed", "since hotdash started; it holds from the next start on", Tone.WARNING)
    yield ()


def _fault(fault: Fault) -> str:
    key = f"{fault.key}: " if fault.key else ""
    return plain(f"{key}found {fault.found}, allowed {fault.allowed}")


def _short(path: Path) -> str:
    """With `~` for the home, as one types it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def _row(shown: str, said: str, tone: Tone) -> Line:
    return ((f"  {shown:<11}", tone if shown != "file" else Tone.ACCENT), (said, tone))
