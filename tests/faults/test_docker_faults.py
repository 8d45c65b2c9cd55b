"""What goes wrong with real containers and their engine: the task tells the true cause, and the function recovers."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker.errors
import psutil
import pytest
from docker_parts import GivenImages, LeanEngine, docker_runtime
from docker_tools import find_docker_host
from real_tools import DO_AS_TOLD, PATIENCE_S, function, lives, until

from hotdash import events as ev
from hotdash.drivers.docker import pulse
from hotdash.drivers.docker.driver import DockerDriver
from hotdash.drivers.docker.endpoint import find_engine
from hotdash.drivers.docker.owner import CONTAINER, OWNER
from hotdash.errors import NoDriver
from hotdash.functions.spec import Format
from hotdash.runtime.runtime import Runtime
from hotdash.task import Attribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.task import Task, TaskResult

ENGINE = Path(__file__).parents[2] / ".ci" / "engine"
TOLD = ("python3", "-E", "-S", "-c", DO_AS_TOLD)
SLEEP = "write(b'at work\\n', 2); time.sleep(600)"
LONG_S = 60.0  # what takes an engine's start


class Told:
    """A deployed function that runs the payload as Python, one task at a time, and the engine seen from outside."""

    def __init__(self, runtime: Runtime, folder: Path, *, host: str = "") -> None:
        self.runtime = runtime
        self.client: docker.APIClient = find_engine(environ={"DOCKER_HOST": host or find_docker_host()}).connect()
        runtime.deploy(function(folder / "told", "", entrypoint=TOLD, memory_mb=64))
        self.lines: list[ev.StderrLine] = []
        runtime.subscribe(lambda event: self.lines.append(event) if isinstance(event, ev.StderrLine) else None)

    def wait_at_work(self) -> None:
        """Until a function has said on stderr that it is at work: then it has read its request."""
        until(lambda: any("at work" in line.text for line in self.lines), "work")

    def submit(self, code: str, *, timeout_s: float | None = None) -> Task:
        return self.runtime.submit("told", code.encode(), timeout_s=timeout_s)

    def do(self, code: str, *, timeout_s: float | None = None) -> TaskResult:
        return self.submit(code, timeout_s=timeout_s).result(LONG_S)

    def containers(self) -> dict[str, str]:
        """The containers of this runtime that run: the engine's ids, by hotdash's."""
        return {made["Labels"][CONTAINER]: made["Id"] for made in self.made() if made["State"] == "running"}

    def made(self) -> list[dict[str, Any]]:
        """All containers of this runtime that there are, whatever their state."""
        mine = f"{OWNER}={self.runtime.driver.owner.token}"
        found: list[dict[str, Any]] = self.client.containers(all=True, filters={"label": mine})
        return found

    def assert_next_is_clean(self, after: TaskResult) -> None:
        result = self.do("answer(b'clean')")
        assert (result.status, result.body, result.error) == ("success", b"clean", None)
        assert result.container_id != after.container_id


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with docker_runtime(tmp_path, builds=False) as runtime:
        told = Told(runtime, tmp_path)
        yield told
        told.client.close()


def kill(client: docker.APIClient, engine_id: str) -> None:
    client.kill(engine_id)


def remove(client: docker.APIClient, engine_id: str) -> None:
    client.remove_container(engine_id, force=True)


def stop(client: docker.APIClient, engine_id: str) -> None:
    client.stop(engine_id, timeout=0)


OUTSIDE = [kill, remove, stop]


@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_ends_a_container_from_outside_ends_its_task_with_the_cause(told, outside: Callable[..., None]):
    task = told.submit(SLEEP)
    told.wait_at_work()
    outside(told.client, *told.containers().values())
    result = task.result(PATIENCE_S)
    assert result.status == "error"
    assert re.search(r"the container was (killed by SIG(KILL|TERM)|removed from outside)", result.error), result.error
    told.assert_next_is_clean(result)


@pytest.mark.parametrize("outside", OUTSIDE)
def test_what_ends_an_idle_container_from_outside_fails_no_task(told, outside: Callable[..., None]):
    before = told.do("answer(b'one')")
    outside(told.client, *told.containers().values())
    told.assert_next_is_clean(before)


def test_a_paused_container_lets_its_task_time_out_and_is_replaced(told):
    before = told.do("answer(b'one')")
    told.client.pause(told.containers()[before.container_id])
    result = told.do("answer(b'two')", timeout_s=0.5)
    assert result.status == "timeout"
    told.assert_next_is_clean(result)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("os._exit(3)", "the container exited with code 3 before it answered"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the container was killed by SIGSEGV before it answered"),
        ("write(b'words\\n', 2); os._exit(4)", "exited with code 4 before it answered; its last stderr: words"),
        ("kept = b'x' * (200 << 20)", r"the container ran out of memory \(its limit is 64 MB\)"),
        ("write(b'HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nhal'); os._exit(5)", "in the middle of its answer"),
    ],
)
def test_what_a_container_does_to_itself_is_told(told, code, cause):
    result = told.do(code)
    assert result.status == "error"
    assert re.search(cause, result.error), result.error
    told.assert_next_is_clean(result)


def test_a_cold_container_that_is_killed_from_outside_is_no_success(told, tmp_path):
    command = ("sh", "-c", "echo half; echo at work >&2; sleep 600")
    spec = function(tmp_path / "cold", "", format=Format.DEFAULT, entrypoint=command, image="busybox:stable")
    told.runtime.deploy(spec)
    task = told.runtime.submit("cold", b"")
    told.wait_at_work()
    kill(told.client, *told.containers().values())
    result = task.result(PATIENCE_S)
    assert (result.status, result.body) == ("error", b"half\n")
    assert "was killed by SIGKILL" in result.error


def test_what_was_flushed_to_stderr_before_an_answer_is_that_tasks_though_given_by_time(told):
    results = [told.do(f"write(b'line {number}\\n', 2); answer(b'x')") for number in range(200)]
    assert told.runtime.flush_events(PATIENCE_S)
    right = sum(result.stderr == [f"line {number}"] for number, result in enumerate(results))
    assert right >= 190, "without a wait it is one in three to ten that goes astray"
    assert {event.attribution for event in told.lines if event.task_id} == {Attribution.BY_TIME}
    print(f" [{right} of 200 lines in time]", end="")


# 500 tasks while containers are killed --------------------------------------------------------------------------------

CAUSES = re.compile(r"the container was (killed by SIG(KILL|TERM)|removed from outside)|had not read the request")


def test_of_500_tasks_under_random_kills_each_is_answered_once_and_failures_tell_why(tmp_path):
    with docker_runtime(tmp_path, builds=False) as runtime:
        told = Told(runtime, tmp_path)
        runtime.deploy(function(tmp_path / "many" / "told", "", entrypoint=TOLD, max_concurrency=3, memory_mb=64))
        answers: Counter[str] = Counter()
        tasks = []
        for number in range(500):
            tasks.append(told.submit(f"time.sleep(0.01); answer(b'{number}')", timeout_s=LONG_S))
            tasks[-1].add_done_callback(lambda task: answers.update([task.id]))
        chance = random.Random(20261126)
        kills = 0
        while not all(task.done() for task in tasks):
            victims = list(told.containers().values())
            if victims and kills < 12:
                kills += 1
                with suppress(docker.errors.APIError):  # it may have been killed already
                    chance.choice(OUTSIDE)(told.client, chance.choice(victims))
            threading.Event().wait(0.05)
        results = [task.result(0) for task in tasks]
        told.client.close()
    assert answers == Counter(task.id for task in tasks), "each once"
    for number, result in enumerate(results):
        if result.status == "success":
            assert result.body == b"%d" % number
        else:
            assert CAUSES.search(result.error), result.error
    counts = Counter(result.status for result in results)
    assert kills == 12
    assert counts["success"] >= 500 - 2 * kills
    print(f" [{kills} kills: {dict(counts)}]", end="")


# the engine -----------------------------------------------------------------------------------------------------------


class OwnEngine:
    """An engine of this module's own, to be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        subprocess.run([ENGINE, "start", folder], check=True, capture_output=True, timeout=3 * LONG_S)
        self.host = f"unix://{folder}/docker.sock"
        self._command = psutil.Process(self._pid()).cmdline()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        pid = self._pid()
        os.kill(pid, how)
        until(lambda: not lives(pid), "the engine's end")

    def start(self) -> None:
        for file in (self._folder / "dockerd.pid", self._folder / "exec" / "containerd" / "containerd.pid"):
            if file.exists() and not lives(int(file.read_text())):
                file.unlink()  # where nobody reaps what has died, the engine takes it for alive
        with (self._folder / "log").open("ab") as log:
            subprocess.run(["setsid", "--fork", *self._command], stdout=log, stderr=log, check=True)
        until(self._answers, "the engine's answer")

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It is stopped meanwhile, as on a machine that swaps: who connects is not refused, and gets no answer.

        That is found out sooner than else: nobody is to be told from a slow one here.
        """
        engine = psutil.Process(self._pid())
        engine.suspend()
        try:
            until(lambda: engine.status() == psutil.STATUS_STOPPED, "its stop")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pulse, "GRACE_S", 0.5)
                patch.setattr(pulse, "PING_S", 0.5)
                yield
        finally:
            engine.resume()
            until(self._answers, "the engine's answer")

    def _pid(self) -> int:
        return int((self._folder / "dockerd.pid").read_text())

    def _answers(self) -> bool:
        try:
            find_engine(environ={"DOCKER_HOST": self.host}).close()
        except NoDriver:
            return False
        return True

    def close(self) -> None:
        if (self._folder / "dockerd.pid").exists() and lives(self._pid()):
            self.stop()
        subprocess.run([ENGINE, "stop", self._folder], check=True, capture_output=True, timeout=3 * LONG_S)


@pytest.fixture(scope="module")
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    find_docker_host()  # skips where there is no engine, for there is none to be started either
    if os.geteuid() != 0:
        pytest.skip("an engine of the test's own needs root")
    engine = OwnEngine(tmp_path_factory.mktemp("engine"))
    yield engine
    engine.close()


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What threads report is kept here rather than failing the test."""
    kept: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", kept.append)
    return kept


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stops", "is killed"])
def test_an_engine_that_goes_away_under_load_fails_tasks_with_that_cause_and_all_is_well_once_it_is_back(
    own_engine, tmp_path, quiet, how
):
    with docker_runtime(tmp_path, builds=False, host=own_engine.host) as runtime:
        told = Told(runtime, tmp_path, host=own_engine.host)
        assert told.do("answer(b'one')").status == "success"
        tasks = [told.submit(SLEEP), told.submit("answer(b'x')")]
        told.wait_at_work()
        own_engine.stop(how)
        results = [task.result(LONG_S) for task in tasks]
        assert {result.status for result in results} == {"error"}
        assert re.search("was (lost|killed by)", results[0].error), results[0].error
        assert "Docker engine does not answer" in results[1].error, results[1].error
        assert runtime.snapshot().functions["told"].state == "failing"
        own_engine.start()
        assert told.do("answer(b'two')").body == b"two"
        assert runtime.snapshot().functions["told"].state == "ready"
        told.client.close()
    assert quiet == []


@pytest.mark.timeout(180)
def test_an_engine_that_hangs_fails_what_waits_with_that_cause_and_all_is_well_once_it_goes_on(own_engine, tmp_path):
    with docker_runtime(tmp_path, builds=False, host=own_engine.host) as runtime:
        told = Told(runtime, tmp_path, host=own_engine.host)
        assert told.do("answer(b'one')").status == "success"
        with own_engine.hanging():
            began_s = time.monotonic()
            runs, waits = (told.submit("answer(b'x')", timeout_s=limit_s) for limit_s in (0.5, 1.0))
            lasts = told.submit("answer(b'x')")
            results = [task.result(LONG_S) for task in (runs, waits, lasts)]
            assert [result.status for result in results] == ["timeout", "timeout", "error"]
            assert time.monotonic() - began_s < 30.0, "within a request's time limit, though three starts have failed"
            assert "the Docker engine does not answer in time" in results[2].error
            shown = runtime.snapshot().functions["told"]
            assert (shown.state, "does not answer in time" in shown.reason) == ("failing", True)
        assert told.do("answer(b'two')").body == b"two"
        assert runtime.snapshot().functions["told"].state == "ready"
        until(lambda: len(told.made()) == 1, "the removal of those that the engine made when nobody waited any more")
        told.client.close()


@pytest.mark.timeout(180)
def test_closing_on_an_engine_that_hangs_ends_soon_and_the_next_start_removes_what_is_left(own_engine, tmp_path, quiet):
    def another_driver() -> DockerDriver:
        engine = LeanEngine(find_engine(environ={"DOCKER_HOST": own_engine.host}))
        return DockerDriver(engine=engine, images=GivenImages(), owners=tmp_path / "owners")

    runtime = Runtime(driver=another_driver(), memory_mb=1_000)
    told = Told(runtime, tmp_path, host=own_engine.host)
    task = told.submit(SLEEP)
    told.wait_at_work()
    with own_engine.hanging():
        began_s = time.monotonic()
        runtime.close(0.5)
        assert time.monotonic() - began_s < 30.0, "no request waits for its whole time limit"
    assert task.result(0).status == "error"
    assert [str(fault.exc_value) for fault in quiet] == [
        "the engine did not answer: containers may be left, which the next start removes"
    ]
    following = another_driver()
    until(lambda: told.containers() == {}, "the removal of what was left")
    following.close()
    told.client.close()
    assert list((tmp_path / "owners").iterdir()) == []
