"""What each container uses, in the runtime's snapshot: the same fields on both drivers."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from docker_parts import docker_runtime
from real_tools import DO_AS_TOLD, PATIENCE_S, PYTHON, function, real_runtime, until

from hotdash.drivers.base import Stats

if TYPE_CHECKING:
    from hotdash.runtime.runtime import Runtime

KEEP_30_MB = b"kept = b'x' * (30 << 20); answer(b'kept')"


def stats_of(runtime: Runtime) -> dict[str, Stats | None]:
    return {container.id: container.stats for container in runtime.snapshot().functions["uses"].containers}


@pytest.mark.parametrize(
    ("runtime_on", "python"),
    [
        pytest.param(real_runtime, PYTHON, id="process"),
        pytest.param(partial(docker_runtime, builds=False), ("python3", "-E", "-S"), id="docker"),
    ],
)
def test_the_snapshot_tells_what_each_container_uses(tmp_path, runtime_on, python):
    keys = {"entrypoint": (*python, "-u", "-c", DO_AS_TOLD), "max_concurrency": 2, "network": "none"}
    with runtime_on(tmp_path) as runtime:
        runtime.deploy(function(tmp_path / "functions" / "uses", "", **keys))
        assert stats_of(runtime) == {}
        big = runtime.submit("uses", KEEP_30_MB).result(PATIENCE_S).container_id
        until(lambda: (used := stats_of(runtime)[big]) and used.memory_bytes > 30 << 20, "its memory, seen")
        used = stats_of(runtime)[big]
        assert used.memory_bytes < 128 << 20
        assert used.cpu_s > 0
        assert used.pids >= 1
        assert used.received_bytes is used.sent_bytes is None, "it has no network of its own"
        holds = runtime.submit("uses", b"sys.stdin.buffer.readline()")  # so that the next goes to another container
        small = runtime.submit("uses", b"answer(b'small')").result(PATIENCE_S).container_id
        assert small != big
        until(lambda: stats_of(runtime)[small], "the first look at the other")
        assert stats_of(runtime)[small].memory_bytes < used.memory_bytes, "each has its own"
        holds.cancel()


def test_what_is_not_known_yet_is_none_and_of_what_ends_nothing_is_told(bench):
    bench.deploy()
    task = bench.submit()
    bench.asked(task)
    (container,) = bench.snapshot().containers
    assert container.stats == Stats(memory_bytes=2**20, cpu_s=0.0, pids=1)
    bench.driver.containers[0].stats = lambda: None
    (container,) = bench.snapshot().containers
    assert container.stats is None
    bench.answer(task)


def test_no_task_waits_while_a_driver_looks(bench):
    bench.deploy()
    bench.call()
    looks, go = threading.Event(), threading.Event()
    bench.driver.containers[0].stats = lambda: (looks.set(), go.wait(10))[0]
    asks = threading.Thread(target=bench.snapshot)
    asks.start()
    assert looks.wait(10)
    assert bench.call(b"meanwhile").body == b"meanwhile"
    assert asks.is_alive(), "the look goes on"
    go.set()
    asks.join(10)
