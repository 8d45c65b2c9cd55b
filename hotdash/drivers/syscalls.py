"""What a process is seen to do, by the system calls that it is in (section 7's proof). Linux only; any thread.

A new revision is fit once it is seen reading its stdin, or has lived for a while without being at work: code that is
still loading may still fail. *Reading* is a thread blocked in `read` of descriptor 0, or in a wait for many descriptors
of which the kernel tells that this is one (epoll: node's and asyncio's loops). *At work* is a thread that runs, or is
in a call that comes and goes: it reads a file, maps memory, starts a program. One that sleeps until something happens
is not.

A look costs some ten microseconds a thread, and ends at the first that is at work.
"""

from __future__ import annotations

import enum
import os
import platform
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_THREADS = 100  # of one look; of more it is not told what they do

# The calls in which a thread sleeps until something happens, by their numbers on x86-64 and on arm64 (which has not all
# of them). From the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
_NUMBERS: Mapping[str, tuple[int, int | None]] = {
    # time and signals; the first stands for any of these that was interrupted and goes on
    "restart_syscall": (219, 128),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "pause": (34, None),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    # children
    "wait4": (61, 260),
    "waitid": (247, 95),
    # one of many descriptors
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "io_uring_enter": (426, 426),
    "io_getevents": (208, 4),
    "io_pgetevents": (333, 292),
    # other threads and processes
    "futex": (202, 98),
    "futex_waitv": (449, 449),
    "futex_wait": (455, 455),
    "flock": (73, 32),
    "fcntl": (72, 25),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "msgrcv": (70, 188),
    "mq_timedreceive": (243, 183),
    # one descriptor: asleep unless it is a file
    "read": (0, 63),
    "readv": (19, 65),
    "pread64": (17, 67),
    "preadv": (295, 69),
    "preadv2": (327, 286),
    "splice": (275, 76),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "accept": (43, 202),
    "accept4": (288, 242),
    "connect": (42, 203),
}
_READS = frozenset({"read", "readv", "pread64", "preadv", "preadv2", "splice"})  # of a file they come and go
_WAITS_FOR_CHILDREN = frozenset({"wait4", "waitid"})
_EPOLLS = frozenset({"epoll_wait", "epoll_pwait", "epoll_pwait2"})
_NAMES: Mapping[str, Mapping[int, str]] = {
    machine: {numbers[column]: name for name, numbers in _NUMBERS.items() if numbers[column] is not None}  # type: ignore[misc]
    for column, machine in enumerate(("x86_64", "aarch64"))
}


class Doing(enum.Enum):
    """What a thread is seen to do."""

    READS_STDIN = enum.auto()
    SLEEPS = enum.auto()
    WAITS_FOR_CHILDREN = enum.auto()
    WORKS = enum.auto()


def reads_stdin(pid: int) -> bool | None:
    """Whether a process is seen waiting for its stdin, or at work.

    All of its threads are looked at, and so are the children of its main thread and of each that waits for some (a
    shell's), and theirs. A child reads for it if its stdin is the same.

    Returns:
        True: a thread waits for stdin, and it is the main thread, or no other is at work. False: it is at work.
        None: it sleeps otherwise, for which stdin may be the reason; or it cannot be told: not on Linux or an unknown
        machine, not permitted, gone, or more than `MAX_THREADS`.
    """
    machine = platform.machine()
    if machine not in _NAMES:
        return None
    main = _look(pid, pid, machine)
    if main is None or main is Doing.READS_STDIN:
        return None if main is None else True
    is_reading = False
    for looked, (process, doing) in enumerate(_threads(pid, machine)):
        if doing is Doing.WORKS:
            return False
        if looked == MAX_THREADS:
            return None
        is_reading = is_reading or (doing is Doing.READS_STDIN and (process == pid or _same_stdin(process, pid)))
    return is_reading or None


def judge(line: str, *, machine: str, is_file: Callable[[int], bool], polls_stdin: Callable[[int], bool]) -> Doing:
    """What a thread does whose `/proc/PID/task/TID/syscall` reads so.

    Args:
        line: See proc_pid_syscall(5): `running`, or the call's number and arguments; -1 for a thread that is blocked in
            no call (it waits for a page), then all zeroes for one that has ended and is yet to be waited for.
        machine: As `platform.machine()` calls it; x86_64 or aarch64.
        is_file: Whether that descriptor of its is of a file on some disk, a read of which comes and goes.
        polls_stdin: Whether stdin is among the descriptors of that epoll of its.
    """
    fields = line.split()
    if not fields or fields[0] == "running":
        return Doing.WORKS
    number = int(fields[0])
    if number == -1:
        return Doing.WORKS if any(int(field, 16) for field in fields[1:]) else Doing.SLEEPS
    name = _NAMES[machine].get(number, "")
    fd = int(fields[1], 16) & 0xFFFFFFFF
    if name in _READS and is_file(fd):
        return Doing.WORKS
    if (name == "read" and fd == 0) or (name in _EPOLLS and polls_stdin(fd)):
        return Doing.READS_STDIN
    if name in _WAITS_FOR_CHILDREN:
        return Doing.WAITS_FOR_CHILDREN
    return Doing.SLEEPS if name else Doing.WORKS


def _threads(pid: int, machine: str) -> Iterator[tuple[int, Doing]]:
    """Of the process and of those that descend from it: whose each thread is, and what it does."""
    processes = [pid]
    while processes:
        process = processes.pop()
        for thread in _threads_of(process):
            doing = _look(process, thread, machine)
            if doing is not None:
                yield process, doing
            if thread == process or doing is Doing.WAITS_FOR_CHILDREN:
                processes += map(int, _read(f"/proc/{process}/task/{thread}/children").split())


def _threads_of(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208  names are all that is wanted
    except OSError:  # it has ended
        return []


def _look(pid: int, thread: int, machine: str) -> Doing | None:
    """None if it has ended since, or may not be looked at."""
    line = _read(f"/proc/{pid}/task/{thread}/syscall")
    if not line:
        return None
    return judge(line, machine=machine, is_file=lambda fd: _is_file(pid, fd), polls_stdin=lambda fd: _polls(pid, fd))


def _read(path: str) -> str:
    """All of one of the kernel's short lists; empty if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(fd, 1 << 16).decode("ascii")
    except OSError:
        return ""
    finally:
        os.close(fd)


def _polls(pid: int, epoll_fd: int) -> bool:
    """Whether an epoll has descriptor 0 among its own: a line of it each, see proc_pid_fdinfo(5)."""
    return any(
        line.startswith("tfd:") and line.split()[1] == "0"
        for line in _read(f"/proc/{pid}/fdinfo/{epoll_fd}").splitlines()
    )


def _same_stdin(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.stat(f"/proc/{one}/fd/0"), os.stat(f"/proc/{other}/fd/0"))  # noqa: PTH116
    except OSError:
        return False


def _is_file(pid: int, fd: int) -> bool:
    """A descriptor that is no more is one of a read that is over, as a file's would be."""
    try:
        mode = os.stat(f"/proc/{pid}/fd/{fd}").st_mode  # noqa: PTH116  a fifth of the time of a Path
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISBLK(mode)
