"""The process driver's images: what they hold, when they are built, when they are removed."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from process_tools import PATIENCE_S, function, lives, never, until

from hotdash.drivers.build_output import CUT_MARK, BuildOutput
from hotdash.drivers.process import ProcessDriver, build
from hotdash.errors import BuildCancelled, BuildError, NeedsDocker, NeedsRuntime


def make(driver, spec, *, is_cancelled=never):
    lines = []
    image = driver.build(spec, on_output=lines.append, is_cancelled=is_cancelled)
    return image, lines


def fail(driver, spec, error=BuildError, *, is_cancelled=never):
    with pytest.raises(error) as caught:
        make(driver, spec, is_cancelled=is_cancelled)
    return caught.value


def images(cache: Path) -> set[str]:
    """The images that a cache holds, drafts too."""
    return {path.name for path in cache.glob("images/*/*") if path.is_dir()}


# what an image is ----------------------------------------------------------------------------------------------------


def test_an_image_is_a_read_only_copy(driver, tmp_path, cache):
    spec = function(tmp_path / "f", files={"lib/a.txt": "a", "run.sh": "#!/bin/sh\n", ".dockerignore": "secret\n"})
    (tmp_path / "f/secret").write_text("x")
    (tmp_path / "f/run.sh").chmod(0o755)
    (tmp_path / "f/lib/link").symlink_to("a.txt")
    image, lines = make(driver, spec)
    assert image.function == "greet"
    assert not image.reused
    assert lines == []
    assert image.entrypoint == ("python3", "func.py")
    assert image.folder.is_relative_to(cache)
    assert (image.folder / "lib/a.txt").read_text() == "a"
    assert os.readlink(image.folder / "lib/link") == "a.txt"  # noqa: PTH115  its text
    assert not (image.folder / "secret").exists()
    assert os.access(image.folder / "run.sh", os.X_OK)
    assert (image.folder / "lib/a.txt").stat().st_nlink == 1, "never a hard link to the source"
    for path in (image.folder, *image.folder.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o222 == 0, path
    for folder in (cache, cache / "images"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_same_content_is_built_once(driver, tmp_path, cache):
    spec = function(tmp_path / "f", build=("echo built",))
    first, lines = make(driver, spec)
    assert lines == ["built"]
    (tmp_path / "f/func.py").touch()
    again, lines = make(driver, spec)
    assert lines == []
    assert again.reused
    assert (again.id, again.folder) == (first.id, first.folder)


def test_an_image_outlives_its_driver(driver, tmp_path, cache, runs):
    spec = function(tmp_path / "f", build=("echo built",))
    first, _ = make(driver, spec)
    later = ProcessDriver(cache_dir=cache, run_parent=runs)
    again, lines = make(later, spec)
    later.close()
    assert (again.id, again.reused, lines) == (first.id, True, [])


@pytest.mark.parametrize("change", ["content", "new file", "executable", "removed"])
def test_a_change_of_sources_is_another_image(driver, tmp_path, change):
    spec = function(tmp_path / "f", files={"data": "1"})
    first, _ = make(driver, spec)
    data = tmp_path / "f/data"
    match change:
        case "content":
            data.write_text("2")
        case "new file":
            (tmp_path / "f/more").touch()
        case "executable":
            data.chmod(0o755)
        case "removed":
            data.unlink()
    second, _ = make(driver, spec)
    assert second.id != first.id
    assert not second.reused


def test_the_build_commands_are_in_the_hash(driver, tmp_path):
    first, _ = make(driver, function(tmp_path / "f", build=("true",)))
    second, _ = make(driver, function(tmp_path / "f", build=("true", "true")))
    third, _ = make(driver, function(tmp_path / "f"))
    assert len({first.id, second.id, third.id}) == 3


def test_config_entrypoint_and_limits_are_not_in_the_hash(driver, tmp_path):
    first, _ = make(driver, function(tmp_path / "f", build=("env",)))
    spec = function(tmp_path / "f", build=("env",), config={"A": "1"}, entrypoint=("cat", "-"), memory_mb=512)
    (tmp_path / "f/func.yaml").write_text("name: greet\nmemory: 512\n")
    second, _ = make(driver, spec)
    assert (second.id, second.reused) == (first.id, True)
    assert second.entrypoint == ("cat", "-")


def test_links_that_lead_out_fail_the_build_by_name(driver, tmp_path, cache):
    spec = function(tmp_path / "f")
    (tmp_path / "f/out").symlink_to("../elsewhere")
    assert "out -> ../elsewhere" in str(fail(driver, spec))
    assert images(cache) == set()


def test_a_fifo_is_skipped_with_a_warning(driver, tmp_path):
    spec = function(tmp_path / "f")
    os.mkfifo(tmp_path / "f/pipe")
    image, lines = make(driver, spec)
    assert lines == ["warning: pipe: skipped, a FIFO cannot be copied"]
    assert not (image.folder / "pipe").exists()


def test_needs_docker_and_needs_runtime_leave_nothing(driver, tmp_path, cache):
    fail(driver, function(tmp_path / "f", image="iron/hello"), NeedsDocker)
    fail(driver, function(tmp_path / "f", image="iron/hello", build=("true",)), NeedsDocker)
    fail(driver, function(tmp_path / "f", entrypoint=("no-such-program-here",), build=("true",)), NeedsRuntime)
    assert images(cache) == set()


def test_a_build_may_make_the_entry_point(driver, tmp_path):
    command = "printf '#!/bin/sh\\n' > made; chmod +x made"
    image, _ = make(driver, function(tmp_path / "f", entrypoint=("./made",), build=(command,)))
    assert image.entrypoint == ("./made",)
    assert os.access(image.folder / "made", os.X_OK)


def test_programs_are_looked_for_where_the_container_will(driver, tmp_path):
    tool = tmp_path / "bin/my-tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    spec = function(tmp_path / "f", entrypoint=("my-tool",), config={"PATH": f"{tool.parent}:/bin"})
    image, _ = make(driver, spec)
    assert image.entrypoint == ("my-tool",)
    fail(driver, function(tmp_path / "f", entrypoint=("my-tool",)), NeedsRuntime)


# the build's commands ------------------------------------------------------------------------------------------------


def test_the_environment_of_a_build_is_exact(driver, tmp_path, runs, monkeypatch):
    monkeypatch.setenv("HOTDASH_TEST_SECRET", "x")
    spec = function(tmp_path / "f", build=("env", "echo > $HOME/a; echo > $TMPDIR/b"), config={"SECRET": "x"})
    _, lines = make(driver, spec)
    environment = dict(line.split("=", 1) for line in lines)
    assert environment.keys() - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "HOME", "TMPDIR", "LANG"}  # the shell's own
    assert Path(environment["HOME"]).is_relative_to(runs)
    assert not Path(environment["HOME"]).exists()


def test_commands_run_in_the_copy_without_stdin_and_may_change_it(driver, tmp_path):
    image, lines = make(driver, function(tmp_path / "f", build=("cat; pwd", "echo made > made; mkdir d; touch d/x")))
    assert lines[0].startswith(str(image.folder.parent))
    assert (image.folder / "made").read_text() == "made\n"
    assert (image.folder / "d").stat().st_mode & 0o222 == 0
    assert not (tmp_path / "f/made").exists()


def test_lines_come_in_order_and_in_any_form(driver, tmp_path):
    commands = (
        r"echo one; echo two >&2; printf 'three\r\n\n'",
        r"printf 'bad \377 byte\n'; printf 'no line feed'",
        "head -c 100000 /dev/zero | tr '\\0' a; echo; echo last",
    )
    _, lines = make(driver, function(tmp_path / "f", build=commands))
    assert lines[:6] == ["one", "two", "three", "", "bad � byte", "no line feed"]
    assert lines[6] == "a" * 65536 + CUT_MARK
    assert lines[7:] == ["last"]


def test_lines_are_handed_on_as_they_come(driver, tmp_path):
    gate = tmp_path / "gate"
    lines = []

    def on_output(line):
        lines.append(line)
        gate.touch()

    spec = function(tmp_path / "f", build=(f"echo first; until test -e {gate}; do sleep 0.01; done; echo second",))
    driver.build(spec, on_output=on_output, is_cancelled=never)
    assert lines == ["first", "second"]


def test_output_split_anywhere_gives_the_same_lines():
    data = "ä\r\nb\n\nlast".encode()
    for size in range(1, len(data) + 1):
        lines = []
        output = BuildOutput(lines.append)
        for at in range(0, len(data), size):
            output.feed(data[at : at + size])
        output.flush()
        assert lines == ["ä", "b", "", "last"]
        assert output.log == tuple(lines)


def test_a_failing_command_is_named_with_its_code_and_last_line(driver, tmp_path, cache):
    spec = function(tmp_path / "f", build=("echo fine", "echo why; echo; exit 3", "echo never"))
    error = fail(driver, spec)
    assert str(error) == "greet: build command 2 of 3, `echo why; echo; exit 3`, exited with code 3: why"
    assert error.log == ("fine", "why", "")
    assert images(cache) == set(), "nothing is left"


def test_the_shell_ends_at_the_first_failing_line(driver, tmp_path):
    error = fail(driver, function(tmp_path / "f", build=("false\necho never",)))
    assert error.log == ()
    assert "exited with code 1: it printed nothing" in str(error)


def test_a_command_killed_by_a_signal_names_it(driver, tmp_path):
    assert "was killed by SIGKILL" in str(fail(driver, function(tmp_path / "f", build=("kill -9 $$",))))


def test_the_next_build_after_a_failure_builds(driver, tmp_path):
    gate = tmp_path / "gate"
    spec = function(tmp_path / "f", build=(f"test -e {gate}",))
    fail(driver, spec)
    gate.touch()
    image, _ = make(driver, spec)
    assert not image.reused


def test_the_timeout_ends_all_that_was_started(driver, tmp_path, cache):
    command = "sleep 1000 & echo $!; wait"
    error = fail(driver, function(tmp_path / "f", build=("true", command), build_timeout_s=0.2))
    assert "build command 2 of 2" in str(error)
    assert "was ended after 0.2 s" in str(error)
    assert images(cache) == set()
    until(lambda: not lives(int(error.log[0])))


def test_cancelling_ends_the_build_soon(driver, tmp_path, cache):
    cancelled = threading.Event()
    lines = []

    def on_output(line):
        lines.append(line)
        cancelled.set()

    spec = function(tmp_path / "f", build=("sleep 1000 & echo $!; wait",))
    before_s = time.monotonic()
    with pytest.raises(BuildCancelled) as caught:
        driver.build(spec, on_output=on_output, is_cancelled=cancelled.is_set)
    assert time.monotonic() - before_s < PATIENCE_S / 2
    assert caught.value.log == tuple(lines)
    assert images(cache) == set()
    until(lambda: not lives(int(lines[0])))


def test_cancelling_ends_a_build_that_floods(driver, tmp_path):
    cancelled = threading.Event()
    spec = function(tmp_path / "f", build=("yes",))
    with pytest.raises(BuildCancelled):
        driver.build(spec, on_output=lambda line: cancelled.set(), is_cancelled=cancelled.is_set)


def test_what_a_command_left_behind_does_not_hold_up_the_build(driver, tmp_path):
    _, lines = make(driver, function(tmp_path / "f", build=("sleep 1000 & echo $!", "echo next")))
    assert lines[1] == "next"
    until(lambda: not lives(int(lines[0])))


def test_a_listener_that_raises_ends_the_build_and_leaves_nothing(driver, tmp_path, cache):
    def on_output(line):
        raise KeyError(line)

    with pytest.raises(KeyError):
        driver.build(function(tmp_path / "f", build=("echo x; sleep 1000",)), on_output=on_output, is_cancelled=never)
    assert images(cache) == set()


def test_a_full_disk_is_told(driver, tmp_path, cache, monkeypatch):
    def no_room(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(cache))

    monkeypatch.setattr(build, "_make_read_only", no_room)
    assert "the disk is full" in str(fail(driver, function(tmp_path / "f")))
    assert images(cache) == set()


def test_a_closed_driver_builds_nothing(driver, tmp_path):
    driver.close()
    assert "is closed" in str(fail(driver, function(tmp_path / "f")))


# the cache -----------------------------------------------------------------------------------------------------------


def versions(driver, folder: Path, numbers) -> list[str]:
    return [make(driver, function(folder, files={"data": str(number)}))[0].folder.name for number in numbers]


def test_the_last_three_are_kept(tmp_path, cache, runs):
    ids = []
    for number in range(5):
        driver = ProcessDriver(cache_dir=cache, run_parent=runs)
        ids += versions(driver, tmp_path / "f", [number])
        driver.close()
    assert images(cache) == set(ids[2:])
    assert len(list(cache.glob("images/*/[0-9a-f]*.lock"))) == 3


def test_use_counts_and_not_age(tmp_path, cache, runs):
    ids = []
    for number in (0, 1, 2, 0, 3):
        driver = ProcessDriver(cache_dir=cache, run_parent=runs)
        ids += versions(driver, tmp_path / "f", [number])
        driver.close()
    assert images(cache) == {ids[0], ids[2], ids[4]}


def test_images_of_other_functions_stay(tmp_path, cache, runs):
    driver = ProcessDriver(cache_dir=cache, run_parent=runs)
    other = versions(driver, tmp_path / "other", "a")
    driver.close()
    for number in range(4):
        driver = ProcessDriver(cache_dir=cache, run_parent=runs)
        versions(driver, tmp_path / "f", [number])
        driver.close()
    assert set(other) < images(cache)
    assert all(path.name.startswith("greet-") for path in (cache / "images").iterdir())


def test_images_in_use_stay_until_they_are_released(driver, tmp_path, cache):
    made = [make(driver, function(tmp_path / "f", files={"data": str(number)}))[0] for number in range(5)]
    assert images(cache) == {image.folder.name for image in made}
    for image in made[:3]:
        driver.release(image)
        driver.release(image)
    versions(driver, tmp_path / "f", [5])
    assert {image.folder.name for image in made[3:]} < images(cache)
    assert len(images(cache)) == 3


def test_what_nobody_uses_goes_first_however_new_it_is(driver, tmp_path, cache):
    """A build that a newer save overtook never went live, and rollback needs none of its kind."""
    used = versions(driver, tmp_path / "f", range(4))
    driver.release(make(driver, function(tmp_path / "f", files={"data": "overtaken"}))[0])
    newest = versions(driver, tmp_path / "f", [4])
    assert images(cache) == {*used, *newest}


def locks_held(cache: Path) -> int:
    """How many images' locks this process holds."""
    targets = []
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one of this listing
            targets.append(str(fd.readlink()))
    return sum(target.startswith(f"{cache}/") for target in targets)


def test_an_image_stays_until_as_many_uses_are_given_back_as_were_handed_out(driver, tmp_path, cache):
    spec = function(tmp_path / "f", files={"data": "0"})
    (first, _), (second, _) = make(driver, spec), make(driver, spec)
    assert first.folder == second.folder
    assert locks_held(cache) == 1
    driver.release(first)
    versions(driver, tmp_path / "f", range(1, 5))
    assert first.folder.name in images(cache), "it has a use yet"
    before = locks_held(cache)
    driver.release(second)
    assert locks_held(cache) == before - 1
    versions(driver, tmp_path / "f", [5])
    assert first.folder.name not in images(cache)


def test_a_build_that_fails_on_an_image_that_is_there_keeps_no_use_of_it(driver, tmp_path, cache):
    driver.release(make(driver, function(tmp_path / "f", build=("true",)))[0])
    assert locks_held(cache) == 0
    fail(driver, function(tmp_path / "f", build=("true",), entrypoint=("./no-such-program",)))
    assert locks_held(cache) == 0


IN_USE = """
import sys
from pathlib import Path
from hotdash.drivers.process import ProcessDriver
from hotdash.functions.spec import FunctionSpec
folder, cache = Path(sys.argv[1]), Path(sys.argv[2])
driver = ProcessDriver(cache_dir=cache)
spec = FunctionSpec(name="iron/greet", folder=folder, file=folder / "func.yaml", build=tuple(sys.argv[3:]))
image = driver.build(spec, on_output=lambda line: print(line, flush=True), is_cancelled=lambda: False)
print(image.folder.name, flush=True)
sys.stdin.read()
"""


def other_hotdash(folder: Path, cache: Path, *commands: str) -> subprocess.Popen[str]:
    args = [sys.executable, "-c", IN_USE, str(folder), str(cache), *commands]
    return subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_an_image_that_another_hotdash_uses_stays_until_it_dies(tmp_path, cache, runs):
    function(tmp_path / "f")
    other = other_hotdash(tmp_path / "f", cache)
    used = other.stdout.readline().strip()
    for number in range(4):
        driver = ProcessDriver(cache_dir=cache, run_parent=runs)
        versions(driver, tmp_path / "f", [number])
        driver.close()
    assert used in images(cache)
    other.kill()
    other.communicate()
    driver = ProcessDriver(cache_dir=cache, run_parent=runs)
    versions(driver, tmp_path / "f", [9])
    driver.close()
    assert used not in images(cache)


def test_what_a_dead_build_left_is_removed_by_the_next(driver, tmp_path, cache):
    spec = function(tmp_path / "f")
    other = other_hotdash(tmp_path / "f", cache, "echo $$; sleep 1000")
    shell = int(other.stdout.readline())
    assert [name[:4] for name in images(cache)] == ["tmp-"]
    make(driver, spec)
    assert len(images(cache)) == 2, "a living build's draft stays"
    other.kill()
    other.communicate()
    until(lambda: not lives(shell))
    versions(driver, tmp_path / "f", [1])
    assert not any(name.startswith("tmp-") for name in images(cache))
    assert not list(cache.glob("images/*/tmp-*"))


def test_two_builds_of_the_same_content_at_once_both_succeed(tmp_path, cache, runs):
    spec = function(tmp_path / "f", build=("echo x; sleep 0.05",))
    drivers = [ProcessDriver(cache_dir=cache, run_parent=runs) for _ in range(2)]
    made = []
    threads = [
        threading.Thread(target=lambda driver=driver: made.append(make(driver, spec)[0]))
        for driver in drivers
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6
    assert len({(image.id, image.folder) for image in made}) == 1
    assert [image.reused for image in made].count(False) == 1
    assert images(cache) == {made[0].folder.name}
    for driver in drivers:
        driver.close()


def test_a_cache_emptied_by_hand_is_built_again(driver, tmp_path, cache):
    first, _ = make(driver, function(tmp_path / "f"))
    for path in sorted(cache.rglob("*"), reverse=True):
        path.parent.chmod(0o700)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    second, _ = make(driver, function(tmp_path / "f"))
    assert second.id == first.id
    assert not second.reused
    assert (second.folder / "func.py").exists()


def test_a_source_that_changes_while_it_is_copied_is_named_by_what_was_copied(driver, tmp_path, monkeypatch):
    spec = function(tmp_path / "f", files={"data": "1"})
    copy = build._copy

    def change_then_copy(*args, **kwargs):
        (tmp_path / "f/data").write_text("2")
        copy(*args, **kwargs)

    monkeypatch.setattr(build, "_copy", change_then_copy)
    changed, _ = make(driver, spec)
    monkeypatch.undo()
    again, _ = make(driver, spec)
    assert (again.id, again.reused) == (changed.id, True)
    assert (again.folder / "data").read_text() == "2"
