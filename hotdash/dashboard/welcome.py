"""What the screen says where there is no function yet. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard.lines import Line, Tone, text
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.dashboard.keys import Keys
    from hotdash.dashboard.ports import Controls

_YAML = ("name: hello", "format: default", "timeout: 10")
_SHELL = ("#!/bin/sh", "name=$(cat)", 'echo "greeting $name" >&2', 'echo "Hello, ${name:-you}!"')


def welcome_lines(controls: Controls, keys: Keys) -> Iterable[Line]:
    """How to make a first function, beside what is wrong with those that could not be loaded."""
    folder = plain(str(controls.folder))
    yield text("No functions here yet", Tone.STRONG)
    yield ()
    yield (("hotdash looks in ", Tone.MUTED), (folder, Tone.TEXT), (" and all folders below it.", Tone.MUTED))
    for notice in controls.notices():
        yield (("! ", Tone.ERROR), (plain(notice), Tone.ERROR))
    yield ()
    yield text("A function is a folder with two files. Make this one:")
    yield ()
    yield from _file("hello/func.yaml", _YAML)
    yield ()
    yield from _file("hello/func.sh", _SHELL)
    yield ()
    if controls.watching:
        yield text("Save them: the function appears here by itself.")
    else:
        yield (
            ("Watching is off. ", Tone.WARNING),
            (keys.shown("toggle_watching"), Tone.ACCENT),
            (" turns it on: then new functions appear.", Tone.TEXT),
        )
    yield (
        ("Then ", Tone.MUTED),
        (keys.shown("invoke"), Tone.ACCENT),
        (" invokes it, ", Tone.MUTED),
        (keys.shown("edit_payload"), Tone.ACCENT),
        (" asks for a payload first, ", Tone.MUTED),
        (keys.shown("help"), Tone.ACCENT),
        (" shows all keys.", Tone.MUTED),
    )


def _file(name: str, lines: tuple[str, ...]) -> Iterable[Line]:
    yield (("  ", Tone.MUTED), (name, Tone.ACCENT))
    for line in lines:
        yield (("  │ ", Tone.MUTED), (line, Tone.TEXT))
