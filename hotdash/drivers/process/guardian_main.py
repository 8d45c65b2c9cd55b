"""The guardian: a small process that outlives hotdash for a moment, and leaves none of its children alive (M13).

Run as `python -I -S guardian_main.py RUN_FOLDER`, so it may import the standard library only. One thread. It reads
lines from stdin: `+123` a process group to watch over, `-123` one that is gone, `.` a good end: nothing is being
started any more. When stdin ends, because hotdash closed it or died of whatever (kill -9 too), it kills what is left:

- every group it still knows,
- on Linux also every process whose environment names the run folder. That finds what left its group (`setsid`), and
  a child that was spawned in the instant before its `+` line. Elsewhere /proc does not exist and groups are all.

Then it removes the run folder. The driver calls `sweep` itself where a guardian could not do its work.
"""

from __future__ import annotations

import itertools
import os
import signal
import stat
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_EMPTY_SCANS = 3  # a child between fork and exec does not show its environment yet: look again
_SCAN_PAUSE_S = 0.01
SCAN_LIMIT_S = 5.0  # against something that forks as fast as it is killed


def sweep(folder: str, groups: Iterable[int], *, settled: bool = False) -> None:
    """Kills every process that belongs to a run of hotdash, then removes its folder.

    Args:
        folder: The run folder.
        groups: Process groups known to be alive.
        settled: Nothing was being started when this was called, so one look that finds none is enough.
    """
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    wanted = 1 if settled else _EMPTY_SCANS
    empty = 0
    deadline_s = time.monotonic() + SCAN_LIMIT_S
    while empty < wanted and time.monotonic() < deadline_s:
        found = kill_marked(folder)
        empty = 0 if found else empty + 1
        if empty < wanted:
            time.sleep(_SCAN_PAUSE_S)
    remove_tree(folder)


def kill_marked(folder: str) -> int:
    """Kills every process whose environment has a value below `folder`; returns how many there were.

    A container's HOME and TMPDIR lie there, so all it started has them, unless it took both out of the environment.
    """
    mark = b"=" + os.fsencode(folder) + b"/"
    own_pid = os.getpid()
    killed = 0
    for pid in _pids():
        if pid == own_pid:
            continue
        # Gone since, or another user's: not ours to kill.
        with suppress(OSError):
            if mark in Path(f"/proc/{pid}/environ").read_bytes():
                os.kill(pid, signal.SIGKILL)
                killed += 1
    return killed


def _pids() -> Iterator[int]:
    try:
        names = os.listdir("/proc")  # noqa: PTH208  names are all that is wanted, of thousands
    except OSError:
        return
    for name in names:
        if name.isdigit():
            yield int(name)


def remove_tree(folder: str | Path) -> None:
    """Removes a folder and all below it, whatever a container left there; what cannot be removed stays, silently.

    Folders without write permission, names that are no text and any depth are fine: each folder below is moved to the
    top before it is emptied, so that no path grows long. Links are removed, never followed.
    """
    top = os.fsencode(folder)
    fresh = itertools.count()
    seen: set[bytes] = set()
    with suppress(OSError):
        _empty(top, top, fresh)
        while folders := {entry.path for entry in os.scandir(top) if entry.is_dir(follow_symlinks=False)}:
            if folders == seen:
                return  # nothing moved since the last round: a mount, an immutable file
            seen = folders
            for path in folders:
                _empty(path, top, fresh)
                with suppress(OSError):
                    os.rmdir(path)  # noqa: PTH106  bytes: a name may be no text
        os.rmdir(top)  # noqa: PTH106  bytes, as above


def _empty(folder: bytes, top: bytes, fresh: Iterator[int]) -> None:
    """Removes the files in `folder`, and moves its folders to `top` under names of their own."""
    with suppress(OSError):
        os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101  bytes: a name may be no text
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)  # noqa: PTH108  bytes, as above
            elif folder != top:
                os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101  a folder is moved only if it can be written
                os.rename(entry.path, b"%s/.%d-%d" % (top, os.getpid(), next(fresh)))  # noqa: PTH104  bytes


def main(folder: str) -> None:
    """Watches until stdin ends, then sweeps."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    settled = False
    for line in sys.stdin.buffer:
        sign, number = line[:1], line[1:].strip()
        if sign == b".":
            settled = True
        elif sign == b"+" and line.endswith(b"\n"):
            groups.add(int(number))
        elif sign == b"-":
            groups.discard(int(number))
    sweep(folder, groups, settled=settled)


if __name__ == "__main__":
    main(sys.argv[1])
