"""`Taste`: the user's settings as the screen can follow them, and all that is wrong with them. Any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from textual.theme import BUILTIN_THEMES

from hotdash.dashboard.keys import Keys, checked
from hotdash.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.errors import Fault
    from hotdash.settings import Layout, Loaded


class Taste(Struct, frozen=True, kw_only=True):
    """How the user wants it.

    Args:
        settings: See `Settings`.
        keys: What keys do.
        faults: What is wrong in the file, in the order of its lines.
        path: The file, there or not; None for the usual, whatever a file says.
    """

    settings: Settings = field(default_factory=Settings)
    keys: Keys = field(default_factory=Keys)
    faults: tuple[Fault, ...] = ()
    path: Path | None = None

    @property
    def theme(self) -> str | None:
        """The theme that is asked for, if there is one of this name."""
        return self.settings.theme if self.settings.theme in BUILTIN_THEMES else None

    @property
    def css_variables(self) -> dict[str, str]:
        """What the style sheet takes from the settings."""
        layout: Layout = self.settings.layout
        return {
            "left-width": f"{layout.left_percent}%",
            "functions-height": f"{layout.functions_percent}fr",
            "tasks-height": f"{100 - layout.functions_percent}fr",
        }


def taste_of(loaded: Loaded) -> Taste:
    """The taste that a file tells of; the usual serves where it is wrong."""
    keys, faults = checked(loaded)
    theme = loaded.settings.theme
    if theme is not None and theme not in BUILTIN_THEMES:
        fault = loaded.fault("theme", found=repr(theme), allowed=", ".join(sorted(BUILTIN_THEMES)))
        faults = (*faults, fault)
    every = sorted((*loaded.faults, *faults), key=lambda fault: fault.line or 0)
    return Taste(settings=loaded.settings, keys=keys, faults=tuple(every), path=loaded.path)
