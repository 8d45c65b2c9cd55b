"""What is said where an engine fails a build, by an engine that fails on request; and that nothing hangs or leaks."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from descriptors import open_descriptors
from fake_engine import Call, fake_engine
from real_tools import until

from hotdash.drivers.docker.endpoint import find_engine
from hotdash.drivers.docker.images import ImageBuilder
from hotdash.errors import BuildCancelled, BuildError
from hotdash.functions.spec import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fake_engine import FakeEngine

STEP = {"stream": "Step 1/2 : FROM busybox:stable\n"}
RUN = {"stream": "Step 2/2 : RUN make\n"}
BUILT = {"aux": {"ID": "sha256:" + "b" * 64}}


@pytest.fixture
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    """An engine that has busybox, and can build and describe an image."""
    with fake_engine(tmp_path_factory.mktemp("e") / "s") as engine:
        engine.answers["GET /images/busybox:stable/json"] = lambda call: call.send({"Id": "sha256:0"})
        described = {"Id": BUILT["aux"]["ID"], "Config": {"Cmd": ["sh"]}}
        engine.answers[f"GET /images/{described['Id']}/json"] = lambda call: call.send(described)
        engine.answers[f"POST /images/{described['Id']}/tag"] = lambda call: call.send(b"", 201)
        yield engine


@pytest.fixture
def builder(fake: FakeEngine, tmp_path: Path) -> Iterator[ImageBuilder]:
    """A builder of which no thread and no descriptor is left."""
    engine = find_engine(environ={"DOCKER_HOST": fake.host})
    before = open_descriptors()
    builder = ImageBuilder(engine=engine, cache_dir=tmp_path / "cache", environ={"HOME": str(tmp_path), "PATH": ""})
    yield builder
    builder.close()
    fake.over.set()
    assert [thread.name for thread in threading.enumerate() if thread.name == "hot:images"] == []
    # The fake engine's ends of connections are closed by its own threads.
    until(lambda: open_descriptors() <= before, "the end of all connections")


@pytest.fixture
def spec(tmp_path: Path) -> FunctionSpec:
    return function(tmp_path, "FROM busybox:stable\nRUN make\n")


def function(tmp_path: Path, dockerfile: str, **keys: Any) -> FunctionSpec:
    folder = tmp_path / "greet"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    return FunctionSpec(name="greet", folder=folder, file=folder / "func.yaml", **keys)


def build(builder: ImageBuilder, spec: FunctionSpec, is_cancelled: Callable[[], bool] = bool) -> list[str]:
    """Builds, and returns what was said."""
    lines: list[str] = []
    builder.build(spec, on_output=lines.append, is_cancelled=is_cancelled)
    return lines


def says(*values: Any, end: bool = True) -> Callable[[Call], None]:
    """Takes the context, says these objects, and ends the stream well or by going away."""

    def answer(call: Call) -> None:
        call.take_body()
        call.begin()
        call.say(*values)
        if end:
            call.end()

    return answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (says(STEP, RUN, end=False), r"step 2 of 2, `RUN make`, failed: the Docker engine went away \(.*\): see that"),
        (says(STEP, RUN), "step 2 of 2, `RUN make`, failed: the engine ended it without a word"),
        (says({"error": "x", "errorDetail": {"message": "odd"}}), "greet: the build failed: odd"),
        (says(STEP, {"errorDetail": {"message": "write /a: no space left on device"}}), "disk is full .*system prune"),
        (
            says(
                RUN, {"stream": "dd: No space left on device\n37+0 out\n"}, {"error": "a returned a non-zero code: 1"}
            ),
            "`RUN make`, failed: the engine's disk is full",
        ),
        (
            says(RUN, {"error": "The command '/bin/sh -c make' returned a non-zero code: 137"}),
            r"`RUN make`, was killed by SIGKILL \(by want of memory, perhaps\)",
        ),
        (lambda call: call.send({"message": "no room"}, 507), "greet: the build failed: no room"),
        (lambda call: None, r"the Docker engine went away \(.+\): see that it runs"),
        (
            lambda call: (call.take_body(), call.begin(), call.wfile.write(b"3\r\n{x}\r\n0\r\n\r\n")),
            "holds what is no JSON",
        ),
    ],
)
def test_a_build_that_the_engine_fails_is_told(
    fake: FakeEngine, builder: ImageBuilder, spec: FunctionSpec, answer: Callable[[Call], None], told: str
):
    fake.answers["POST /build"] = answer
    with pytest.raises(BuildError, match=told):
        build(builder, spec)


def test_an_engine_that_refuses_a_large_context_is_heard(fake: FakeEngine, builder: ImageBuilder, spec: FunctionSpec):
    (spec.folder / "large").write_bytes(bytes(8_000_000))

    def refuse(call: Call) -> None:
        call.rfile.read(100_000)
        call.send({"message": "no space left on device"}, 500)

    fake.answers["POST /build"] = refuse
    with pytest.raises(BuildError, match="greet: the build failed"):
        build(builder, spec)


def test_a_build_whose_cache_was_removed_is_done_once_more(fake: FakeEngine, builder: ImageBuilder, spec: FunctionSpec):
    answers = iter([says(STEP, {"error": f"No such image: sha256:{'0' * 64}"}), says(STEP, BUILT)])

    def answer(call: Call) -> None:
        next(answers)(call)

    fake.answers["POST /build"] = answer
    assert "something that the build stood on was removed meanwhile: once more" in build(builder, spec)


def test_an_image_that_is_gone_as_soon_as_it_is_built_is_told(
    fake: FakeEngine, builder: ImageBuilder, spec: FunctionSpec
):
    fake.answers["POST /build"] = says(BUILT)
    del fake.answers[f"GET /images/{BUILT['aux']['ID']}/json"]
    with pytest.raises(BuildError, match="somebody removed its image as it was built: deploy again"):
        build(builder, spec)


def test_an_engine_that_is_gone_is_told(fake: FakeEngine, builder: ImageBuilder, spec: FunctionSpec):
    fake.answers["GET /info"] = lambda call: None
    with pytest.raises(BuildError, match=rf"the Docker engine at {fake.host} does not answer .*: see that it runs"):
        build(builder, spec)


@pytest.mark.parametrize("stage", ["base", "record", "body", "head", "stream", "flood", "pull"])
def test_a_cancel_ends_any_wait(fake: FakeEngine, builder: ImageBuilder, tmp_path: Path, stage: str):
    spec = function(tmp_path, "FROM busybox:stable\n" if stage != "pull" else "FROM nobody/nothing\n")
    (spec.folder / "large").write_bytes(bytes(4_000_000))
    waiting = threading.Event()

    def hang(call: Call) -> None:
        if stage in {"head", "stream", "flood"}:
            call.take_body()
        if stage in {"stream", "flood", "pull"}:
            call.begin()
            call.say({"status": "Waiting", "id": "a"} if stage == "pull" else STEP)
        waiting.set()
        while not fake.over.wait(60 if stage != "flood" else 0):
            call.say({"stream": "more\n"})

    if stage == "record":
        fake.answers["POST /build"] = says(BUILT)
        builder.release(builder.build(spec, on_output=lambda _: None, is_cancelled=bool))
        fake.answers[f"GET /images/{BUILT['aux']['ID']}/json"] = hang
    if stage == "base":
        fake.answers["GET /images/busybox:stable/json"] = hang
    fake.answers["POST /build"] = fake.answers["POST /images/create"] = hang
    cancelled_s: list[float] = []

    def is_cancelled() -> bool:
        if waiting.is_set() and not cancelled_s:
            cancelled_s.append(time.monotonic())
        return bool(cancelled_s)

    with pytest.raises(BuildCancelled, match="the build of greet was cancelled"):
        build(builder, spec, is_cancelled)
    assert time.monotonic() - cancelled_s[0] < 10.0, "the engine hangs for 60 s"


def test_a_build_that_says_nothing_has_its_time(fake: FakeEngine, builder: ImageBuilder, tmp_path: Path):
    fake.answers["POST /build"] = lambda call: fake.over.wait(60) and None
    with pytest.raises(BuildError, match=r"greet: the build was ended after 0.3 s: make it faster, or raise"):
        build(builder, function(tmp_path, "FROM busybox:stable\n", build_timeout_s=0.3))


def test_closing_does_not_wait_for_a_removal(fake: FakeEngine, builder: ImageBuilder, spec: FunctionSpec):
    fake.answers["POST /build"] = says(BUILT)
    removing = threading.Event()

    def hang(call: Call) -> None:
        removing.set()
        fake.over.wait(60)

    described = {"Id": BUILT["aux"]["ID"], "RepoTags": []}
    fake.answers[f"GET /images/{described['Id']}/json"] = lambda call: call.send(described)
    for number in range(5):
        (spec.folder / "func.py").write_text(str(number))
        builder.release(builder.build(spec, on_output=lambda _: None, is_cancelled=bool))
        tag = "hotdash/greet:" + [query["tag"] for query in fake.queries if "tag" in query][-1]
        described["RepoTags"] = [*described["RepoTags"], tag]
        fake.answers[f"DELETE /images/{tag}"] = hang
    assert removing.wait(20)
    began_s = time.monotonic()
    builder.close()
    assert time.monotonic() - began_s < 10.0, "the engine hangs for 60 s"
    with pytest.raises(BuildError, match="the docker driver is closed"):
        build(builder, spec)
