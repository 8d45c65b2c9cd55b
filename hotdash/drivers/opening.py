"""`open_driver`: a driver by its name. Each is imported when it is asked for, for some import much."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.drivers.base import Driver

DRIVER_NAMES = ("auto", "process", "docker")
NO_DOCKER = (
    "the docker driver is not part of this version of hotdash: run with --driver process, "
    "which runs functions as local processes"
)


def open_driver(name: str = "auto") -> Driver:
    """Opens a driver; the runtime that it is given to closes it.

    Args:
        name: `process`, `docker`, or `auto`: docker where an engine answers, else process.

    Raises:
        NoDriver: It cannot run here; one sentence says what was tried and what to do.
    """
    if name in {"auto", "process"}:
        from hotdash.drivers.process import ProcessDriver  # noqa: PLC0415  imported when asked for

        return ProcessDriver(cache_dir=_cache_dir())
    if name == "docker":
        raise NoDriver(NO_DOCKER)
    raise NoDriver(f"no driver {name!r}: there is {', '.join(DRIVER_NAMES)}")


def _cache_dir() -> Path:
    """The user's cache folder, made if it is not there yet.

    Raises:
        NoDriver: It cannot be made or written.
    """
    import platformdirs  # noqa: PLC0415  not for `--help`

    folder = platformdirs.user_cache_path("hotdash")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise NoDriver(
            f"the cache folder {folder} cannot be written ({error.strerror}): "
            "set XDG_CACHE_HOME to a folder that can, for images are built there"
        ) from error
