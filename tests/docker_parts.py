"""What tests of the Docker driver alone put it together from: the tests' engine, and images that need no build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.drivers.base import Image

if TYPE_CHECKING:
    from collections.abc import Callable

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
