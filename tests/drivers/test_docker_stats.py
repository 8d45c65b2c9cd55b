"""What containers use: the engine's figures, looked at by a thread of its own."""

from __future__ import annotations

import os
import subprocess
import threading
import time

from docker_parts import BUSYBOX
from real_tools import PATIENCE_S, until

from hotdash.drivers.base import Stats
from hotdash.drivers.docker import stats as module
from hotdash.drivers.docker.stats import StatsWatch, stats_of
from hotdash.drivers.inside import Insider

TAKE = "kept = b'x' * (20 << 20); print('taken', flush=True); import threading; threading.Event().wait()"


class SlowClient:
    """Answers each look when it is let; counts them."""

    api_version = "1.41"

    def __init__(self) -> None:
        self.looks: list[str] = []
        self.go = threading.Event()
        self.is_closed = False

    def stats(self, engine_id: str, *, stream: bool, one_shot: bool = False) -> dict[str, object]:
        assert one_shot is (self.api_version == "1.41"), "older engines do not know it"
        self.looks.append(engine_id)
        self.go.wait(PATIENCE_S)
        return {"memory_stats": {"usage": 5}}

    def close(self) -> None:
        self.is_closed = True


def test_what_a_container_uses_is_known_soon_and_then_no_more(yard):
    container = yard.start("python3", "-I", "-S", "-c", TAKE)
    assert container.read(PATIENCE_S) == b"taken\n"
    until(lambda: (stats := container.stats()) and stats.memory_bytes > 20 * 2**20, "its memory to be seen")
    stats = container.stats()
    assert 20 * 2**20 < stats.memory_bytes < 64 * 2**20
    assert stats.cpu_s > 0
    assert stats.pids == 2, "the engine's init, and python"
    container.close()
    assert container.stats() is None


def test_asking_never_waits_for_the_engine(monkeypatch):
    monkeypatch.setattr(module, "PERIOD_S", 0.01)
    client = SlowClient()
    watch = StatsWatch(connect=lambda: client)
    began_s = time.monotonic()
    assert [watch.of("a"), watch.of("b")] == [None, None]
    assert time.monotonic() - began_s < PATIENCE_S / 2
    until(lambda: len(client.looks) == 1, "the first look")
    client.go.set()
    until(lambda: watch.of("a") and watch.of("b"), "the first figures of both")
    assert watch.of("a") == Stats(memory_bytes=5, cpu_s=0.0, pids=0)
    watch.close()
    assert client.is_closed


def test_an_older_engine_is_not_asked_for_what_it_does_not_know(monkeypatch):
    monkeypatch.setattr(SlowClient, "api_version", "1.40")
    client = SlowClient()
    client.go.set()
    watch = StatsWatch(connect=lambda: client)
    until(lambda: watch.of("a"), "its figures")
    watch.close()


def test_nobody_is_looked_at_more_often_than_once_in_a_period(monkeypatch):
    monkeypatch.setattr(module, "PERIOD_S", 0.2)
    client = SlowClient()
    client.go.set()
    watch = StatsWatch(connect=lambda: client)
    began_s = time.monotonic()
    while len(client.looks) < 4:
        watch.of("a")
        assert time.monotonic() - began_s < PATIENCE_S
    assert time.monotonic() - began_s >= 3 * 0.2
    watch.close()


def test_who_is_not_asked_about_is_looked_at_no_more(monkeypatch):
    monkeypatch.setattr(module, "PERIOD_S", 0.01)
    monkeypatch.setattr(module, "FORGET_S", 0.05)
    client = SlowClient()
    client.go.set()
    watch = StatsWatch(connect=lambda: client)
    watch.of("a")
    until(lambda: not watch._asked_s, "it to be forgotten")
    seen = len(client.looks)
    watch.of("b")
    until(lambda: client.looks[seen:].count("b") >= 2, "looks at the other")
    assert "a" not in client.looks[seen:]
    watch.close()


def test_the_page_cache_is_not_counted_and_the_network_is_summed():
    told = {
        "memory_stats": {"usage": 100, "stats": {"inactive_file": 30}},
        "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
        "pids_stats": {"current": 3},
        "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 10, "tx_bytes": 20}},
    }
    assert stats_of(told) == Stats(memory_bytes=70, cpu_s=2.5, pids=3, received_bytes=11, sent_bytes=22)
    told["memory_stats"] = {"usage": 100, "stats": {"total_inactive_file": 40, "inactive_file": 30}}  # control groups 1
    assert stats_of(told).memory_bytes == 60
    assert stats_of({}) is None


def test_a_container_that_has_ended_uses_nothing_that_could_be_told(yard):
    container = yard.start("true", image=BUSYBOX)
    container.wait(PATIENCE_S)
    assert container.stats() is None
    container.close()


def test_the_driver_tells_how_to_get_into_a_container(yard, docker_host):
    container = yard.start("python3", "-I", "-S", "-c", TAKE, environment={"GREETING": "hello"})
    inside = yard.driver.inside(container.id)
    assert isinstance(yard.driver, Insider)
    assert inside.command[0] == "python3"
    command = [word for word in inside.shell_command if word != "-it"]  # there is no terminal here
    told = subprocess.run(
        [*command, "-c", "echo $GREETING $HOME"],
        env={"PATH": os.environ["PATH"], "DOCKER_HOST": docker_host},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert told.stdout.split() == [inside.environment[name] for name in ("GREETING", "HOME")]
    container.close()
    assert yard.driver.inside(container.id) is None
