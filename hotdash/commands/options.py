"""Options that every command has that runs functions. Runs in the main thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hotdash.drivers.opening import DRIVER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def driver_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--driver`."""
    return click.option(
        "--driver", type=click.Choice(DRIVER_NAMES), help="What runs functions; by default the config's, else auto."
    )(command)


def memory_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--memory`."""
    return click.option(
        "--memory",
        "memory_mb",
        type=click.IntRange(min=6),
        metavar="MB",
        help="What all containers together may ask for; by default half of what the machine has available.",
    )(command)
