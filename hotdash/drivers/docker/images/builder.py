"""`ImageBuilder`: makes images of functions on a Docker engine. In the thread that builds; any number side by side.

An image is named by the hash of the function's sources, the Dockerfile that hotdash wrote (where there is none), and
what its bases are at the moment, so the same content is built once. Not in the hash, as with the process driver: the
function file itself, `config`, and what a container runs, which is resolved anew each time.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from hotdash.drivers.base import Image
from hotdash.drivers.build_output import BuildOutput
from hotdash.drivers.docker.images.command import command_of
from hotdash.drivers.docker.images.context import context_of
from hotdash.drivers.docker.images.janitor import Janitor
from hotdash.drivers.docker.images.pull import Puller
from hotdash.drivers.docker.images.requests import Requests
from hotdash.drivers.docker.images.shelf import Shelf
from hotdash.drivers.docker.images.transcript import Transcript
from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine
from hotdash.errors import BuildCancelled, BuildError
from hotdash.functions.dockerfile import base_images
from hotdash.functions.entrypoint import read_dockerfile
from hotdash.functions.sources import hash_sources, open_folder, walk_sources
from hotdash.functions.written import write_dockerfile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hotdash.drivers.docker.endpoint import Engine
    from hotdash.drivers.docker.images.shelf import Slot
    from hotdash.functions.sources import SourceEntry
    from hotdash.functions.spec import FunctionSpec

_RECIPE = "docker 1"  # in every image's hash: raise it when the same sources would be built otherwise than before


class ImageBuilder:
    """Builds and pulls images, and keeps those in use.

    Args:
        engine: The engine; closed after this.
        cache_dir: For lock files, kept across runs (0700); the user's cache folder if None.
        environ: For `HOTDASH_BASE_<RUNTIME>` and DOCKER_CONFIG; hotdash's own if None, as it is now.
    """

    def __init__(
        self, *, engine: Engine, cache_dir: Path | None = None, environ: Mapping[str, str] | None = None
    ) -> None:
        self._engine = engine
        self._environ = dict(os.environ if environ is None else environ)
        self._requests = Requests(engine)
        self._puller = Puller(requests=self._requests, environ=self._environ)
        cache_dir = cache_dir or Path(platformdirs.user_cache_dir("hotdash", appauthor=False))
        self._shelf = Shelf(requests=self._requests, cache_dir=cache_dir)
        self._janitor = Janitor()
        self._closed = False

    def build(self, spec: FunctionSpec, *, on_output: Callable[[str], None], is_cancelled: Callable[[], bool]) -> Image:
        """See `hotdash.drivers.base.Driver.build`."""
        if self._closed:
            raise BuildError(f"{spec.key}: the docker driver is closed")
        output = BuildOutput(on_output)
        check = _Check(spec, output=output, is_cancelled=is_cancelled)
        try:
            check()
            if spec.image is not None:
                return self._pulled(spec, spec.image, output=output, check=check)
            os.close(open_folder(spec.folder))
            build = _Build(
                spec,
                requests=self._requests,
                shelf=self._shelf,
                puller=self._puller,
                janitor=self._janitor,
                output=output,
                check=check,
            )
            return build.run(self._environ)
        except (OSError, EngineRefusal, NotAnEngine) as error:
            raise BuildError(f"{spec.key} could not be built: {self._why(error)}", log=output.log) from error

    def release(self, image: Image) -> None:
        """See `hotdash.drivers.base.Driver.release`. An image that was not built here has nothing to give back."""
        self._shelf.release(image.id)

    def close(self) -> None:
        """Ends the use of all images, which stay for the next run, and what removes old ones."""
        self._closed = True
        self._janitor.close()
        self._shelf.close()

    def settle(self, timeout_s: float) -> bool:
        """Waits until the old images that the last builds made superfluous are removed; whether they are."""
        return self._janitor.settle(timeout_s)

    def _pulled(self, spec: FunctionSpec, name: str, *, output: BuildOutput, check: _Check) -> Image:
        """An image as the function file names it: what is there, else what a registry has."""
        found, pulled = self._puller.ensure(name, what=spec.key, output=output, check=check)
        return Image(
            id=str(found["Id"]),
            function=spec.key,
            folder=None,
            entrypoint=command_of(spec, found, dockerfile=None),
            reused=not pulled,
        )

    def _why(self, error: Exception) -> str:
        if isinstance(error, OSError) and error.filename is not None:
            return f"{error.strerror} ({error.filename})"
        if isinstance(error, EngineRefusal):
            return f"the Docker engine says: {error.message[:1000]}"
        return (
            f"the Docker engine at {self._engine.location} does not answer ({error}): "
            "see that it runs, then deploy again"
        )


class _Check:
    """Ends a build that was cancelled or has had its time, by raising. Cheap: it may be called for each line."""

    def __init__(self, spec: FunctionSpec, *, output: BuildOutput, is_cancelled: Callable[[], bool]) -> None:
        self._spec = spec
        self._output = output
        self._is_cancelled = is_cancelled
        self._deadline_s = time.monotonic() + spec.build_timeout_s

    def __call__(self) -> None:
        key = self._spec.key
        if self._is_cancelled():
            raise BuildCancelled(f"the build of {key} was cancelled", log=self._output.log)
        if time.monotonic() >= self._deadline_s:
            hint = "make it faster, or raise build_timeout"
            ended = f"{key}: the build was ended after {self._spec.build_timeout_s:g} s"
            raise BuildError(f"{ended}: {hint}", log=self._output.log)


class _Build:
    """One build of a function's folder."""

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        requests: Requests,
        shelf: Shelf,
        puller: Puller,
        janitor: Janitor,
        output: BuildOutput,
        check: _Check,
    ) -> None:
        self._spec = spec
        self._janitor = janitor
        self._requests = requests
        self._shelf = shelf
        self._puller = puller
        self._output = output
        self._check = check

    def run(self, environ: Mapping[str, str]) -> Image:
        spec = self._spec
        own = read_dockerfile(spec.folder)
        written = write_dockerfile(spec, environ=environ) if own is None else None
        warnings: list[str] = []
        entries = walk_sources(spec.folder, warnings=warnings, links_may_lead_out=True)
        for warning in warnings:
            self._output.line(f"warning: {warning}")
        slot = self._shelf.slot(spec)
        with self._shelf.building():
            bases = self._bases(own or written or "")
            extra = json.dumps([_RECIPE, slot.of, written, bases]).encode()
            content = hash_sources(spec.folder, entries, extra=extra)
            found = self._shelf.find(slot, content)
            if found is not None:
                return self._image(found, dockerfile=own, reused=True)
            built = self._make(slot, entries, written=written, extra=extra, content=content)
        image_id, reused = self._shelf.publish(slot, content, built)
        image = self._image(image_id, dockerfile=own, reused=reused)
        self._janitor.do(lambda: self._shelf.prune(slot, check=self._janitor.check))
        if image_id != built:
            self._janitor.do(lambda: self._shelf.discard(built, check=self._janitor.check))
        return image

    def _bases(self, dockerfile: str) -> list[str]:
        """The ids of the images that it is built from; what is not there is pulled first."""
        return [
            str(self._puller.ensure(name, what=self._spec.key, output=self._output, check=self._check)[0]["Id"])
            for name in base_images(dockerfile)
        ]

    def _make(
        self, slot: Slot, entries: Sequence[SourceEntry], *, written: str | None, extra: bytes, content: str
    ) -> str:
        """Builds, and returns the image's id."""
        spec = self._spec
        transcript = Transcript(spec.key, output=self._output)
        context = context_of(spec.folder, entries, written=written, extra=extra, content=content)
        labels = slot.labels(content)
        try:
            with self._requests.build(
                context, labels=labels, headers=self._puller.registries(), check=self._check
            ) as said:
                for thing in said:
                    transcript.take(thing)
        except (OSError, NotAnEngine) as error:
            raise transcript.failure(
                f"the Docker engine went away ({error}): see that it runs, deploy again"
            ) from error
        except EngineRefusal as error:
            raise transcript.failure(error.message) from error
        return transcript.end()

    def _image(self, image_id: str, *, dockerfile: str | None, reused: bool) -> Image:
        try:
            command = command_of(self._spec, self._inspect(image_id), dockerfile=dockerfile)
        except BaseException:  # no image is returned, so nobody would give its use back
            self._shelf.release(image_id)
            raise
        return Image(id=image_id, function=self._spec.key, folder=None, entrypoint=command, reused=reused)

    def _inspect(self, image_id: str) -> dict[str, Any]:
        found = self._requests.inspect(image_id)
        if found is None:
            raise BuildError(f"{self._spec.key}: somebody removed its image as it was built: deploy again")
        return found
