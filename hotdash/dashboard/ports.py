"""What the screen can make happen. `cli` implements it on the runtime and the redeployer; tests have a fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from hotdash.drivers.inside import Inside
    from hotdash.store import LineBatch
    from hotdash.task import TaskResult

OnEnd: TypeAlias = "Callable[[TaskResult], object]"  # told how a task ended, in the thread that ended it


class Lines(Protocol):
    """Where a log takes its lines from: the store has them, and so has a task of the history."""

    def lines_after(self, seq: int, functions: Iterable[str]) -> LineBatch:
        """See `Store.lines_after`."""
        ...

    def lines_total(self, functions: Iterable[str]) -> int:
        """See `Store.lines_total`."""
        ...


class Controls(Protocol):
    """The runtime and the redeployer, as far as keys reach. The screen's thread calls.

    Every call returns at once.

    Attributes:
        driver_name: `process` or `docker`.
        driver_note: What the user must know of it: `isolates nothing`, that no engine was found; may be empty.
        driver_reason: Why docker was not used, a sentence for the help; empty where it was, or was not asked for. (All
            day above the panes it would cost whoever has no Docker three rows of a small screen.)
        folder: Where functions are looked for.
    """

    driver_name: str
    driver_note: str
    driver_reason: str
    folder: Path

    def now_s(self) -> float:
        """The runtime's clock, in seconds."""
        ...

    def submit(self, function: str, payload: bytes, headers: Mapping[str, str], *, on_end: OnEnd | None = None) -> str:
        """Submits a task and returns its id; from any thread.

        Args:
            function: Its key.
            payload: The body.
            headers: The caller's.
            on_end: Called once it has ended, in the thread that ends it; perhaps before this returns.

        Raises:
            QueueFull: Too many wait.
            HotdashError: It was not taken; the message says why.
        """
        ...

    def cancel(self, task_id: str) -> bool:
        """Cancels a task, queued or running; False if it had ended already."""
        ...

    def kill_container(self, container_id: str) -> bool:
        """Kills a container; False if there is no such one any more."""
        ...

    def inside(self, container_id: str) -> Inside | None:
        """A container from within, and a shell into it; None if it has ended, or its driver has no such thing."""
        ...

    def redeploy(self, function: str) -> None:
        """Asks for a deploy of the function's sources as they are now; the outcome comes as events."""
        ...

    def rollback(self, function: str, revision: int) -> None:
        """Asks for an earlier revision to be live again; a deploy under way ends. The outcome comes as events."""
        ...

    @property
    def has_read(self) -> bool:
        """Whether the folder has been read once, so that no function means that there is none."""
        ...

    @property
    def watching(self) -> bool:
        """Whether saved files are deployed."""
        ...

    def set_watching(self, on: bool) -> None:
        """Turns watching on or off; turned on, what waits is deployed."""
        ...

    def set_held(self, function: str, on: bool) -> None:
        """Holds one function's changes back, watching or not, or lets them go."""
        ...

    def notices(self) -> tuple[str, ...]:
        """What is wrong outside any one function: files of functions never loaded, trouble of the watcher."""
        ...
