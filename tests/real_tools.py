"""What tests over real processes share: functions to run, a runtime of which nothing may be left, and waiting."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
from descriptors import open_descriptors

from hotdash.drivers.process import ProcessDriver
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.runtime.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENCE_S = 20.0
PYTHON = (sys.executable, "-E", "-S")  # -S: half the time that Python takes to start

# The start of a function on `http`, without any library. Output is raw, so that a test decides what is one write.
HTTP = r"""
import os, signal, subprocess, sys, threading, time

def requests():
    stdin = sys.stdin.buffer
    while stdin.readline():
        headers = {}
        while line := stdin.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        yield headers, stdin.read(int(headers["content-length"]))

def frame(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

def write(data, fd=1):
    data = memoryview(data)
    while data:
        data = data[os.write(fd, data):]

def answer(body, status="200 OK"):
    write(frame(body, status))
"""

# A function that does what the payload says: the payload is Python.
DO_AS_TOLD = HTTP + "\nfor headers, body in requests():\n    exec(body)\n"


def until(condition: Callable[[], object], what: str) -> None:
    """Waits until a condition holds; fails if it does not come to."""
    deadline_s = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"{what} did not come to hold"
        pause.wait(0.005)


def lives(pid: int) -> bool:
    """Whether a process is there and is no zombie (one that init has not reaped yet is dead all the same)."""
    try:
        return psutil.Process(pid).status() not in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.NoSuchProcess:
        return False


def function(folder: Path, code: str, **keys: object) -> FunctionSpec:
    """A function in Python, hot unless `format` says otherwise, known by its folder's name."""
    folder.mkdir(parents=True)
    (folder / "func.yaml").write_text(f"name: {folder.name}\n")
    (folder / "func.py").write_text(code)
    given = {"format": Format.HTTP, "entrypoint": (*PYTHON, "func.py"), **keys}
    return FunctionSpec(name=f"t/{folder.name}", folder=folder, file=folder / "func.yaml", **given)  # type: ignore[arg-type]


def write_function(folder: Path, code: str, **keys: object) -> Path:
    """As `function`, but on disk alone: the keys go into its file."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {"name": f"t/{folder.name}", "format": "http", "entrypoint": [*PYTHON, "func.py"], **keys}
    (folder / "func.yaml").write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in given.items()))
    (folder / "func.py").write_text(code)
    return folder


def pids_in(file: Path) -> list[int]:
    """The process ids that functions have written to a file, whole lines only."""
    text = file.read_text() if file.exists() else ""
    return [int(word) for line in text.splitlines(keepends=True) if line.endswith("\n") for word in line.split()]


@contextmanager
def real_runtime(tmp_path: Path, *, memory_mb: int = 1_000_000, builds_at_once: int | None = None) -> Iterator[Runtime]:
    """A runtime on local processes. Once it is left, so are its threads, processes, descriptors and folders.

    Its memory budget is more than any machine has, unless a test says otherwise: what fits is not the machine's affair.
    """
    runs = tmp_path / "runs"
    runs.mkdir(exist_ok=True)
    with nothing_left():
        driver = ProcessDriver(cache_dir=tmp_path / "cache", run_parent=runs, path=os.environ["PATH"])
        runtime = Runtime(driver=driver, memory_mb=memory_mb, builds_at_once=builds_at_once)
        try:
            with runtime:
                yield runtime
        finally:
            assert runtime.snapshot().memory_used_mb == 0, "the books of memory do not balance"
    assert list(runs.iterdir()) == [], "a run folder is left"


@contextmanager
def nothing_left() -> Iterator[None]:
    """What is begun within it is ended with it: threads, processes, descriptors. (A `Timer` is pytest-timeout's.)"""
    threads, descriptors, processes = set(threading.enumerate()), open_descriptors(), _children()
    try:
        yield
    finally:
        left = [t.name for t in threading.enumerate() if t not in threads and not isinstance(t, threading.Timer)]
        assert left == [], "threads are left"
        assert _children() <= processes, "processes are left"
        # Waited for: watchfiles' own thread gives back its descriptors a moment after the watch has ended.
        until(lambda: open_descriptors() <= descriptors, "that no descriptor is left")


def _children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))
