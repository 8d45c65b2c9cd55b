"""`ImageBuilder`: images of functions on a Docker engine. In the thread that builds; any number side by side."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from hotdash.drivers.base import Image, no_step
from hotdash.drivers.build_output import BuildOutput
from hotdash.drivers.docker.images.build import Build, BuildCheck
from hotdash.drivers.docker.images.command import command_of
from hotdash.drivers.docker.images.janitor import Janitor
from hotdash.drivers.docker.images.proxies import build_arguments
from hotdash.drivers.docker.images.pull import Puller
from hotdash.drivers.docker.images.requests import Requests
from hotdash.drivers.docker.images.shelf import IMAGES_KEPT, Shelf
from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine
from hotdash.drivers.process.guardian import Guardian
from hotdash.drivers.process.surroundings import RunFolder
from hotdash.errors import BuildError
from hotdash.functions.sources import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdash.drivers.base import OnStep
    from hotdash.drivers.docker.endpoint import Engine
    from hotdash.functions.spec import FunctionSpec


class ImageBuilder:
    """Builds and pulls images, and keeps those in use.

    Args:
        engine: The engine; closed after this.
        cache_dir: For lock files, kept across runs (0700); the user's cache folder if None.
        kept: How many images of a function are kept, unless more are in use.
        environ: For `HOTDASH_BASE_<RUNTIME>` and DOCKER_CONFIG; hotdash's own if None, as it is now.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        cache_dir: Path | None = None,
        kept: int = IMAGES_KEPT,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._environ = dict(os.environ if environ is None else environ)
        # For the docker command: where the engine is, and nothing that would lead it elsewhere.
        elsewhere = {"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}
        others = {name: value for name, value in self._environ.items() if name not in elsewhere}
        self._client_environ = others | engine.client_environment()
        self._requests = Requests(engine)
        self._puller = Puller(requests=self._requests, environ=self._environ)
        cache_dir = cache_dir or Path(platformdirs.user_cache_dir("hotdash", appauthor=False))
        self._shelf = Shelf(requests=self._requests, cache_dir=cache_dir, kept=kept)
        self._janitor = Janitor()
        self._run = RunFolder()
        self._guardian = Guardian(self._run)  # of docker commands; no process before there is one
        self._closed = False

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        """See `hotdash.drivers.base.Driver.build`."""
        if self._closed:
            raise BuildError(f"{spec.key}: the docker driver is closed")
        output = BuildOutput(on_output, on_step)
        check = BuildCheck(spec, output=output, is_cancelled=is_cancelled)
        try:
            check()
            if spec.image is not None:
                return self._pulled(spec, spec.image, output=output, check=check)
            os.close(open_folder(spec.folder))
            build = Build(
                spec,
                requests=self._requests,
                shelf=self._shelf,
                puller=self._puller,
                janitor=self._janitor,
                environ=self._client_environ,
                arguments=build_arguments(self._environ, location=self._engine.location),
                run=self._run,
                guardian=self._guardian,
                output=output,
                check=check,
            )
            return build.run()
        except (OSError, EngineRefusal, NotAnEngine) as error:
            raise BuildError(f"{spec.key} could not be built: {self._why(error)}", log=output.log) from error

    def release(self, image: Image) -> None:
        """See `hotdash.drivers.base.Driver.release`. An image that was not built here has nothing to give back."""
        slot = self._shelf.release(image)
        if slot is not None:
            self._janitor.do(slot, lambda: self._shelf.prune(slot, check=self._janitor.check))

    def close(self) -> None:
        """Ends the use of all images, which stay for the next run, and what removes old ones."""
        self._closed = True
        self._janitor.close()
        self._shelf.close()
        self._guardian.close()

    def settle(self, timeout_s: float) -> bool:
        """Waits until the old images that the last builds made superfluous are removed; whether they are."""
        return self._janitor.settle(timeout_s)

    def _pulled(self, spec: FunctionSpec, name: str, *, output: BuildOutput, check: BuildCheck) -> Image:
        """An image as the function file names it: what is there, else what a registry has."""
        found, pulled = self._puller.ensure(name, what=spec.key, output=output, check=check)
        return Image(
            id=str(found["Id"]),
            function=spec.key,
            folder=None,
            entrypoint=command_of(spec, lambda: found, dockerfile=None),
            reused=not pulled,
        )

    def _why(self, error: Exception) -> str:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return "the disk here is full: make room"
        if isinstance(error, OSError) and error.filename is not None:
            return f"{error.strerror} ({error.filename})"
        if isinstance(error, EngineRefusal):
            return f"the Docker engine says: {error.message[:1000]}"
        return (
            f"the Docker engine at {self._engine.location} does not answer ({error}): "
            "see that it runs, then deploy again"
        )
