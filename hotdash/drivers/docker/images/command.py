"""`command_of`: what a container of an image runs. In the thread that builds; pure but for a look at the sources.

The order (the design's section 3): the function file's `entrypoint`, else the Dockerfile's ENTRYPOINT and CMD, else the
function's one source file; for an image that was pulled, what it says itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdash.errors import BuildError
from hotdash.functions.dockerfile import parse_dockerfile
from hotdash.functions.entrypoint import source_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdash.functions.spec import FunctionSpec


def command_of(
    spec: FunctionSpec, inspect: Callable[[], Mapping[str, Any]], *, dockerfile: str | None
) -> tuple[str, ...]:
    """Finds the words of the command; empty where the image itself knows.

    Args:
        spec: The function.
        inspect: Tells what the engine says of its image; called only if that decides.
        dockerfile: The text of the function's own Dockerfile; None where hotdash wrote one, or the image was pulled.

    Raises:
        BuildError: Nothing says what to run.
    """
    if spec.entrypoint is not None:
        return spec.entrypoint + (spec.cmd or ())
    if dockerfile is None and spec.image is None:
        return source_command(spec, spec.folder) or spec.cmd or _nothing(spec)
    if spec.cmd is None and dockerfile is not None and _says_all(dockerfile):
        return ()
    config = inspect().get("Config") or {}
    entrypoint = tuple(map(str, config.get("Entrypoint") or ()))
    if entrypoint:
        return () if spec.cmd is None else entrypoint + spec.cmd
    # A CMD that comes with the base (python's is `python3`) is less than a source file, which is there to be run.
    words = source_command(spec, spec.folder) if spec.image is None else ()
    if not words and not spec.cmd and not config.get("Cmd"):
        return _nothing(spec)
    return words or spec.cmd or ()


def _says_all(dockerfile: str) -> bool:
    """Whether a Dockerfile says itself what runs, in any form."""
    told = parse_dockerfile(dockerfile)
    return bool(told.entrypoint or told.shell_entrypoint or told.cmd or told.shell_cmd)


def _nothing(spec: FunctionSpec) -> tuple[str, ...]:
    raise BuildError(f"{spec.key} does not say what to run: set entrypoint in its function file, or in its Dockerfile")
