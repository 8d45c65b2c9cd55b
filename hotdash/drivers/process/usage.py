"""What process groups use: memory, CPU, how many processes. Any thread.

One look at the whole process table serves all containers: 200 of them that each looked for their own would cost a core.
On Linux a group's every member is counted, those whose parent has died too; elsewhere psutil tells, a little slower.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from hotdash.drivers.base import Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

PERIOD_S = 1.0  # a look costs milliseconds, and nobody reads figures that change faster
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class UsageTable:
    """The use of every process group on this machine, looked up at most once in `period_s`, when somebody asks.

    The lock guards the last table and its time; who comes while another looks waits for that look and shares it.
    """

    def __init__(self, *, period_s: float = PERIOD_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._period_s = period_s
        self._clock = clock
        self._lock = threading.Lock()
        self._groups: Mapping[int, Stats] = {}
        self._looked_s = -float("inf")

    def of(self, group: int) -> Stats | None:
        """What the last look found a group to use; None if it had no living process, or is younger than that look."""
        with self._lock:
            now_s = self._clock()
            if now_s - self._looked_s >= self._period_s:
                self._looked_s = now_s
                self._groups = _look()
            return self._groups.get(group)


def memory_of_groups(groups: Collection[int]) -> dict[int, int]:
    """Resident bytes of each of these process groups, from one look at the process table.

    Only what belongs to one of the groups is read, so 200 of them cost a little over a millisecond. What processes of a
    group share counts for each of them: an upper bound.

    Raises:
        OSError: The table cannot be read.
    """
    used: dict[int, int] = {}
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):  # gone since
            group = os.getpgid(pid)
            if group in groups:
                used[group] = used.get(group, 0) + _resident_bytes(pid)
    return used


def shared_out_memory_of(group: int) -> int:
    """Bytes that one group uses, where what several processes share counts once (Linux; elsewhere as above)."""
    used_bytes = 0
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getpgid(pid) == group:
                used_bytes += _proportional_bytes(pid)
    return used_bytes


def _resident_bytes(pid: int) -> int:
    if sys.platform != "linux":
        return psutil.Process(pid).memory_info().rss
    fd = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 256).split()[1]) * _PAGE_BYTES
    finally:
        os.close(fd)


def _proportional_bytes(pid: int) -> int:
    """Its resident memory, each page divided by how many processes share it (proc(5): Pss)."""
    with suppress(OSError):  # another system, or a process that may not be looked into
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) * 1024
    return _resident_bytes(pid)


def _look() -> dict[int, Stats]:
    groups: dict[int, Stats] = {}
    for group, memory_bytes, cpu_s in _linux_processes() if sys.platform == "linux" else _other_processes():
        so_far = groups.get(group)
        groups[group] = Stats(
            memory_bytes=memory_bytes + (so_far.memory_bytes if so_far else 0),
            cpu_s=cpu_s + (so_far.cpu_s if so_far else 0.0),
            pids=1 + (so_far.pids if so_far else 0),
        )
    return groups


def _linux_processes() -> Iterator[tuple[int, int, float]]:
    """(group, resident bytes, CPU seconds with those of children waited for) of each process, by proc(5)'s `stat`."""
    tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
    for name in os.listdir("/proc"):  # noqa: PTH208  names are all that is wanted, of thousands
        if not name.isdigit():
            continue
        with suppress(OSError):  # gone since
            stat = Path(f"/proc/{name}/stat").read_bytes()
            # The name, in parentheses, may hold anything; what follows the last one is state, parent, group, …
            fields = stat[stat.rindex(b")") + 2 :].split()
            if fields[0] not in {b"Z", b"X"}:
                yield int(fields[2]), int(fields[21]) * _PAGE_BYTES, sum(map(int, fields[11:15])) * tick_s


def _other_processes() -> Iterator[tuple[int, int, float]]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            cpu = process.cpu_times()
            yield os.getpgid(process.pid), process.memory_info().rss, cpu.user + cpu.system
