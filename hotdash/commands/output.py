"""What commands print on standard output, and how they end where it takes nothing. Runs in the main thread."""

from __future__ import annotations

import errno
import os
import sys

import click

from hotdash.commands.exits import FAILED, fail


def put(text: str | bytes, *, what: str) -> None:
    """Writes text and a newline, or bytes as they are, to standard output, at once.

    Where that cannot be, it says so and ends the program with 1: who redirects it to a file must not take what is there
    for the whole. A reader that has gone away is no fault; click ends the program then, without a word.

    Args:
        text: What to write.
        what: What it is, for the message.
    """
    if text == b"":
        return
    if sys.stdout is None:  # so it is where it was closed before the start
        fail(FAILED, f"{what} cannot be written to standard output: it is closed")
    try:
        click.echo(text, nl=isinstance(text, str))
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        _give_up()
        fail(FAILED, f"{what} cannot be written to standard output: {error.strerror}")


def _give_up() -> None:
    """What is still in the buffer goes nowhere, and not into a second fault when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
