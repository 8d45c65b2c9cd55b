"""`Deployer` on a real folder and real processes: save, and it is live; what is broken never takes over."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from deploy_board import says
from real_tools import HTTP, PATIENCE_S, lives, until, write_function

from hotdash import events as ev
from hotdash.redeploy.debouncer import Burst
from hotdash.redeploy.deployer import Deployer
from hotdash.store import Store

if TYPE_CHECKING:
    from hotdash.task import TaskResult

# the first deploy ----------------------------------------------------------------------------------------------------


def test_at_first_all_is_deployed_and_one_broken_function_hinders_no_other(board):
    write_function(board.folder / "a", says("a1"))
    write_function(board.folder / "sub/b", says("b1"), build=["echo building b"])
    write_function(board.folder / "unbuildable", "", build=["echo no; exit 9"])
    write_function(board.folder / "broken", "", memory=1)
    board.start()
    for key in ("a", "b"):
        assert board.live(key, 1).start_s == 0.0, "the first revision needs no proof"
        assert board.call(key).body == f"{key}1".encode()
    assert board.wait(ev.BuildOutput, "b").text == "building b"
    failed = board.wait(ev.BuildFailed, "unbuildable")
    assert "exited with code 9" in failed.reason
    assert failed.log == ("no",)
    assert board.runtime.snapshot().functions.keys() == {"a", "b", "unbuildable"}
    assert board.runtime.snapshot().functions["unbuildable"].state == "failed"
    (notice,) = board.deployer.notices()
    assert notice.startswith(f"{board.folder}/broken/func.yaml:4: memory: found 1, allowed ")


def test_an_empty_folder_takes_its_first_function(board):
    board.start()
    write_function(board.folder / "a", says("a1"))
    board.live("a", 1)
    assert board.call("a").body == b"a1"


# a save --------------------------------------------------------------------------------------------------------------


def test_a_save_is_live_and_no_other_function_is_touched(board, capsys):
    for key in ("a", "b"):
        write_function(board.folder / key, says("1"))
    board.start()
    board.live("a", 1)
    board.live("b", 1)
    mark = board.mark()
    took_s = []
    for revision in range(2, 5):
        board.save("a/func.py", says(f"r{revision}"))
        saved_s = time.monotonic()
        live = board.live("a", revision)
        took_s.append(time.monotonic() - saved_s)
        assert live.start_s > 0
        result = board.call("a")
        assert (result.body, result.revision) == (f"r{revision}".encode(), revision)
    assert {event.function for event in board.events[mark:]} == {"a"}
    with capsys.disabled():
        print(f" [save to live: median {sorted(took_s)[1]:.3f} s, of which 0.1 s are quiet]", end="")


def test_a_broken_build_is_told_and_the_old_goes_on_serving_until_it_is_mended(board):
    write_function(board.folder / "a", says("1"), build=["test -e compiles || { echo 'a.c:3: error'; exit 1; }"])
    (board.folder / "a/compiles").touch()
    board.start()
    board.live("a", 1)
    (board.folder / "a/compiles").unlink()
    failed = board.wait(ev.BuildFailed, "a")
    assert "exited with code 1: a.c:3: error" in failed.reason
    assert failed.log == ("a.c:3: error",)
    assert (board.call("a").body, board.runtime.snapshot().functions["a"].state) == (b"1", "ready")
    board.save("a/func.py", says("2"))
    (board.folder / "a/compiles").touch()
    board.live("a", 2)
    assert board.call("a").body == b"2"


def test_one_that_does_not_start_never_takes_over(board):
    write_function(board.folder / "a", says("1"))
    board.start()
    board.live("a", 1)
    board.save("a/func.py", "raise SystemExit('no such module')")
    failed = board.wait(ev.DeployFailed, "a")
    assert "exited with code 1" in failed.reason
    assert "no such module" in failed.reason
    result = board.call("a")
    assert (result.body, result.revision) == (b"1", 1)
    board.save("a/func.py", says("2"))
    board.live("a", 2)  # a deploy that failed took no number
    assert board.call("a").revision == 2


def test_one_that_dies_at_its_first_call_gives_way_to_what_it_replaced_and_the_record_says_so(board):
    store = Store()
    board.runtime.subscribe(store)
    write_function(board.folder / "a", says("1"))
    board.start()
    image_id = board.live("a", 1).image_id
    board.save("a/func.py", HTTP + "\nfor headers, body in requests():\n    os._exit(7)\n")
    board.live("a", 2)
    assert "exited with code 7" in (board.call("a").error or "")
    live = board.live("a", 3)
    assert (live.image_id, live.origin, live.again) == (image_id, "restored", 1)
    assert (board.call("a").body, board.call("a").revision) == (b"1", 3)
    assert board.runtime.flush_events(PATIENCE_S)
    view = store.snapshot().functions["a"]
    assert [(deploy.revision, str(deploy.step)) for deploy in view.deploys] == [
        *((1, "live"), (2, "probation"), (3, "live"))
    ]
    assert view.fallen is not None
    assert view.deploy_error.startswith(
        f"r2 ended in call {view.fallen.task_id}, before its first answer; what r1 was serves again, as r3: "
    )
    assert (view.code_of, view.on_disk) == (1, 2)
    board.save("a/func.py", says("4"))
    board.live("a", 4)
    (change,) = board.told(ev.DeployStarted, "a")[-1].occasion.changes
    assert (change.path, change.plus, change.minus) == ("func.py", 1, 1), "against what was restored"


def test_what_died_at_its_first_call_is_deployed_again_by_a_key_and_stays_so_that_its_crash_can_be_seen_again(board):
    write_function(board.folder / "a", says("1"))
    board.start()
    board.live("a", 1)
    board.save("a/func.py", HTTP + "\nfor headers, body in requests():\n    os._exit(7)\n")
    image_id = board.live("a", 2).image_id
    board.call("a")
    board.live("a", 3)
    board.deployer.redeploy("a")
    assert board.live("a", 4).image_id == image_id
    for _ in range(2):
        result = board.call("a")
        assert (result.revision, "exited with code 7" in (result.error or "")) == (4, True)
    board.save("a/func.py", says("5"))
    board.live("a", 5)
    assert board.call("a").body == b"5"
    assert len(board.told(ev.DeployFailed, "a")) == 1


def test_touched_or_saved_unchanged_nothing_is_new(board):
    write_function(board.folder / "a", says("1"))
    board.start()
    board.live("a", 1)
    first = board.call("a")
    mark = board.mark()
    os.utime(board.folder / "a/func.py")
    board.save("a/func.py", says("1"))
    unchanged = board.wait(ev.DeployUnchanged, "a", since=mark)
    assert (unchanged.revision, unchanged.limits_changed) == (1, False)
    board.barrier()
    assert board.told(ev.RevisionLive, "a", since=mark) == []
    assert board.told(ev.BuildStarted, "a", since=mark) == []
    assert board.call("a").container_id == first.container_id


def test_back_to_what_was_before_is_a_new_revision_of_the_old_image(board):
    write_function(board.folder / "a", says("1"), build=["echo built"])
    board.start()
    images = [board.live("a", 1).image_id]
    for revision, text in ((2, "2"), (3, "1")):
        board.save("a/func.py", says(text))
        images.append(board.live("a", revision).image_id)
        assert board.call("a").body == text.encode()
    assert images[0] == images[2] != images[1]
    assert len(board.told(ev.BuildOutput, "a")) == 2, "the third was built before"


# function files ------------------------------------------------------------------------------------------------------


def test_a_broken_function_file_keeps_the_last_good_one_and_is_told_and_cleared(board):
    write_function(board.folder / "a", says("1"))
    good = (board.folder / "a/func.yaml").read_text()
    board.start()
    board.live("a", 1)
    board.save("a/func.yaml", good + "memory: 1\n")
    faulty = board.wait(ev.FunctionFaulty, "a")
    assert len(faulty.faults) == 1
    assert faulty.faults[0].startswith(f"{board.folder}/a/func.yaml:4: memory: found 1, allowed ")
    assert board.deployer.notices() == ()
    board.save("a/func.py", says("2"))  # waits until the file is mended
    board.barrier()
    assert board.told(ev.RevisionLive, "a")[-1].revision == 1
    assert len(board.told(ev.FunctionFaulty, "a")) == 1, "told once"
    assert board.call("a").body == b"1"
    mark = board.mark()
    board.save("a/func.yaml", good)
    assert board.wait(ev.FunctionFaulty, "a", since=mark).faults == ()
    board.live("a", 2)
    assert board.call("a").body == b"2"


def test_limits_change_in_place_config_makes_a_revision_without_a_build(board):
    write_function(board.folder / "a", says("1"), build=["echo built"])
    good = (board.folder / "a/func.yaml").read_text()
    board.start()
    image_id = board.live("a", 1).image_id
    board.save("a/func.yaml", good + "max_concurrency: 3\ntimeout: 7\n")
    unchanged = board.wait(ev.DeployUnchanged, "a")
    assert (unchanged.revision, unchanged.limits_changed) == (1, True)
    assert board.told(ev.FunctionChanged, "a")[-1].spec.max_concurrency == 3
    assert len(board.told(ev.BuildStarted, "a")) == 1
    board.save("a/func.yaml", good + "config: {X: 1}\n")
    assert board.live("a", 2).image_id == image_id
    (board.folder / "app.yaml").write_text("config: {Y: 2}\n")
    assert board.live("a", 3).image_id == image_id
    assert len(board.told(ev.BuildOutput, "a")) == 1


@pytest.mark.parametrize("polls", [None, True], ids=["told", "polls"])
def test_the_app_above_a_function_that_is_the_folder_itself_is_followed(board, polls):
    app, key = board.folder.parent / "app.yaml", board.folder.name
    write_function(board.folder, says("1"))
    app.write_text("name: shop\nconfig: {Y: 1}\n")
    board.start(polls=polls)
    board.live(key, 1)
    for revision, text in ((3, "config: {Y: 2}\n"), (5, "name: shop\nconfig: {Y: 4}\n")):
        app.unlink()
        board.live(key, revision - 1)
        (app.parent / "new").write_text(text)
        (app.parent / "new").rename(app)  # as editors save
        board.live(key, revision)
    app.unlink()
    board.live(key, 6)
    apps = [event.spec.app for event in board.told(ev.FunctionChanged, key)]
    assert [name for name, _ in groupby(apps)] == ["shop", key, board.folder.parent.name, key, "shop", key]
    app.write_text("name: [\n")
    assert "app.yaml:" in board.wait(ev.FunctionFaulty, key).faults[0]
    assert board.call(key).body == b"1", "what was live serves on"


def test_functions_come_and_go(board):
    write_function(board.folder / "a", says("a1"))
    board.start()
    board.live("a", 1)
    write_function(board.folder / "sub/b", says("b1"))
    board.live("b", 1)
    assert board.call("b").body == b"b1"
    shutil.rmtree(board.folder / "sub")
    board.wait(ev.FunctionChanged, "b", when=lambda event: event.state == "removed")
    until(lambda: board.runtime.snapshot().functions.keys() == {"a"}, "the end of b")
    mark = board.mark()
    write_function(board.folder / "sub/b", says("b2"))
    board.wait(ev.RevisionLive, "b", since=mark)
    assert (board.call("a").body, board.call("b").body) == (b"a1", b"b2")


def test_a_folder_that_is_renamed_goes_on_as_another_function_or_the_same(board):
    write_function(board.folder / "a", says("1"), name="t/known")
    board.start()
    board.live("known", 1)
    (board.folder / "a").rename(board.folder / "b")
    board.barrier()
    assert board.call("known").body == b"1"
    board.save("b/func.py", says("2"))
    board.live("known", board.told(ev.RevisionLive, "known")[-1].revision + 1)
    assert board.call("known").body == b"2"


def test_a_function_removed_while_it_builds_is_gone(board):
    write_function(board.folder / "a", says("1"))
    board.start()
    board.live("a", 1)
    write_function(board.folder / "b", says("b"), build=["echo $$; sleep 1000"])
    pid = int(board.wait(ev.BuildOutput, "b").text)
    shutil.rmtree(board.folder / "b")
    until(lambda: "b" not in board.runtime.snapshot().functions, "the end of the function")
    until(lambda: not lives(pid), "the end of its build")
    board.barrier()
    assert "b" not in board.runtime.snapshot().functions
    assert board.told(ev.FunctionChanged, "b")[-1].state == "removed", "the last word"


# watching ------------------------------------------------------------------------------------------------------------


def test_with_watching_off_nothing_is_deployed_until_it_is_on_or_asked_for(board):
    for key in ("a", "b"):
        write_function(board.folder / key, says("1"))
    board.start(watch=False)
    board.live("a", 1)
    board.live("b", 1)
    assert not board.deployer.watching
    mark = board.mark()
    for key in ("a", "b"):
        board.save(f"{key}/func.py", says("2"))
    board.deployer.redeploy("a")
    assert board.wait(ev.RevisionLive, "a", since=mark).revision == 2
    assert board.told(ev.BuildStarted, "b", since=mark) == [], "only what was asked for"
    assert board.call("b").body == b"1"
    board.deployer.set_watching(True)
    assert board.deployer.watching
    assert board.live("b", 2)
    assert board.call("b").body == b"2"
    board.deployer.set_watching(False)
    mark = board.mark()
    board.save("a/func.py", says("3"))
    board.deployer.redeploy("b")
    board.wait(ev.DeployUnchanged, "b", since=mark)
    assert board.told(ev.BuildStarted, "a", since=mark) == []


def test_a_redeploy_of_no_function_does_nothing(board):
    board.start()
    board.deployer.redeploy("none")


# many saves ----------------------------------------------------------------------------------------------------------


def test_a_burst_of_saves_makes_two_builds_at_most(board):
    write_function(board.folder / "a", says("0"))
    board.start()
    board.live("a", 1)
    mark = board.mark()
    for i in range(1, 51):
        board.save("a/func.py", says(str(i)))
    until(lambda: board.call("a").body == b"50", "the last save")
    board.barrier()
    assert 1 <= len(board.told(ev.BuildStarted, "a", since=mark)) <= 2


def test_a_long_build_is_cancelled_by_a_newer_save(board):
    write_function(board.folder / "a", says("1"), build=["test ! -e slow || { echo $$; sleep 1000; }"])
    board.start()
    board.live("a", 1)
    (board.folder / "a/slow").touch()
    pid = int(board.wait(ev.BuildOutput, "a").text)
    assert lives(pid)
    assert board.call("a").body == b"1"
    board.save("a/func.py", says("2"))
    (board.folder / "a/slow").unlink()
    board.live("a", 2)
    assert board.call("a").body == b"2"
    assert not lives(pid)
    assert len(board.told(ev.BuildStarted, "a")) == 3


def test_a_first_build_that_a_save_cancels_fails_no_task_that_waits_for_it(board):
    write_function(board.folder / "a", says("1"), build=["test ! -e slow || { echo started; sleep 1000; }"])
    (board.folder / "a/slow").touch()
    board.start()
    board.wait(ev.BuildOutput, "a")
    task = board.runtime.submit("a")
    (board.folder / "a/slow").unlink()
    board.live("a", 1)
    result = task.result(PATIENCE_S)
    assert (result.status, result.body, result.error) == ("success", b"1", None)


def test_a_slow_build_of_one_function_delays_no_other(board):
    write_function(board.folder / "slow", says("s"), build=["echo started; sleep 1000"])
    write_function(board.folder / "a", says("1"))
    board.start()
    board.wait(ev.BuildOutput, "slow")
    board.live("a", 1)
    board.save("a/func.py", says("2"))
    board.live("a", 2)
    assert board.call("a").body == b"2"


def test_ten_saves_under_calls_lose_none_and_none_runs_on_an_older_revision(board):
    write_function(board.folder / "a", says("1"), max_concurrency=2)
    board.start()
    board.live("a", 1)
    done = threading.Event()
    results: list[TaskResult] = []

    def call_without_pause() -> None:
        while not done.is_set():
            tasks = [board.runtime.submit("a") for _ in range(3)]  # so that some always wait
            results.extend(task.result(PATIENCE_S) for task in tasks)

    callers = [threading.Thread(target=call_without_pause) for _ in range(2)]
    for caller in callers:
        caller.start()
    try:
        for revision in range(2, 12):
            board.save("a/func.py", says(str(revision)))
            board.live("a", revision)
            result = board.call("a")
            assert (result.body, result.revision) == (str(revision).encode(), revision)
    finally:
        done.set()
        for caller in callers:
            caller.join(PATIENCE_S)
    assert board.runtime.flush_events(PATIENCE_S)
    assert {(result.status, result.error) for result in results} == {("success", None)}
    assert all(result.body == str(result.revision).encode() for result in results)
    assert {result.revision for result in results} == set(range(1, 12))
    live = 0
    for event in board.events:
        if isinstance(event, ev.RevisionLive):
            assert event.revision == live + 1
            live = event.revision
        elif isinstance(event, ev.TaskStarted):
            assert event.revision == live, "dispatched to an older revision"
    assert [event.seq for event in board.events] == list(range(1, len(board.events) + 1))


# the end -------------------------------------------------------------------------------------------------------------


def test_the_end_in_the_middle_of_builds_is_prompt_and_leaves_nothing(board):
    for i in range(2):
        write_function(board.folder / f"f{i}", "", build=["echo $$; sleep 1000"])
    board.start()
    pids = [int(board.wait(ev.BuildOutput, f"f{i}").text) for i in range(2)]
    began_s = time.monotonic()
    board.runtime.close(1.0)
    board.deployer.close()
    board.deployer.close()
    assert time.monotonic() - began_s < 15.0, "the builds would take 1,000 s"
    until(lambda: not any(map(lives, pids)), "the end of the builds")
    board.deployer.refresh(Burst(paths=frozenset({board.folder})))  # the watcher's last word: nothing
    board.deployer.redeploy("f0")


def test_a_deployer_that_never_started_closes(board):
    board.start(watch=False)
    other = Deployer(runtime=board.runtime, folder=board.folder)
    other.close()


def test_json_files_are_function_files_too(board):
    write_function(board.folder / "a", says("1"))
    board.start()
    board.live("a", 1)
    mark = board.mark()
    (board.folder / "a/func.yaml").unlink()
    (board.folder / "a/func.json").write_text(
        json.dumps({"name": "t/a", "format": "http", "entrypoint": ["python3", "func.py"]})
    )
    board.wait(ev.RevisionLive, "a", since=mark)
    assert board.call("a").body == b"1"
