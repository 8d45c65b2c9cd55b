"""`hotdash init`: a new function. Runs in the main thread."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from hotdash.commands.exits import FAILED, USAGE, fail
from hotdash.commands.output import put


@click.command()
@click.argument("name", metavar="NAME", type=click.Path(path_type=Path))
@click.option("--runtime", default="python", show_default=True, help="python, node or shell, or a version: python3.11.")
def init(name: Path, runtime: str) -> None:
    """Writes a new function into the folder NAME: one that runs, with tests that pass.

    NAME may be a path, functions/hello; the function is called by its last part. Nothing that is there is overwritten.
    Exit codes: 0 written, 1 it cannot be written, 2 usage, or there is something already.
    """
    from hotdash.functions.starters import write_starter  # noqa: PLC0415  not for `--help`

    try:
        files = write_starter(name, runtime=runtime)
    except ValueError as error:
        fail(USAGE, str(error))
    except (FileExistsError, NotADirectoryError) as error:
        fail(USAGE, f"{error.filename or name}: {error.strerror}; nothing was written")
    except OSError as error:
        fail(FAILED, f"{error.filename or name}: {error.strerror}")
    lines = [*map(str, files), f"try it: hotdash test {shlex.quote(str(name))}"]
    put("\n".join(lines), what="the names of the new files")
