"""What a schedule does to a runtime, a step of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime_tools import http_answer, make_spec
from schedule_memory import MEMORIES_MB, TOO_MUCH_MB
from schedule_rules import Rules
from schedule_stub import Function

from hotdash.drivers.stub import PIPE_BYTES
from hotdash.errors import HotdashError, QueueFull, UnknownFunction
from hotdash.functions.spec import Format
from hotdash.states import Occasion
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from schedules import Step

FUNCTIONS = ("hot", "warm", "cold", "turn")  # `turn` is hot in some revisions and cold in others


class World(Rules):
    """What is done to the runtime, a step at a time."""

    # ---- what steps are done to

    @staticmethod
    def one_of(things: list[Any], die: float) -> Any:
        return things[int(die * len(things))] if things else None

    def containers(self, *, asked: bool | None = None) -> list[Function]:
        found = [c for c in self.driver.containers if isinstance(c, Function) and c.lives]
        return [c for c in found if asked is None or (c.asked is not None) is asked]

    def expect(self, task_id: str, status: TaskStatus, error: str = "", body: bytes | None = None) -> None:
        """After this step, if nothing else was done with it, the task has ended so."""

        def check() -> None:
            assert task.done(), f"{task_id} has not ended, and was to: {status}"
            result = task.result(0)
            assert (result.status, result.body) == (status, body or b""), f"{task_id}: {result}"
            assert error in (result.error or ""), f"{task_id}: {result}"

        task = self.tasks[task_id]
        if self.is_alone and not task.done():
            self.checks.append(check)

    # ---- steps

    def take(self, step: Step) -> None:
        """One step, then rest, then all rules."""
        self.checks.clear()
        if step.parts:
            self.is_alone = False
            for part in step.parts:
                getattr(self, f"do_{part.kind}")(part)
            self.is_alone = True
        else:
            getattr(self, f"do_{step.kind}")(step)
        self.sim.settle()
        for container in self.vanishing:
            container.vanished_s = self.sim.now()  # only now has everybody had the time to see it
        self.vanishing.clear()
        for check in self.checks:
            check()
        self.examine()

    def do_submit(self, step: Step, *, name: str = "") -> None:
        name = name or self.one_of(list(FUNCTIONS), step.a)
        self.count += 1
        payload = b"payload %d" % self.count
        if step.c > 0.96:
            payload += b"." * (PIPE_BYTES + 5_000)
        timeout_s = self.one_of([None, None, None, 0.2, 2.0, 3.0, 20.0], step.b)
        try:
            task = self.runtime.submit(name, payload, timeout_s=timeout_s)
        except (UnknownFunction, QueueFull) as error:
            self.ends[type(error).__name__] += 1
            return
        self.tasks[task.id] = task
        self.payloads[task.id] = payload
        if 0.5 < step.c < 0.6:
            task.add_done_callback(lambda task: self.sim.may_be_overtaken())

    def do_burst(self, step: Step) -> None:
        name = self.one_of(list(FUNCTIONS), step.a)
        for _ in range(3 + int(4 * step.c)):
            self.do_submit(step, name=name)

    def do_pressure(self, step: Step) -> None:
        """Every function is called, so that all want memory at once."""
        for name in FUNCTIONS:
            for _ in range(1 + int(step.c * 2)):
                self.do_submit(step, name=name)

    def do_answer(self, step: Step, *, status: int = 200) -> None:
        container = self.one_of(self.containers(asked=True), step.a)
        if container is None:
            return
        task_id, payload = container.asked
        if step.c < 0.1 and self.is_alone:
            text = self.line()
            self.expect_line(container, task_id, text)
            container.complain(text.encode() + b"\n" * (step.c < 0.05))
        good = status == 200 and not container.rest
        if good:
            self.expect(task_id, TaskStatus.SUCCESS, body=b"echo " + payload)
        elif not container.rest:
            self.expect(task_id, TaskStatus.ERROR, body=b"echo " + payload)
        container.answer(status=status)
        if step.b < 0.1:
            container.exit(7)

    def do_refuse(self, step: Step) -> None:
        self.do_answer(step, status=500)

    def do_surplus(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=True) if not c.is_cold and not c.rest], step.a)
        if container is not None:
            task_id, payload = container.asked
            self.expect(task_id, TaskStatus.SUCCESS, body=b"echo " + payload)
            container.say(2 * http_answer(b"echo " + payload))
            container.asked = None

    def do_part(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=True) if not c.is_cold and not c.rest], step.a)
        if container is not None:
            data = http_answer(b"echo " + container.asked[1])
            cut = 1 + int(step.b * (len(data) - 1))
            container.rest = data[cut:]
            container.say(data[:cut])

    def do_junk(self, step: Step) -> None:
        container = self.one_of(
            [c for c in self.containers() if not (c.is_cold or c.rest or c.vanished_s is not None)], step.a
        )
        if container is not None:
            if container.asked:
                self.expect(container.asked[0], TaskStatus.ERROR, "not an answer in its format")
            container.say(b"junk\n")

    def do_late(self, step: Step) -> None:
        """A container that has read a request answers, whatever has become of it."""
        container = self.one_of([c for c in self.driver.containers if c.asked], step.a)
        if container is not None:
            container.answer()

    def do_read(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=False) if c._stdin], step.a)
        if container is not None:
            container.read_on()

    def do_nibble(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers(asked=False) if c._stdin], step.a)
        if container is not None:
            container.read_on(1 + int(step.b * 20))

    def line(self) -> str:
        self.count += 1
        return f"line {self.count}"

    def expect_line(self, container: Function, task_id: str, text: str) -> None:
        if not self.tasks[task_id].done():
            self.lines.setdefault((task_id, container.id), []).append(text)

    def is_held_back(self, task_id: str, container: Function) -> bool:
        """It was sent in vain before (M4), or the revision wrote out of turn (M1): the container is watched first."""
        return not (container.is_cold or container.asked or container.input or container._stdin)

    def do_complain(self, step: Step) -> None:
        container = self.one_of([c for c in self.containers() if c.vanished_s is None], step.a)
        if container is None:
            return
        text = self.line()
        task_id = next((c.task_id for f in self.all_functions() for c in f.containers if c.id == container.id), "")
        if task_id and not self.is_held_back(task_id, container):
            self.expect_line(container, task_id, text)
        container.complain(text.encode() + b"\n")

    def do_crash(self, step: Step) -> None:
        container = self.one_of(self.containers(), step.a)
        if container is None:
            return
        code, signal = self.one_of([(7, None), (0, None), (None, "SIGSEGV")], step.b)
        if container.asked:
            self.expect(container.asked[0], TaskStatus.ERROR, "" if container.is_cold else str(code or signal or 0))
            if container.is_cold and code == 0:
                self.checks.clear()
        if container.is_cold and code == 0:
            self.silent.add(container.id)
        container.exit(code, signal=signal)

    def do_vanish(self, step: Step) -> None:
        """It closes its stdout, a cold one after its answer, and lives on."""
        container = self.one_of([c for c in self.containers() if c.asked or not c.is_cold], step.a)
        if container is not None:
            if container.is_cold:
                container.say(b"echo " + container.asked[1])
            container.asked = None
            container.vanished_s = self.sim.now()
            self.vanishing.append(container)
            container.end_stdout()

    def do_cancel(self, step: Step) -> None:
        task = self.one_of([task for task in self.tasks.values() if not task.done()], step.a)
        if task is not None:
            if not self.is_slow_to_hear(task.id):
                self.expect(task.id, TaskStatus.CANCELLED, "cancelled by its caller")
            assert self.runtime.cancel(task.id) or not self.is_alone or task.canceller.__self__.closing

    def do_kill(self, step: Step) -> None:
        container = self.one_of([c for f in self.all_functions() for c in f.containers], step.a)
        if container is not None:
            if container.task_id and not self.is_slow_to_hear(container.task_id):
                expects = not self.is_leaving_for_other_cause(container.id)
                self.expect(container.task_id, TaskStatus.ERROR, "killed by the user" if expects else "")
            self.runtime.kill(container.id)

    def do_trouble(self, step: Step) -> None:
        kind = self.one_of(["no start", "born dead", "slow"], step.a)
        self.troubles.extend([kind] * (1 + int(step.b * 4)))

    def do_wait(self, step: Step) -> None:
        self.sim.elapse(step.a)

    def do_wait_long(self, step: Step) -> None:
        self.sim.elapse(1 + step.a * 12)

    def do_sleep(self, step: Step) -> None:
        self.sim.elapse(step.a * 12, at_once=True)

    # ---- deploys, in threads of their own

    def call(self, act: Callable[[], object], name: str) -> None:
        def target() -> None:
            try:
                act()
            except HotdashError as error:
                self.ends[f"{name}: {type(error).__name__}"] += 1
            else:
                self.ends[f"{name}: done"] += 1

        self.callers = [caller for caller in self.callers if caller.is_alive()]
        self.callers.append(self.sim.thread(target, f"caller:{name}"))

    def do_deploy(self, step: Step, *, name: str = "") -> None:
        name = name or self.one_of(list(FUNCTIONS), step.a)
        spec = self.specs[name]
        changes: dict[str, Any] = {}
        match int(step.b * 15):
            case 0:
                pass
            case 1 | 2:
                changes["max_concurrency"] = 1 + int(step.c * 4)
            case 3:
                changes["idle_timeout_s"] = self.one_of([0.0, 1.0, 5.0], step.c)
            case 4:
                changes["min_warm"] = self.one_of([0, 0, 1, 2], step.c)
            case 5:
                changes["config"] = {"C": f"{step.c:.1f}"}
            case 8:
                changes["memory_mb"] = self.one_of([*MEMORIES_MB, TOO_MUCH_MB], step.c)
            case 6 if name == "turn":
                changes["format"] = Format.HTTP if spec.format is Format.DEFAULT else Format.DEFAULT
            case 7:
                self.driver.fail_builds = "" if self.driver.fail_builds else "no build: drawn"
            case _:
                self.builds += 1
                self.driver.image_ids[name] = f"{self.builds:064x}"
        self.specs[name] = make_spec(
            name,
            **{
                key: getattr(spec, key)
                for key in (
                    "format",
                    "max_concurrency",
                    "idle_timeout_s",
                    "min_warm",
                    "config",
                    "timeout_s",
                    "max_queue",
                    "init_timeout_s",
                    "drain_timeout_s",
                    "wait_timeout_s",
                    "memory_mb",
                )
            }
            | changes,
        )
        new = self.specs[name]
        occasion = Occasion(asked=step.c < 0.5)
        self.call(lambda: self.runtime.deploy(new, is_cancelled=lambda: step.c > 0.95, occasion=occasion), "deploy")

    def do_rollback(self, step: Step) -> None:
        name = self.one_of(list(FUNCTIONS), step.a)
        self.call(lambda: self.runtime.rollback(name), "rollback")

    def do_undeploy(self, step: Step) -> None:
        name = self.one_of(list(FUNCTIONS), step.a)
        self.call(lambda: self.runtime.undeploy(name), "undeploy")
        if step.b < 0.7:
            self.do_deploy(step, name=name)
