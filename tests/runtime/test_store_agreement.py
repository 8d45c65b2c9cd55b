"""What the store folds from events is what the runtime says of itself, whatever has happened."""

from __future__ import annotations

import random

import pytest
from runtime_tools import http_answer, make_spec, until

from hotdash.errors import HotdashError
from hotdash.functions.spec import Format
from hotdash.store import Store


def truth(bench):
    """What the runtime says, as plain values."""
    return {
        key: (
            function.state,
            function.reason,
            function.revision,
            function.queue_depth,
            function.running,
            function.why,
            {(c.id, c.state, c.revision, c.tasks_served, c.pid, c.task_id) for c in function.containers},
        )
        for key, function in bench.runtime.snapshot().functions.items()
    }


def picture(store):
    """What the store says, as the same values."""
    return {
        key: (
            function.state,
            function.reason,
            function.revision,
            function.queue_depth,
            len(function.running),
            function.why,
            {(c.id, c.state, c.revision, c.tasks_served, c.pid, c.task_id) for c in function.containers},
        )
        for key, function in store.snapshot().functions.items()
    }


class Chaos:
    """Does one random thing after another to two functions, one hot and one cold."""

    def __init__(self, bench, seed):
        self.bench = bench
        self.random = random.Random(seed)
        self.tasks = []
        self.revision = 0
        self.bench.driver.script = self.script

    def script(self, container):
        self.bench.hold(container)
        what = self.random.random()
        if container.spec.function == "cold":
            if container.stdin_closed and what < 0.8:
                container.exit(self.random.choice([0, 0, 1]))
        elif what < 0.5:
            container.complain(b"working\n")
            container.say(http_answer(b"x", status=self.random.choice([200, 200, 500])))
        elif what < 0.6:
            container.exit(self.random.choice([0, 9]))
        elif what < 0.65:
            container.say(b"junk\n")

    def step(self):
        bench, chance = self.bench, self.random.random()
        if chance < 0.6:
            timeout_s = self.random.choice([None, None, 0.5, 40.0])
            self.tasks.append(bench.submit(b"x", name=self.random.choice(["f", "cold"]), timeout_s=timeout_s))
        elif chance < 0.7:
            if self.tasks:
                self.random.choice(self.tasks).cancel()
        elif chance < 0.8:
            if bench.driver.containers:
                bench.runtime.kill(self.random.choice(bench.driver.containers).id)
        elif chance < 0.9:
            bench.clock.advance(self.random.choice([0.1, 1.0, 31.0]))
        elif chance < 0.95:
            if bench.driver.containers:
                self.random.choice(bench.driver.containers).exit(7)
        else:
            self.deploy()

    def deploy(self):
        self.revision += 1
        name = self.random.choice(["f", "cold"])
        hot = name == "f" and self.revision == 1
        self.bench.rebuild(f"{self.revision % 10}", name=name if not hot else "g")
        more = {"max_concurrency": self.random.choice([1, 2, 4]), "min_warm": 0}
        self.bench.runtime.deploy(make_spec(name, **({"format": Format.DEFAULT} if name == "cold" else more)))


@pytest.mark.parametrize("seed", range(6))
def test_the_picture_agrees_with_the_truth_after_anything(bench, seed):
    store = Store()
    bench.runtime.subscribe(store)
    start = bench.driver.start

    def start_waiting(spec):
        container = start(spec)
        container.waits = True
        return container

    bench.driver.start = start_waiting
    bench.deploy(max_concurrency=3)
    bench.deploy("cold", format=Format.DEFAULT, max_concurrency=2)
    chaos = Chaos(bench, seed)
    for _ in range(12):
        for _ in range(10):
            try:
                chaos.step()
            except HotdashError:
                continue  # a container that the chaos killed while it proved itself
        until(lambda: bench.runtime.flush_events() and truth(bench) == picture(store), "agreement")
    bench.runtime.close(timeout_s=0)
    snapshot = store.snapshot()
    assert truth(bench) == picture(store)
    assert sum(function.calls for function in snapshot.functions.values()) == len(chaos.tasks)
    by_id = {task.id: task for function in snapshot.functions.values() for task in function.ended}
    for task in chaos.tasks:
        assert by_id[task.id].result is task.result(0)


def test_a_removed_function_is_in_neither(bench):
    store = Store()
    bench.runtime.subscribe(store)
    bench.deploy()
    bench.call()
    bench.runtime.undeploy("f")
    assert truth(bench) == {}
    until(lambda: bench.runtime.flush_events() and picture(store) == {}, "the end of what the function had")
