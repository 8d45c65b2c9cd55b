"""What commands without a screen run functions with: a runtime, and the functions the user names. The main thread."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hotdash.commands.exits import USAGE, explained, fail, say
from hotdash.errors import FunctionFileError
from hotdash.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

    from hotdash.drivers.opening import OpenedDriver
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime


@contextmanager
def opened_runtime(
    driver: str | None, *, memory_mb: int | None, close_s: float, heeds_signals: bool = True
) -> Iterator[tuple[Runtime, OpenedDriver]]:
    """A runtime, closed at the end; errors of the platform become messages and exit codes.

    What the user did not say on the command line is in the settings.

    SIGTERM and SIGHUP end the program as Ctrl-C does, so that it closes well (M13); unless the caller heeds them.
    """
    from hotdash.drivers.opening import choose_driver  # noqa: PLC0415  not for `--help`
    from hotdash.runtime.runtime import Runtime  # noqa: PLC0415

    loaded = load_settings()
    for fault in loaded.faults:
        say(str(fault))
    driver, memory_mb = driver or loaded.settings.driver, memory_mb or loaded.settings.limits.memory_mb
    for number in (signal.SIGTERM, signal.SIGHUP) if heeds_signals else ():
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup, as its user wants
            signal.signal(number, _interrupt)
    with explained():
        opened = choose_driver(driver)
        runtime = Runtime(driver=opened.driver, memory_mb=memory_mb)
        try:
            yield runtime, opened
        finally:
            runtime.close(close_s)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def load_all(folder: Path) -> tuple[list[FunctionSpec], tuple[str, ...]]:
    """All functions in `folder` whose files are good, and the faults of the others."""
    from hotdash.functions.discovery import load_functions  # noqa: PLC0415  not for `--help`

    try:
        return load_functions(folder), ()
    except FunctionFileError as error:
        return list(error.loaded), tuple(map(str, error.errors))


def find_function(folder: Path, name: str) -> FunctionSpec:
    """The function that the user names, by its key or by its folder's name."""
    specs, faults = load_all(folder)
    by_folder = [spec for spec in specs if name in {spec.name, spec.folder.name}]
    for spec in [spec for spec in specs if spec.key == name] or by_folder:
        for warning in spec.warnings:
            say(warning)
        return spec
    for fault in faults:
        say(fault)
    known = ", ".join(spec.key for spec in specs) or "none"
    return fail(USAGE, f"{folder}: no function {name!r}; there is {known}")
