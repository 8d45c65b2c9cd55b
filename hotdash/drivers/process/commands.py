"""Runs a function's `build` commands in the copy of its folder. In the thread that builds.

Each runs as `/bin/sh -ec`, in a process group of its own that the guardian knows, without stdin; its stdout and stderr
are one pipe, so their lines come in the order in which they were written.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from hotdash.drivers.process.faults import why_not_started
from hotdash.drivers.process.group import TICK_S, ProcessGroup
from hotdash.errors import BuildCancelled, BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hotdash.drivers.base import Exit
    from hotdash.drivers.build_output import BuildOutput
    from hotdash.drivers.process.guardian import Guardian
    from hotdash.functions.spec import FunctionSpec

_LOOK_S = 0.05  # how often `is_cancelled` is asked
_READ_BYTES = 64 * 2**10


def run_commands(
    spec: FunctionSpec,
    *,
    folder: Path,
    environment: Mapping[str, str],
    guardian: Guardian,
    output: BuildOutput,
    is_cancelled: Callable[[], bool],
) -> None:
    """Runs the function's build commands, one after another; `build_timeout` holds for all together.

    Args:
        spec: The function.
        folder: Where they run.
        environment: All of their environment.
        guardian: Hears of their process groups.
        output: Takes what they print.
        is_cancelled: Asked every 50 ms; True ends the build.

    Raises:
        BuildError: One failed, or the time ran out.
        BuildCancelled: It was cancelled.
        OSError: The pipe cannot be made.
    """
    deadline_s = time.monotonic() + spec.build_timeout_s
    for number, command in enumerate(spec.build, start=1):
        shown = command if len(command) <= 200 else f"{command[:200]}…"
        what = f"{spec.key}: build command {number} of {len(spec.build)}, `{shown}`,"
        output.said = ""
        output.step(number + 1, len(spec.build) + 1, shown)  # after the copy
        run = _Run(spec, what, output=output, is_cancelled=is_cancelled, deadline_s=deadline_s)
        ended = run.command(command, folder=folder, environment=environment, guardian=guardian)
        if ended.code != 0:
            raise BuildError(f"{what} {ended}: {output.said[:1000] or 'it printed nothing'}", log=output.log)


class _Run:
    """One command from its start to its end."""

    def __init__(
        self,
        spec: FunctionSpec,
        what: str,
        *,
        output: BuildOutput,
        is_cancelled: Callable[[], bool],
        deadline_s: float,
    ) -> None:
        self._timeout_s = spec.build_timeout_s
        self._what = what
        self._output = output
        self._is_cancelled = is_cancelled
        self._deadline_s = deadline_s

    def command(self, command: str, *, folder: Path, environment: Mapping[str, str], guardian: Guardian) -> Exit:
        args = ("/bin/sh", "-ec", command)
        read_end, write_end = os.pipe()
        try:
            try:
                group = ProcessGroup.spawn(
                    args,
                    folder=folder,
                    environment=environment,
                    guardian=guardian,
                    stdin=subprocess.DEVNULL,
                    stdout=write_end,
                    stderr=write_end,
                )
            except (OSError, ValueError) as error:
                why = why_not_started(error, args, folder=folder) if isinstance(error, OSError) else str(error)
                raise BuildError(f"{self._what} could not be started: {why}", log=self._output.log) from error
            finally:
                os.close(write_end)
            try:
                return self._follow(group, read_end)
            finally:
                group.kill()
                group.wait(None)
                group.close()
                self._output.flush()
        finally:
            os.close(read_end)

    def _follow(self, group: ProcessGroup, pipe: int) -> Exit:
        """Hands on what it prints until it ends. What it started and left behind is killed then, and not waited for."""
        os.set_blocking(pipe, False)
        poller = select.poll()
        poller.register(pipe, select.POLLIN)
        if group.exit_fd >= 0:
            poller.register(group.exit_fd, select.POLLIN)
        look_s = 0.0
        while (ended := group.settle()) is None:
            now_s = time.monotonic()
            if now_s >= look_s:
                self._check(now_s)
                look_s = now_s + _LOOK_S
            pause_s = _LOOK_S if group.exit_fd >= 0 else min(_LOOK_S, TICK_S)
            if any(fd == pipe for fd, _ in poller.poll(pause_s * 1000)):
                data = os.read(pipe, _READ_BYTES)
                if data:
                    self._output.feed(data)
                else:
                    poller.unregister(pipe)  # it closed its output and goes on
        self._take_rest(pipe)
        return ended

    def _check(self, now_s: float) -> None:
        if self._is_cancelled():
            raise BuildCancelled(f"{self._what} was cancelled", log=self._output.log)
        if now_s >= self._deadline_s:
            hint = "make it faster, or raise build_timeout"
            raise BuildError(f"{self._what} was ended after {self._timeout_s:g} s: {hint}", log=self._output.log)

    def _take_rest(self, pipe: int) -> None:
        """Takes what is in the pipe at the end, and no more: what left the group may go on writing."""
        left = int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"), sys.byteorder)
        with suppress(BlockingIOError):
            while left > 0 and (data := os.read(pipe, min(left, _READ_BYTES))):
                left -= len(data)
                self._output.feed(data)
