"""Images that are pulled: `image:` in a function file, and bases of Dockerfiles, from a registry on this machine."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from registry import open_registry

from hotdash.drivers.docker.images.pull import registry_of, split_name
from hotdash.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker_tools import Workshop
    from registry import Registry


@pytest.fixture
def registry(workshop: Workshop) -> Iterator[Registry]:
    """With an image `hello:1`, whose busybox says hello."""
    busybox = shutil.which("busybox")
    assert busybox is not None, "busybox is what the engine's base images are made of"
    with open_registry() as registry:
        files = {"bin/busybox": Path(busybox).read_bytes(), "noise": os.urandom(3_000_000)}
        config = {"Entrypoint": ["/bin/busybox", "echo"], "Cmd": ["hello"]}
        registry.add(f"{workshop.name('hello')}:1", files=files, config=config)
        yield registry


@pytest.fixture
def name(workshop: Workshop, registry: Registry) -> str:
    return f"{registry.address}/{workshop.name('hello')}:1"


def log_in(workshop: Workshop, registry: Registry, user: str) -> None:
    """Writes what `docker login` writes."""
    file = workshop.folder / ".docker" / "config.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"auths": {registry.address: {"auth": base64.b64encode(user.encode()).decode()}}}))


def test_an_image_that_is_named_is_pulled_once(workshop: Workshop, name: str):
    spec = workshop.function(image=name)
    image = workshop.build(spec)
    assert (image.entrypoint, image.reused) == ((), False)
    assert workshop.run(image) == "hello\n"
    assert workshop.lines[0] == f"pulling {name}"
    assert any("100%" in line and "█" * 20 in line for line in workshop.lines)
    again = workshop.build(spec)
    assert (again.id, again.reused, workshop.lines) == (image.id, True, [])
    workshop.builder.release(image)
    assert workshop.client.inspect_image(name)["Id"] == image.id


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        ({"cmd": ("you",)}, ("/bin/busybox", "echo", "you")),
        ({"entrypoint": ("/bin/busybox", "echo"), "cmd": ("you",)}, ("/bin/busybox", "echo", "you")),
    ],
)
def test_what_an_image_runs_can_be_told(workshop: Workshop, name: str, keys: dict[str, object], command: object):
    image = workshop.build(workshop.function(image=name, **keys))
    assert image.entrypoint == command
    assert workshop.run(image) == "you\n"


def test_the_users_credentials_are_used(workshop: Workshop, registry: Registry, name: str):
    registry.user = "ada:secret"
    log_in(workshop, registry, "ada:wrong")
    with pytest.raises(BuildError) as caught:
        workshop.build(workshop.function(image=name))
    assert f"the image {name} is not on the engine, and {registry.address} refuses it" in str(caught.value)
    assert str(caught.value).endswith(f"see the name, or log in (docker login {registry.address})")
    log_in(workshop, registry, registry.user)
    assert workshop.run(workshop.build(workshop.function(image=name))) == "hello\n"


def test_a_base_is_pulled_before_the_build(workshop: Workshop, registry: Registry, name: str):
    registry.user = "ada:secret"
    log_in(workshop, registry, registry.user)
    spec = workshop.function(files={"Dockerfile": f"FROM {name}\nCMD built\n", "func.sh": "x"})
    first = workshop.build(spec)
    assert workshop.lines[0] == f"pulling {name}"
    assert workshop.run(first).startswith("/bin/sh -c built")
    assert workshop.build(spec).id == first.id


def test_a_base_with_a_variable_is_pulled_by_the_build(workshop: Workshop, registry: Registry, name: str):
    registry.user = "ada:secret"
    log_in(workshop, registry, registry.user)
    spec = workshop.function(files={"Dockerfile": f"ARG BASE={name}\nFROM $BASE\n"})
    assert workshop.run(workshop.build(spec)) == "hello\n"
    assert any("100%" in line for line in workshop.lines)


def test_an_image_that_is_nowhere_is_told(workshop: Workshop, registry: Registry):
    with pytest.raises(BuildError) as caught:
        workshop.build(workshop.function(image=f"{registry.address}/no/such:2"))
    told = str(caught.value)
    assert f"the image {registry.address}/no/such:2 is not on the engine, and {registry.address} has no such" in told
    assert told.endswith("see the name and the tag")


def test_a_registry_that_is_not_there_is_told(workshop: Workshop, registry: Registry):
    with pytest.raises(BuildError, match=r"the engine cannot reach 127.0.0.1:1 .*see its network"):
        workshop.build(workshop.function(image="127.0.0.1:1/a/b"))


@pytest.mark.parametrize("name", ["UPPER/case", "-x/y", "a b"])
def test_a_name_that_is_none_is_told(workshop: Workshop, name: str):
    with pytest.raises(BuildError, match="allowed the name of an image"):
        workshop.build(workshop.function(image=name))


@pytest.mark.parametrize(
    ("name", "parts", "registry"),
    [
        ("python", ("python", "latest"), "docker.io"),
        ("iron/hello:2", ("iron/hello", "2"), "docker.io"),
        ("host:5000/a/b", ("host:5000/a/b", "latest"), "host:5000"),
        ("host:5000/a/b:c", ("host:5000/a/b", "c"), "host:5000"),
        ("ghcr.io/a/b@sha256:0", ("ghcr.io/a/b", "sha256:0"), "ghcr.io"),
        ("localhost/a", ("localhost/a", "latest"), "localhost"),
    ],
)
def test_a_name_has_a_registry_a_repository_and_a_tag(name: str, parts: tuple[str, str], registry: str):
    assert (split_name(name), registry_of(name)) == (parts, registry)
