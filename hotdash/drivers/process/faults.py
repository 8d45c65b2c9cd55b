"""What to say when the system does not start a program or store a file: the cause, and the remedy. Any thread."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.drivers.process.guardian import GuardianError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def why_not_started(
    error: OSError, args: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None
) -> str:
    """Says in words why a program could not be started.

    Args:
        error: What the system said.
        args: The program and its arguments.
        folder: The working directory it was to have.
        environment: All of its environment, where it has got so far.
    """
    program = args[0]
    match error.errno:
        case _ if isinstance(error, GuardianError):
            why = f"the guardian, without which nothing is started, could not be: {_of_system(error)}"
        case errno.ENOENT | errno.ENOTDIR if not folder.is_dir():
            why = f"the image's folder {folder} is gone; deploy the function again"
        case errno.ENOENT:
            why = _not_found(program, folder, environment or {})
        case errno.EACCES if "/" not in program:  # a folder of PATH may not be read: more often than not this
            why = _not_found(program, folder, environment or {})
        case errno.EACCES:
            why = f"{program} may not be executed: make it executable (chmod +x), or name an interpreter in entrypoint"
        case errno.ENOEXEC:
            why = f"{program} is no program: begin it with a line like #!/bin/sh, or name an interpreter in entrypoint"
        case errno.E2BIG:
            size = sum(len(os.fsencode(name + value)) + 2 for name, value in (environment or {}).items())
            why = f"its environment ({size} bytes) or its arguments are too long for the system: make config smaller"
        case _:
            why = _of_system(error)
    return why


def _not_found(program: str, folder: Path, environment: Mapping[str, str]) -> str:
    found = folder / program if "/" in program else shutil.which(program, path=environment.get("PATH", ""))
    if found is None:
        return f"{program} is not found in PATH: install it, or give its path in entrypoint"
    if not Path(found).exists():
        return f"{program} is not there: entrypoint names a file that the image does not have"
    return f"{program} is there, but the interpreter that its first line names is not: install it, or change that line"


def _of_system(error: OSError) -> str:
    match error.errno:
        case errno.EMFILE | errno.ENFILE:
            return "too many open files: raise the limit (ulimit -n), or lower max_concurrency"
        case errno.EAGAIN:
            return "too many processes: end some, or raise the limit (ulimit -u)"
        case errno.ENOMEM:
            return "the machine has no memory left: end something"
        case _:
            return why_not_stored(error)


def why_not_stored(error: OSError) -> str:
    """Says in words why a file or folder could not be written or read."""
    where = f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
    match error.errno:
        case errno.ENOSPC:
            return f"the disk is full{where}: make room"
        case errno.EDQUOT:
            return f"your disk quota is used up{where}: make room"
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"not permitted{where}: {error.strerror}; check the folder's owner and mode"
        case _:
            return f"{error.strerror or error}{where}"
