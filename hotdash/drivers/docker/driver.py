"""`DockerDriver`: containers of a Docker engine, hardened, labelled, and removed when they end.

Any thread: builds and starts run side by side; what they share locks for itself. One client serves the running of
containers, another the looks at what they use; the image builder has its own. A start costs three requests: create,
attach (before the start, so that nothing is missed), start.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from hotdash.drivers.base import no_step
from hotdash.drivers.docker.attachment import Attachment
from hotdash.drivers.docker.channel import Channel
from hotdash.drivers.docker.chores import Chores
from hotdash.drivers.docker.container import DockerContainer
from hotdash.drivers.docker.faults import EngineErrors, is_unanswered, why_refused
from hotdash.drivers.docker.handle import Handle
from hotdash.drivers.docker.hardening import environment_of, host_config, inside_of, user_of
from hotdash.drivers.docker.owner import CONTAINER, FUNCTION, REVISION, Owner
from hotdash.drivers.docker.removal import remove_all, remove_orphans, remove_own
from hotdash.drivers.docker.sockets import Sockets
from hotdash.drivers.docker.stats import StatsWatch
from hotdash.drivers.docker.transport import keep_alive
from hotdash.drivers.listening import ListeningContainer, unfit_path
from hotdash.drivers.wakes import close_wake, open_wake
from hotdash.errors import BuildError, NoDriver, StartError, report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import docker

    from hotdash.drivers.base import Container, ContainerSpec, Image, OnStep
    from hotdash.drivers.inside import Inside
    from hotdash.functions.spec import FunctionSpec

REQUEST_S = 30.0  # an engine under load takes seconds to start a container; one that takes longer hangs
_POOL = 64  # connections kept: each start, stop and removal under way uses one
_STATS_S = 5.0


class Connector(Protocol):
    """An engine, as far as it is used here: `endpoint.Engine`."""

    @property
    def location(self) -> str:
        """Its address, as the user wrote it."""
        ...

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, and sees its files."""
        ...

    def connect(self, *, timeout_s: float = ..., pool_size: int = ...) -> docker.APIClient:
        """A new client, which the caller closes."""
        ...

    def close(self) -> None:
        """Gives back what reaching it took."""
        ...


class Builder(Protocol):
    """`images.builder.ImageBuilder`: see the seam for what each means."""

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        """See the seam."""
        ...

    def release(self, image: Image) -> None:
        """See the seam."""
        ...

    def close(self) -> None:
        """Ends what it does, and gives all back."""
        ...


class DockerDriver:
    """See the module's docstring. It owns the engine and the builder: both are closed with it.

    The lock guards the users of images, the running containers and how to get into them, and those still to be removed.

    Args:
        engine: Where containers run.
        images: What builds their images.
        owners: The folder of the owners' lock files.

    Attributes:
        owner: What its containers are labelled with.
        orphans_removed: How many containers of dead owners were found at the start, and removed.

    Raises:
        NoDriver: The engine does not answer, or the lock file cannot be made; nothing was closed.
    """

    name = "docker"

    def __init__(self, *, engine: Connector, images: Builder, owners: Path) -> None:
        self._engine = engine
        self._images = images
        self._lock = threading.Lock()
        self._users: dict[str, str] = {}
        self._running: set[DockerContainer] = set()
        self._insides: dict[str, Inside] = {}
        self._unremoved: set[str] = set()  # the engine's ids, or names, of those that it could not be made to remove
        self._closed = False
        try:
            self.owner = Owner(owners, engine=engine.location)
        except OSError as error:
            raise NoDriver(f"the folder {owners} cannot be written ({error.strerror}): set XDG_CACHE_HOME") from error
        self._client = keep_alive(engine.connect(timeout_s=REQUEST_S, pool_size=_POOL))
        try:
            self.orphans_removed = remove_orphans(self._client, owners=owners, engine=engine.location)
        except EngineErrors as error:
            self._client.close()
            self.owner.close(leaves_some=False)
            raise NoDriver(f"{why_refused(error)}; or run with --driver process") from error
        self._sockets = Sockets(self.owner.token)
        self._chores = Chores()
        self._stats = StatsWatch(connect=lambda: keep_alive(engine.connect(timeout_s=_STATS_S, pool_size=1)))

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
            raise BuildError(f"{spec.key}: the docker driver is closed")
        return self._images.build(spec, on_output=on_output, on_step=on_step, is_cancelled=is_cancelled)

    def release(self, image: Image) -> None:
        """See the seam."""
        self._images.release(image)

    def start(self, spec: ContainerSpec) -> Container:
        """See the seam."""
        what = f"{spec.function}: container {spec.id} could not be started"
        if self._closed:
            raise StartError(f"{what}: the docker driver is closed")
        if not spec.listens:
            return self._start(spec, what, sockets=None)
        with ExitStack() as undo:
            sockets = self._make_sockets(spec, what)
            undo.callback(self._sockets.remove, spec.id)  # not before it is made: what is there may be another's
            try:
                wake = open_wake()  # first: a failed start leaves nothing running
            except OSError as error:
                raise StartError(f"{what}: nothing can wait for it: {error.strerror}") from error
            undo.callback(close_wake, wake)
            container = self._start(spec, what, sockets=sockets)
            undo.pop_all()
        return ListeningContainer(container, folder=sockets, wake=wake)

    def _start(self, spec: ContainerSpec, what: str, *, sockets: Path | None) -> DockerContainer:
        try:
            handle = self._create(spec, sockets)
        except EngineErrors as error:
            if is_unanswered(error):  # the engine may come to it yet
                with self._lock:
                    self._unremoved.add(self._name_of(spec))
            raise StartError(f"{what}: {why_refused(error)}") from error
        try:
            channel = self._attach_and_start(handle, merges=spec.listens)
        except EngineErrors as error:
            handle.remove()
            raise StartError(f"{what}: {why_refused(error)}") from error
        container = DockerContainer(
            spec.id,
            handle=handle,
            channel=channel,
            chores=self._chores,
            stats=self._stats.of,
            on_close=self._forget,
        )
        with self._lock:
            self._insides[spec.id] = inside_of(handle.id, spec)
            self._running.add(container)
            is_behind = bool(self._unremoved)
        if is_behind:  # the engine answers again
            self._chores.add(self._remove_left)
        return container

    def inside(self, container_id: str) -> Inside | None:
        """See `Insider`."""
        with self._lock:
            return self._insides.get(container_id)

    def close(self) -> None:
        """Ends its threads, removes what is left of its containers, then closes the builder and the engine."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            left = list(self._running)
        for container in left:
            container.close()
        self._stats.close()
        self._chores.close()
        is_clean = remove_own(self._client, self.owner.token)
        self._sockets.close()
        if not is_clean:
            report(RuntimeWarning("the engine did not answer: containers may be left, which the next start removes"))
        self.owner.close(leaves_some=not is_clean)
        self._client.close()
        self._images.close()
        self._engine.close()

    # ---------------------------------------------------------------------------------------------------------------

    def _make_sockets(self, spec: ContainerSpec, what: str) -> Path:
        """The folder in which a container is to listen.

        Raises:
            StartError: There can be none.
        """
        if not self._engine.is_local:
            raise StartError(
                f"{what}: a function on http-stream listens on a socket in a folder of this machine, and its Docker "
                "engine is on another: use the format http or json, or an engine here"
            )
        try:
            folder = self._sockets.make(spec.id)
        except OSError as error:
            raise StartError(f"{what}: no folder for its socket can be made: {error}") from error
        if why := unfit_path(folder):
            self._sockets.remove(spec.id)
            raise StartError(f"{what}: {why}")
        return folder

    def _create(self, spec: ContainerSpec, sockets: Path | None) -> Handle:
        created: dict[str, Any] = self._client.create_container(
            image=spec.image.id,
            entrypoint=list(spec.image.entrypoint) or None,
            environment=environment_of(spec),
            user=user_of(self._user_in(spec.image.id)),
            stdin_open=True,  # with it, and not detached, the end of what is sent is the end of its stdin
            host_config=host_config(self._client, spec, sockets=sockets),
            labels={
                **self.owner.labels,
                FUNCTION: spec.function,
                REVISION: str(spec.revision),
                CONTAINER: spec.id,
            },
            name=self._name_of(spec),
        )
        return Handle(client=self._client, container_id=created["Id"], limit_bytes=spec.memory_mb * 2**20)

    def _name_of(self, spec: ContainerSpec) -> str:
        return f"hotdash-{spec.function}-{spec.id}-{self.owner.token[:6]}"

    def _attach_and_start(self, handle: Handle, *, merges: bool) -> Channel:
        attachment = Attachment(self._client, handle.id)
        try:
            channel = Channel(attachment, merges=merges)
        except OSError:
            attachment.close()
            raise
        try:
            self._client.start(handle.id)
        except EngineErrors:
            channel.close()
            raise
        return channel

    def _user_in(self, image_id: str) -> str:
        """Whom the image names as its user; asked once for each image, which never changes."""
        with self._lock:
            known = self._users.get(image_id)
        if known is None:
            known = str((self._client.inspect_image(image_id).get("Config") or {}).get("User") or "")
            with self._lock:
                self._users[image_id] = known
        return known

    def _forget(self, container: DockerContainer, fault: str) -> None:
        self._stats.forget(container.engine_id)
        self._sockets.remove(container.id)
        with self._lock:
            self._running.discard(container)
            self._insides.pop(container.id, None)
            if fault:
                self._unremoved.add(container.engine_id)

    def _remove_left(self) -> None:
        with self._lock:
            left = list(self._unremoved)
        gone = [engine_id for engine_id in left if remove_all(self._client, [engine_id])]
        with self._lock:
            self._unremoved.difference_update(gone)
