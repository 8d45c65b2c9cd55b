"""Saves as editors and tools make them: each is seen, each goes live, none is built twice over or touches another."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from deploy_board import says
from editors import EDITORS
from real_tools import PATIENCE_S, until, write_function

from hotdash import events as ev
from hotdash.redeploy.watcher import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.redeploy.debouncer import Burst

FILES = 500


@pytest.mark.parametrize("polls", [False, True], ids=["told", "polled"])
@pytest.mark.parametrize("save", EDITORS.values(), ids=EDITORS)
def test_every_save_of_every_editor_is_seen_and_nothing_of_its_own_files(tmp_path, save, polls):
    root = tmp_path.resolve()
    (root / "a").mkdir()
    file = root / "a/func.py"
    file.write_text("old\n")
    bursts: queue.Queue[Burst] = queue.Queue()
    errors: queue.Queue[str] = queue.Queue()
    watcher = Watcher(root=root, on_change=bursts.put, on_error=errors.put, polls=polls, poll_ms=20)
    watcher.start()
    try:
        assert watcher.wait_ready(PATIENCE_S)
        for text in ("one\n", "two\n", "six\n"):
            save(file, text)
            assert file.read_text() == text
            seen: set[Path] = set()
            while file not in seen:
                seen |= bursts.get(timeout=PATIENCE_S).paths
            assert {path.name for path in seen} <= {"func.py"} | {path.name for path in seen if "sed" in path.name}
    finally:
        assert watcher.stop(PATIENCE_S)
    assert errors.empty()


def test_every_editors_save_is_live_and_no_other_function_is_built(board):
    for key in ("a", "b"):
        write_function(board.folder / key, says("0"))
    board.start()
    for key in ("a", "b"):
        board.live(key, 1)
    mark = board.mark()
    for number, save in enumerate(EDITORS.values(), start=1):
        save(board.folder / "a/func.py", says(str(number)))
        until(lambda: board.call("a").body == str(number).encode(), "the save, live")  # noqa: B023
    board.barrier()
    assert board.told(ev.DeployStarted, "b", since=mark) == []
    assert len(board.told(ev.BuildStarted, "a", since=mark)) <= 2 * len(EDITORS)
    assert board.told(ev.BuildFailed, "a") == []


def git(folder: Path, *args: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, env=environment)


def test_a_checkout_of_another_branch_with_many_files_is_two_builds_at_most(board):
    for key in ("a", "b"):
        write_function(board.folder / key, says("main"))
    git(board.folder, "init")
    git(board.folder, "add", "-A")
    git(board.folder, "commit", "-m", "main")
    git(board.folder, "checkout", "-b", "other")
    for number in range(FILES):
        (board.folder / f"a/data{number}.txt").write_text(f"{number}\n")
    (board.folder / "a/func.py").write_text(says("other"))
    git(board.folder, "add", "-A")
    git(board.folder, "commit", "-m", "other")
    git(board.folder, "checkout", "main")
    board.start()
    for key in ("a", "b"):
        board.live(key, 1)
    for branch in ("other", "main"):
        mark = board.mark()
        git(board.folder, "checkout", branch)
        until(lambda: board.call("a").body == branch.encode(), f"{branch}, live")  # noqa: B023
        board.barrier()
        started = board.told(ev.DeployStarted, "a", since=mark)
        assert 1 <= len(started) <= 2
        assert max(build.occasion.changed for build in started) == FILES + 1
        assert board.told(ev.DeployStarted, "b", since=mark) == []
        assert board.told(ev.BuildFailed, "a", since=mark) == []


def test_what_dockerignore_names_is_never_built_and_its_exceptions_are(board):
    write_function(board.folder / "a", says("1"))
    (board.folder / "a/.dockerignore").write_text("*.log\n!keep.log\nout\n")
    board.start()
    board.live("a", 1)
    mark = board.mark()
    (board.folder / "a/out").mkdir()
    for name in ("x.log", "out/generated.txt"):
        (board.folder / "a" / name).write_text("noise")
    board.barrier()
    assert board.told(ev.DeployStarted, "a", since=mark) == []
    (board.folder / "a/keep.log").write_text("signal")
    board.live("a", 2)
    board.save("a/.dockerignore", "out\n")  # x.log counts from now on
    board.live("a", 3)


def test_a_build_that_writes_into_the_sources_makes_no_loop(board):
    write_function(board.folder / "a", says("1"), build=[f"date +%N >> {board.folder}/a/stamp.log"])
    (board.folder / "a/.dockerignore").write_text("*.log\n")
    board.start()
    board.live("a", 1)
    board.barrier()
    assert len(board.told(ev.DeployStarted, "a")) == 1


def test_a_link_that_points_elsewhere_now_is_a_change_and_so_is_what_it_points_to(board):
    write_function(board.folder / "a", says("1").replace("b'1'", "open('link').read().encode()"))
    for name in ("one", "two"):
        (board.folder / f"a/{name}").write_text(name)
    (board.folder / "a/link").symlink_to("one")
    board.start()
    board.live("a", 1)
    assert board.call("a").body == b"one"
    (board.folder / "a/new").symlink_to("two")
    (board.folder / "a/new").replace(board.folder / "a/link")
    until(lambda: board.call("a").body == b"two", "the other target")
    (board.folder / "a/two").write_text("three")
    until(lambda: board.call("a").body == b"three", "the target's new text")


# folders that come and go --------------------------------------------------------------------------------------------


def nameless(folder: Path, text: str) -> None:
    """A function that is known by its folder's name."""
    write_function(folder, says(text))
    file = folder / "func.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "name:" not in line))


@pytest.mark.parametrize(("old", "new"), [("a", "z"), ("sub/a", "sub/z")])
def test_a_renamed_folder_is_a_function_that_goes_and_one_that_comes(board, old, new):
    nameless(board.folder / old, "1")
    board.start()
    board.live("a", 1)
    (board.folder / old).rename(board.folder / new)
    board.live("z", 1)
    until(lambda: board.runtime.snapshot().functions.keys() == {"z"}, "the end of the old one")
    assert board.call("z").body == b"1"
    (board.folder / new).rename(board.folder / old)
    until(lambda: board.runtime.snapshot().functions.keys() == {"a"}, "the way back")


def test_a_folder_above_functions_is_renamed_and_removed(board):
    for key in ("a", "b"):
        nameless(board.folder / "sub" / key, key)
    board.start()
    for key in ("a", "b"):
        board.live(key, 1)
    (board.folder / "sub").rename(board.folder / "other")
    board.save("other/a/func.py", says("a2"))
    until(lambda: board.call("a").body == b"a2", "the save in the renamed folder")
    shutil.rmtree(board.folder / "other")
    until(lambda: not board.runtime.snapshot().functions, "the end of both")


def test_a_removed_function_ends_its_task_before_it_goes(board):
    text = says("done").replace("    answer", "    open(body.decode(), 'w').close()\n    time.sleep(0.5)\n    answer")
    write_function(board.folder / "a", text)
    board.start()
    board.live("a", 1)
    begun = board.folder.parent / "begun"
    task = board.runtime.submit("a", str(begun).encode())
    until(begun.exists, "the task's beginning")
    shutil.rmtree(board.folder / "a")
    result = task.result(PATIENCE_S)
    assert (result.status, result.body) == ("success", b"done")
    until(lambda: not board.runtime.snapshot().functions, "the end of the function")


def test_polling_deploys_as_watching_does(board):
    write_function(board.folder / "a", says("1"))
    board.start(polls=True)
    board.live("a", 1)
    board.save("a/func.py", says("2"))
    board.live("a", 2)
    write_function(board.folder / "b", says("b"))
    board.live("b", 1)
    shutil.rmtree(board.folder / "a")
    until(lambda: board.runtime.snapshot().functions.keys() == {"b"}, "the end of a")
