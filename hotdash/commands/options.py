"""Options and arguments that several commands have. Runs in the main thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotdash.commands.exits import USAGE, fail
from hotdash.drivers.opening import DRIVER_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from hotdash.gateway.address import Address


def folder_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """`[DIR]`, as `folder`: one that is there."""
    return click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path), callback=_folder)(
        command
    )


def _folder(_context: click.Context, _argument: click.Parameter, folder: Path) -> Path:
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        fail(USAGE, f"{folder}: found {found}, allowed a folder of functions")
    return folder


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


def http_option(*, default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--http`, as `address`."""
    return click.option(
        "--http",
        "address",
        default=default,
        callback=_address,
        metavar="HOST:PORT",
        show_default=default is not None,
        help="Where to listen for HTTP; a port alone is on this machine's loopback address.",
    )


def _address(_context: click.Context, _option: click.Parameter, text: str | None) -> Address | None:
    if text is None:
        return None
    from hotdash.gateway.address import parse_address  # noqa: PLC0415  only where it is asked for

    try:
        return parse_address(text)
    except ValueError as error:
        fail(USAGE, f"--http: {error}")
