"""The functions and the driver of a schedule: stubs that do what the test says, in virtual time."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from runtime_tools import http_answer

from hotdash.drivers.stub import StubContainer, StubDriver
from hotdash.errors import BuildCancelled, StartError

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedule_rules import Rules

    from hotdash.drivers.base import ContainerSpec, Image
    from hotdash.functions.spec import FunctionSpec

_TASK_ID = re.compile(rb"^Task-ID: ([0-9a-f]{24})\r$", re.MULTILINE)
_LENGTH = re.compile(rb"^Content-Length: (\d+)\r$", re.MULTILINE | re.IGNORECASE)


class Function(StubContainer):
    """A function in a stub container, told by the test when to read, answer, write and end."""

    def __init__(self, *, world: Rules, **keys: Any) -> None:
        super().__init__(**keys)
        self.world = world
        self.dice = random.Random(f"container {world.seed} {self.id}")
        self.is_cold = "TASK_ID" in self.spec.environment
        self.reads_at_once = self.dice.random() < 0.8
        self.ignores_term = self.dice.random() < 0.1
        self.waits = self.dice.choice([True, True, None])
        self.input = b""
        self.asked: tuple[str, bytes] | None = None  # the task it has read, and its payload
        self.rest = b""  # of an answer that was begun
        self.vanished_s: float | None = None  # when it closed its stdout

    @property
    def lives(self) -> bool:
        return self._exit is None

    def unread_is_touched(self) -> None:
        """A byte of what waits on stdin is about to be read: that task may not run anywhere else."""
        ids = [self.spec.environment["TASK_ID"]] if self.is_cold else map(bytes.decode, _TASK_ID.findall(self._stdin))
        for task_id in ids:
            self.world.read_by.setdefault(task_id, set()).add(self.id)

    def read_on(self, count: int | None = None) -> None:
        """Reads stdin."""
        with self.world.sim.undisturbed():  # a function is one thread; here two may act for it
            if self.lives:
                self.unread_is_touched()
                self.input += self.consume(count)
                self.understand()

    def understand(self) -> None:
        """Takes a whole request from what was read, if there is one and none is under way."""
        if self.asked is not None or self.vanished_s is not None:
            return
        if self.is_cold:
            if self.stdin_closed and not self._stdin:
                self.asked = self.spec.environment["TASK_ID"], self.input
            return
        head, blank, rest = self.input.partition(b"\r\n\r\n")
        if not blank:
            return
        head += b"\r\n"
        task_id, length = _TASK_ID.search(head), _LENGTH.search(head)
        assert task_id is not None
        assert length is not None
        size = int(length[1])
        if len(rest) >= size:
            self.asked = task_id[1].decode(), rest[:size]
            self.input = rest[size:]

    def answer(self, *, status: int = 200) -> None:
        """Answers the task it has read, with its payload."""
        with self.world.sim.undisturbed():
            assert self.asked is not None
            _, payload = self.asked
            self.asked = None
            if self.is_cold:
                self.say(b"echo " + payload)
                self.exit(0 if status == 200 else 1)
            else:
                data, self.rest = self.rest or http_answer(b"echo " + payload, status=status), b""
                self.say(data)
                self.understand()


def play(container: StubContainer) -> None:
    """The script: reads at once, or when it is told to."""
    assert isinstance(container, Function)
    if container.reads_at_once:
        container.read_on()


class Driver(StubDriver):
    """Starts and builds in virtual time, and fails when the world has trouble in store."""

    def __init__(self, world: Rules, **keys: Any) -> None:
        super().__init__(**keys)
        self.world = world
        self.starting: set[str] = set()
        self.uses: Counter[Image] = Counter()  # handed out by builds, and not given back

    def build(self, spec: FunctionSpec, *, is_cancelled: Callable[[], bool], **more: Any) -> Image:
        for _ in range(self.world.dice.choice([0, 0, 1, 4])):
            if is_cancelled():
                raise BuildCancelled(f"{spec.key}: cancelled")
            self._clock.gate().wait(0.25)
        image = super().build(spec, is_cancelled=is_cancelled, **more)
        self.uses[image] += 1
        return image

    def start(self, spec: ContainerSpec) -> Function:
        dice = random.Random(f"start {self.world.seed} {spec.id}")
        trouble = self.world.troubles.popleft() if self.world.troubles else ""
        self.starting.add(spec.id)
        try:
            if takes_s := dice.choice([0, 0, 0, 0.05, 0.6]):
                self._clock.gate().wait(takes_s)
            assert self.uses[spec.image], "a container is started from an image that is not in use"
            if trouble == "no start":
                raise StartError("no start: drawn")
            container = Function(world=self.world, spec=spec, clock=self._clock, script=play)
            if trouble == "born dead":
                container.exit(9)
            elif trouble == "slow":
                container.waits = False
            self.containers.append(container)
        finally:
            self.starting.remove(spec.id)
        return container

    def release(self, image: Image) -> None:
        super().release(image)
        self.uses[image] -= 1
        assert self.uses[image] >= 0, "a use of an image is given back twice"
        used = [c.id for c in self.containers if not c.is_closed and c.spec.image == image]
        assert used == [] or self.uses[image], "an image is released that containers run"
