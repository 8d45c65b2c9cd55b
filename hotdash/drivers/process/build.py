"""`Builder`: makes images of functions' folders. In the thread that builds; any number side by side.

An image is a read-only copy of the sources in which `build` ran, named by the hash of both, so the same content is
built once. Not in the hash, so that changing them builds nothing: the function file itself, `config` (which the
build's environment does not have, either) and the entry point, which is resolved anew each time. (The copy has the
function file as it was when the image was built.)
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.drivers.base import Image, no_step
from hotdash.drivers.build_output import BuildOutput
from hotdash.drivers.process.commands import run_commands
from hotdash.drivers.process.faults import why_not_stored
from hotdash.errors import BuildCancelled, BuildError
from hotdash.functions.entrypoint import resolve_entrypoint
from hotdash.functions.sources import SourceKind, hash_sources, open_folder, read_source, walk_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hotdash.drivers.base import OnStep
    from hotdash.drivers.process.guardian import Guardian
    from hotdash.drivers.process.image_store import Draft, ImageStore
    from hotdash.drivers.process.surroundings import RunFolder
    from hotdash.functions.sources import SourceEntry
    from hotdash.functions.spec import FunctionSpec

_RECIPE = "1"  # in every image's hash: raise it when the same sources would be built otherwise than before
_NO_CONFIG: Mapping[str, str] = {}


class Builder:
    """Builds images. Immutable.

    Args:
        store: Where they are kept.
        run: Where a build gets its HOME and TMPDIR.
        guardian: Hears of the processes of builds.
        path: The PATH in which programs are looked for, and that builds have.
    """

    def __init__(self, *, store: ImageStore, run: RunFolder, guardian: Guardian, path: str) -> None:
        self._store = store
        self._run = run
        self._guardian = guardian
        self._path = path

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        """See `hotdash.drivers.base.Driver.build`."""
        output = BuildOutput(on_output, on_step)
        try:
            return self._build(spec, output=output, is_cancelled=is_cancelled)
        except OSError as error:
            raise BuildError(f"{spec.key} could not be built: {why_not_stored(error)}", log=output.log) from error

    def _build(self, spec: FunctionSpec, *, output: BuildOutput, is_cancelled: Callable[[], bool]) -> Image:
        os.close(open_folder(spec.folder))  # of one that is gone, that is the news, and not what it lacks to run
        if not spec.build:
            self._entrypoint(spec)  # what cannot run is not worth a copy
        _check(spec, is_cancelled, output)
        warnings: list[str] = []
        entries = walk_sources(spec.folder, warnings=warnings)
        for warning in warnings:
            output.line(f"warning: {warning}")
        image_id = _image_id(spec, spec.folder, entries)
        found = self._store.find(spec, image_id)
        if found is not None:
            return self._image(spec, image_id, found, reused=True)
        output.step(1, len(spec.build) + 1, "copy the sources")
        draft = self._store.draft(spec)
        try:
            image_id = self._make(spec, draft, entries, output=output, is_cancelled=is_cancelled)
        except BaseException:  # whatever it was, a Ctrl-C too: a build that did not end well leaves nothing
            self._store.discard(draft)
            raise
        folder, reused = self._store.publish(draft, image_id)
        return self._image(spec, image_id, folder, reused=reused)

    def _make(
        self,
        spec: FunctionSpec,
        draft: Draft,
        entries: Sequence[SourceEntry],
        *,
        output: BuildOutput,
        is_cancelled: Callable[[], bool],
    ) -> str:
        """Fills the draft, and returns the id of the image that it has become."""
        _copy(spec.folder, draft.folder, entries, check=lambda: _check(spec, is_cancelled, output))
        image_id = _image_id(spec, draft.folder, entries)  # of the copy: a source may have changed meanwhile
        if spec.build:
            around = self._run.make("build")
            try:
                run_commands(
                    spec,
                    folder=draft.folder,
                    environment=around.environment(_NO_CONFIG, path=self._path),
                    guardian=self._guardian,
                    output=output,
                    is_cancelled=is_cancelled,
                )
            finally:
                around.remove()
        self._entrypoint(spec, draft.folder)
        _make_read_only(draft.folder)
        _check(spec, is_cancelled, output)
        return image_id

    def _entrypoint(self, spec: FunctionSpec, folder: Path | None = None) -> tuple[str, ...]:
        """Looks where its containers will: a PATH in `config` is theirs, though not the build's."""
        return resolve_entrypoint(spec, path=spec.config.get("PATH", self._path), folder=folder)

    def _image(self, spec: FunctionSpec, image_id: str, folder: Path, *, reused: bool) -> Image:
        try:
            entrypoint = self._entrypoint(spec, folder)
        except BaseException:  # no image is returned, so nobody would give its use back
            self._store.release(folder)
            raise
        return Image(id=image_id, function=spec.key, folder=folder, entrypoint=entrypoint, reused=reused)


def _image_id(spec: FunctionSpec, folder: Path, entries: Sequence[SourceEntry]) -> str:
    return hash_sources(folder, entries, extra=json.dumps([_RECIPE, spec.build]).encode())


def _check(spec: FunctionSpec, is_cancelled: Callable[[], bool], output: BuildOutput) -> None:
    if is_cancelled():
        raise BuildCancelled(f"the build of {spec.key} was cancelled", log=output.log)


def _copy(source: Path, target: Path, entries: Sequence[SourceEntry], *, check: Callable[[], None]) -> None:
    """Copies sources into an empty folder; `check` is called before each, and may raise."""
    source_fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for entry in entries:
            check()
            path = target / entry.path
            match entry.kind:
                case SourceKind.DIR:
                    path.mkdir(mode=0o755)
                case SourceKind.LINK:
                    path.symlink_to(entry.target or "")
                case SourceKind.FILE:
                    with path.open("xb") as copy:
                        copy.writelines(read_source(source_fd, entry))
                        os.fchmod(copy.fileno(), 0o755 if entry.executable else 0o644)
    finally:
        os.close(source_fd)


def _make_read_only(folder: Path) -> None:
    """Takes the right to write from all that is in a folder, and from itself; links have no rights of their own."""
    for where, _, files in os.walk(folder, topdown=False):
        for path in (*(Path(where, name) for name in files), Path(where)):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode):
                path.chmod(stat.S_IMODE(mode) & ~0o222 | 0o400)
