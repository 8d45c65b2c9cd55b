"""hotdash as its callers have it: a process, what it prints, and how it ends. One costs a third of a second."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from real_tools import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def environment(functions: Path) -> Mapping[str, str]:
    """With a cache beside the functions' folder, and something that no function may see."""
    return os.environ | {"XDG_CACHE_HOME": str(functions.parent / "cache"), "HOTDASH_TEST_SECRET": "s3cr3t"}


def hotdash(functions: Path, *args: str | bytes, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs it to its end, in the folder above the functions'."""
    return _run(functions, [sys.executable, "-m", "hotdash", *args], stdin)


def shell(functions: Path, script: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a line of a shell, in which `hotdash` is this one, likewise."""
    here = f'hotdash() {{ "{sys.executable}" -m hotdash "$@"; }}; '
    return _run(functions, ["/bin/sh", "-c", here + script], b"")


def _run(functions: Path, command: list[str | bytes], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
        env=environment(functions),
        cwd=functions.parent,
    )
