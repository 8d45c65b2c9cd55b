"""`open_driver`: a driver by its name. Each is imported when it is asked for, for some import much."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.drivers.base import Driver

DRIVER_NAMES = ("auto", "process", "docker")
_ISOLATES_NOTHING = "isolates nothing"


class OpenedDriver(Struct, frozen=True, kw_only=True):
    """A driver, and what its user must know.

    Args:
        driver: Whoever is given it closes it.
        note: A few words for the screen; may be empty.
        reason: Why `auto` did not take docker, a sentence; empty where it did, or was not asked.
    """

    driver: Driver
    note: str
    reason: str = ""


def open_driver(name: str = "auto") -> Driver:
    """Opens a driver; the runtime that it is given to closes it.

    Args:
        name: `process`, `docker`, or `auto`: docker where an engine answers, else process.

    Raises:
        NoDriver: It cannot run here; one sentence says what was tried and what to do.
    """
    return choose_driver(name).driver


def choose_driver(name: str = "auto") -> OpenedDriver:
    """As `open_driver`, with what there is to say about the choice."""
    match name:
        case "docker":
            return _docker()
        case "process":
            return _process()
        case "auto":
            try:
                return _docker()
            except NoDriver as error:
                return _process(reason=str(error))
        case _:
            raise NoDriver(f"no driver {name!r}: there is {', '.join(DRIVER_NAMES)}")


def _process(*, reason: str = "") -> OpenedDriver:
    from hotdash.drivers.process import ProcessDriver  # noqa: PLC0415  imported when asked for

    note = f"{_ISOLATES_NOTHING}; no Docker engine" if reason else _ISOLATES_NOTHING
    return OpenedDriver(driver=ProcessDriver(cache_dir=_cache_dir()), note=note, reason=reason)


def _docker() -> OpenedDriver:
    from hotdash.drivers.docker.endpoint import find_engine  # noqa: PLC0415  imported when asked for

    cache_dir = _cache_dir()
    engine = find_engine(environ=os.environ)
    try:
        from hotdash.drivers.docker.driver import DockerDriver  # noqa: PLC0415  only where there is an engine: slow
        from hotdash.drivers.docker.images import ImageBuilder  # noqa: PLC0415

        images = ImageBuilder(engine=engine, cache_dir=cache_dir)
        try:
            driver = DockerDriver(engine=engine, images=images, owners=cache_dir / "owners")
        except BaseException:
            images.close()
            raise
    except BaseException:
        engine.close()
        raise
    return OpenedDriver(driver=driver, note=f"{engine.location}")


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
