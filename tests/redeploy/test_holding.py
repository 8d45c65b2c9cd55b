"""Pause and manual, of all functions and of one: changes are counted and listed, and applied when asked for."""

from __future__ import annotations

import shutil
from contextlib import ExitStack

import pytest
from deploy_board import Board, says
from real_tools import lives, until, write_function

from hotdash import events as ev


@pytest.fixture
def paused(board):
    """Two functions, live, and nothing is deployed by itself."""
    for key in ("a", "b"):
        write_function(board.folder / key, says("1"))
    board.start(watch=False)
    for key in ("a", "b"):
        board.live(key, 1)
    assert not board.deployer.watching
    return board


def waits(board, key: str, *paths: str) -> None:
    """Waits until just these changes of a function are told to wait."""
    board.wait(ev.ChangesWait, key, when=lambda event: event.paths == paths and event.count == len(paths))


def test_changes_are_counted_and_listed_and_d_applies_those_of_one_function(paused):
    board = paused
    board.save("a/func.py", says("2"))
    waits(board, "a", "func.py")
    board.save("a/lib.py", "")
    waits(board, "a", "func.py", "lib.py")
    board.save("a/lib.py", "# again")
    board.save("b/func.py", says("2"))
    waits(board, "b", "func.py")
    mark = board.mark()
    board.deployer.redeploy("a")
    assert board.wait(ev.RevisionLive, "a", since=mark).revision == 2
    assert board.wait(ev.ChangesWait, "a", since=mark).count == 0
    assert board.told(ev.BuildStarted, "b", since=mark) == [], "only what was asked for"
    assert (board.call("a").body, board.call("b").body) == (b"2", b"1")


def test_resuming_applies_what_waits_and_builds_nothing_else(paused):
    board = paused
    board.save("b/func.py", says("2"))
    waits(board, "b", "func.py")
    mark = board.mark()
    board.deployer.set_watching(True)
    assert board.deployer.watching
    board.live("b", 2)
    assert board.wait(ev.ChangesWait, "b", since=mark).count == 0
    board.save("a/func.py", says("2"))
    board.live("a", 2)
    assert len(board.told(ev.BuildStarted, "a", since=mark)) == 1, "the save's own"


def test_settings_functions_that_come_and_those_that_go_wait_too(paused):
    board = paused
    board.save("a/func.yaml", (board.folder / "a/func.yaml").read_text() + "config: {X: 1}\n")
    waits(board, "a", "func.yaml")
    write_function(board.folder / "new", says("n"))
    shutil.rmtree(board.folder / "b")
    until(lambda: len(board.deployer.notices()) == 2, "both notices")
    come, gone = board.deployer.notices()
    assert come == "not watching: new would appear; w deploys what waits"
    assert gone == "not watching: b would go; w deploys what waits"
    assert board.call("b").body == b"1"
    board.deployer.set_watching(True)
    board.live("new", 1)
    board.live("a", 2)
    until(lambda: "b" not in board.runtime.snapshot().functions, "the end of b")
    until(lambda: board.deployer.notices() == (), "the end of the notices")


def test_d_on_a_function_whose_folder_is_gone_lets_it_go(paused):
    board = paused
    shutil.rmtree(board.folder / "b")
    board.deployer.redeploy("b")
    until(lambda: "b" not in board.runtime.snapshot().functions, "the end of b")
    assert board.call("a").body == b"1"


def test_a_broken_function_file_is_told_though_nothing_is_deployed(paused):
    board = paused
    board.save("a/func.yaml", "name: t/a\nmemory: 1\n")
    assert "memory: found 1" in board.wait(ev.FunctionFaulty, "a").faults[0]


def test_one_function_is_held_back_while_others_go_live(board):
    for key in ("a", "b"):
        write_function(board.folder / key, says("1"))
    board.start()
    for key in ("a", "b"):
        board.live(key, 1)
    board.deployer.set_held("a", True)
    assert board.wait(ev.ChangesWait, "a").held
    board.save("a/func.py", says("2"))
    waits(board, "a", "func.py")
    board.save("b/func.py", says("2"))
    board.live("b", 2)
    board.deployer.set_watching(False)
    board.deployer.set_watching(True)
    board.save("b/func.py", says("3"))
    board.live("b", 3)
    assert board.call("a").body == b"1", "it is held back by itself"
    mark = board.mark()
    board.deployer.set_held("a", False)
    board.live("a", 2)
    told = board.told(ev.ChangesWait, "a", since=mark)
    assert (told[-1].held, told[-1].count) == (False, 0)


def test_no_function_of_that_name_can_be_held_back(paused):
    board = paused
    mark = board.mark()
    board.deployer.set_held("none", True)
    board.deployer.redeploy("none")
    board.deployer.redeploy("a")
    board.wait(ev.DeployUnchanged, "a", since=mark)
    assert board.told(ev.ChangesWait, "none") == []


# rollback ------------------------------------------------------------------------------------------------------------


def test_a_rollback_is_live_without_a_build_and_the_next_save_is_told_against_it(board):
    write_function(board.folder / "a", says("1"), build=["echo built"])
    board.start()
    images = [board.live("a", 1).image_id]
    board.save("a/func.py", says("2") + "# more\n")
    board.live("a", 2)
    mark = board.mark()
    board.deployer.rollback("a")
    live = board.live("a", 3)
    assert (live.image_id, live.origin, live.again, live.kept) == (images[0], "rollback", 1, (1, 2))
    assert board.told(ev.BuildStarted, "a", since=mark) == []
    assert board.wait(ev.RollbackStarted, "a").revision == 1
    assert board.call("a").body == b"1"
    board.save("a/func.py", says("1") + "# one\n")
    board.live("a", 4)
    (change,) = board.told(ev.DeployStarted, "a", since=mark)[0].occasion.changes
    assert (change.path, change.plus, change.minus) == ("func.py", 1, 0), "what differs from what served"


def test_a_rollback_ends_the_deploy_under_way_and_its_changes_wait(board):
    write_function(board.folder / "a", says("1"), build=["test ! -e slow || { echo started; sleep 1000; }"])
    board.start()
    board.live("a", 1)
    board.save("a/func.py", says("2"))
    board.live("a", 2)
    mark = board.mark()
    (board.folder / "a/slow").touch()
    board.wait(ev.BuildOutput, "a", since=mark)
    board.deployer.rollback("a", 1)
    board.live("a", 3)
    assert board.call("a").body == b"1"
    waits(board, "a", "slow")
    assert [type(event).__name__ for event in board.events[mark:] if "Build" in type(event).__name__] == [
        *("BuildStarted", "BuildStep", "BuildStep", "BuildOutput", "BuildCancelled")
    ]
    (board.folder / "a/slow").unlink()
    board.deployer.redeploy("a")
    assert board.wait(ev.RevisionLive, "a", when=lambda event: event.revision == 4).kept == (1, 2, 3)
    assert board.call("a").body == b"2"


def hangs(board) -> int:
    """A save whose start hangs; returns the pid that hangs."""
    pid = board.folder.parent / "pid"
    board.save(
        "a/func.py", f"import os, time\nopen({str(pid)!r}, 'w').write(f'{{os.getpid()}}\\n')\nwhile True: pass\n"
    )
    until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the start that hangs")
    return int(pid.read_text())


@pytest.mark.parametrize("way", ["a save", "a rollback"])
def test_a_start_that_hangs_gives_way_to_what_is_newer(board, way):
    write_function(board.folder / "a", says("1"), init_timeout=600)
    board.start()
    board.live("a", 1)
    board.save("a/func.py", says("2"))
    board.live("a", 2)
    pid = hangs(board)
    assert board.call("a").body == b"2"
    if way == "a save":
        board.save("a/func.py", says("3"))
    else:
        board.deployer.rollback("a", 1)
    board.live("a", 3)
    assert board.call("a").body == (b"3" if way == "a save" else b"1")
    assert len(board.told(ev.BuildCancelled, "a")) == 1
    assert board.told(ev.DeployFailed, "a") == []
    until(lambda: not lives(pid), "the end of the start that hung")


def test_a_rollback_to_what_is_not_kept_changes_nothing(board):
    write_function(board.folder / "a", says("1"))
    board.start()
    board.live("a", 1)
    board.deployer.rollback("a", 7)
    board.deployer.rollback("none")
    board.barrier()
    assert board.told(ev.RollbackStarted, "a") == []
    assert (board.call("a").body, board.call("a").revision) == (b"1", 1)


# builds side by side -------------------------------------------------------------------------------------------------


def test_builds_with_commands_take_a_core_each_and_one_without_waits_for_none(tmp_path):
    go = tmp_path / "go"
    with ExitStack() as stack:
        board = Board(tmp_path, stack, builds_at_once=1)
        for key in ("a", "b"):
            write_function(board.folder / key, says(key), build=[f"echo on; until test -e {go}; do sleep 0.02; done"])
        write_function(board.folder / "plain", says("p"))

        def begun() -> list[str]:
            return [key for key in ("a", "b") if board.told(ev.BuildOutput, key)]

        board.start()
        board.live("plain", 1)
        until(begun, "the first of the builds")
        board.save("plain/func.py", says("p2"))
        board.live("plain", 2)
        first, *others = begun()
        assert not others, "one core, one build"
        go.touch()
        for key in ("a", "b"):
            board.live(key, 1)
        outputs = [event.function for event in board.events if isinstance(event, ev.BuildOutput)]
        assert outputs == [first, "b" if first == "a" else "a"]


def test_a_build_that_waits_for_a_core_can_be_cancelled(tmp_path):
    with ExitStack() as stack:
        board = Board(tmp_path, stack, builds_at_once=1)
        write_function(board.folder / "a", says("a"), build=["echo on; sleep 1000"])
        board.start()
        board.wait(ev.BuildOutput, "a")
        write_function(board.folder / "b", says("b"), build=["true"])
        board.wait(ev.DeployStarted, "b")
        board.save("b/func.py", says("b2"))
        board.wait(ev.BuildCancelled, "b")
        board.save("a/func.yaml", (board.folder / "a/func.yaml").read_text().replace("sleep 1000", "true"))
        for key in ("a", "b"):
            board.live(key, 1)
        assert board.call("b").body == b"b2"


def test_a_file_that_is_gone_again_and_an_edit_undone_wait_no_more(paused):
    board = paused
    source = (board.folder / "a/func.py").read_text()
    board.save("a/func.py", says("2"))
    waits(board, "a", "func.py")
    (board.folder / "a/sedheVtBT").touch()  # as `sed -i` names what it writes, and then renames
    waits(board, "a", "func.py", "sedheVtBT")
    mark = board.mark()
    (board.folder / "a/sedheVtBT").replace(board.folder / "a/func.py")
    board.wait(ev.ChangesWait, "a", since=mark, when=lambda event: event.paths == ("func.py",))
    board.save("a/func.py", source)
    board.wait(ev.ChangesWait, "a", since=mark, when=lambda event: event.count == 0)
    mark = board.mark()
    (board.folder / "a/func.py").unlink()
    gone = board.wait(ev.ChangesWait, "a", since=mark)
    assert (gone.paths, gone.count) == (("func.py",), 1), "a source that is gone is a change"
