"""Schedules of all that may happen to a runtime, by the thousand: every rule holds after every step.

`HOTDASH_SCHEDULES` says how many run with `-m slow` (10,000 by default), `HOTDASH_FIRST_SEED` where they begin.
To see one again: `HOTDASH_SCHEDULES=1 HOTDASH_FIRST_SEED=<seed>`; it goes the same way to the last event.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from schedule_rules import Rules
from schedules import KINDS, Fault, make_schedule, run_schedule

from hotdash.runtime.admission import MemoryBudget
from hotdash.runtime.exchange import Exchange
from hotdash.runtime.ledger import Ledger
from hotdash.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAST = 120
ENDS = {
    *("success", "error", "timeout", "cancelled", "no memory", "evicted"),
    *("deploy: done", "deploy: BuildError", "rollback: done", "QueueFull"),
}


@pytest.fixture
def any_switch_interval() -> Iterator[Callable[[int], None]]:
    """Sets how long Python lets a thread run, by a seed: no order may hang on it."""
    before = sys.getswitchinterval()
    yield lambda seed: sys.setswitchinterval(random.Random(seed).choice([1e-6, 1e-5, 1e-4, 0.005]))
    sys.setswitchinterval(before)


def run_all(seeds: range, set_interval: Callable[[int], None]) -> Counter[str]:
    ends: Counter[str] = Counter()
    for seed in seeds:
        set_interval(seed)
        ends += run_schedule(seed).ends
    return ends


def test_every_rule_holds_after_every_step(any_switch_interval):
    ends = run_all(range(FAST), any_switch_interval)
    assert set(ends) >= ENDS, "the schedules do not come to all that they are for"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_rule_holds_in_many_schedules(any_switch_interval, capsys):
    first, count = int(os.environ.get("HOTDASH_FIRST_SEED", "0")), int(os.environ.get("HOTDASH_SCHEDULES", "10000"))
    ends = run_all(range(first, first + count), any_switch_interval)
    with capsys.disabled():
        print(f"\n{count} schedules:", ", ".join(f"{number} {end}" for end, number in ends.most_common()))


@pytest.mark.parametrize("seed", [0, 3, 7, 11])
def test_a_seed_replays_to_the_last_event(seed, any_switch_interval):
    def told() -> list[str]:
        return [str(event) for event in run_schedule(seed).events]

    any_switch_interval(1)
    first = told()
    any_switch_interval(2)
    assert len(first) > 20
    assert told() == first


def test_schedules_hold_every_kind_of_step():
    steps = [step for seed in range(20) for step in make_schedule(seed)]
    assert {step.kind for step in steps} == set(KINDS)
    assert make_schedule(1) == make_schedule(1) != make_schedule(2)


# A runtime with a fault in it is found out --------------------------------------------------------------------------


def never_retires(monkeypatch):
    finish = Supervisor.finish
    monkeypatch.setattr(Supervisor, "finish", lambda *args, retire, **keys: finish(*args, retire="", **keys))


def never_hears_of_the_end(monkeypatch):
    monkeypatch.setattr(Supervisor, "_look_settled", lambda *_: None)


def takes_the_newest(monkeypatch):
    told = Ledger.announce

    def announce(self, task, *, again=False):
        told(self, task, again=again)
        self.queue.rotate(1)

    monkeypatch.setattr(Ledger, "announce", announce)


def dispatches_again_what_was_read(monkeypatch):
    run = Exchange.run

    def run_and_forget(self, request, **keys):
        try:
            return run(self, request, **keys)
        finally:
            self.written = 0

    monkeypatch.setattr(Exchange, "run", run_and_forget)


def forgets_to_wake(monkeypatch):
    monkeypatch.setattr("hotdash.runtime.container.ServedContainer.wake", lambda _: None)


def never_idles_out(monkeypatch):
    monkeypatch.setattr(Supervisor, "idled_out", lambda *_: False)


def never_tells_of_memory(monkeypatch):
    monkeypatch.setattr(MemoryBudget, "tell", lambda _: None)


def keeps_its_memory(monkeypatch):
    monkeypatch.setattr(MemoryBudget, "release", lambda *_: None)


def evicts_nobody(monkeypatch):
    monkeypatch.setattr(Supervisor, "evict", lambda *_: False)


def gives_back_too_much(monkeypatch):
    release = MemoryBudget.release

    def release_twice(self, container_id):
        self._used_mb -= self._booked.get(container_id, ("", 0))[1]
        release(self, container_id)

    monkeypatch.setattr(MemoryBudget, "release", release_twice)


def keeps_its_images(monkeypatch):
    monkeypatch.setattr(Ledger, "let_images_go", lambda *_: None)


def gives_images_back_that_containers_run(monkeypatch):
    def let_go(self, effects):
        self.images.let_go([] if self.revision is None or self.closing else [self.revision], effects)

    monkeypatch.setattr(Ledger, "let_images_go", let_go)
    monkeypatch.setattr(Rules, "examine_images", lambda *_: None)  # what the driver sees is enough


@pytest.mark.parametrize(
    "plant",
    [
        never_retires,
        never_hears_of_the_end,
        takes_the_newest,
        dispatches_again_what_was_read,
        forgets_to_wake,
        never_idles_out,
        never_tells_of_memory,
        keeps_its_memory,
        evicts_nobody,
        gives_back_too_much,
        keeps_its_images,
        gives_images_back_that_containers_run,
    ],
)
def test_a_planted_fault_is_found(plant, monkeypatch):
    plant(monkeypatch)
    with pytest.raises(Fault, match=r"schedule \d+ broke a rule") as found:
        run_all(range(200), lambda _: None)
    assert isinstance(found.value.__cause__, AssertionError), "a rule found it, not an accident"
