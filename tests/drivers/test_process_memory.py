"""The process driver's memory limit: what is killed, what is not, and what looking costs."""

from __future__ import annotations

import re
import threading
import time

import pytest
from process_tools import PATIENCE_S, read_line, start, start_python, until
from real_tools import DO_AS_TOLD, function, real_runtime

from hotdash.drivers.base import Exit
from hotdash.drivers.process import memory, usage
from hotdash.drivers.process.memory import MemoryWatch
from hotdash.drivers.process.usage import memory_of_groups
from hotdash.errors import StartError

MB = 2**20
# Memory that is really there: every page of it is written to.
TAKE = "\ndef take(mb):\n    return b'x' * (mb << 20)\n"
LIMIT_MB = 64  # of the containers of `process_tools`


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PERIOD_S", 0.02)


def test_a_container_that_takes_too_much_is_killed_and_says_so(driver, tmp_path):
    container = start_python(driver, tmp_path, TAKE + "kept = take(100); input()")
    ended = container.wait(PATIENCE_S)
    assert ended.out_of_memory
    assert ended.signal == "SIGKILL"
    assert ended.limit_bytes == LIMIT_MB * MB < ended.used_bytes
    assert f" MB of {LIMIT_MB} MB)" in str(ended)
    container.close()


def test_what_its_children_take_counts(driver, tmp_path):
    code = TAKE + "import os\nif os.fork() == 0:\n    if os.fork() == 0:\n        kept = take(100)\ninput()"
    container = start_python(driver, tmp_path, code)
    ended = container.wait(PATIENCE_S)
    assert ended.out_of_memory
    container.close()
    # Killed, they give their memory back in their own time; and init has them to reap.
    until(lambda: not any(memory_of_groups({container.pid}).values()), "the end of all")


def test_below_the_limit_nothing_is_killed(driver, tmp_path, monkeypatch):
    looks = []
    monkeypatch.setattr(driver._memory, "_look", lambda groups: (looks.append(groups), memory_of_groups(groups))[1])
    container = start_python(driver, tmp_path, TAKE + "kept = take(30); print('', flush=True); input()")
    read_line(container)
    seen = len(looks)
    until(lambda: len(looks) > seen + 5)
    assert container.wait(0) is None
    container.close()


def test_what_processes_share_counts_once(driver, tmp_path, monkeypatch):
    """Two forked workers that only read what their parent has loaded use it once, though each shows all of it."""
    looks = []
    closely = usage.shared_out_memory_of
    monkeypatch.setattr(driver._memory, "_look_closely", lambda group: (looks.append(closely(group)), looks[-1])[1])
    code = TAKE + "import os\nkept = take(30)\nif os.fork():\n    os.fork()\nprint('', flush=True)\ninput()"
    container = start_python(driver, tmp_path, code)
    read_line(container)
    until(lambda: len(looks) > 2)
    assert all(30 * MB < used < LIMIT_MB * MB for used in looks[1:])  # the first may be from before the forks
    assert container.wait(0) is None
    container.close()


def test_one_look_above_the_limit_kills_nothing():
    """A child between vfork and exec shows its parent's memory as its own."""
    group = _Group(7)
    looks = iter([{7: 500}, {7: 50}, {7: 50}, {7: 500}, {7: 500}])
    done = threading.Event()

    def look(groups: object) -> dict[int, int]:
        assert group.killed_for is None
        used = next(looks, None)
        if used is None:
            done.set()
        return used or {}

    watch = MemoryWatch(look=look, look_closely=lambda pid: 500)
    watch.ensure()
    watch.watch(group, limit_bytes=100)
    until(lambda: group.killed_for is not None)
    assert next(looks, None) is None, "it was killed for one look"
    assert group.killed_for == Exit(out_of_memory=True, used_bytes=500, limit_bytes=100)
    watch.close()


def test_a_look_that_fails_ends_nothing_and_what_has_ended_is_forgotten():
    first, second = _Group(7), _Group(8)
    seen: list[set[int]] = []

    def look(groups: set[int]) -> dict[int, int]:
        seen.append(groups)
        if len(seen) == 1:
            raise OSError("too many open files")
        return {}

    watch = MemoryWatch(look=look)
    watch.ensure()
    watch.watch(first, limit_bytes=100)
    watch.watch(second, limit_bytes=100)
    until(lambda: {7, 8} in seen)
    first.ended = Exit(code=0)
    until(lambda: seen[-1] == {8})
    second.ended = Exit(code=0)
    until(lambda: not watch._limits)
    watch.close()
    watch.ensure()  # nothing starts after the end
    assert "memory" not in {thread.name for thread in threading.enumerate()}


def test_the_thread_comes_with_the_first_container_and_ends_with_the_driver(driver, tmp_path):
    names = {thread.name for thread in threading.enumerate()}
    assert "memory" not in names
    containers = [start(driver, tmp_path, "sleep", "1000") for _ in range(2)]
    assert [thread.name for thread in threading.enumerate()].count("memory") == 1
    for container in containers:
        container.close()
    driver.close()
    assert "memory" not in {thread.name for thread in threading.enumerate()}


def test_without_a_thread_to_give_a_start_fails(driver, tmp_path, monkeypatch):
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(memory.threading.Thread, "start", refuse)
    with pytest.raises(StartError, match="no thread could be started to watch memory"):
        start(driver, tmp_path, "sleep", "1000")


def test_a_task_learns_what_killed_its_container(tmp_path):
    spec = function(tmp_path / "greedy", DO_AS_TOLD, memory_mb=LIMIT_MB)
    with real_runtime(tmp_path) as runtime:
        runtime.deploy(spec)
        result = runtime.submit("greedy", b"kept = b'x' * (100 << 20); time.sleep(100)").result(PATIENCE_S)
        assert result.status == "error"
        words = rf"the container ran out of memory \(used [0-9]+ MB of {LIMIT_MB} MB\) before it answered"
        assert re.fullmatch(words, result.error)
        assert runtime.submit("greedy", b"answer(b'fine')").result(PATIENCE_S).body == b"fine"


@pytest.mark.slow
def test_two_hundred_idle_containers_cost_under_one_percent_of_a_core(driver, tmp_path):
    containers = [start(driver, tmp_path, "sleep", "1000") for _ in range(200)]
    groups = {container.pid for container in containers}
    began_s = time.process_time()
    for _ in range(40):
        assert len(memory_of_groups(groups)) == len(groups)
    a_look_s = (time.process_time() - began_s) / 40
    for container in containers:
        container.close()
    assert a_look_s * 4 < 0.01, f"four looks a second: {a_look_s * 400:.2f}% of a core"


class _Group:
    """As much of a process group as the watch knows."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.ended: Exit | None = None
        self.killed_for: Exit | None = None

    def kill(self, *, cause: Exit) -> None:
        self.killed_for = self.ended = cause
