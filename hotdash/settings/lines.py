"""Where in a TOML file a key stands: `tomllib` gives values without their places. Pure; any thread."""

from __future__ import annotations

import re

_SECTION = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*(?:"([^"]*)"|'([^']*)'|([\w.()-]+))\s*=""")
_BARE = re.compile(r"\s*\.\s*")


def places(text: str) -> dict[str, int]:
    """The line, from 1, of each key (`limits.log_lines`) and section (`limits`); the first one where there are two.

    Args:
        text: A file that `tomllib` takes, of keys in sections; a line within a long text may be taken for a key.
    """
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if (head := _SECTION.match(line)) is not None:
            section = ".".join(part.strip("\"'") for part in _BARE.split(head[1]))
            found.setdefault(section, number)
        elif (key := _KEY.match(line)) is not None:
            name = next(part for part in key.groups() if part is not None)
            found.setdefault(f"{section}.{name}" if section else name, number)
    return found
