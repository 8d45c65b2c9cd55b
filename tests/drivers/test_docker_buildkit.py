"""Dockerfiles that need BuildKit: found out, built by the user's `docker` command, or refused with the remedy."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from real_tools import until

from hotdash.drivers.docker.images.buildkit import find_client
from hotdash.errors import BuildCancelled, BuildError
from hotdash.functions.dockerfile import base_images, needs_buildkit, wants_syntax

if TYPE_CHECKING:
    from docker_tools import Workshop

    from hotdash.drivers.docker.images import ImageBuilder

CHMOD = 'FROM busybox:stable\nWORKDIR /function\nCOPY --chmod=0755 func.sh ./\nENTRYPOINT ["./func.sh"]\n'
FAILED = 'process "/bin/sh -c make" did not complete successfully: exit code: 2'
FUNC = "#!/bin/sh\necho hello\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RUN --mount=type=cache,target=/x make", "RUN --mount"),
        ("run --network=none make", "RUN --network"),
        ("COPY --from=a --chmod=755 x y", "COPY --chmod"),
        ("COPY --link x y", "COPY --link"),
        ("ADD --checksum=sha256:0 http://x y", "ADD --checksum"),
        ("RUN <<EOF\nmake\nEOF", "a heredoc in RUN"),
        ('RUN cat <<-"X" > y\nmake\nX', "a heredoc in RUN"),
        ("COPY <<a.txt /a\nx\na.txt", "a heredoc in COPY"),
        ("RUN echo $((1<<n))", ""),
        ("RUN echo --mount=x", ""),
        ("COPY --from=a --chown=1 x y", ""),
        ("# RUN --mount=x y", ""),
        ("LABEL a=<<EOF", ""),
        ("", ""),
    ],
)
def test_what_needs_buildkit_is_found(text: str, why: str):
    assert needs_buildkit(f"FROM x\n{text}\n") == why


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("# syntax=docker/dockerfile:1\nFROM x", "docker/dockerfile:1"),
        ("\ufeff# escape=`\n#Syntax = a/b \nFROM x", "a/b"),
        ("FROM x\n# syntax=a", ""),
        ("# a comment\n# syntax=a", ""),
    ],
)
def test_the_syntax_that_is_wanted_is_found(text: str, syntax: str):
    assert wants_syntax(text) == syntax


@pytest.mark.parametrize(
    ("text", "images"),
    [
        ("FROM a", ("a",)),
        ("ARG V\nFROM a AS one\nFROM b:1 as two\nFROM ONE\nFROM a\nFROM scratch", ("a", "b:1")),
        ("FROM a:$V\nFROM ${B}\nFROM --platform=linux/arm64 c", ()),
        ("RUN <<E\nFROM x\nE", ()),
    ],
)
def test_the_bases_of_a_dockerfile_are_found(text: str, images: tuple[str, ...]):
    assert base_images(text) == images


def command(folder: Path, text: str) -> dict[str, str]:
    """An environment with a `docker` of our own."""
    folder.mkdir()
    (folder / "docker").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "docker").chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[ "$1" = buildx ] && echo github.com/docker/buildx v0.12.1 30feaa1', "github.com/docker/buildx v0.12.1"),
        ('[ "$1" = --version ] && echo Docker version 20.10.24+dfsg1, build 297e128', "the BuildKit of {docker}"),
        ('[ "$1" = --version ] && echo Docker version 28.2.2, build e6534b4', ""),
        ("exit 1", ""),
    ],
)
def test_a_command_that_has_buildkit_is_found(tmp_path: Path, text: str, found: str):
    environ = command(tmp_path / "bin", text)
    docker = str(tmp_path / "bin" / "docker")
    wanted = (docker, found.format(docker=docker)) if found else ("", f"{docker} has no buildx")
    assert find_client(environ) == wanted


def test_without_a_command_it_is_said_what_to_do(workshop: Workshop):
    builder = workshop.another_builder(environ={"PATH": str(workshop.folder), "HOME": str(workshop.folder)})
    spec = workshop.function(files={"Dockerfile": CHMOD, "func.sh": FUNC})
    with pytest.raises(BuildError) as caught:
        workshop.build(spec, builder=builder)
    assert str(caught.value) == (
        f"{spec.key}: its Dockerfile needs BuildKit (COPY --chmod), and there is no docker command in PATH: "
        "install docker-buildx, or write the Dockerfile without it"
    )


def test_a_syntax_that_is_not_needed_is_not_heeded(workshop: Workshop):
    plain = 'FROM busybox:stable\nENTRYPOINT ["echo", "hello"]\n'
    builder = workshop.another_builder(environ={"PATH": "", "HOME": str(workshop.folder)})
    spec = workshop.function(files={"Dockerfile": f"# syntax=docker/dockerfile:1\n{plain}"})
    assert workshop.run(workshop.build(spec, builder=builder)) == "hello\n"
    assert "is not heeded" in workshop.lines[0]
    (spec.folder / "Dockerfile").write_text(f"# syntax=somebody/else\n{plain}")
    with pytest.raises(BuildError, match=r"needs BuildKit \(# syntax=somebody/else\)"):
        workshop.build(spec, builder=builder)


@pytest.fixture
def buildkit(workshop: Workshop) -> ImageBuilder:
    """A builder with a `docker` command that has BuildKit, wherever one is in PATH."""
    for folder in os.get_exec_path():
        environ = {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(workshop.folder)}
        if shutil.which("docker", path=folder) and find_client(environ)[0]:
            return workshop.another_builder(environ=environ | {"DOCKER_CONTEXT": "elsewhere"})
    return pytest.skip("no docker command in PATH has BuildKit")


def test_buildkit_builds_what_needs_it(workshop: Workshop, buildkit: ImageBuilder):
    spec = workshop.function(files={"Dockerfile": CHMOD, "func.sh": FUNC, ".dockerignore": "secret", "secret": ""})
    image = workshop.build(spec, builder=buildkit)
    assert workshop.run(image) == "hello\n"
    assert any("COPY --chmod" in line for line in workshop.lines)
    again = workshop.build(spec, builder=buildkit)
    assert (again.id, again.reused) == (image.id, True)
    (tag,) = workshop.tags()
    assert tag.startswith("greet:0.0.1-")


def test_a_step_of_buildkit_that_fails_is_named(workshop: Workshop, buildkit: ImageBuilder):
    spec = workshop.function(files={"Dockerfile": CHMOD})
    with pytest.raises(
        BuildError, match=r"step \d of \d, `COPY --chmod=0755 func.sh ./`, failed: .*not found"
    ) as caught:
        workshop.build(spec, builder=buildkit)
    assert list(caught.value.log) == workshop.lines


def test_a_cancel_kills_the_command_and_what_it_started(workshop: Workshop):
    environ = command(
        workshop.folder / "bin",
        '[ "$1" = buildx ] && exec echo buildx v1\n'
        "echo '#5 [2/3] RUN make'; echo '#5 0.123 busy'\n"
        f"sleep 300 & echo $! > {workshop.folder}/pid; wait",
    )
    spec = workshop.function(files={"Dockerfile": CHMOD, "func.sh": FUNC})
    pid_file = workshop.folder / "pid"
    cancel = threading.Event()
    caught: list[str] = []

    def build() -> None:
        try:
            workshop.build(spec, builder=workshop.another_builder(environ=environ), is_cancelled=cancel.is_set)
        except BuildCancelled as error:
            caught.append(str(error))

    thread = threading.Thread(target=build)
    thread.start()
    until(lambda: pid_file.exists() and pid_file.read_text().strip(), "the command")
    cancel.set()
    began_s = time.monotonic()
    thread.join(20)
    assert time.monotonic() - began_s < 10.0, "the step would take 300 s"
    assert caught == [f"the build of {spec.key} was cancelled"]
    until(lambda: not _runs(pid_file.read_text().strip()), "the end of what it started")


def _runs(pid: str) -> bool:
    try:
        return "sleep" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            [
                "#5 [2/3] RUN make",
                "#5 0.1 all is well",
                f"#5 ERROR: {FAILED}",
                "------",
                "> [2/3] RUN make",
                "0.1 other",
            ],
            "step 2 of 3, `RUN make`, exited with code 2: all is well",
        ),
        (["#1 [internal] load", "ERROR: failed to solve: write /x: no space left on device"], "engine's disk is full"),
        ([], "the build failed: docker build exited with code 9"),
    ],
)
def test_what_buildkit_says_of_a_failure_is_told(workshop: Workshop, lines: list[str], told: str):
    (workshop.folder / "said").write_text("".join(f"{line}\n" for line in lines))
    environ = command(
        workshop.folder / "bin", f'[ "$1" = buildx ] && exec echo buildx v1\ncat {workshop.folder}/said >&2; exit 9'
    )
    spec = workshop.function(files={"Dockerfile": CHMOD, "func.sh": FUNC})
    with pytest.raises(BuildError) as caught:
        workshop.build(spec, builder=workshop.another_builder(environ=environ))
    assert told in str(caught.value)
