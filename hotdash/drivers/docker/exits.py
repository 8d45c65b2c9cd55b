"""How a container ended, as its engine tells it. Any thread."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from hotdash.drivers.base import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_SIGNAL = 128  # the engine's code for an end by signal n is 128 + n, as a shell's
_NO_CODE = -1


def exit_of(state: Mapping[str, Any], *, limit_bytes: int, was_killed: bool) -> Exit:
    """The end that an inspected container's `State` tells of.

    Args:
        state: The `State` of an inspect.
        limit_bytes: The memory it was allowed.
        was_killed: Whether hotdash has killed it: then its end is that, whatever ran out of memory before.
    """
    code = int(state.get("ExitCode", _NO_CODE))
    if state.get("OOMKilled") and code != 0 and not was_killed:
        killed = exit_of_code(code)
        return Exit(code=killed.code, signal=killed.signal, out_of_memory=True, limit_bytes=limit_bytes)
    if error := str(state.get("Error") or ""):
        return Exit(code=code, lost=f"could not be run: {error}")
    return exit_of_code(code)


def exit_of_code(code: int) -> Exit:
    """An exit code in the engine's way, 128 + n for a signal."""
    try:
        return Exit(signal=signal.Signals(code - _BY_SIGNAL).name) if code > _BY_SIGNAL else Exit(code=code)
    except ValueError:  # no signal has that number: the program's own code
        return Exit(code=code)
