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
    from hotdash.functions.spec import FunctionSpec


def command_of(spec: FunctionSpec, image: dict[str, Any], *, dockerfile: str | None) -> tuple[str, ...]:
    """Finds the words of the command; empty where the image itself knows.

    Args:
        spec: The function.
        image: What the engine says of its image.
        dockerfile: The text of the function's own Dockerfile; None where hotdash wrote one, or the image was pulled.

    Raises:
        BuildError: Nothing says what to run.
    """
    if spec.entrypoint is not None:
        return spec.entrypoint + (spec.cmd or ())
    config = image.get("Config") or {}
    entrypoint, cmd = tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ())
    if entrypoint and (dockerfile is not None or spec.image is not None):
        return () if spec.cmd is None else entrypoint + spec.cmd
    if spec.cmd is None and dockerfile is not None:
        told = parse_dockerfile(dockerfile)
        if told.cmd or told.shell_cmd:
            return ()
    # A CMD that comes with the base (python's is `python3`) is less than a source file, which is there to be run.
    if spec.image is None and (words := source_command(spec, spec.folder)):
        return words
    if spec.cmd:
        return spec.cmd
    if cmd:
        return ()
    raise BuildError(f"{spec.key} does not say what to run: set entrypoint in its function file, or in its Dockerfile")
