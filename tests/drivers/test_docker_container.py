"""What is the docker driver's alone: how ends are told, what its containers get, and what it does when cut off."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from docker_parts import BUSYBOX
from real_tools import PATIENCE_S, until

from hotdash.drivers.base import Exit
from hotdash.drivers.docker import channel
from hotdash.drivers.docker.exits import exit_of, exit_of_code
from hotdash.drivers.docker.processes import is_of_container, program_of
from hotdash.errors import StartError

if TYPE_CHECKING:
    from docker_parts import DockerYard

LIMIT_BYTES = 64 * 2**20


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (0, Exit(code=0)),
        (3, Exit(code=3)),
        (128, Exit(code=128)),
        (137, Exit(signal="SIGKILL")),
        (139, Exit(signal="SIGSEGV")),
        (143, Exit(signal="SIGTERM")),
        (255, Exit(code=255)),
    ],
)
def test_a_code_above_128_is_a_signal_where_there_is_one(code, end):
    assert exit_of_code(code) == end


@pytest.mark.parametrize(
    ("state", "was_killed", "said"),
    [
        ({"ExitCode": 137, "OOMKilled": True}, False, "ran out of memory (its limit is 64 MB)"),
        ({"ExitCode": 1, "OOMKilled": True}, False, "ran out of memory (its limit is 64 MB)"),
        ({"ExitCode": 137, "OOMKilled": True}, True, "was killed by SIGKILL"),
        ({"ExitCode": 0, "OOMKilled": True}, False, "exited with code 0"),
        ({"ExitCode": 128, "Error": "no such device"}, False, "could not be run: no such device"),
    ],
)
def test_what_the_engine_says_of_an_end_is_told_in_words(state, was_killed, said):
    assert str(exit_of(state, limit_bytes=LIMIT_BYTES, was_killed=was_killed)) == said


def test_it_gets_what_its_function_says_and_nothing_of_hotdash(yard: DockerYard):
    ended = yard.run("env", image=BUSYBOX, environment={"REGION": "here"})
    environment = dict(line.split("=", 1) for line in ended.stdout.splitlines())
    assert environment.pop("HOSTNAME")
    assert environment.pop("PATH") not in {"", os.environ["PATH"]}, "its image's"
    assert environment == {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "REGION": "here"}


def test_its_labels_name_its_function_revision_and_owner(yard: DockerYard):
    container = yard.start("sleep", "60", image=BUSYBOX, revision=7)
    labels = yard.inspect(container)["Config"]["Labels"]
    container.close()
    given = {name.removeprefix("hotdash."): value for name, value in labels.items()}
    assert given.keys() == {"owner", "machine", "user", "lock", "function", "revision", "container"}
    assert (given["function"], given["revision"], given["container"]) == ("f", "7", container.id)


def test_a_program_that_is_not_there_says_so_on_stderr(yard: DockerYard):
    ended = yard.run("no-such-program", image=BUSYBOX)
    assert ended.exit == Exit(code=127)
    assert "no-such-program" in ended.stderr


def test_an_image_that_is_gone_is_named_with_the_remedy(yard: DockerYard):
    with pytest.raises(StartError, match=r"c-000001 could not be started: its image is gone: deploy .* again"):
        yard.start("true", image="hotdash-tests/none:1")


def test_what_floods_stdout_while_nobody_asks_is_cut_off_and_killed(yard: DockerYard, monkeypatch):
    monkeypatch.setattr(channel, "STUCK_S", 0.05)
    container = yard.start("yes", image=BUSYBOX)
    assert container.wait_stderr() is False
    end = container.wait(PATIENCE_S)
    assert str(end) == "was cut off since it wrote more to stdout than anybody had asked for, and killed"
    container.close()


def test_nothing_can_be_started_once_the_driver_is_closed(yard: DockerYard):
    yard.driver.close()
    with pytest.raises(StartError, match="is closed"):
        yard.start("true", image=BUSYBOX)
    yard.driver.close()


def test_its_own_process_is_found_on_this_machine_and_no_other_is_taken_for_it(yard: DockerYard):
    container = yard.start("cat", image=BUSYBOX)
    pid = yard.inspect(container)["State"]["Pid"]
    if not is_of_container(pid, container.engine_id):
        pytest.skip("the engine runs on another machine")
    until(lambda: program_of(pid) is not None, "the program below the engine's init")
    until(container.waits_for_input, "blocked reading stdin")
    assert not is_of_container(os.getpid(), container.engine_id)
    assert not is_of_container(2**22 + 1, container.engine_id)
    container.close()
    assert program_of(2**22 + 1) is None
    assert not container.waits_for_input()
