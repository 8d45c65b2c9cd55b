"""The processes of a container, where its engine runs on this very machine. Any thread; Linux only.

An engine tells the number of a container's first process, but perhaps another machine's: Docker Desktop's engine is in
a virtual machine, and hotdash may itself be in a container. The process's control group tells: it is named after the
container.
"""

from __future__ import annotations

from pathlib import Path


def is_of_container(pid: int, container_id: str) -> bool:
    """Whether that process, here, is the container's."""
    try:
        return container_id in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def program_of(pid: int) -> int | None:
    """The function's own process below the init that the engine adds; None where that is not clear (yet)."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended, or the kernel was built without
        return None
    return int(children[0]) if len(children) == 1 else None
