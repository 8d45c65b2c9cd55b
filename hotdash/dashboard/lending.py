"""Lends the terminal to another program: an editor, a shell. Runs in the screen's thread, which waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import App

_STEP_S = 0.2


def lend(
    app: App[None],
    command: Sequence[str],
    *,
    folder: str | None = None,
    environment: Mapping[str, str] | None = None,
    greeting: str = "",
) -> str:
    """Runs a program in hotdash's terminal until it ends.

    Args:
        app: The screen's, which leaves the terminal and comes back.
        command: The program and its arguments.
        folder: Where it starts; hotdash's own if None.
        environment: All of its environment; hotdash's own if None.
        greeting: A clean line that is written before.

    Returns:
        Why it could not be run; empty if it was.
    """
    try:
        with app.suspend():
            if greeting:
                print(greeting, flush=True)  # noqa: T201  the terminal is not the screen's now
            _wait_for(subprocess.Popen(command, cwd=folder, env=environment))
    except SuspendNotSupported:
        return "this terminal cannot be lent to another program"
    except OSError as error:
        return f"{command[0]}: {error}"
    return ""


def _wait_for(program: subprocess.Popen[bytes]) -> None:
    """Waits in steps: a signal that another thread gets does not end one long wait, and must still be seen (SIGHUP)."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            program.wait(_STEP_S)
            break
    _take_back()


def _take_back() -> None:
    """Makes hotdash the one that the terminal answers to again: a shell that was killed has not given that back."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # as who is in the background, it would be stopped
    try:
        with suppress(OSError):
            os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
    finally:
        signal.signal(signal.SIGTTOU, before)
