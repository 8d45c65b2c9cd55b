"""`Build`: one build of a function's folder, from the look at its sources to an image that is in use.

In the thread that builds. An image is known by the hash of the sources, the Dockerfile that hotdash wrote (where there
is none), and what its bases are at the moment, so the same content is built once. Not in the hash, as with the process
driver: the function file itself, `config`, and what a container runs, which is resolved anew each time.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from hotdash.drivers.base import Image
from hotdash.drivers.docker.images import buildkit
from hotdash.drivers.docker.images.command import command_of
from hotdash.drivers.docker.images.context import context_of
from hotdash.drivers.docker.images.transcript import Transcript
from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine
from hotdash.errors import BuildCancelled, BuildError
from hotdash.functions.dockerfile import base_images, needs_buildkit, wants_syntax
from hotdash.functions.entrypoint import read_dockerfile
from hotdash.functions.sources import hash_sources, walk_sources
from hotdash.functions.written import write_dockerfile

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from hotdash.drivers.build_output import BuildOutput
    from hotdash.drivers.docker.images.janitor import Janitor
    from hotdash.drivers.docker.images.pull import Puller
    from hotdash.drivers.docker.images.requests import Requests
    from hotdash.drivers.docker.images.shelf import Shelf, Slot
    from hotdash.drivers.process.guardian import Guardian
    from hotdash.drivers.process.surroundings import RunFolder
    from hotdash.functions.sources import SourceEntry
    from hotdash.functions.spec import FunctionSpec

_RECIPE = "docker 1"  # in every image's hash: raise it when the same sources would be built otherwise than before
_PLAIN_SYNTAX = re.compile(r"docker/dockerfile(?::1(?:\.[\d.]+)?|:latest)?")  # of which a file may need nothing
_REMOVED = re.compile(r"No such image: sha256:|layer does not exist|unknown parent image ID", re.IGNORECASE)


class BuildCheck:
    """Ends a build that was cancelled or has had its time, by raising. Cheap: it may be called for each line."""

    def __init__(self, spec: FunctionSpec, *, output: BuildOutput, is_cancelled: Callable[[], bool]) -> None:
        self._spec = spec
        self._output = output
        self._is_cancelled = is_cancelled
        self._deadline_s = time.monotonic() + spec.build_timeout_s

    def __call__(self) -> None:
        """Raises BuildCancelled or BuildError once the build is to end."""
        key = self._spec.key
        if self._is_cancelled():
            raise BuildCancelled(f"the build of {key} was cancelled", log=self._output.log)
        if time.monotonic() >= self._deadline_s:
            hint = "make it faster, or raise build_timeout"
            ended = f"{key}: the build was ended after {self._spec.build_timeout_s:g} s"
            raise BuildError(f"{ended}: {hint}", log=self._output.log)


class Build:
    """One build of a function's folder."""

    def __init__(
        self,
        spec: FunctionSpec,
        *,
        requests: Requests,
        shelf: Shelf,
        puller: Puller,
        janitor: Janitor,
        environ: Mapping[str, str],
        arguments: Mapping[str, str],
        run: RunFolder,
        guardian: Guardian,
        output: BuildOutput,
        check: BuildCheck,
    ) -> None:
        self._spec = spec
        self._janitor = janitor
        self._environ = environ
        self._arguments = arguments
        self._run = run
        self._guardian = guardian
        self._requests = requests
        self._shelf = shelf
        self._puller = puller
        self._output = output
        self._check = check

    def run(self) -> Image:
        """Builds, or finds what was built; the image that is returned has one use more.

        Raises:
            BuildError: It cannot be built. OSError, EngineRefusal, NotAnEngine: The engine does not answer.
        """
        spec = self._spec
        own = read_dockerfile(spec.folder)
        written = write_dockerfile(spec, environ=self._environ) if own is None else None
        warnings: list[str] = []
        entries = walk_sources(spec.folder, warnings=warnings, links_may_lead_out=True)
        for warning in warnings:
            self._output.line(f"warning: {warning}")
        slot = self._shelf.slot(spec, check=self._check)
        with self._shelf.building():
            bases = self._bases(own or written or "")
            extra = json.dumps([_RECIPE, slot.of, written, bases]).encode()
            content = hash_sources(spec.folder, entries, extra=extra)
            found = self._shelf.find(slot, content, check=self._check)
            if found is not None:
                self._tidy(slot)  # what another run could not remove any more
                return self._image(found, dockerfile=own, reused=True)
            why = self._why_buildkit(own or "")
            built = self._make(entries, written=written, why=why, extra=extra, content=content)
        try:
            image_id, reused = self._shelf.publish(slot, content, built)
        except EngineRefusal as error:
            raise self._gone() from error
        image = self._image(image_id, dockerfile=own, reused=reused)
        if image_id != built:
            self._janitor.do(built, lambda: self._shelf.discard(built, check=self._janitor.check))
        self._tidy(slot)
        return image

    def _tidy(self, slot: Slot) -> None:
        self._janitor.do(slot, lambda: self._shelf.prune(slot, check=self._janitor.check))

    def _bases(self, dockerfile: str) -> list[str]:
        """The ids of the images that it is built from; what is not there is pulled first."""
        return [
            str(self._puller.ensure(name, what=self._spec.key, output=self._output, check=self._check)[0]["Id"])
            for name in base_images(dockerfile)
        ]

    def _why_buildkit(self, dockerfile: str) -> str:
        """Why a Dockerfile is built with BuildKit; empty where the engine's own builder does."""
        if why := needs_buildkit(dockerfile):
            return why
        syntax = wants_syntax(dockerfile)
        if not syntax or buildkit.find_client(self._environ)[0]:
            return syntax and f"# syntax={syntax}"
        if not _PLAIN_SYNTAX.fullmatch(syntax):
            return f"# syntax={syntax}"
        self._output.line(
            f"warning: # syntax={syntax} is not heeded, since there is no BuildKit; nothing here needs it"
        )
        return ""

    def _make(
        self, entries: Sequence[SourceEntry], *, written: str | None, why: str, extra: bytes, content: str
    ) -> str:
        """Builds, with BuildKit if there is a reason why, and returns the image's id."""

        def context() -> Generator[bytes]:
            return context_of(self._spec.folder, entries, written=written, extra=extra, content=content)

        if why:
            with closing(context()) as tar:
                return buildkit.build(
                    tar,
                    what=self._spec.key,
                    why=why,
                    environ=self._environ,
                    run=self._run,
                    guardian=self._guardian,
                    output=self._output,
                    check=self._check,
                )
        try:
            return self._classic(context())
        except BuildError as error:
            # What a build took from the cache may be removed meanwhile (by `docker system prune`, or with the old
            # images of another hotdash); the second build does not find it there.
            if not _REMOVED.search(str(error)):
                raise
            self._output.line("something that the build stood on was removed meanwhile: once more")
            return self._classic(context())

    def _classic(self, context: Generator[bytes]) -> str:
        """Builds by the engine's own builder."""
        with closing(context):  # it has the folder open, and an error would keep it
            return self._send(context)

    def _send(self, context: Iterator[bytes]) -> str:
        transcript = Transcript(self._spec.key, output=self._output)
        headers = self._puller.registries()
        try:
            with self._requests.build(context, arguments=self._arguments, headers=headers, check=self._check) as said:
                for thing in said:
                    transcript.take(thing)
        except (OSError, NotAnEngine) as error:
            raise transcript.failure(
                f"the Docker engine went away ({error}): see that it runs, then deploy again"
            ) from error
        except EngineRefusal as error:
            raise transcript.failure(error.message) from error
        return transcript.end()

    def _image(self, image_id: str, *, dockerfile: str | None, reused: bool) -> Image:
        image = Image(id=image_id, function=self._spec.key, folder=None, entrypoint=(), reused=reused)
        try:
            command = command_of(self._spec, lambda: self._inspect(image_id), dockerfile=dockerfile)
        except BaseException:  # no image is returned, so nobody would give its use back
            self._shelf.release(image)
            raise
        return replace(image, entrypoint=command)

    def _inspect(self, image_id: str) -> dict[str, Any]:
        found = self._requests.inspect(image_id, check=self._check)
        if found is None:
            raise self._gone()
        return found

    def _gone(self) -> BuildError:
        return BuildError(f"{self._spec.key}: somebody removed its image as it was built: deploy again")
