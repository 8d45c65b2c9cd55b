"""`Ignoring`: which changed paths are of no interest, by each function's own `.dockerignore`. Any thread.

Without it a build that writes into its own folder, or a generated file that `.dockerignore` names, would be looked at
again and again; the content hash would find nothing new each time, but only after it had read everything.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.errors import BuildError
from hotdash.functions.ignore import DOCKERIGNORE, IgnoreRules

if TYPE_CHECKING:
    from collections.abc import Iterable

_Stamp = tuple[int, int, int] | None


class Ignoring:
    """The rules of one folder of functions. It has no lock: its tables are replaced whole, never changed in place.

    Args:
        root: The watched folder; absolute, without links.
        outputs: Folders that hotdash itself writes to.
    """

    def __init__(self, *, root: Path, outputs: Iterable[Path] = ()) -> None:
        self._root = root
        self._outputs = tuple(outputs)
        self._defaults = IgnoreRules()
        self._folders: frozenset[Path] = frozenset()
        self._rules: dict[Path, tuple[_Stamp, IgnoreRules]] = {}

    def know(self, folders: Iterable[Path]) -> None:
        """Takes the functions' folders as they are from now on."""
        self._folders = frozenset(folders)
        self._rules = {folder: kept for folder, kept in self._rules.items() if folder in self._folders}

    def __call__(self, path: Path) -> bool:
        """Whether a change at `path` (absolute, below the root) is no change of any source."""
        if any(path.is_relative_to(output) for output in self._outputs):
            return True
        folder = next((parent for parent in path.parents if parent in self._folders), None)
        if folder is None:
            return path != self._root and self._defaults.ignores(path.relative_to(self._root).as_posix(), is_dir=False)
        rules = self._rules_of(folder)
        name = path.relative_to(folder).as_posix()
        return rules.ignores(name, is_dir=False) and not (rules.may_keep_below(name) and path.is_dir())

    def _rules_of(self, folder: Path) -> IgnoreRules:
        """A function's rules, read again when its file is another one; the defaults where it is broken."""
        stamp = _stamp(folder / DOCKERIGNORE)
        kept = self._rules.get(folder)
        if kept is None or kept[0] != stamp:
            try:
                rules = IgnoreRules.for_folder(folder)
            except BuildError:  # the build tells
                rules = self._defaults
            kept = (stamp, rules)
            self._rules = {**self._rules, folder: kept}
        return kept[1]


def _stamp(file: Path) -> _Stamp:
    try:
        status = os.stat(file)  # noqa: PTH116  in a flood this is asked for each path
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def own_outputs() -> tuple[Path, ...]:
    """Where hotdash keeps images and its log."""
    import platformdirs  # noqa: PLC0415  not for the first paint

    cache, log = (
        platformdirs.user_cache_dir("hotdash", appauthor=False),
        platformdirs.user_log_dir("hotdash", appauthor=False),
    )
    return Path(cache).resolve(), Path(log).resolve()
