"""`ProcessDriver`: the driver that needs nothing installed. It isolates nothing: its containers are plain processes.

Any thread: builds and starts run side by side. What they share (guardian, run folder, image store, memory watch, table
of use) locks for itself.
"""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import platformdirs
from msgspec.structs import replace

from hotdash.drivers.base import no_step
from hotdash.drivers.listening import SOCKET, ListeningContainer, unfit_path
from hotdash.drivers.process.build import Builder
from hotdash.drivers.process.container import ProcessContainer
from hotdash.drivers.process.faults import why_not_started, why_not_stored
from hotdash.drivers.process.group import ProcessGroup
from hotdash.drivers.process.guardian import Guardian
from hotdash.drivers.process.image_store import ImageStore
from hotdash.drivers.process.memory import MemoryWatch
from hotdash.drivers.process.surroundings import RunFolder
from hotdash.drivers.process.usage import UsageTable
from hotdash.drivers.wakes import close_wake, open_wake
from hotdash.errors import BuildError, StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdash.drivers.base import Container, ContainerSpec, Image, OnStep
    from hotdash.drivers.inside import Inside
    from hotdash.drivers.process.surroundings import Surroundings
    from hotdash.functions.spec import FunctionSpec


class ProcessDriver:
    """Builds read-only copies of functions' folders, and runs containers in them.

    Args:
        name: What it is called on the screen.
        path: The PATH of containers and builds; hotdash's own if None, as it is now.
        cache_dir: Where images are kept across runs (0700); the user's cache folder if None.
        run_parent: Where the private folder for HOMEs and TMPDIRs is made; the system's temporary folder if None.
    """

    def __init__(
        self,
        name: str = "process",
        *,
        path: str | None = None,
        cache_dir: Path | None = None,
        run_parent: Path | None = None,
    ) -> None:
        self._name = name
        self._path = os.environ.get("PATH", os.defpath) if path is None else path
        self._closed = False
        self._run = RunFolder(parent=run_parent)
        self._guardian = Guardian(self._run)
        self._usage = UsageTable()
        self._memory = MemoryWatch()
        self._lock = threading.Lock()
        self._live: WeakValueDictionary[str, ProcessContainer] = WeakValueDictionary()
        self._store = ImageStore(cache_dir or Path(platformdirs.user_cache_dir("hotdash", appauthor=False)))
        self._builder = Builder(store=self._store, run=self._run, guardian=self._guardian, path=self._path)

    @property
    def name(self) -> str:
        """`process`, unless it was given another."""
        return self._name

    @property
    def guardian(self) -> Guardian:
        """Its guardian, for `doctor` and tests."""
        return self._guardian

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        """See the seam."""
        if self._closed:
            raise BuildError(f"{spec.key}: the {self._name} driver is closed")
        return self._builder.build(spec, on_output=on_output, on_step=on_step, is_cancelled=is_cancelled)

    def release(self, image: Image) -> None:
        """See the seam; what is not released stays until `close`."""
        if image.folder is not None:
            self._store.release(image.folder)

    def start(self, spec: ContainerSpec) -> Container:
        """See the seam."""
        what = f"{spec.function}: container {spec.id} could not be started"
        if self._closed:
            raise StartError(f"{what}: the {self._name} driver is closed")
        if spec.image.folder is None or not spec.image.entrypoint:
            raise StartError(f"{what}: its image has no folder or no entry point that the process driver could run")
        try:
            around = self._run.make(spec.id)
        except OSError as error:
            raise StartError(f"{what}: {why_not_stored(error)}") from error
        with ExitStack() as undo:
            undo.callback(around.remove)
            environment = around.environment(spec.environment, path=self._path)
            if spec.listens:
                if why := unfit_path(around.folder):
                    raise StartError(f"{what}: {why}")
                environment["FN_LISTENER"] = f"unix:{around.folder / SOCKET}"
            try:
                container = self._spawn(spec, around, folder=spec.image.folder, environment=environment)
            except OSError as error:
                why = why_not_started(error, spec.image.entrypoint, folder=spec.image.folder, environment=environment)
                raise StartError(f"{what}: {why}") from error
            except ValueError as error:  # a NUL in a variable or an argument, `=` in a name
                raise StartError(f"{what}: its config or entrypoint cannot be given to a program: {error}") from error
            undo.pop_all()
        return container

    def inside(self, container_id: str) -> Inside | None:
        """See `Insider`: the shell is the user's `$SHELL`, in the copy's folder, with the container's environment."""
        with self._lock:
            container = self._live.get(container_id)
        found = None if container is None else container.inside
        shell = os.environ.get("SHELL")
        return found if found is None or not shell else replace(found, shell_command=(shell, "-i"))

    def close(self) -> None:
        """Ends the memory watch and the guardian, and removes the run folder.

        The guardian kills what left its container's group and lives on.
        """
        self._closed = True
        self._memory.close()
        self._guardian.close()
        self._store.close()

    def _spawn(
        self, spec: ContainerSpec, around: Surroundings, *, folder: Path, environment: Mapping[str, str]
    ) -> Container:
        """All that needs a descriptor comes before the program, or a start that fails would leave it running."""
        self._memory.ensure()
        with ExitStack() as undo:
            wake_fds = _opened_wake(undo)
            listening_wake = _opened_wake(undo) if spec.listens else None
            log_only = undo.enter_context(Path(os.devnull).open("rb", buffering=0)) if spec.listens else None
            group = ProcessGroup.spawn(
                spec.image.entrypoint,
                folder=folder,
                environment=environment,
                guardian=self._guardian,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if spec.listens else subprocess.PIPE,
            )
            undo.pop_all()
        if log_only is not None:  # what it prints is its log; nobody reads its stdout
            group.process.stdout, group.process.stderr = log_only, group.process.stdout
        self._memory.watch(group, limit_bytes=spec.memory_mb * 2**20)
        container = ProcessContainer(
            spec.id,
            group=group,
            wake_fds=wake_fds,
            around=around,
            usage=self._usage,
            command=spec.image.entrypoint,
            folder=str(folder),
            environment=environment,
        )
        with self._lock:
            self._live[spec.id] = container
        if listening_wake is None:
            return container
        return ListeningContainer(container, folder=around.folder, wake=listening_wake)


def _opened_wake(undo: ExitStack) -> tuple[int, int]:
    wake = open_wake()
    undo.callback(close_wake, wake)
    return wake
