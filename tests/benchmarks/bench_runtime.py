"""How fast the runtime is, beside its budgets (section 12): `python tests/benchmarks/bench_runtime.py [hot cold …]`.

Ratios, both sides in one run, medians of alternating rounds: the machines are shared and noisy. Not a test: nothing
fails here, the table is for reading.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import hotdash
from hotdash.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

ECHO = """import sys, time
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
while stdin.readline():
    length = 0
    while (line := stdin.readline()) not in (b"\\r\\n", b""):
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    body = stdin.read(length)
    time.sleep({wait}) if {wait} else None
    stdout.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    stdout.flush()
"""
COLD = "import sys; sys.stdout.write(sys.stdin.read())"
REQUEST = b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
ROUNDS = 7
MEMORY_MB = 1_000_000  # what fits is not to depend on the machine


def write(root: Path, name: str, code: str, form: str = "http") -> FunctionSpec:
    """A function on disk, loaded."""
    folder = root / name
    folder.mkdir()
    (folder / "func.yaml").write_text(
        f"name: {name}\nformat: {form}\nidle_timeout: 600\nentrypoint: python3 -S -E func.py\n"
    )
    (folder / "func.py").write_text(code)
    return next(spec for spec in hotdash.load_functions(root) if spec.key == name)


@contextmanager
def running(*specs: FunctionSpec, driver: str = "process") -> Iterator[Runtime]:
    """A runtime with events and store on, as the dashboard has it."""
    with hotdash.Runtime(driver=hotdash.open_driver(driver), memory_mb=MEMORY_MB) as runtime:
        runtime.subscribe(Store())
        for spec in specs:
            runtime.deploy(spec)
        yield runtime


def median_s(call: Callable[[], object], count: int) -> float:
    """The median time of a call."""
    took = []
    for _ in range(count):
        began_s = time.perf_counter()
        call()
        took.append(time.perf_counter() - began_s)
    return statistics.median(took)


def row(what: str, measured: str, budget: str) -> None:
    """A line of the table."""
    print(f"{what:<58} {measured:<44} {budget}", flush=True)


def hot(root: Path) -> None:
    """A hot task against a raw pipe echo to the same function, both on one core."""
    spec = write(root, "echo", ECHO.format(wait=0))
    everything = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(everything)})
    with running(spec) as runtime:
        raw = subprocess.Popen([sys.executable, "-S", "-E", "func.py"], cwd=spec.folder, stdin=-1, stdout=-1, bufsize=0)
        assert raw.stdin is not None
        assert raw.stdout is not None
        out, back = raw.stdin.fileno(), raw.stdout.fileno()
        echo = lambda: (os.write(out, REQUEST), os.read(back, 65536))  # noqa: E731
        call = lambda: runtime.submit("echo", b"hello").result()  # noqa: E731
        median_s(echo, 200), median_s(call, 200)
        rounds = [(median_s(echo, 2000), median_s(call, 2000)) for _ in range(ROUNDS)]
        raw.stdin.close()
        raw.wait()
    os.sched_setaffinity(0, everything)
    pipe, task = (statistics.median(side) for side in zip(*rounds, strict=True))
    row("hot task p50 / raw pipe echo", f"{task * 1e6:.1f} / {pipe * 1e6:.1f} µs = {task / pipe:.2f}", "≤ 5, aim 4")


def cold(root: Path) -> None:
    """The same function hot and cold."""
    specs = write(root, "hot", ECHO.format(wait=0)), write(root, "cold", COLD, "default")
    with running(*specs) as runtime:
        fast, slow = (lambda key=key: runtime.submit(key, b"hello").result(10) for key in ("hot", "cold"))
        median_s(fast, 200)
        rounds = [(median_s(fast, 500), median_s(slow, 10)) for _ in range(3)]
    quick, long = (statistics.median(side) for side in zip(*rounds, strict=True))
    row("cold echo / hot echo", f"{long * 1e3:.1f} ms / {quick * 1e6:.0f} µs = {long / quick:.0f}", "≥ 100")


def through(spec: FunctionSpec, *, callers: int, containers: int, seconds: float = 2.0) -> float:
    """Calls a second of so many callers."""
    with running(replace(spec, max_concurrency=containers)) as runtime:
        counts = [0] * callers
        until_s = 0.0

        def call(number: int) -> None:
            while time.perf_counter() < until_s:
                runtime.submit(spec.key, b"hello").result(10)
                counts[number] += 1

        for lasts_s in (0.5, seconds):  # the first is for warming up
            counts[:] = [0] * callers
            until_s = time.perf_counter() + lasts_s
            threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        return sum(counts) / seconds


def spread(root: Path) -> None:
    """What more containers bring, and that more callers cost nothing."""
    waits, echo = write(root, "waits", ECHO.format(wait=0.005)), write(root, "echoes", ECHO.format(wait=0))
    rounds = [(through(waits, callers=8, containers=1), through(waits, callers=8, containers=4)) for _ in range(3)]
    one, four = (statistics.median(side) for side in zip(*rounds, strict=True))
    row("waits 5 ms, 8 callers: 4 containers / 1", f"{four:.0f} / {one:.0f} calls/s = {four / one:.2f}", "≥ 3.8")
    rounds = [(through(echo, callers=1, containers=1), through(echo, callers=8, containers=4)) for _ in range(3)]
    one, eight = (statistics.median(side) for side in zip(*rounds, strict=True))
    row("echo: 8 callers, 4 containers / 1 and 1", f"{eight:.0f} / {one:.0f} calls/s = {eight / one:.2f}", "≥ 0.9")


def growth(root: Path) -> None:
    """100 functions and 200 idle hot containers: what hotdash itself costs."""
    first = write(root, "f0", ECHO.format(wait=0))
    folder = first.folder
    for functions, containers in ((25, 50), (50, 100), (100, 200)):
        specs = [replace(first, name=f"f{n}", max_concurrency=2, min_warm=2, memory_mb=32) for n in range(functions)]
        me = psutil.Process()
        with running(*specs) as runtime:
            while sum(len(f.containers) for f in runtime.snapshot().functions.values()) < containers:
                time.sleep(0.05)
            time.sleep(1.0)
            began = me.cpu_times()
            time.sleep(5.0)
            ended = me.cpu_times()
            cpu = (ended.user + ended.system - began.user - began.system) / 5.0
            rss = me.memory_info().rss / 2**20
        row(
            f"{functions} functions, {containers} idle containers",
            f"{rss:.0f} MB, {cpu:.1%} of a core",
            "≤ 150 MB, ≤ 2%",
        )
    assert folder.exists()


ROWS = {"hot": hot, "cold": cold, "spread": spread, "growth": growth}


def main() -> None:
    """Prints the rows that are named, or all."""
    row("what", "measured", "budget")
    for name in sys.argv[1:] or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            ROWS[name](Path(folder))


if __name__ == "__main__":
    main()
