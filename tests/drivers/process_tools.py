"""What the tests of the process driver share."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.drivers.base import ContainerSpec, Image
from hotdash.functions.spec import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdash.drivers.process import ProcessDriver
    from hotdash.drivers.process.container import ProcessContainer

PATIENCE_S = 20.0


def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Waits until a condition holds; fails if it does not come to."""
    deadline_s = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"{what} did not come to hold"
        pause.wait(0.002)


def never() -> bool:
    return False


def function(folder: Path, *, files: Mapping[str, str] | None = None, **keys: object) -> FunctionSpec:
    """A function in a folder, which is made with these files (and a func.py)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"func.yaml": "name: greet\n", "func.py": "print('hi')\n", **(files or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return FunctionSpec(**{"name": "iron/greet", "folder": folder, "file": folder / "func.yaml", **keys})  # type: ignore[arg-type]


def start(
    driver: ProcessDriver, folder: Path, *args: str, environment: Mapping[str, str] | None = None
) -> ProcessContainer:
    """A container in a folder, without a build."""
    image = Image(id="0" * 64, function="greet", folder=folder, entrypoint=args)
    return driver.start(
        ContainerSpec(
            id="c-000001",
            function="greet",
            app="app",
            revision=1,
            image=image,
            environment=environment or {},
            memory_mb=64,
        )
    )


def start_python(driver: ProcessDriver, folder: Path, code: str, **keys: object) -> ProcessContainer:
    return start(driver, folder, sys.executable, "-I", "-S", "-c", code, **keys)  # type: ignore[arg-type]


def read_line(container: ProcessContainer) -> str:
    data = b""
    while not data.endswith(b"\n"):
        chunk = container.read(PATIENCE_S)
        assert chunk, f"{chunk!r} after {data!r}"
        data += chunk
    return data.decode().strip()


def lives(pid: int) -> bool:
    """Whether a process is there and is no zombie (one that init has not reaped yet is dead all the same)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat[stat.rindex(b")") + 2 :][:1] not in {b"Z", b"X"}


def end(pid: int) -> None:
    """Kills a process that a test started and the driver was to have killed."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
