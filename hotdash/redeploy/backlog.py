"""`Backlog`: changes that wait until they are asked for, by function. Counted and listed, never dropped.

No thread and no lock: its owner's lock guards it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PATHS_KEPT = 1_000  # of a function; beyond that its folder stands for all
PATHS_TOLD = 20


class Waiting(Struct, frozen=True, kw_only=True):
    """What waits of one function.

    Args:
        paths: The first, relative to its folder, sorted; `.` stands for anything in it.
        count: How many there are.
    """

    paths: tuple[str, ...] = ()
    count: int = 0


class Backlog:
    """Changed paths by function."""

    def __init__(self) -> None:
        self._paths: dict[str, set[Path]] = {}
        self._counts: dict[str, int] = {}
        self._folders: dict[str, Path] = {}

    def add(self, key: str, folder: Path, paths: Iterable[Path]) -> bool:
        """Adds changes of a function. Returns whether that tells anything new."""
        before = self.waiting(key)
        kept = self._paths.setdefault(key, set())
        fresh = set(paths) - kept
        kept |= fresh
        self._folders[key] = folder
        self._counts[key] = self._counts.get(key, 0) + len(fresh)
        if len(kept) > PATHS_KEPT:
            self._paths[key] = {folder}
        return self.waiting(key) != before

    def paths(self, key: str) -> frozenset[Path]:
        """What waits of a function, whole."""
        return frozenset(self._paths.get(key, ()))

    def drop(self, key: str, paths: Iterable[Path]) -> bool:
        """Forgets changes of a function that are none any more. Returns whether that tells anything new."""
        kept = self._paths.get(key)
        gone = set() if kept is None else kept & set(paths)
        if kept is None or not gone:
            return False
        kept -= gone
        self._counts[key] -= len(gone)
        if not kept:
            self.take(key)
        return True

    def take(self, key: str) -> frozenset[Path]:
        """Gives out what waits of a function, and forgets it."""
        self._counts.pop(key, None)
        self._folders.pop(key, None)
        return frozenset(self._paths.pop(key, ()))

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions of which something waits."""
        return tuple(self._paths)

    def waiting(self, key: str) -> Waiting:
        """What waits of a function."""
        if key not in self._paths:
            return Waiting()
        folder = self._folders[key]
        names = sorted(path.relative_to(folder).as_posix() for path in self._paths[key] if path.is_relative_to(folder))
        return Waiting(paths=tuple(names[:PATHS_TOLD]) or (".",), count=self._counts[key])
