"""Saves while callers call without pause: no task fails, none runs on old code, nothing old is left (section 7)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from docker_parts import docker_runtime
from real_tools import HTTP, PATIENCE_S, real_runtime, until, write_function

from hotdash import events as ev
from hotdash.redeploy.deployer import Deployer
from hotdash.runtime.images import PAST_REVISIONS

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

CALLERS = 8
CONTAINERS = 4
LONG = (pytest.mark.slow, pytest.mark.timeout(300))


def images_kept(tmp_path: Path) -> int:
    """How many images of the function the docker driver has, by its records."""
    return len(list((tmp_path / "cache" / "docker").glob("*/a-*/?*.lock")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many saves, one every `every_s` seconds."""

    saves: int
    every_s: float


def code(text: str) -> str:
    return HTTP + f"\nfor headers, body in requests():\n    answer({text.encode()!r})\n"


def save(folder: Path, text: str) -> None:
    """As editors do: a new file, renamed over the old one."""
    new = folder / ".func.py.new"
    new.write_text(code(text))
    new.replace(folder / "func.py")


def save_under_calls(runtime: Runtime, folder: Path, load: Load) -> list[TaskResult]:
    """Saves at an even pace while all callers call; returns every result."""
    done = threading.Event()
    results: list[TaskResult] = []

    def call_without_pause() -> None:
        while not done.is_set():
            results.append(runtime.submit(folder.name).result(PATIENCE_S))

    callers = [threading.Thread(target=call_without_pause) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    pace = threading.Event()
    began_s = time.monotonic()
    try:
        for count in range(1, load.saves + 1):
            pace.wait(max(began_s + count * load.every_s - time.monotonic(), 0.0))
            save(folder, str(count))
        until(
            lambda: runtime.submit(folder.name).result(PATIENCE_S).body == str(load.saves).encode(),
            "the last save, live",
        )
    finally:
        done.set()
        for caller in callers:
            caller.join(PATIENCE_S)
    return results


@pytest.mark.parametrize(
    ("runtime_on", "load"),
    [
        pytest.param(real_runtime, Load(saves=30, every_s=0.3), id="process-10s"),
        pytest.param(real_runtime, Load(saves=200, every_s=0.3), id="process-60s", marks=LONG),
        pytest.param(docker_runtime, Load(saves=10, every_s=1.0), id="docker-10s", marks=pytest.mark.timeout(120)),
        pytest.param(docker_runtime, Load(saves=200, every_s=0.3), id="docker-60s", marks=LONG),
    ],
)
def test_saves_under_calls_lose_no_task_and_leave_nothing_old(tmp_path, runtime_on, load: Load, capsys):
    keys = {"max_concurrency": CONTAINERS, "drain_timeout": 5}
    if runtime_on is docker_runtime:
        keys |= {"entrypoint": "python3 -E -S func.py", "runtime": "python3.12", "network": "none"}
    folder = write_function((tmp_path / "functions").resolve() / "a", code("0"), **keys)
    events: list[ev.Event] = []
    with runtime_on(tmp_path) as runtime:
        runtime.subscribe(events.append)
        deployer = Deployer(runtime=runtime, folder=folder.parent)
        deployer.start()
        try:
            until(lambda: any(isinstance(event, ev.RevisionLive) for event in events), "the first deploy")
            results = save_under_calls(runtime, folder, load)
            live = runtime.snapshot().functions["a"].revision
            until(
                lambda: {container.revision for container in runtime.snapshot().functions["a"].containers} == {live},
                "the end of the old revisions' containers",
            )
            if runtime_on is docker_runtime:
                until(lambda: images_kept(tmp_path) <= 1 + PAST_REVISIONS, "the removal of old revisions' images")
        finally:
            runtime.close(2.0)
            deployer.close()
    late, newest = 0, 0
    for event in events:
        if isinstance(event, ev.RevisionLive):
            assert event.revision > newest
            newest = event.revision
        elif isinstance(event, ev.TaskStarted):
            late += event.revision != newest
    statuses = Counter(str(result.status) for result in results)
    with capsys.disabled():
        print(f" [{load.saves} saves, {newest} revisions, {len(results)} calls: {dict(statuses)}, {late} late]", end="")
    assert {(result.status, result.error) for result in results} == {("success", None)}
    assert late == 0, "dispatched to an older revision after RevisionLive"
    assert newest > 2, "saves go live while calls come in"
    order = [int(result.body) for result in sorted(results, key=lambda result: result.revision)]
    assert order == sorted(order), "a newer revision never answers with older code"
