"""The Dockerfile that hotdash writes for a function without one. Runs in the thread that builds; pure but for a look.

Its runtime decides what it is built from: `base_image` in the function file, else `HOTDASH_BASE_<RUNTIME>` in the
environment, else the public image of the runtime. What a container runs is not in it (the driver says that to the
engine), so that a change of the entry point builds nothing.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING

from hotdash.errors import BuildError
from hotdash.functions.entrypoint import source_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.functions.spec import FunctionSpec

WORKDIR = "/function"  # as the `fn` tool's
# A runtime: the base it is built from, and that of a version of it.
_BASES = {
    "python": ("python:3.12-slim", "python:{}-slim"),
    "node": ("node:20-slim", "node:{}-slim"),
    "shell": ("busybox:stable", "busybox:{}"),
}
RUNTIMES = tuple(_BASES)
_NAMES = {"nodejs": "node", "sh": "shell", "bash": "shell"}
_PROGRAMS = {"python": "python", "python3": "python", "node": "node", "sh": "shell"}
_RUNTIME = re.compile(r"([a-z]+?)(?::(.+)|([0-9][0-9.]*))?")


def write_dockerfile(spec: FunctionSpec, *, environ: Mapping[str, str]) -> str:
    """Writes a function's Dockerfile.

    Args:
        spec: The function; its folder is looked into for its source file.
        environ: For `HOTDASH_BASE_PYTHON`, `HOTDASH_BASE_NODE`, `HOTDASH_BASE_SHELL`.

    Raises:
        BuildError: Nothing says what to build it from.
    """
    lines = [f"FROM {_base(spec, environ)}", f"WORKDIR {WORKDIR}", "COPY . ."]
    lines += [f"RUN {json.dumps(['/bin/sh', '-ec', command])}" for command in spec.build]
    return "\n".join(lines) + "\n"


def _base(spec: FunctionSpec, environ: Mapping[str, str]) -> str:
    if spec.base_image is not None:
        return _checked(spec.base_image, "base_image")
    runtime, tag, version = _runtime(spec)
    if runtime not in _BASES:
        named = f"the runtime {spec.runtime} is not known" if spec.runtime else "nothing names its runtime"
        raise BuildError(
            f"{spec.key} has no Dockerfile, and {named}: write a Dockerfile, set base_image, "
            f"or set runtime to one of {', '.join(_BASES)}"
        )
    variable = f"HOTDASH_BASE_{runtime.upper()}"
    if environ.get(variable):
        return _checked(environ[variable], variable)
    plain, versioned = _BASES[runtime]
    if tag:
        return _checked(f"{plain.partition(':')[0]}:{tag}", "runtime")
    return versioned.format(version) if version else plain


def _runtime(spec: FunctionSpec) -> tuple[str, str, str]:
    """The runtime's name, and its tag (`python:3.11-alpine`) or version (`python3.11`), where it has one."""
    if spec.runtime is not None:
        return _parts(spec.runtime)
    for words in (source_command(spec, spec.folder), spec.entrypoint or ()):
        if words and (found := _PROGRAMS.get(posixpath.basename(words[0]))):
            return found, "", ""
    return "", "", ""


def runtime_of(text: str) -> str:
    """Which of `RUNTIMES` is meant, whatever its version; `text` itself if none is."""
    return _parts(text)[0]


def _parts(runtime: str) -> tuple[str, str, str]:
    match = _RUNTIME.fullmatch(runtime.lower())
    if match is None:
        return runtime, "", ""
    name, tag, version = match.groups("")
    return _NAMES.get(name, name), tag, "" if version == "3" else version


def _checked(image: str, where: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", image):
        raise BuildError(f"{where}: found {image!r}, allowed the name of an image, such as python:3.12-slim")
    return image
