"""What tests over a real Docker engine share. `.ci/engine start DIR` starts one; `HOTDASH_TEST_DOCKER_HOST` names it.

Without that variable these tests skip; `HOTDASH_REQUIRE_DOCKER=1`, as `.ci/run` sets it, makes that a failure.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from real_tools import PATIENCE_S

from hotdash.drivers.docker.endpoint import Engine, find_engine
from hotdash.drivers.docker.images import ImageBuilder
from hotdash.drivers.docker.images.requests import Requests
from hotdash.drivers.docker.images.shelf import _DIGITS
from hotdash.functions.spec import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from hotdash.drivers.base import Image


def find_docker_host() -> str:
    """Where the engine for tests is; without one the test that asks skips, or where one must be fails."""
    host = os.environ.get("HOTDASH_TEST_DOCKER_HOST", "")
    if not host and os.environ.get("HOTDASH_REQUIRE_DOCKER") == "1":
        pytest.fail("HOTDASH_TEST_DOCKER_HOST is not set, and here it must be: HOTDASH_REQUIRE_DOCKER is")
    if not host:
        pytest.skip("no engine for tests: start one (.ci/engine start DIR) and set HOTDASH_TEST_DOCKER_HOST to it")
    return host


def remove_images_of(folder: Path) -> None:
    """Removes from the tests' engine what hotdash has built with a cache anywhere below a folder, by its records."""
    records = (file for cache in folder.rglob("docker") for file in cache.glob("*/*/?*.lock"))
    contents = {file.name[:_DIGITS] for file in records}
    if not contents:
        return
    engine = find_engine(environ={"DOCKER_HOST": find_docker_host()})
    client = engine.connect()
    tags = [tag for image in client.images("hotdash/*") for tag in image["RepoTags"] or ()]
    for tag in tags:
        if tag.rpartition("-")[2] in contents:
            client.remove_image(tag)
    client.close()
    engine.close()


@pytest.fixture(scope="session")
def docker_host() -> str:
    """See `find_docker_host`."""
    return find_docker_host()


@pytest.fixture
def engine(docker_host: str) -> Iterator[Engine]:
    engine = find_engine(environ={"DOCKER_HOST": docker_host})
    yield engine
    engine.close()


@pytest.fixture
def workshop(engine: Engine, tmp_path: Path) -> Iterator[Workshop]:
    """Functions and their images, of which nothing is left on the engine."""
    workshop = Workshop(engine, tmp_path)
    yield workshop
    workshop.close()


class Workshop:
    """Makes functions under names that nobody else uses, and builds them.

    Attributes:
        lines: What the builds have printed.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self.lines: list[str] = []
        self.requests = Requests(engine)
        self.client = engine.connect()
        self._builders: list[ImageBuilder] = []
        self._prefix = f"t{uuid.uuid4().hex[:10]}"
        self.builder = self.another_builder()

    def another_builder(self, **keys: Any) -> ImageBuilder:
        """As another hotdash of the same user has it, unless told otherwise.

        Two images are kept and not three: a real engine takes its time to make and remove them.
        """
        given = {"cache_dir": self.folder / "cache", "kept": 2, "environ": {"HOME": os.fspath(self.folder)}} | keys
        self._builders.append(ImageBuilder(engine=self.engine, **given))
        return self._builders[-1]

    def function(self, name: str = "greet", *, files: Mapping[str, str] | None = None, **keys: Any) -> FunctionSpec:
        """A function in its own folder, which holds these files beside a function file."""
        folder = self.folder / name
        for path, text in {"func.yaml": "", **(files or {})}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        given = {"name": f"iron/{self._prefix}-{name}", "folder": folder, "file": folder / "func.yaml"} | keys
        return FunctionSpec(**given)

    def build(
        self, spec: FunctionSpec, *, builder: ImageBuilder | None = None, is_cancelled: Callable[[], bool] = bool
    ) -> Image:
        self.lines.clear()
        builder = builder or self.builder
        image = builder.build(spec, on_output=self.lines.append, is_cancelled=is_cancelled)
        assert builder.settle(2 * PATIENCE_S), "old images are not removed"
        return image

    def run(self, image: Image, *, user: str = "65534") -> str:
        """What a container of an image prints, as the user that the driver would run it as."""
        created = self.client.create_container(image.id, entrypoint=list(image.entrypoint) or None, user=user)
        try:
            self.client.start(created["Id"])
            self.client.wait(created["Id"])
            return str(self.client.logs(created["Id"]).decode())
        finally:
            self.client.remove_container(created["Id"], force=True)

    def tags(self) -> set[str]:
        """The tags of this workshop's functions on the engine, without the prefix."""
        tags = (tag for image in self.client.images() for tag in image["RepoTags"] or ())
        return {tag.removeprefix(f"hotdash/{self._prefix}-") for tag in tags if self._prefix in tag}

    def ids(self) -> set[str]:
        """The ids of the images with those tags."""
        return {image["Id"] for image in self.client.images() if self._prefix in str(image["RepoTags"])}

    def name(self, name: str) -> str:
        """A name that is this workshop's, and is cleaned up with it."""
        return f"{self._prefix}-{name}"

    @property
    def label(self) -> str:
        """A line for a Dockerfile whose build fails: by it what the engine then keeps is found, and removed."""
        return f"LABEL {self._prefix}=\n"

    def close(self) -> None:
        for builder in self._builders:
            builder.close()
        for image in self.client.images(quiet=True, filters={"dangling": True, "label": self._prefix}):
            self.client.remove_image(image)
        for image in self.client.images():
            for tag in image["RepoTags"] or ():
                if self._prefix in tag:
                    self.client.remove_image(tag)
        self.client.close()
