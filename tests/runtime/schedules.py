"""Seeded schedules: a runtime on the stub driver, simulated threads and virtual time, and all that may happen to it.

`make_schedule(seed)` draws the steps, `run_schedule(seed)` takes them, and after each lets every thread come to rest
and holds the runtime to its rules. The same seed gives the same run, to the last event; a `Fault` tells the steps.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runtime_tools import make_spec
from schedule_memory import MEMORIES_MB
from schedule_rules import births_noted
from schedule_steps import FUNCTIONS, World
from simulation import Simulation

from hotdash.functions.spec import Format

if TYPE_CHECKING:
    from collections import Counter

KINDS = {  # how often each step is drawn
    "submit": 26,
    "burst": 5,
    "answer": 34,
    "refuse": 3,
    "surplus": 2,
    "junk": 2,
    "part": 3,
    "late": 2,
    "read": 5,
    "nibble": 2,
    "complain": 7,
    "crash": 7,
    "vanish": 2,
    "cancel": 7,
    "kill": 4,
    "trouble": 4,
    "wait": 12,
    "wait_long": 3,
    "sleep": 2,
    "deploy": 8,
    "rollback": 4,
    "undeploy": 2,
    "pressure": 4,
    "together": 16,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What to do, and the dice for what it is done to; `parts` are done without a rest in between."""

    kind: str
    a: float
    b: float
    c: float
    parts: tuple[Step, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(map(str, self.parts)) or f'{self.a:.3f}, {self.b:.3f}, {self.c:.3f}'})"


def make_schedule(seed: int) -> list[Step]:
    """A schedule of 20 to 60 steps."""
    dice = random.Random(f"steps {seed}")
    kinds, weights = list(KINDS), list(KINDS.values())

    def draw(*, nested: bool = False) -> Step:
        (kind,) = dice.choices(kinds, weights)
        while nested and kind in {"together", "complain"}:
            (kind,) = dice.choices(kinds, weights)
        parts = tuple(draw(nested=True) for _ in range(dice.randint(2, 4))) if kind == "together" else ()
        return Step(kind, dice.random(), dice.random(), dice.random(), parts)

    return [draw() for _ in range(dice.randint(20, 60))]


class Fault(AssertionError):
    """A schedule that broke a rule."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a schedule came to: its events, and how many tasks and deploys ended in each way."""

    events: tuple[Any, ...]
    ends: Counter[str]
    steps: int
    switches: int


def run_schedule(seed: int) -> Run:
    """Runs one schedule.

    Raises:
        Fault: A rule was broken; the message has the seed, the steps taken and the rule.
    """
    dice = random.Random(f"run {seed}")
    simulation = Simulation(seed, preempt=dice.choice([0.0, 0.05, 0.2, 0.5, 0.9]))
    threads = set(threading.enumerate())
    steps = make_schedule(seed)
    taken = 0
    with simulation.installed():
        world = World(seed, simulation)
        with births_noted(world):
            try:
                for name in FUNCTIONS:
                    world.specs[name] = make_spec(
                        name,
                        format=Format.DEFAULT if name == "cold" else Format.HTTP,
                        max_concurrency=dice.randint(1, 3),
                        timeout_s=8.0,
                        idle_timeout_s=dice.choice([0.0, 1.0, 5.0]),
                        max_queue=dice.choice([2, 5, 1000]),
                        init_timeout_s=0.5,
                        drain_timeout_s=6.0,
                        wait_timeout_s=4.0,
                        memory_mb=dice.choice(MEMORIES_MB),
                    )
                    world.call(lambda name=name: world.runtime.deploy(world.specs[name]), "deploy")
                world.sim.settle()
                for step in steps:
                    taken += 1
                    world.take(step)
                world.end()
                left = {thread for thread in set(threading.enumerate()) - threads if not simulation.has_ended(thread)}
                assert left == set(), "threads are left"
            except BaseException as error:
                simulation.abandon()
                lines = "\n".join(f"  {number}. {step}" for number, step in enumerate(steps[:taken], 1))
                raise Fault(f"schedule {seed} broke a rule: {error!r}\nafter these steps:\n{lines}") from error
    return Run(tuple(world.story.events), world.ends, taken, simulation.switches)
