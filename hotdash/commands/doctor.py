"""`hotdash doctor`: what is found on this machine. Runs in the main thread."""

from __future__ import annotations

import os

import click

from hotdash.commands.exits import NO_DRIVER
from hotdash.commands.output import put


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(*, as_json: bool) -> None:
    """What is found here: versions, drivers, limits, folders; and what to do about what is missing.

    Exit codes: 0 functions can run, 3 no driver can.
    """
    import json  # noqa: PLC0415

    from hotdash.doctor import can_run, fields, text  # noqa: PLC0415  not for `--help`
    from hotdash.examination import examine  # noqa: PLC0415

    checks = examine(os.environ)
    put(json.dumps(fields(checks)) if as_json else text(checks), what="the report")
    raise click.exceptions.Exit(0 if can_run(checks) else NO_DRIVER)
