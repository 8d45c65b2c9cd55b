"""A function's deploys, for the Deploys tab: first, saved, rolled back, failed, and one that builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard_fake import Script

from hotdash import events as ev
from hotdash.states import Occasion, Origin, SourceChange
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

EDITED = Occasion(
    quiet_s=0.1,
    changes=(
        SourceChange(path="func.py", kind="modified", plus=12, minus=3),
        SourceChange(path="lib/words.py", kind="added", plus=40, minus=0),
        SourceChange(path="old.bin", kind="removed"),
    ),
    changed=3,
)


CAUSE = "the container exited with code 7 before it answered; its last stderr: a ⏎ b"


class DeployScript(Script):
    """Tells deploys as the runtime does."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        super().__init__(clock)
        self.kept: tuple[int, ...] = ()

    def pass_s(self, seconds: float) -> None:
        self.clock.at += seconds  # type: ignore[attr-defined]

    def build(self, key: str, occasion: Occasion | None = None, *, output: tuple[str, ...] = ()) -> None:
        """A build begins: two steps, the second one prints."""
        self.feed(ev.DeployStarted, key, occasion=occasion or Occasion())
        self.feed(ev.BuildStarted, key)
        self.feed(ev.BuildStep, key, number=1, total=2, text="pip install --target lib pillow")
        self.feed(ev.BuildOutput, key, text="Collecting pillow")
        self.pass_s(0.8)
        self.feed(ev.BuildStep, key, number=2, total=2, text="python3 -m compileall -q .")
        for line in output:
            self.feed(ev.BuildOutput, key, text=line)

    def deploy(self, key: str, revision: int, occasion: Occasion | None = None, **more: Any) -> None:
        """A whole one."""
        self.build(key, occasion)
        self.pass_s(0.4)
        image_id = more.pop("image_id", f"{revision:x}" * 64)
        self.feed(ev.BuildEnded, key, image_id=image_id, build_s=1.2)
        self.go_live(key, revision, image_id, **more)

    def go_live(self, key: str, revision: int, image_id: str, **more: Any) -> None:
        fields = {"build_s": 1.2, "start_s": 0.04 if revision > 1 else 0.0, "swap_s": 0.0002, "kept": self.kept, **more}
        self.feed(ev.RevisionLive, key, revision=revision, image_id=image_id, **fields)
        self.kept = (*self.kept, revision)[-3:]
        self.pass_s(60.0)

    def fall(self, key: str, task_id: str, cause: str = CAUSE) -> None:
        """r2, which is live, dies in that call, and what r1 was serves again, as r3."""
        where = f"in call {task_id}, " if task_id else ""
        reason = f"r2 ended {where}before its first answer; what r1 was serves again, as r3: {cause}"
        self.go_live(key, 3, "1" * 64, origin=Origin.RESTORED, again=1)
        self.feed(ev.DeployFailed, key, reason=reason, revision=2, cause=cause, task_id=task_id)

    def fail(self, key: str) -> None:
        """A build that fails at its second step."""
        self.build(key, EDITED, output=("*** Error compiling './func.py'...", "SyntaxError: invalid syntax"))
        reason = f"{key}: build command 2 of 2, `python3 -m compileall -q .`, exited with code 1: SyntaxError"
        self.feed(ev.BuildFailed, key, reason=reason)
        self.pass_s(30.0)


def deploys_script(clock: Callable[[], float] | None = None) -> DeployScript:
    """`greet` has a past, and its newest save does not build; `thumbnail` builds; changes of `report` wait."""
    script = DeployScript(clock)
    script.function("greet", revision=0, max_concurrency=4)
    script.deploy("greet", 1)
    script.deploy("greet", 2, EDITED)
    script.feed(ev.RollbackStarted, "greet", revision=1)
    script.go_live("greet", 3, "1" * 64, build_s=0.0, origin=Origin.ROLLBACK, again=1)
    script.fail("greet")
    script.function("report", revision=2)
    script.feed(ev.ChangesWait, "report", held=True, paths=("a.py", "b.py", "c.py"), count=3)
    script.function("thumbnail", revision=0)
    script.build("thumbnail", output=("Listing '.'...", "\x1b[31mred\x1b[0m [/foo] [@click=app.quit]"))
    return script


def fallen_script(clock: Callable[[], float] | None = None) -> DeployScript:
    """`greet`'s new code crashed in its first call, so that the code before serves again; `report` was rolled back."""
    script = DeployScript(clock)
    script.function("report", revision=0)
    script.deploy("report", 1)
    script.deploy("report", 2, EDITED)
    script.go_live("report", 3, "1" * 64, origin=Origin.ROLLBACK, again=1)
    script.function("greet", revision=0)
    script.kept = ()
    script.deploy("greet", 1)
    script.deploy("greet", 2, EDITED)
    task = "21c45b" + "0" * 18
    script.container("greet", "c-7f3a12", revision=2)
    script.queue("greet", task, b"boom")
    script.start("greet", task, "c-7f3a12", revision=2)
    said = (
        "Traceback (most recent call last):",
        '  File "/home/me/.cache/hotdash/images/greet-403358f27327/93fd8e5ab4115d28/func.py", line 30, in <module>',
        "RuntimeError: boom went the greeting",
    )
    for line in said:
        script.line("greet", "c-7f3a12", line, task)
    cause = f"the container exited with code 1 before it answered; its last stderr: {' ⏎ '.join(said)}"
    script.end(task, body=b"", status=TaskStatus.ERROR, error=cause, stderr_lines=said, idle=False)
    script.fall("greet", task, cause)
    script.stop("greet", "c-7f3a12", revision=2)
    return script
