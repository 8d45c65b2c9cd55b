"""What tests of the Docker driver alone put it together from: the tests' engine, and images that need no build."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from docker_tools import find_docker_host
from real_tools import PATIENCE_S, nothing_left

from hotdash.drivers.base import ContainerSpec, Image, no_step
from hotdash.drivers.docker.driver import DockerDriver
from hotdash.drivers.docker.endpoint import find_engine
from hotdash.drivers.docker.images import ImageBuilder
from hotdash.drivers.docker.owner import OWNER
from hotdash.runtime.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import docker

    from hotdash.drivers.base import Exit, OnStep
    from hotdash.drivers.docker.container import DockerContainer
    from hotdash.drivers.docker.endpoint import Engine
    from hotdash.functions.spec import FunctionSpec

PYTHON = "python:3.12-slim"
BUSYBOX = "busybox:stable"


class LeanEngine:
    """An engine whose clients keep one connection, so that a test can count descriptors."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.is_local = engine.is_local
        self.location = engine.location

    def connect(self, *, timeout_s: float = 60.0, pool_size: int = 10) -> docker.APIClient:
        return self._engine.connect(timeout_s=timeout_s, pool_size=1)

    def close(self) -> None:
        self._engine.close()


class GivenImages:
    """As `ImageBuilder`, but builds nothing: a function's image is its `image:`, its entry point its own."""

    def build(
        self,
        spec: FunctionSpec,
        *,
        on_output: Callable[[str], None],
        on_step: OnStep = no_step,
        is_cancelled: Callable[[], bool],
    ) -> Image:
        return Image(id=spec.image or PYTHON, function=spec.key, folder=None, entrypoint=spec.entrypoint or ())

    def release(self, image: Image) -> None:
        pass

    def close(self) -> None:
        pass


class Ended(NamedTuple):
    """A container that ran to its end."""

    exit: Exit
    stdout: str
    stderr: str


class DockerYard:
    """A docker driver on the tests' engine, and containers of it that run whatever a test says.

    Attributes:
        client: For looks from outside.
    """

    def __init__(self, folder: Path) -> None:
        self._engine = find_engine(environ={"DOCKER_HOST": find_docker_host()})
        self.owners = folder / "owners"
        self.client = self._engine.connect()
        self.driver = self.another_driver()
        self._count = 0

    def another_driver(self) -> DockerDriver:
        """As another hotdash of the same user has it."""
        return DockerDriver(engine=LeanEngine(self._engine), images=GivenImages(), owners=self.owners)

    def start(self, *args: str, image: str = PYTHON, **keys: Any) -> DockerContainer:
        self._count += 1
        built = Image(id=image, function="f", folder=None, entrypoint=args)
        given = {"environment": {}, "memory_mb": 64, "app": "app", "revision": 1} | keys
        return self.driver.start(ContainerSpec(id=f"c-{self._count:06x}", function="f", image=built, **given))

    def run(self, *args: str, **keys: Any) -> Ended:
        """Runs a program to its end, with nothing on stdin."""
        container = self.start(*args, **keys)
        container.close_stdin()
        end = container.wait(PATIENCE_S)
        assert end is not None, "it does not end"
        stdout = b"".join(iter(lambda: container.read(0), b""))
        stderr = b""
        while container.wait_stderr():
            stderr += container.take_stderr()
        container.close()
        return Ended(end, stdout.decode(), stderr.decode())

    def shell(self, script: str, **keys: Any) -> Ended:
        """As `run`, for a line of shell."""
        return self.run("sh", "-c", script, **({"image": BUSYBOX} | keys))

    def python(self, code: str, **keys: Any) -> Ended:
        """As `run`, for Python."""
        return self.run("python3", "-I", "-S", "-c", code, **keys)

    def inspect(self, container: DockerContainer) -> dict[str, Any]:
        found: dict[str, Any] = self.client.inspect_container(container.engine_id)
        return found

    def close(self) -> None:
        self.driver.close()
        self.client.close()


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[DockerYard]:
    """See there; closed at the end."""
    yard = DockerYard(tmp_path)
    yield yard
    yard.close()


@contextmanager
def docker_runtime(
    tmp_path: Path, *, memory_mb: int = 1_000_000, host: str = "", builds: bool = True
) -> Iterator[Runtime]:
    """A runtime on the tests' engine, or another. Once it is left, so are its threads, descriptors and containers.

    Args:
        builds: Whether functions are built; else each runs its `entrypoint` in its `image:` (Python's by default).
    """
    engine = find_engine(environ={"DOCKER_HOST": host or find_docker_host()})
    client = engine.connect()
    images = ImageBuilder(engine=engine, cache_dir=tmp_path / "cache") if builds else GivenImages()
    with nothing_left():
        driver = DockerDriver(engine=LeanEngine(engine), images=images, owners=tmp_path / "owners")
        with Runtime(driver=driver, memory_mb=memory_mb) as runtime:
            yield runtime
        assert runtime.snapshot().memory_used_mb == 0, "the books of memory do not balance"
    left = client.containers(all=True, filters={"label": f"{OWNER}={driver.owner.token}"})
    assert [container["Names"] for container in left] == [], "containers are left"
    assert list((tmp_path / "owners").iterdir()) == [], "a lock file is left"
    client.close()
