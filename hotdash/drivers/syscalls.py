"""Whether a process is seen blocked reading its stdin (section 7's proof). Linux only; any thread."""

from __future__ import annotations

import platform
from pathlib import Path

# The numbers of read, by machine; and of the calls in which a program may wait for stdin and other things at once, or
# let another thread or process wait for it. From the kernel's arch/x86/entry/syscalls and asm-generic/unistd.h.
_READ = {"x86_64": 0, "aarch64": 63}
_UNCLEAR = {
    "x86_64": {7, 23, 61, 202, 232, 247, 270, 271, 281, 441, 449},  # poll … select, wait4, futex, epoll, waitid
    "aarch64": {22, 72, 73, 95, 98, 260, 441, 449},
}


def reads_stdin(pid: int) -> bool | None:
    """Whether its main thread is blocked in `read` of descriptor 0.

    Returns:
        True: it is. False: it runs, or waits for something else. None: that cannot be told: not on Linux or an unknown
        machine, not permitted, or it is in a call like poll, futex or wait4, of which stdin may be the reason.
    """
    machine = platform.machine()
    try:
        fields = Path(f"/proc/{pid}/syscall").read_text(encoding="ascii").split()
    except OSError:
        return None
    if not fields or machine not in _READ:
        return None
    if fields[0] == "running":
        return False
    number = int(fields[0])
    if number in _UNCLEAR[machine]:
        return None
    return number == _READ[machine] and int(fields[1], 16) == 0
