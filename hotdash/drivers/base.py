"""The seam of a driver. Small on purpose: three drivers (`process`, `docker`, a scripted `stub`), one contract suite.

Who calls what: one *serve thread* a container starts, uses and closes it (`write`, `read`, `look`, `close_stdin`,
`settle_stderr`, `wait`, `stop`, `close`). One *stderr thread* a container calls `wait_stderr`, and `wait` after the
end; `take_stderr` is called by both, under a lock of the caller's. `wake`, `kill` and `stats` may be called by any
thread at any time, also after `close`. A task's failure is never an exception here; `StartError` and `BuildError` are
the platform's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hotdash.functions.spec import FunctionSpec

    OnStep = Callable[[int, int, str], None]


STDOUT_READY = 1  # what `Container.look` tells, as bits
STDERR_READY = 2


def no_step(number: int, total: int, text: str) -> None:
    """Whom nobody tells of the steps of a build."""


class Image(Struct, frozen=True, kw_only=True):
    """The immutable build of a function's sources.

    Args:
        id: Its content's hash in hex (process), or the engine's image id.
        function: The function's key.
        folder: Where its copy lies (process driver); None elsewhere.
        entrypoint: What a container of it runs, resolved; empty where the image itself knows.
        reused: Whether it had been built before, so that nothing was done now.
    """

    id: str
    function: str
    folder: Path | None
    entrypoint: tuple[str, ...]
    reused: bool = False

    @property
    def short_id(self) -> str:
        """The first seven digits, as git shows a commit."""
        return self.id.removeprefix("sha256:")[:7]


class ContainerSpec(Struct, frozen=True, kw_only=True):
    """What a driver needs to start one container.

    Args:
        id: The container's id, `c-` and 6 hex digits; unique in this run of hotdash.
        environment: The function's `config` and its format's variables; the driver adds PATH, HOME, TMPDIR and LANG
            (M8) and nothing else.
        network: `none`, or the network that it joins; None leaves that to the engine (docker driver).
        writable: Whether it may write to its root file system (docker driver).
        listens: Whether it is spoken to on a Unix socket that it listens on, named by `FN_LISTENER` in its environment,
            and not on stdin and stdout; what it writes to stdout then goes the way of stderr.
    """

    id: str
    function: str
    app: str
    revision: int
    image: Image
    environment: Mapping[str, str]
    memory_mb: int
    network: str | None = None
    writable: bool = False
    listens: bool = False


class Exit(Struct, frozen=True, kw_only=True):
    """How a container's main process ended.

    Args:
        code: Its exit code, or None when a signal ended it.
        signal: The signal's name, `SIGSEGV`, or None.
        out_of_memory: Whether it was killed for using more than its `memory`.
        used_bytes: What it used then, where that is known; else 0.
        limit_bytes: What it was allowed, where that is known; else 0.
        lost: What to say instead where its end cannot be told: `was removed from outside`; else empty.
    """

    code: int | None = None
    signal: str | None = None
    out_of_memory: bool = False
    used_bytes: int = 0
    limit_bytes: int = 0
    lost: str = ""

    def __str__(self) -> str:
        """`exited with code 3`, `was killed by SIGKILL`, `ran out of memory (used 140 MB of 128 MB)`."""
        if self.lost:
            return self.lost
        if self.out_of_memory and self.limit_bytes and not self.used_bytes:
            return f"ran out of memory (its limit is {self.limit_bytes // 2**20} MB)"
        if self.out_of_memory and self.limit_bytes:
            used_mb = -(-self.used_bytes // 2**20)  # rounded up: never `128 MB of 128 MB`
            return f"ran out of memory (used {used_mb} MB of {self.limit_bytes // 2**20} MB)"
        if self.out_of_memory:
            return "ran out of memory"
        if self.signal is not None:
            return f"was killed by {self.signal}"
        return f"exited with code {self.code}"


class Stats(Struct, frozen=True, kw_only=True):
    """What a container uses now: resident memory in bytes, CPU seconds since its start, how many processes.

    `received_bytes` and `sent_bytes` are what went over its network since its start; None where it has none of its own.
    """

    memory_bytes: int
    cpu_s: float
    pids: int
    received_bytes: int | None = None
    sent_bytes: int | None = None


class Container(Protocol):
    """One running container."""

    @property
    def id(self) -> str:
        """The id of its `ContainerSpec`."""
        ...

    @property
    def pid(self) -> int | None:
        """Its main process on this machine, or None where there is none to name."""
        ...

    def is_ready(self) -> bool:
        """Whether it can take a task, as far as that can be told: one that listens, once its socket accepts."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """Writes as much to its stdin as goes without waiting.

        Returns:
            How many bytes were taken, 0 if none could be.

        Raises:
            ContainerGone: It has closed its stdin, or has ended.
        """
        ...

    def close_stdin(self) -> None:
        """Ends its stdin, so that it reads end of file; a second call does nothing."""
        ...

    def read(self, timeout_s: float | None, *, or_writable: bool = False) -> bytes | None:
        """Waits for its stdout.

        Args:
            timeout_s: Seconds to wait; 0 looks without waiting; None waits until something happens.
            or_writable: Also return once stdin takes bytes again.

        Returns:
            Bytes that came (at most 64 KiB or so); b"" at the end of stdout, or when the container has ended and all
            it wrote has been returned; None when the time ran out, when `wake` was called since the last `read`
            returned, or when stdin is writable.
        """
        ...

    def look(self) -> int:
        """What there may be before a task is sent, in one look and without waiting (it stands in every task's path).

        Returns:
            0: nothing. `STDOUT_READY` set: call `read(0)`, for data, an end or a wake. `STDERR_READY` set: call
            `take_stderr`. A set bit may be wrong; a bit that is not set is right.
        """
        ...

    def unread_bytes(self) -> int | None:
        """How many bytes written to its stdin nobody has read, also after its end; None if that cannot be told (M4)."""
        ...

    def wake(self) -> None:
        """Makes the `read` that waits now, or the next one, return None. Any thread."""
        ...

    def waits_for_input(self) -> bool | None:
        """Whether it is seen blocked reading its stdin, or at work (section 7's proof).

        Returns:
            True: it reads. False: it is at work, or has ended. None: it sleeps otherwise, or that cannot be told.
        """
        ...

    def wait_stderr(self) -> bool:
        """Waits until there is stderr to take, or the container has ended.

        Returns:
            True: call `take_stderr`. False: the container has ended and its stderr is empty for good (a reading thread
            ends here); from then on `read` returns what is left, then b"".
        """
        ...

    @property
    def is_sight_free(self) -> bool:
        """Whether `waits_for_input` asks no engine: what it would be asked for is known. It may change with time."""
        ...

    @property
    def is_stderr_late(self) -> bool:
        """Whether stderr may come later than stdout that was written after it: lines are given to tasks by time."""
        ...

    def settle_stderr(self) -> None:
        """Where stderr may be late, waits a moment for what was written before the answer that has just been read."""
        ...

    def take_stderr(self) -> bytes:
        """Takes exactly the stderr bytes that are there at this moment, without waiting; b"" if none."""
        ...

    def wait(self, timeout_s: float | None) -> Exit | None:
        """Waits for its main process to end.

        Returns:
            How it ended, or None when the time ran out.
        """
        ...

    def stop(self, grace_s: float) -> Exit:
        """Asks it to end (end of stdin, SIGTERM), waits at most `grace_s` seconds, then kills it and all it started."""
        ...

    def kill(self) -> None:
        """Kills it and all it started, at once, without waiting. Any thread; does nothing once it has ended."""
        ...

    def stats(self) -> Stats | None:
        """What it uses now, or None once it has ended, or while nothing is known yet. Any thread; never waits long."""
        ...

    def close(self) -> None:
        """Kills what still runs, reaps it, gives back descriptors and temporary folders. A second call does nothing."""
        ...


class Driver(Protocol):
    """Builds images and starts containers. Safe to use from any thread."""

    @property
    def name(self) -> str:
        """`process`, `docker` or `stub`."""
        ...

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        """Builds the function's image from its folder as it is now, or finds the same content built before.

        Each call that returns hands out one *use* of the image, also where the same image is in use already: by an
        earlier build, or by a function that was removed and came again. While it has a use, the driver keeps it.

        Args:
            spec: The function.
            on_output: Called with each line that the build prints.
            on_step: Called as each step begins, with its number (from 1), how many there are, and what it does; not at
                all where the content had been built before.
            is_cancelled: Asked at least four times a second; True ends the build.

        Raises:
            BuildError: It failed; `.log` has the output. `NeedsDocker` and `NeedsRuntime` say why it cannot be;
                `BuildCancelled` that it was ended.
        """
        ...

    def release(self, image: Image) -> None:
        """Gives back one use of `image`, once for each `build` that returned it, when no container needs this use.

        When no use is left the driver gives back all that it holds for the image, and may remove it when it next
        cleans up. Any thread, without locks; never fails, and does nothing once the driver is closed.
        """
        ...

    def start(self, spec: ContainerSpec) -> Container:
        """Starts a container.

        Raises:
            StartError: It could not be started; the message says why.
        """
        ...

    def close(self) -> None:
        """Gives back all that the driver itself holds; its containers have been closed before."""
        ...
