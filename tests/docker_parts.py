"""What tests of the Docker driver alone put it together from: the tests' engine, and images that need no build."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from docker_tools import find_docker_host
from real_tools import nothing_left

from hotdash.drivers.base import Image
from hotdash.drivers.docker.driver import DockerDriver
from hotdash.drivers.docker.endpoint import find_engine
from hotdash.drivers.docker.images import ImageBuilder
from hotdash.drivers.docker.owner import OWNER
from hotdash.runtime.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import docker

    from hotdash.drivers.docker.endpoint import Engine
    from hotdash.functions.spec import FunctionSpec

PYTHON = "python:3.12-slim"
BUSYBOX = "busybox:stable"


class LeanEngine:
    """An engine whose clients keep one connection, so that a test can count descriptors.

    docker-py keeps one for each of the last 25 addresses, so for each container (its `num_pools` does nothing here).
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def connect(self, *, timeout_s: float = 60.0, pool_size: int = 10) -> docker.APIClient:
        client = self._engine.connect(timeout_s=timeout_s, pool_size=pool_size)
        client._custom_adapter.pools._maxsize = 1
        return client

    def close(self) -> None:
        self._engine.close()


class GivenImages:
    """As `ImageBuilder`, but builds nothing: a function's image is its `image:`, its entry point its own."""

    def build(self, spec: FunctionSpec, *, on_output: Callable[[str], None], is_cancelled: Callable[[], bool]) -> Image:
        return Image(id=spec.image or PYTHON, function=spec.key, folder=None, entrypoint=spec.entrypoint or ())

    def release(self, image: Image) -> None:
        pass

    def close(self) -> None:
        pass


@contextmanager
def docker_runtime(tmp_path: Path, *, memory_mb: int = 1_000_000) -> Iterator[Runtime]:
    """A runtime on the tests' engine. Once it is left, so are its threads, descriptors and containers."""
    engine = find_engine(environ={"DOCKER_HOST": find_docker_host()})
    client = engine.connect()
    images = ImageBuilder(engine=engine, cache_dir=tmp_path / "cache")
    with nothing_left():
        driver = DockerDriver(engine=LeanEngine(engine), images=images, owners=tmp_path / "owners")
        with Runtime(driver=driver, memory_mb=memory_mb) as runtime:
            yield runtime
        assert runtime.snapshot().memory_used_mb == 0, "the books of memory do not balance"
    left = client.containers(all=True, filters={"label": f"{OWNER}={driver.owner.token}"})
    assert [container["Names"] for container in left] == [], "containers are left"
    assert list((tmp_path / "owners").iterdir()) == [], "a lock file is left"
    client.close()
