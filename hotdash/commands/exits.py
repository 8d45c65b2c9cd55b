"""How the command line ends: the contract's exit codes (the design's section 9), and what is said. The main thread."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hotdash.errors import HotdashError, InvalidRequest, NeedsDocker, NeedsRuntime, NoDriver
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

FAILED = 1
USAGE = 2
NO_DRIVER = 3
TIMED_OUT = 124
INTERRUPTED = 130

EXITS = {"success": 0, "error": FAILED, "timeout": TIMED_OUT, "cancelled": INTERRUPTED}  # by a task's end


@contextmanager
def explained() -> Iterator[None]:
    """Makes messages and exit codes of the platform's errors."""
    try:
        yield
    except (NoDriver, NeedsDocker, NeedsRuntime) as error:
        fail(NO_DRIVER, str(error))
    except InvalidRequest as error:
        fail(USAGE, str(error))
    except HotdashError as error:
        fail(FAILED, str(error))


def say(text: str) -> None:
    """Says something to the user, on standard error; sanitized where that is a terminal."""
    click.echo(f"hotdash: {plain(text) if sys.stderr.isatty() else text}", err=True)


def fail(code: int, text: str) -> NoReturn:
    """Says what is wrong, and ends with that exit code."""
    for line in text.splitlines():
        say(line)
    raise click.exceptions.Exit(code)
