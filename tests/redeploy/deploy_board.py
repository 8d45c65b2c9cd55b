"""A folder of functions with a deployer on it, over real processes, and all that was told."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from real_tools import HTTP, PATIENCE_S, real_runtime, until, write_function

from hotdash import events as ev
from hotdash.redeploy.deployer import Deployer

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack
    from pathlib import Path

    from hotdash.task import TaskResult

Kind = TypeVar("Kind", bound=ev.Event)


def says(text: str) -> str:
    """A hot function that answers with this."""
    return HTTP + f"\nfor headers, body in requests():\n    answer({text.encode()!r})\n"


class Board:
    """A folder with a deployer on it, and all that was told, in order."""

    def __init__(self, tmp_path: Path, stack: ExitStack, *, builds_at_once: int | None = None) -> None:
        self.folder = (tmp_path / "functions").resolve()
        self.folder.mkdir()
        self.runtime = stack.enter_context(real_runtime(tmp_path, builds_at_once=builds_at_once))
        self.events: list[ev.Event] = []
        self._told = threading.Condition()
        self.runtime.subscribe(self._listen)
        self._stack = stack
        self.deployer: Deployer

    def start(self, *, watch: bool = True, polls: bool | None = None) -> None:
        self.deployer = Deployer(runtime=self.runtime, folder=self.folder, watch=watch, polls=polls)
        self._stack.callback(self.deployer.close)
        self._stack.callback(self.runtime.close, 2.0)  # the runtime first, as the command line does
        self.deployer.start()

    def _listen(self, event: ev.Event) -> None:
        with self._told:
            self.events.append(event)
            self._told.notify_all()

    def mark(self) -> int:
        """Where the events are now; what is asked for with it comes later."""
        assert self.runtime.flush_events(PATIENCE_S)
        return len(self.events)

    def wait(
        self, kind: type[Kind], function: str, *, since: int = 0, when: Callable[[Kind], bool] = lambda _: True
    ) -> Kind:
        """The first such event since a mark."""

        def found() -> Kind | None:
            return next((event for event in self.told(kind, function, since=since) if when(event)), None)

        with self._told:
            assert self._told.wait_for(found, PATIENCE_S), f"no {kind.__name__} of {function}: {self.events[since:]}"
        event = found()
        assert event is not None
        return event

    def told(self, kind: type[Kind], function: str, *, since: int = 0) -> list[Kind]:
        return [event for event in self.events[since:] if isinstance(event, kind) and event.function == function]

    def live(self, function: str, revision: int) -> ev.RevisionLive:
        return self.wait(ev.RevisionLive, function, when=lambda event: event.revision == revision)

    def call(self, function: str) -> TaskResult:
        return self.runtime.submit(function).result(PATIENCE_S)

    def save(self, path: str, text: str) -> None:
        """As editors do: a new file, renamed over the old one."""
        file = self.folder / path
        new = file.with_name(f".{file.name}.swp")
        new.write_text(text)
        new.replace(file)

    def barrier(self) -> None:
        """Once this returns, every change made before it has been seen and dealt with.

        A new function is saved; changes are told in order, and what is deployed unchanged is told before or after it.
        """
        name = f"barrier{time.monotonic_ns()}"
        write_function(self.folder / name, says("here"))
        self.live(name, 1)
        until(lambda: not any(t.name.startswith("deploy:") for t in threading.enumerate()), "the end of deploys")
        assert self.runtime.flush_events(PATIENCE_S)
