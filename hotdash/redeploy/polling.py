"""Finds changes by looking at every file: for where the system does not tell of them. Runs in the watcher's thread.

watchfiles can poll too, but compares whole seconds: of two saves within one second it misses the second for good (seen
with 1.3). This compares nanoseconds, size and inode, and does not look into ignored folders.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Generator

_Seen = dict[str, tuple[int, int, int]]


def poll(
    root: Path, *, ignores: Callable[[Path], bool], stop_event: threading.Event, tick_s: float, ticks: int
) -> Generator[set[tuple[Change, str]], None, None]:
    """Yields changes as `watchfiles.watch` does, until stopped.

    Args:
        root: The folder.
        ignores: Paths that are not looked at, nor what is below them.
        stop_event: Ends the generator.
        tick_s: Seconds between yields, most of them of an empty set.
        ticks: How many yields make a look at the files.
    """
    before = _look(root, ignores)
    yield set()
    while True:
        for _ in range(ticks - 1):
            if stop_event.wait(tick_s):
                return
            yield set()
        if stop_event.wait(tick_s):
            return
        now = _look(root, ignores)
        yield _difference(before, now)
        before = now


def _look(root: Path, ignores: Callable[[Path], bool]) -> _Seen:
    """What is below the folder: for each path its time, size and inode. A folder counts only as being there."""
    seen: _Seen = {}
    folders = [str(root)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:  # it went, or is not ours to see: as the system's own watch has it
            continue
        for entry in entries:
            if ignores(Path(entry.path)):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(status.st_mode):
                seen[entry.path] = (0, 0, status.st_ino)
                folders.append(entry.path)
            else:
                seen[entry.path] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return seen


def _difference(before: _Seen, now: _Seen) -> set[tuple[Change, str]]:
    changes = {(Change.added, path) for path in now.keys() - before.keys()}
    changes |= {(Change.deleted, path) for path in before.keys() - now.keys()}
    changes |= {(Change.modified, path) for path in now.keys() & before.keys() if now[path] != before[path]}
    return changes
