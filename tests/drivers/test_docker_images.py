"""Images on a real engine: what is built, from what, when not, and which are kept."""

from __future__ import annotations

import json
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from real_tools import PATIENCE_S, until

from hotdash.drivers.docker.wire import nothing_to_check
from hotdash.drivers.locks import take_lock
from hotdash.errors import BuildCancelled, BuildError

if TYPE_CHECKING:
    from docker_tools import Workshop

    from hotdash.drivers.base import Image

SHELL = "FROM busybox:stable\nWORKDIR /function\nCOPY . .\n"
ECHO = {"Dockerfile": SHELL + 'ENTRYPOINT ["sh", "func.sh"]\n', "func.sh": "echo hello\n"}


def test_a_function_is_built_from_its_dockerfile(workshop: Workshop):
    image = workshop.build(workshop.function(files=ECHO))
    assert workshop.run(image) == "hello\n"
    assert (image.entrypoint, image.folder, image.reused) == ((), None, False)
    assert image.id.startswith("sha256:")
    assert any(line.startswith("Step 1/") for line in workshop.lines)
    assert workshop.lines[-1].startswith("built in ")
    (tag,) = workshop.tags()
    assert tag.startswith("greet:0.0.1-")


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("func.py", "print('hello')", ("python3", "func.py")),
        ("func.js", "console.log('hello')", ("node", "func.js")),
        ("func.sh", "echo hello", ("/bin/sh", "func.sh")),
    ],
)
def test_without_a_dockerfile_the_source_says_what_is_built(
    workshop: Workshop, request: pytest.FixtureRequest, file: str, text: str, command: tuple[str, ...]
):
    if file == "func.js":
        request.getfixturevalue("node")
    image = workshop.build(workshop.function(files={file: text}))
    assert image.entrypoint == command
    assert workshop.run(image) == "hello\n"


def test_build_commands_run_in_the_written_dockerfile(workshop: Workshop):
    spec = workshop.function(files={"func.sh": "cat made"}, build=("echo 'a \"b\" $HOME' > made", "echo two >> made"))
    assert workshop.run(workshop.build(spec)) == 'a "b" $HOME\ntwo\n'


def test_the_base_can_be_set_in_the_file_or_the_environment(workshop: Workshop):
    spec = workshop.function(files={"func.sh": "echo hello"}, runtime="shell", base_image="nobody/nothing:1")
    with pytest.raises(BuildError, match="the image nobody/nothing:1 is not on the engine"):
        workshop.build(spec)
    builder = workshop.another_builder(environ={"HOTDASH_BASE_SHELL": "python:3.12-slim"})
    image = workshop.build(workshop.function(files={"func.sh": "python3 -c 'print(1)'"}), builder=builder)
    assert workshop.run(image) == "1\n"


def test_the_same_content_is_built_once(workshop: Workshop):
    spec = workshop.function(files=ECHO)
    first = workshop.build(spec)
    (spec.folder / "func.yaml").write_text("memory: 64\n")
    os.utime(spec.folder / "func.sh", (1, 1))
    again = workshop.build(spec)
    assert (again.id, again.reused, workshop.lines) == (first.id, True, [])
    (spec.folder / "func.sh").write_text("echo other\n")
    other = workshop.build(spec)
    assert (other.reused, workshop.run(other)) == (False, "other\n")
    (spec.folder / "func.sh").write_text("echo hello\n")
    assert workshop.build(spec).id == first.id
    assert len(workshop.tags()) == 2


def test_another_run_of_hotdash_finds_what_was_built(workshop: Workshop):
    spec = workshop.function(files=ECHO)
    first = workshop.build(spec)
    workshop.builder.close()
    again = workshop.build(spec, builder=workshop.another_builder())
    assert (again.id, again.reused) == (first.id, True)


def test_an_entry_point_builds_nothing(workshop: Workshop):
    first = workshop.build(workshop.function(files=ECHO))
    again = workshop.build(workshop.function(files=ECHO, entrypoint=("sh", "-c"), cmd=("echo new",)))
    assert (again.id, again.entrypoint) == (first.id, ("sh", "-c", "echo new"))
    assert workshop.run(again) == "new\n"


def test_only_sources_are_sent(workshop: Workshop):
    spec = workshop.function(
        files={
            "func.sh": "find . | sort; cat secret; ./tool; readlink out",
            "secret": "readable\n",
            "tool": "#!/bin/sh\necho ran\n",
            "lib/a.log": "",
            "lib/b.txt": "",
            ".git/config": "",
            ".dockerignore": "**/*.log\n",
        }
    )
    (spec.folder / "secret").chmod(0o600)
    (spec.folder / "tool").chmod(0o700)
    (spec.folder / "out").symlink_to("/etc/passwd")
    os.mkfifo(spec.folder / "pipe")
    (spec.folder / os.fsdecode(b"\xff")).touch()
    said = workshop.run(workshop.build(spec)).splitlines()
    assert said[-3:] == ["readable", "ran", "/etc/passwd"]
    assert set(said[:-3]) == {
        *(".", "./func.sh", "./func.yaml", "./lib", "./lib/b.txt", "./out", "./secret", "./tool"),
        said[-4],
    }
    assert workshop.lines[0] == "warning: pipe: skipped, a FIFO cannot be copied"


def test_the_users_proxies_are_given_to_the_build_and_not_to_the_image(workshop: Workshop):
    (workshop.folder / ".docker").mkdir()
    proxies = {"default": {"httpProxy": "http://proxy:1", "odd": 1}, "tcp://elsewhere": {"httpProxy": "http://other:2"}}
    (workshop.folder / ".docker" / "config.json").write_text(json.dumps({"proxies": proxies}))
    echo = 'RUN echo "built by $HTTP_PROXY $http_proxy"\nENTRYPOINT ["sh", "-c", "echo run by $HTTP_PROXY"]\n'
    image = workshop.build(workshop.function(files={"Dockerfile": SHELL + echo}))
    assert "built by http://proxy:1 http://proxy:1" in workshop.lines
    assert workshop.run(image) == "run by\n"


def test_a_step_that_fails_is_named(workshop: Workshop):
    spec = workshop.function(files={"Dockerfile": SHELL + workshop.label + "RUN echo one >&2; echo two >&2; exit 3\n"})
    with pytest.raises(BuildError) as caught:
        workshop.build(spec)
    assert str(caught.value) == (
        f"{spec.key}: step 5 of 5, `RUN echo one >&2; echo two >&2; exit 3`, exited with code 3: two"
    )
    assert list(caught.value.log) == workshop.lines
    assert "two" in workshop.lines
    assert workshop.tags() == set()


def test_a_dockerfile_that_is_none_is_told(workshop: Workshop):
    spec = workshop.function(files={"Dockerfile": "FROM busybox:stable\nBRING . .\n"})
    with pytest.raises(BuildError, match=rf"^{spec.key}: the build failed: .*unknown instruction: BRING"):
        workshop.build(spec)


def test_a_cancel_ends_a_quiet_step_at_once(workshop: Workshop):
    spec = workshop.function(files={"Dockerfile": SHELL + workshop.label + f"RUN sleep 300 # {workshop.folder}\n"})
    cancel = threading.Event()
    caught: list[BaseException] = []

    def build() -> None:
        try:
            workshop.build(spec, is_cancelled=cancel.is_set)
        except BuildCancelled as error:
            caught.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    until(lambda: _at_work(workshop), "the step")
    cancel.set()
    began_s = time.monotonic()
    thread.join(20)
    assert time.monotonic() - began_s < 10.0, "the step would take 300 s"
    assert [str(error) for error in caught] == [f"the build of {spec.key} was cancelled"]
    until(lambda: not _at_work(workshop), "the end of what the step ran")


def _at_work(workshop: Workshop) -> bool:
    """Whether a container runs for this test's build."""
    return any(os.fspath(workshop.folder) in container["Command"] for container in workshop.client.containers(all=True))


def test_a_build_that_takes_too_long_is_ended(workshop: Workshop):
    dockerfile = SHELL + workshop.label + f"RUN sleep 300 # {workshop.folder}\n"
    spec = workshop.function(files={"Dockerfile": dockerfile}, build_timeout_s=1.0)
    with pytest.raises(BuildError, match=r"was ended after 1 s: make it faster, or raise build_timeout"):
        workshop.build(spec)
    until(lambda: not _at_work(workshop), "the end of what the step ran")


def test_the_last_images_are_kept_and_older_ones_removed(workshop: Workshop):
    spec = workshop.function(files=ECHO)
    built = [_version(workshop, number) for number in range(4)]
    assert workshop.ids() == {image.id for image in built}  # all are in use
    for image in built:
        workshop.builder.release(image)
    last = _version(workshop, 4)
    assert workshop.ids() == {built[-1].id, last.id}
    assert workshop.build(spec).id == last.id


def test_an_image_in_use_is_kept_whoever_uses_it(workshop: Workshop):
    others = workshop.another_builder()
    old = _version(workshop, 0)
    theirs = workshop.build(workshop.function(), builder=others)
    assert theirs.id == old.id
    workshop.builder.release(old)
    _release_others(workshop)
    assert old.id in workshop.ids()
    others.release(theirs)
    workshop.builder.release(_version(workshop, 4))
    until(lambda: old.id not in workshop.ids(), "its removal, once nobody uses it")


def test_what_nobody_uses_goes_first_however_new_it_is(workshop: Workshop):
    """A build that a newer save overtook never went live, and rollback needs none of its kind."""
    used = [_version(workshop, number) for number in range(3)]
    overtaken = _version(workshop, 3)
    workshop.builder.release(overtaken)
    assert overtaken.id in workshop.ids(), "the next deploy may find it, if its own has failed"
    used.append(_version(workshop, 4))
    until(lambda: workshop.ids() == {image.id for image in used}, "its removal: more than are kept are in use")


def test_one_that_another_hotdash_is_removing_counts_as_gone(workshop: Workshop):
    shelf = workshop.builder._shelf
    built = [_version(workshop, number) for number in range(3)]
    slot = shelf.slot(workshop.function(), check=nothing_to_check)
    with workshop.another_builder()._shelf.building():  # so nothing is removed yet
        for image in built[:2]:
            workshop.builder.release(image)
        assert workshop.builder.settle(PATIENCE_S)
        lock_fd = take_lock(shelf._oldest_first(slot)[0], shared=False, wait=False)
    assert lock_fd is not None
    assert shelf.prune(slot, check=nothing_to_check)
    assert workshop.ids() == {image.id for image in built}, "two are kept, and the third is going"
    os.close(lock_fd)


def test_each_build_is_a_use_of_its_own(workshop: Workshop):
    old = _version(workshop, 0)
    workshop.build(workshop.function())
    workshop.builder.release(old)
    _release_others(workshop)
    assert old.id in workshop.ids()
    workshop.builder.release(old)
    workshop.builder.release(old)  # once too often does nothing
    workshop.builder.release(_version(workshop, 4))
    until(lambda: old.id not in workshop.ids(), "its removal, once it has no use left")


def test_nothing_is_removed_while_somebody_builds_but_soon_after(workshop: Workshop):
    others = workshop.another_builder()
    with others._shelf.building():
        _release_others(workshop)
        assert len(workshop.ids()) == 3
    until(lambda: len(workshop.ids()) == 2, "the removal, though nobody builds or releases any more")


def test_images_of_others_are_never_touched(workshop: Workshop):
    base = _version(workshop, 0)
    ours = workshop.tags()
    stranger = workshop.another_builder(cache_dir=workshop.folder / "elsewhere")
    theirs = workshop.build(workshop.function(), builder=stranger)
    stranger.close()
    tags = {*(workshop.tags() - ours), "mine:kept"}
    assert (theirs.id, len(tags)) == (base.id, 2)
    workshop.client.tag(base.id, workshop.name("mine"), "kept")
    workshop.builder.release(base)
    _release_others(workshop)
    assert {tag.removeprefix("hotdash/") for tag in workshop.client.inspect_image(base.id)["RepoTags"]} == {
        f"{workshop.name(tag)}" for tag in tags
    }


def _release_others(workshop: Workshop) -> None:
    """Builds three versions, each of which is released at once: more than are kept."""
    for number in range(1, 4):
        workshop.builder.release(_version(workshop, number))


def _version(workshop: Workshop, number: int) -> Image:
    return workshop.build(workshop.function(files={**ECHO, "number": str(number)}))
