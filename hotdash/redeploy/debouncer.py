"""Groups changes of files into bursts: `Debouncer`. Pure: no clock, no thread, no lock; its owner feeds it times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path

QUIET_S = 0.1  # section 7: a save that takes several steps (write, rename, a formatter after it) is one change
CAP_S = 1.0  # section 7: a folder that never is quiet is reported all the same
PATHS_KEPT = 1_000  # beyond that no one asks which: the root stands for all


class Burst(Struct, frozen=True, kw_only=True):
    """Changes that came together.

    Args:
        paths: Absolute. One may be a folder: then anything below it may have changed. One may be gone.
        quiet_s: Seconds from the first of them to the end of the burst.
    """

    paths: frozenset[Path]
    quiet_s: float = 0.0


class Debouncer:
    """Holds changed paths back until nothing has changed for a while, or for too long.

    Args:
        root: Stands for everything, once there are more than `PATHS_KEPT` paths: memory stays bounded, and a checkout
            of another branch is one change, not ten thousand.
        quiet_s: Seconds without a change that end a burst.
        cap_s: Seconds after its first change that end it anyway.
    """

    def __init__(self, *, root: Path, quiet_s: float = QUIET_S, cap_s: float = CAP_S) -> None:
        self._root = root
        self._quiet_s = quiet_s
        self._cap_s = cap_s
        self._paths: set[Path] = set()
        self._first_s = 0.0
        self._last_s = 0.0

    def add(self, at_s: float, path: Path) -> None:
        """Takes a change of `path`, seen at `at_s` (seconds on any clock that does not go back)."""
        if not self._paths:
            self._first_s = at_s
        self._last_s = at_s
        self._paths.add(path)
        if len(self._paths) > PATHS_KEPT:
            self._paths = {self._root}

    def due(self, now_s: float) -> Burst | None:
        """Gives the burst out, once, when it is over.

        Returns:
            None while there are no changes, or the burst goes on.
        """
        if not self._paths or (now_s - self._last_s < self._quiet_s and now_s - self._first_s < self._cap_s):
            return None
        burst = Burst(paths=frozenset(self._paths), quiet_s=now_s - self._first_s)
        self._paths.clear()
        return burst

    def clear(self) -> None:
        """Forgets what has been held back."""
        self._paths.clear()
