"""`hotdash invoke`: one call of a function, or many. Runs in the main thread."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from hotdash.commands.exits import EXITS, USAGE, fail, say
from hotdash.commands.options import driver_option, memory_option
from hotdash.commands.output import put
from hotdash.commands.running import find_function, opened_runtime
from hotdash.task import MAX_PAYLOAD_BYTES

if TYPE_CHECKING:
    from typing import BinaryIO


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("name", metavar="NAME")
@click.option("-d", "--data", help="The payload; with neither this nor --file, standard input is.")
@click.option("--file", "file", type=click.Path(path_type=Path), help="A file with the payload.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'K: V'", help="A header; may be given many times.")
@click.option(
    "--timeout", "timeout_s", type=float, help="Seconds until this call times out, its wait in the queue included."
)
@click.option("--count", type=click.IntRange(min=1), default=1, help="So many calls; prints a summary.")
@click.option("--concurrency", type=click.IntRange(min=1), default=1, help="At most so many of them at once.")
@click.option("--json", "as_json", is_flag=True, help="Print everything about the result as JSON.")
@driver_option
@memory_option
def invoke(  # noqa: PLR0917  click passes every option by name
    folder: Path,
    name: str,
    data: str | None,
    file: Path | None,
    headers: tuple[str, ...],
    timeout_s: float | None,
    count: int,
    concurrency: int,
    driver: str | None,
    memory_mb: int | None,
    *,
    as_json: bool,
) -> None:
    """Calls function NAME of DIR once, or --count times.

    The answer's body goes to standard output, the function's stderr to standard error.
    Exit codes: 0 success, 1 the function failed, 2 usage or a bad function file, 3 no driver, 124 timeout,
    130 interrupted.
    """
    import json  # noqa: PLC0415

    from hotdash.invocation import call_many, call_once  # noqa: PLC0415
    from hotdash.report import result_fields, summary_fields, summary_text  # noqa: PLC0415

    payload = _payload(data, file)
    named_headers = dict(map(_header, headers))
    spec = find_function(folder, name)
    with opened_runtime(driver, memory_mb=memory_mb, close_s=1.0) as (runtime, _):
        runtime.deploy(spec)
        if count > 1:
            results, took_s = call_many(
                runtime,
                spec.key,
                payload,
                headers=named_headers,
                timeout_s=timeout_s,
                count=count,
                concurrency=concurrency,
            )
            fields = summary_fields(results, took_s=took_s, concurrency=concurrency)
            put(json.dumps(fields) if as_json else summary_text(fields), what="the summary")
            raise click.exceptions.Exit(max(EXITS[result.status] for result in results))
        result = call_once(runtime, spec.key, payload, headers=named_headers, timeout_s=timeout_s)
    if as_json:
        put(json.dumps(result_fields(result)), what="the result")
    else:
        try:
            put(result.body, what="the answer")
        finally:
            if result.error:
                say(f"{spec.key}: {result.status}: {result.error}")
    raise click.exceptions.Exit(EXITS[result.status])


def _payload(data: str | None, file: Path | None) -> bytes:
    if data is not None and file is not None:
        fail(USAGE, "--data and --file: found both, allowed one")
    if data is not None:
        return os.fsencode(data)  # as it was typed, though that may be no text
    if file is not None:
        try:
            with file.open("rb") as stream:
                return _read(stream)
        except OSError as error:
            fail(USAGE, f"--file {file}: {error.strerror}")
    if sys.stdin is None or sys.stdin.isatty():  # nobody who calls from a prompt means to type the payload
        return b""
    try:
        return _read(sys.stdin.buffer)
    except OSError as error:
        fail(USAGE, f"standard input cannot be read: {error.strerror}")


def _read(stream: BinaryIO) -> bytes:
    """All that is there, but no more than one byte above what can be sent: it may never end."""
    payload = b""
    while len(payload) <= MAX_PAYLOAD_BYTES:
        part = cast("bytes | None", stream.read(MAX_PAYLOAD_BYTES + 1 - len(payload)))
        if part == b"":
            break
        if part is None:  # whoever gave it does not want to wait for it; what has not come yet is to come all the same
            select.select([stream], [], [])
        payload += part or b""
    if len(payload) > MAX_PAYLOAD_BYTES:
        fail(USAGE, f"payload: found more than {MAX_PAYLOAD_BYTES} bytes, allowed at most {MAX_PAYLOAD_BYTES} (8 MiB)")
    return payload


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        fail(USAGE, f"-H: found {text!r}, allowed 'Name: value'")
    return name.strip(), value.strip()
