"""Decides what the process driver runs for a function. Runs in the thread that builds; starts nothing itself.

The order (the design's section 3): the function file's `entrypoint`, else the Dockerfile's exec-form ENTRYPOINT and
CMD, else `func.py`, `func.js`, `func.sh`.
"""

from __future__ import annotations

import os
import posixpath
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.errors import BuildError, NeedsDocker, NeedsRuntime
from hotdash.functions.dockerfile import DockerCommand, parse_dockerfile

if TYPE_CHECKING:
    from hotdash.functions.spec import FunctionSpec

_MAX_DOCKERFILE_BYTES = 2**20
# An interpreter, by the ending of what it runs, in the order of the contract.
_INTERPRETERS = {".py": "python3", ".js": "node", ".sh": "/bin/sh"}
_RUNTIMES = {"python": ".py", "node": ".js", "nodejs": ".js", "shell": ".sh", "sh": ".sh", "bash": ".sh"}
_DOCKER_REMEDY = "run it with --driver docker, or set entrypoint in its function file"


def resolve_entrypoint(spec: FunctionSpec, *, path: str, folder: Path | None = None) -> tuple[str, ...]:
    """Finds the command of a function's containers.

    Args:
        spec: The function.
        path: Where programs are looked for, folders with `:` between them, as in PATH.
        folder: Where its files are: the built copy; the function's own folder if None.

    Returns:
        The command's words; relative ones are relative to `folder`, where it is to run.

    Raises:
        NeedsDocker: Only a Docker container can run it.
        NeedsRuntime: The program is not installed.
        BuildError: The entry point names a file that is not there or may not be run.
    """
    folder = spec.folder if folder is None else folder
    if spec.entrypoint is not None:
        words = spec.entrypoint + (spec.cmd or ())
        _check(spec, words[0], path=path, folder=folder)
        return words
    if spec.image is not None:
        raise NeedsDocker(f"{spec.key} runs the image {spec.image}: {_DOCKER_REMEDY}")
    if words := _from_dockerfile(_docker_command(folder), spec.cmd):
        _check_docker(spec, words[0], path=path, folder=folder)
        return words
    words = _from_files(spec, folder)
    _check(spec, words[0], path=path, folder=folder)
    return words


def read_dockerfile(folder: Path) -> str | None:
    """The text of a folder's Dockerfile; None if there is none.

    Raises:
        BuildError: It cannot be read.
    """
    try:
        # Not blocking: a FIFO in its place must not hold us up.
        fd = os.open(folder / "Dockerfile", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, encoding="utf-8", errors="replace") as stream:
            return stream.read(_MAX_DOCKERFILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BuildError(f"{folder / 'Dockerfile'} cannot be read: {error.strerror}") from error


def _docker_command(folder: Path) -> DockerCommand:
    text = read_dockerfile(folder)
    return DockerCommand() if text is None else parse_dockerfile(text)


def _from_dockerfile(command: DockerCommand, cmd: tuple[str, ...] | None) -> tuple[str, ...]:
    """ENTRYPOINT and then CMD, as Docker joins them; empty where they do not say what runs."""
    if command.shell_entrypoint or (command.shell_cmd and cmd is None):
        return ()
    if command.entrypoint is None:
        return (command.cmd or ()) if cmd is None else ()
    return command.entrypoint + ((command.cmd or ()) if cmd is None else cmd)


def _from_files(spec: FunctionSpec, folder: Path) -> tuple[str, ...]:
    """The interpreter for the function's one source file."""
    if words := source_command(spec, folder):
        return words
    sought = " or ".join(f"func{ending}" for ending in _endings(spec))
    why = f"there is no {sought}" if sought else f"the runtime {spec.runtime} is built into an image"
    raise NeedsDocker(f"{spec.key} does not say what to run ({why}): {_DOCKER_REMEDY}")


def source_command(spec: FunctionSpec, folder: Path) -> tuple[str, ...]:
    """The interpreter for the function's one source file, that file, and `cmd`; empty if there is no such file."""
    for ending in _endings(spec):
        file = _source(folder, ending, only=spec.runtime is not None)
        if file is not None:
            return (_INTERPRETERS[ending], file, *(spec.cmd or ()))
    return ()


def _endings(spec: FunctionSpec) -> list[str]:
    """The endings of source files that would do: those of its runtime, of any if it names none."""
    if spec.runtime is None:
        return list(_INTERPRETERS)
    ending = _RUNTIMES.get(spec.runtime.partition(":")[0].rstrip("0123456789.").lower())
    return [ending] if ending else []


def _source(folder: Path, ending: str, *, only: bool) -> str | None:
    """`func` with this ending, or, where the runtime is named, the one file that has it."""
    if (folder / f"func{ending}").is_file():
        return f"func{ending}"
    files = sorted(file.name for file in folder.glob(f"*{ending}") if file.is_file()) if only else []
    return files[0] if len(files) == 1 else None


def _check(spec: FunctionSpec, program: str, *, path: str, folder: Path) -> None:
    """Makes sure that a program is there and may be run."""
    if not program:
        raise BuildError(f"the entrypoint of {spec.key} names no program")
    if "/" not in program:
        if _find(program, path) is None:
            raise NeedsRuntime(
                f"{program} is not installed, and {spec.key} runs on it: install it, or {_DOCKER_REMEDY}"
            )
        return
    if not program.startswith("/") and posixpath.normpath(program).startswith("../"):
        raise BuildError(f"the entrypoint {program} of {spec.key} leads out of its folder")
    file = folder / program
    if not file.is_file():
        raise BuildError(f"the entrypoint {program} of {spec.key} is not there: make it in `build`, or name another")
    if not os.access(file, os.X_OK):
        raise BuildError(f"the entrypoint {program} of {spec.key} may not be run: chmod +x {program}")


def _check_docker(spec: FunctionSpec, program: str, *, path: str, folder: Path) -> None:
    """A program that only the Dockerfile knows may be one that only its image has."""
    try:
        _check(spec, program, path=path, folder=folder)
    except NeedsRuntime:
        raise
    except BuildError as error:
        message = f"{spec.key} runs {program} of its Dockerfile, which is not here: {_DOCKER_REMEDY}"
        raise NeedsDocker(message) from error


def _find(program: str, path: str) -> str | None:
    """Looks a bare name up in absolute folders only: a relative one depends on where hotdash was started."""
    absolute = [part for part in path.split(os.pathsep) if Path(part).is_absolute()]
    return shutil.which(program, path=os.pathsep.join(absolute))
