"""How fast a save is live, beside its budgets (issue 5): `python tests/benchmarks/bench_redeploy.py [save deploy …]`.

With `docker` among the words the same on the engine that `DOCKER_HOST` names; what is bare there is the docker command.

Ratios, both sides in one run: the machines are shared and noisy. Not a test: nothing fails here, the table is for
reading. Every row says what the machine was doing besides (the load of the last minute, for each core).
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
from pathlib import Path
from typing import TYPE_CHECKING

import hotdash
from hotdash import events as ev
from hotdash.redeploy.debouncer import QUIET_S
from hotdash.redeploy.deployer import Deployer
from hotdash.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

ECHO = """import sys
REVISION = {revision}
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
while stdin.readline():
    length = 0
    while (line := stdin.readline()) not in (b"\\r\\n", b""):
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    body = stdin.read(length)
    stdout.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    stdout.flush()
"""
DRIVER = "docker" if "docker" in sys.argv else "process"
BASE = "python:3.12-slim"
PYTHON = ("python3" if DRIVER == "docker" else sys.executable, "-S", "-E", "func.py")
REQUEST = b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
ROUNDS = 20 if DRIVER == "process" else 8
MEMORY_MB = 1_000_000  # what fits is not to depend on the machine


def write(root: Path, *, containers: int = 1) -> FunctionSpec:
    """A function on disk, loaded."""
    folder = root / "f"
    folder.mkdir()
    entrypoint = " ".join(PYTHON)
    (folder / "func.yaml").write_text(
        f"name: f\nformat: http\nidle_timeout: 600\nmax_concurrency: {containers}\nentrypoint: {entrypoint}\n"
        f"base_image: {BASE}\nnetwork: none\n"
    )
    save(folder, 0)
    (spec,) = hotdash.load_functions(root)
    return spec


def save(folder: Path, revision: int) -> None:
    """As editors do: a new file, renamed over the old one."""
    new = folder / ".func.py.tmp"
    new.write_text(ECHO.format(revision=revision))
    new.replace(folder / "func.py")


@contextmanager
def running() -> Iterator[Runtime]:
    """A runtime with events and store on, as the dashboard has it."""
    with hotdash.Runtime(driver=hotdash.open_driver(DRIVER), memory_mb=MEMORY_MB) as runtime:
        runtime.subscribe(Store())
        yield runtime


@contextmanager
def called(runtime: Runtime, callers: int) -> Iterator[list[str]]:
    """So many callers call `f` without pause; gives the errors."""
    errors: list[str] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            result = runtime.submit("f", b"hello").result(30)
            if result.error:
                errors.append(result.error)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield errors
    finally:
        done.set()
        for thread in threads:
            thread.join()


def bare_build_s(folder: Path, place: Path) -> float:
    """The least that a build of the folder is: its files read and written elsewhere, once; or one COPY."""
    began_s = time.perf_counter()
    place.mkdir()
    if DRIVER == "docker":
        (place / "Dockerfile").write_text(f"FROM {BASE}\nCOPY func.py /\n")
        (place / "func.py").write_bytes((folder / "func.py").read_bytes())
        subprocess.run(["docker", "build", "-q", "-t", "hotdash-bare", "."], cwd=place, check=True, capture_output=True)
        return time.perf_counter() - began_s
    for file in sorted(folder.iterdir()):
        (place / file.name).write_bytes(file.read_bytes())
    return time.perf_counter() - began_s


def bare_start_s(folder: Path) -> float:
    """The least that a start is: the program spawned, and its first answer."""
    began_s = time.perf_counter()
    run = ("docker", "run", "-i", "--rm", "--network", "none", "hotdash-bare") if DRIVER == "docker" else ()
    process = subprocess.Popen([*run, *PYTHON], cwd=folder, stdin=-1, stdout=-1, bufsize=0)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(REQUEST)
    process.stdout.read(1)
    took_s = time.perf_counter() - began_s
    process.stdin.close()
    process.stdout.close()
    process.wait()
    return took_s


def row(what: str, measured: str, budget: str) -> None:
    """A line of the table."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"{what:<44} {measured:<58} {budget:<18} {load:.1f}", flush=True)


def save_to_live(root: Path) -> None:
    """From a save to `RevisionLive`, and beside each what could not be done without."""
    spec = write(root / "functions")
    live = threading.Semaphore(0)
    took: list[float] = []
    bare: list[float] = []
    with running() as runtime:
        runtime.subscribe(lambda event: live.release() if isinstance(event, ev.RevisionLive) else None)
        deployer = Deployer(runtime=runtime, folder=root / "functions")
        deployer.start()
        try:
            assert live.acquire(timeout=30)
            for number in range(1, ROUNDS + 1):
                bare.append(bare_build_s(spec.folder, root / f"bare{number}") + bare_start_s(spec.folder))
                began_s = time.perf_counter()
                save(spec.folder, number)
                assert live.acquire(timeout=30)
                took.append(time.perf_counter() - began_s)
        finally:
            runtime.close(2.0)
            deployer.close()
    least = QUIET_S + statistics.median(bare)
    p50 = statistics.median(took)
    measured = f"{p50:.3f} s / ({QUIET_S} + {least - QUIET_S:.3f}) s = {p50 / least:.2f}"
    row(f"save to live, p50 of {ROUNDS}", measured, "≤ 0.9 s, ≤ 1.3" if DRIVER == "docker" else "≤ 0.3 s, ≤ 1.3")


def deploy(root: Path) -> None:
    """`Runtime.deploy`, alone and under callers, and where the time goes."""
    for callers in (0, 4):
        place = root / str(callers)
        spec = write(place, containers=4)
        deployments = []
        took = []
        with running() as runtime:
            runtime.deploy(spec)
            with called(runtime, callers) as errors:
                for number in range(1, ROUNDS + 1):
                    save(spec.folder, number)
                    began_s = time.perf_counter()
                    deployments.append(runtime.deploy(spec))
                    took.append(time.perf_counter() - began_s)
        build, start, swap = (
            statistics.median(getattr(deployment, part) for deployment in deployments)
            for part in ("build_s", "start_s", "swap_s")
        )
        p50 = statistics.median(took)
        measured = f"{p50:.3f} s (build {build:.3f}, start {start:.3f}, swap {swap * 1e3:.1f} ms)"
        row(
            f"deploy, {callers} callers, p50; {len(errors)} errors",
            measured,
            "≤ 0.15 s" if callers and DRIVER == "process" else "-",
        )


def rollback(root: Path) -> None:
    """`Runtime.rollback`, alone and under callers."""
    for callers in (0, 4):
        spec = write(root / str(callers), containers=4)
        took = []
        with running() as runtime:
            for number in range(2):
                save(spec.folder, number)
                runtime.deploy(spec)
            with called(runtime, callers) as errors:
                for _ in range(ROUNDS):
                    began_s = time.perf_counter()
                    runtime.rollback("f")
                    took.append(time.perf_counter() - began_s)
        what = f"rollback, {callers} callers, p50; {len(errors)} errors"
        row(what, f"{statistics.median(took):.3f} s", "-" if callers else "≤ 0.5 s")


ROWS = {"save": save_to_live, "deploy": deploy, "rollback": rollback}


def main() -> None:
    """Prints the rows that are named, or all."""
    print(f"{'what':<44} {'measured':<58} {'budget':<18} load a core")
    for name in [word for word in sys.argv[1:] if word != "docker"] or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for place in ("functions", "0", "4"):
                (root / place).mkdir()
            ROWS[name](root)


if __name__ == "__main__":
    main()
