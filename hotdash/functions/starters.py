"""What a new function begins with, for `hotdash init`: a few files that run, with tests that pass. Any thread.

Python and Node begin with the format `json`: a call is a line, and there is nothing to parse by hand. The shell begins
cold: a program that reads stdin and writes stdout.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from hotdash.functions.file import FUNCTION_FILES
from hotdash.functions.schema import NAME_ALLOWED, is_name
from hotdash.functions.written import RUNTIMES, runtime_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_YAML = """\
# {key}: say here what it does.
#
# Try, from the folder above:  hotdash test {key}  or  hotdash invoke {key} {key} -d Ada  or  hotdash {key}
name: "{key}"
version: 0.0.1
runtime: "{runtime}"

{format}

# `in` is the payload, `out` the whole answer.
tests:
  - name: a name
    in: Ada
    out: "Hello, Ada!\\n"
  - name: nobody in particular
    in: ""
    out: "Hello, world!\\n"
"""

_HOT = """\
# Calls come as JSON on stdin, one a line, and so do the answers on stdout. One process serves many.
format: json"""

_COLD = """\
# A process a call: stdin to its end is the payload, stdout the answer, exit code 0 means success.
format: default"""

_PYTHON = '''\
"""Says what it does."""

import json
import sys


def handle(body, request):
    """Answers one call. stdout belongs to the answers; stderr is the call's log, where its id says whose line it is."""
    print(f"{request['call_id']} called with {len(body)} characters", file=sys.stderr, flush=True)
    return f"Hello, {body.strip() or 'world'}!\\n"


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"body": handle(request["body"], request), "content_type": "text/plain"}), flush=True)
'''

_NODE = """\
"use strict";

/** Answers one call. stdout belongs to the answers; stderr is the call's log, where its id says whose line it is. */
function handle(body, request) {
  console.error(`${request.call_id} called with ${body.length} characters`);
  return `Hello, ${body.trim() || "world"}!\\n`;
}

require("node:readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const request = JSON.parse(line);
    const answer = { body: handle(request.body, request), content_type: "text/plain" };
    process.stdout.write(JSON.stringify(answer) + "\\n");
  });
"""

_SHELL = """\
#!/bin/sh
# Says what it does.
set -eu

name=$(cat)                             # the payload
echo "greeting ${name:-nobody}" >&2     # stderr is the call's log
echo "Hello, ${name:-world}!"           # stdout is the answer
"""

_SOURCES: Mapping[str, tuple[str, str, str]] = {
    "python": ("func.py", _PYTHON, _HOT),
    "node": ("func.js", _NODE, _HOT),
    "shell": ("func.sh", _SHELL, _COLD),
}


def write_starter(folder: Path, *, runtime: str) -> list[Path]:
    """Writes a new function.

    Args:
        folder: Where; made if it is not there. Its name is the function's.
        runtime: As in a function file: `python`, `python3.11`, `node:22-alpine`, `shell`.

    Returns:
        The files, as `folder` names them.

    Raises:
        ValueError: There is no such runtime, the name is none, or the function would not be found there.
        OSError: They cannot be written; FileExistsError: there is something already, which was left as it is.
    """
    kind = runtime_of(runtime)
    if kind not in _SOURCES:
        raise ValueError(
            f"--runtime: found {runtime!r}, allowed {', '.join(RUNTIMES)}, or a version of one: python3.11"
        )
    key = folder.resolve().name
    if not is_name(key):
        raise ValueError(f"NAME: found {key!r}, allowed {NAME_ALLOWED}")
    _check_place(folder.resolve())
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(errno.EEXIST, "there is something in it already", str(folder))
    source, code, form = _SOURCES[kind]
    texts = {"func.yaml": _YAML.format(key=key, runtime=runtime, format=form), source: code}
    for name, text in texts.items():
        with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return [folder / name for name in texts]


def _check_place(folder: Path) -> None:
    """A function within another one is not found."""
    for above in folder.parents:
        for name in FUNCTION_FILES:
            if (above / name).is_file():
                raise ValueError(f"{above} is a function: one within it would not be found; make it beside that one")
