"""What only the process driver's containers do: environment, groups, folders, and why one does not start."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import threading
from pathlib import Path

import pytest
from process_tools import PATIENCE_S, end, lives, read_line, start, start_python, until

from hotdash.drivers.base import Exit, Stats
from hotdash.drivers.process import ProcessDriver, group, usage
from hotdash.drivers.process.faults import why_not_started
from hotdash.errors import StartError

SAY_ENVIRONMENT = "import os, json; print(json.dumps(dict(os.environ)), flush=True); input()"


def test_the_environment_is_exactly_config_path_home_tmpdir_lang(driver, tmp_path, runs, monkeypatch):
    monkeypatch.setenv("HOTDASH_TEST_SECRET", "x")
    container = start(driver, tmp_path, "/usr/bin/env", environment={"LIMIT": "3", "EMPTY": ""})
    said = b""
    while chunk := container.read(PATIENCE_S):
        said += chunk
    environment = dict(line.split("=", 1) for line in said.decode().splitlines())
    assert environment.keys() == {"LIMIT", "EMPTY", "PATH", "HOME", "TMPDIR", "LANG"}
    assert environment["LIMIT"] == "3"
    assert environment["EMPTY"] == ""
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["LANG"] == "C.UTF-8"
    assert Path(environment["HOME"]).is_relative_to(runs)
    assert Path(environment["TMPDIR"]).is_relative_to(runs)
    container.close()


def test_two_containers_have_different_private_folders(driver, tmp_path):
    containers = [start_python(driver, tmp_path, SAY_ENVIRONMENT) for _ in range(2)]
    environments = [json.loads(read_line(container)) for container in containers]
    folders = {environment[name] for environment in environments for name in ("HOME", "TMPDIR")}
    assert len(folders) == 4
    for folder in folders:
        assert Path(folder).stat().st_mode & 0o777 == 0o700
    for container in containers:
        container.close()
    assert not any(Path(folder).exists() for folder in folders)


def test_config_wins(driver, tmp_path):
    config = {"PATH": "/bin", "LANG": "C", "HOME": "/nowhere", "TMPDIR": str(tmp_path)}
    container = start(driver, tmp_path, "/usr/bin/env", environment=config)
    said = b""
    while chunk := container.read(PATIENCE_S):
        said += chunk
    assert dict(line.split("=", 1) for line in said.decode().splitlines()) == config
    container.close()


def test_it_runs_in_the_image_in_a_group_of_its_own_with_no_more_descriptors(driver, tmp_path):
    code = (
        "import os; print(os.getcwd(), os.getpgrp() == os.getpid(), os.listdir('/proc/self/fd'), flush=True); input()"
    )
    container = start_python(driver, tmp_path, code)
    assert read_line(container) == f"{tmp_path} True ['0', '1', '2', '3']"  # 3 is that of the listing itself
    container.close()


def test_whatever_it_leaves_in_its_folders_is_removed(driver, tmp_path):
    code = """
import os
os.chdir(os.environ["HOME"])
os.symlink("/etc", "link"); os.mkfifo("fifo")
open(b"\\xff\\n odd", "w").close()
os.makedirs("locked/below"); open("locked/below/file", "w").close()
os.chmod("locked/below", 0); os.chmod("locked", 0o500)
for _ in range(3000):
    os.mkdir("d" * 30); os.chdir("d" * 30)
print("done", flush=True); input()
"""
    container = start_python(driver, tmp_path, code)
    assert read_line(container) == "done"
    container.close()
    assert Path("/etc/passwd").exists()


# children ------------------------------------------------------------------------------------------------------------

CHILD = "import subprocess, sys; p = subprocess.Popen(['sleep', '1000']); print(p.pid, flush=True); "


@pytest.mark.parametrize("how", ["kill", "stop", "close", "exit"])
def test_children_in_the_group_die_with_it(driver, tmp_path, how):
    container = start_python(driver, tmp_path, CHILD + "input()")
    child = int(read_line(container))
    match how:
        case "kill":
            container.kill()
            container.wait(PATIENCE_S)
        case "stop":
            container.stop(PATIENCE_S)
        case "close":
            container.close()
        case "exit":
            container.write(b"\n")
            assert container.wait(PATIENCE_S) == Exit(code=0)
    until(lambda: not lives(child), "the child's end")
    container.close()


def test_a_child_that_holds_the_pipes_does_not_hold_up_the_readers(driver, tmp_path):
    container = start_python(driver, tmp_path, CHILD + "print('last', flush=True); sys.exit(5)")
    stderr = threading.Thread(target=_drain, args=(container,))
    stderr.start()
    said = b""
    while chunk := container.read(None):
        said += chunk
    assert said.endswith(b"last\n")
    stderr.join(PATIENCE_S)
    assert container.wait(0) == Exit(code=5)
    container.close()


ESCAPED_FLOOD = """
import os, sys
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    while True:
        os.write(1, b"o" * 1000); os.write(2, b"e" * 1000)
os.read(0, 1)
os._exit(6)
"""


def test_a_child_that_left_the_group_and_floods_the_pipes_ends_nothing_late(driver, tmp_path):
    container = start_python(driver, tmp_path, ESCAPED_FLOOD)
    child = int(container.read(PATIENCE_S).split(b"\n")[0])
    taken = []
    stderr = threading.Thread(target=_drain, args=(container, taken))
    stderr.start()
    container.write(b"x")
    while container.read(None):
        pass
    stderr.join(PATIENCE_S)
    assert not stderr.is_alive()
    assert container.wait(0) == Exit(code=6)
    assert container.take_stderr() == b""
    assert container.read(None) == b""
    container.close()
    driver.close()
    until(lambda: not lives(child), "the end of what left the group")
    end(child)


def _drain(container, taken=None):
    while container.wait_stderr():
        data = container.take_stderr()
        if taken is not None:
            taken.append(data)


def test_stats_count_the_whole_group(driver, tmp_path):
    container = start_python(driver, tmp_path, CHILD + "input()")
    read_line(container)
    until(lambda: (stats := container.stats()) and stats.pids == 2 and stats.memory_bytes > 2**20)
    container.close()


def test_a_leader_that_moved_to_another_group_is_killed(driver, tmp_path):
    code = "import os, time; g = os.fork()\nif g == 0: time.sleep(1000)\n"
    code += "os.setpgid(g, g); os.setpgid(0, g); print('', flush=True); input()"
    container = start_python(driver, tmp_path, code)
    read_line(container)
    container.kill()
    assert container.wait(PATIENCE_S) == Exit(signal="SIGKILL")
    container.close()


def test_out_of_memory_is_told_as_the_cause(driver, tmp_path):
    container = start(driver, tmp_path, "sleep", "1000")
    container._group.kill(cause=Exit(out_of_memory=True, used_bytes=64 * 2**20 + 1, limit_bytes=64 * 2**20))
    ended = container.wait(PATIENCE_S)
    assert (ended.out_of_memory, ended.signal, ended.code) == (True, "SIGKILL", None)
    assert str(ended) == "ran out of memory (used 65 MB of 64 MB)"
    assert str(Exit(out_of_memory=True)) == "ran out of memory"
    container.close()


def test_without_a_pidfd_all_goes_by_the_tick(driver, tmp_path, monkeypatch):
    monkeypatch.setattr(group, "_open_pidfd", lambda pid: -1)
    monkeypatch.delattr(os, "waitid")
    container = start_python(driver, tmp_path, CHILD + "input(); sys.exit(4)")
    child = int(read_line(container))
    stderr = threading.Thread(target=_drain, args=(container,))
    stderr.start()
    assert container.wait(0.01) is None
    container.write(b"\n")
    while container.read(None):
        pass
    stderr.join(PATIENCE_S)
    assert container.wait(PATIENCE_S) == Exit(code=4)
    until(lambda: not lives(child))
    container.close()


# what cannot be started ----------------------------------------------------------------------------------------------


def _script(folder: Path, text: str, mode: int) -> str:
    path = folder / "run"
    path.write_text(text)
    path.chmod(mode)
    return "./run"


def test_not_found_in_path(driver, tmp_path):
    with pytest.raises(StartError, match="no-such-program-here is not found in PATH: install it"):
        start(driver, tmp_path, "no-such-program-here")


def test_not_there(driver, tmp_path):
    with pytest.raises(StartError, match=r"\./run is not there"):
        start(driver, tmp_path, "./run")


def test_not_executable(driver, tmp_path):
    with pytest.raises(StartError, match=r"chmod \+x"):
        start(driver, tmp_path, _script(tmp_path, "#!/bin/sh\n", 0o644))


def test_interpreter_missing(driver, tmp_path):
    with pytest.raises(StartError, match="the interpreter that its first line names"):
        start(driver, tmp_path, _script(tmp_path, "#!/no/such/interpreter\n", 0o755))


def test_no_program(driver, tmp_path):
    with pytest.raises(StartError, match="begin it with a line like #!/bin/sh"):
        start(driver, tmp_path, _script(tmp_path, "echo hi\n", 0o755))


def test_environment_too_large(driver, tmp_path):
    with pytest.raises(StartError, match="make config smaller"):
        start(driver, tmp_path, "/bin/true", environment={"BIG": "x" * 2**20})


def test_image_gone(driver, tmp_path):
    with pytest.raises(StartError, match="is gone; deploy the function again"):
        start(driver, tmp_path / "gone", "/bin/true")


@pytest.mark.parametrize("environment", [{"A": "x\0y"}, {"A=B": "x"}])
def test_environment_that_no_program_can_have(driver, tmp_path, environment):
    with pytest.raises(StartError, match="cannot be given to a program"):
        start(driver, tmp_path, "/bin/true", environment=environment)


def test_no_entry_point(driver, tmp_path):
    with pytest.raises(StartError, match="no entry point"):
        start(driver, tmp_path)


def test_closed(driver, tmp_path):
    driver.close()
    with pytest.raises(StartError, match="is closed"):
        start(driver, tmp_path, "/bin/true")


def test_too_many_open_files(driver, tmp_path):
    start(driver, tmp_path, "/bin/true").close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    try:
        for spare in range(12):
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free + spare, hard))
            try:
                container = start(driver, tmp_path, "/bin/true")
            except StartError as error:
                assert "too many open files: raise the limit" in str(error)  # noqa: PT017  raised for some limits only
            else:
                container.close()
                break
        assert spare > 3
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_unknown_error_of_the_system_is_told_as_it_is(driver, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.EIO, "Input/output error")

    start(driver, tmp_path, "/bin/true").close()
    monkeypatch.setattr(subprocess, "Popen", fail)
    with pytest.raises(StartError, match="Input/output error"):
        start(driver, tmp_path, "/bin/true")


def test_starts_from_many_threads_at_once(driver, tmp_path):
    ended = []

    def one():
        for _ in range(5):
            container = start(driver, tmp_path, "/bin/sh", "-c", "exit 9")
            ended.append(container.wait(PATIENCE_S))
            container.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [Exit(code=9)] * 30


def test_path_is_read_when_the_driver_is_opened(monkeypatch, tmp_path, cache, runs):
    monkeypatch.setenv("PATH", "/opened/bin:/bin:/usr/bin")
    driver = ProcessDriver(cache_dir=cache, run_parent=runs)
    monkeypatch.setenv("PATH", "/later")
    container = start(driver, tmp_path, "/bin/sh", "-c", 'echo "$PATH"; read x')
    assert read_line(container) == "/opened/bin:/bin:/usr/bin"
    container.close()
    driver.close()


# the system's parts --------------------------------------------------------------------------------------------------


def test_data_goes_before_a_wake_that_came_with_it(driver, tmp_path):
    container = start(driver, tmp_path, "echo", "out")
    container.wait(PATIENCE_S)
    container.wake()
    assert [container.read(PATIENCE_S) for _ in range(4)] == [b"out\n", None, b"", b""]
    container.close()


def test_without_an_eventfd_a_pipe_wakes(driver, tmp_path, monkeypatch):
    monkeypatch.delattr(os, "eventfd")
    container = start(driver, tmp_path, "cat")
    for _ in range(20_000):
        container.wake()
    while container.read(0) is None and container.write(b"x") == 0:
        pass
    container.wake()
    assert None in [container.read(PATIENCE_S) for _ in range(2)]
    container.close()


def test_a_group_that_the_guardian_cannot_hear_of_is_not_left_running(driver, tmp_path, monkeypatch):
    def fail(self, group):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    start(driver, tmp_path, "/bin/true").close()
    monkeypatch.setattr("hotdash.drivers.process.guardian.Guardian.add", fail)
    with pytest.raises(StartError, match="too many processes"):
        start(driver, tmp_path, "sleep", "1000")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EAGAIN, "too many processes"),
        (errno.ENOMEM, "no memory left"),
        (errno.EDQUOT, "quota is used up"),
        (errno.EROFS, "check the folder's owner and mode"),
        (errno.ENFILE, "too many open files"),
    ],
)
def test_what_the_system_says_comes_with_a_remedy(tmp_path, number, words):
    assert words in why_not_started(OSError(number, os.strerror(number)), ("x",), folder=tmp_path)


def test_run_folder_that_cannot_be_made(tmp_path, cache):
    driver = ProcessDriver(cache_dir=cache, run_parent=tmp_path / "gone")
    with pytest.raises(StartError, match="No such file or directory"):
        start(driver, tmp_path, "/bin/true")
    driver.close()


def test_both_ways_to_look_at_processes_agree():
    own = os.getpgrp()
    linux = {group for group, _, _ in usage._linux_processes()}
    other = {group for group, _, _ in usage._other_processes()}
    assert own in linux & other


def test_the_table_of_use_is_looked_up_anew_when_it_is_old(monkeypatch):
    looks = []
    now_s = [0.0]
    stats = Stats(memory_bytes=1, cpu_s=0.0, pids=1)
    monkeypatch.setattr(usage, "_look", lambda: looks.append(1) or {7: stats})
    table = usage.UsageTable(period_s=1.0, clock=lambda: now_s[0])
    assert table.of(7) is table.of(7) is stats
    assert len(looks) == 1
    now_s[0] = 1.0
    table.of(7)
    assert len(looks) == 2
    assert table.of(8) is None
    assert len(looks) == 2, "one that is younger waits for the next look"
