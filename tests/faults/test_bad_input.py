"""Bad input over real processes, one row each: a clear error in the right place, and nobody else feels it.

All rows share one runtime. While a row runs, a bystander is called without pause, and answers each call from the one
container that it has had since the first row; after a row, no process, thread, descriptor or folder is there that was
not there before it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, function, real_runtime, until, write_function

from hotdash.errors import FunctionFileError, HotdashError
from hotdash.events import BuildOutput
from hotdash.functions import load_functions
from hotdash.functions.spec import Format
from hotdash.parker import ParkingLot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hotdash.events import Event
    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult

MIB = 2**20
PROMPT_S = 5.0  # far below any timeout, far above what a busy machine needs
SHORT_S = 0.3  # the timeout of functions that never answer
ECHO = HTTP + "\nfor headers, body in requests():\n    answer(body)\n"
HOT_HEAD = "HTTP/1.1 200 OK\\r\\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came of a bad input: where it showed (a task's status, or the error that was raised), and what was said."""

    where: str
    text: str


@dataclass(slots=True, kw_only=True)
class World:
    """One runtime for all rows, with a bystander in it."""

    runtime: Runtime
    tmp: Path
    output: list[str] = field(default_factory=list)  # of builds
    bystander_container: str = ""

    def hear(self, event: Event) -> None:
        if isinstance(event, BuildOutput):
            self.output.append(event.text)

    def call(self, name: str, payload: bytes = b"", **how: object) -> TaskResult:
        return self.runtime.submit(name, payload, **how).result(PATIENCE_S)  # type: ignore[arg-type]

    def call_bystander(self, payload: bytes) -> None:
        began_s = time.monotonic()
        result = self.call("bystander", payload)
        assert (result.status, result.body, result.error, result.stderr) == ("success", payload, None, [])
        assert result.container_id == self.bystander_container
        assert time.monotonic() - began_s < PROMPT_S

    @contextmanager
    def bystander(self) -> Iterator[None]:
        """Calls the bystander all the while, and once more."""
        is_over = threading.Event()
        faults: list[BaseException] = []

        def call() -> None:
            count = 0
            try:
                while not is_over.wait(0.002):
                    count += 1
                    self.call_bystander(b"%d" % count)
            except BaseException as error:  # noqa: BLE001  told by the test's own thread
                faults.append(error)

        thread = threading.Thread(target=call, name="bystander's caller")
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
        assert faults == []
        self.call_bystander(b"afterwards")

    def held(self) -> set[str]:
        """What could leak: processes, threads, open descriptors, folders of containers.

        (A `Timer` is pytest-timeout's.)
        """
        held = {f"process {child.pid}" for child in psutil.Process().children(recursive=True)}
        held |= {f"thread {thread.name}" for thread in threading.enumerate() if not isinstance(thread, threading.Timer)}
        held |= {f"folder {path}" for path in (self.tmp / "runs").glob("*/*")}
        for fd in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the one of this listing
                held.add(f"descriptor {fd.name}: {fd.readlink()}")
        return held


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    tmp = tmp_path_factory.mktemp("bad")
    with real_runtime(tmp) as runtime:
        world = World(runtime=runtime, tmp=tmp)
        runtime.subscribe(world.hear)
        runtime.deploy(function(tmp / "bystander", ECHO, idle_timeout_s=1000.0))
        world.bystander_container = world.call("bystander").container_id
        runtime._parking._free.extend(
            [ParkingLot().borrow() for _ in range(8)]
        )  # for callers that wait at the same time
        yield world


# what a row does -----------------------------------------------------------------------------------------------------


def says(result: TaskResult) -> str:
    return result.error or result.body.decode("latin-1")


def stderr_of(result: TaskResult) -> str:
    assert result.error is None
    assert sum(len(line.encode()) for line in result.stderr) <= MIB
    dropped = f"({result.stderr_dropped} dropped)\n" if result.stderr_dropped else ""
    return f"{result.body.decode()}: {dropped}" + "\n".join(result.stderr)


def tells(code: str, *, keeps: bool = False, look: Callable[[TaskResult], str] = says, **keys: object) -> Do:
    """A hot function does what its payload says; the next call gets a clean container, the same one if it `keeps`."""

    def do(world: World, folder: Path) -> Seen:
        world.runtime.deploy(function(folder, DO_AS_TOLD, **{"timeout_s": 20.0, **keys}))
        result = world.call(folder.name, code.encode())
        after = world.call(folder.name, b"answer(b'clean')")
        assert (after.status, after.body, after.error) == ("success", b"clean", None)
        assert (after.container_id == result.container_id) is keeps
        return Seen(where=result.status, text=look(result))

    return do


def never(code: str, **keys: object) -> Do:
    """As `tells`, but the function's time runs out."""
    return tells(code, timeout_s=SHORT_S, **keys)


def serves(code: str, payload: bytes = b"", **keys: object) -> Do:
    """A function of its own code is called once."""

    def do(world: World, folder: Path) -> Seen:
        world.runtime.deploy(function(folder, code, **keys))
        result = world.call(folder.name, payload)
        return Seen(where=result.status, text=says(result))

    return do


def cold(script: str, **keys: object) -> Do:
    return serves("", format=Format.DEFAULT, entrypoint=("/bin/sh", "-c", script), **keys)


def echoes(size: int, **how: object) -> Do:
    """An echo is given so many bytes; says how many came back, if they are the same."""

    def do(world: World, folder: Path) -> Seen:
        payload = os.urandom(size)
        world.runtime.deploy(function(folder, ECHO))
        result = world.call(folder.name, payload, **how)
        assert result.body == payload
        return Seen(where=result.status, text=f"{len(payload)} bytes")

    return do


def asks_nobody(world: World, folder: Path) -> Seen:
    return Seen(where=world.call("nobody").status, text="answered")


def on_disk(files: Mapping[str, str | bytes], *, code: str = ECHO) -> Do:
    """Files in a folder of functions, in which there is a good one, too; then all that are good are deployed."""

    def do(world: World, folder: Path) -> Seen:
        write_function(folder / "good", code, name=f"t/good-{folder.name}")
        for name, content in files.items():
            file = folder / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        try:
            specs, seen = load_functions(folder), Seen(where="none", text="no fault")
        except FunctionFileError as error:
            specs, seen = list(error.loaded), Seen(where="FunctionFileError", text=str(error))
        assert f"good-{folder.name}" in {spec.key for spec in specs}
        for spec in specs:
            world.runtime.deploy(spec)
        assert world.call(f"good-{folder.name}", b"good").body == b"good"
        for spec in specs:
            world.runtime.undeploy(spec.key)
        return seen

    return do


def with_sources(prepare: Callable[[Path], object], **keys: object) -> Do:
    """A function is deployed after its folder was prepared, and called."""

    def do(world: World, folder: Path) -> Seen:
        spec = function(folder, ECHO, **keys)
        prepare(folder)
        world.output.clear()
        world.runtime.deploy(spec)
        assert world.call(folder.name, b"hello").body == b"hello"
        assert world.runtime.flush_events()
        return Seen(where="output", text="\n".join(world.output))

    return do


def while_running(spoil: Callable[[Path], object], restore: Callable[[Path], object]) -> Do:
    """The folder of a running function is spoilt, then deployed; what is live goes on, and so it does once restored."""

    def do(world: World, folder: Path) -> Seen:
        spec = function(folder, ECHO, entrypoint=None)  # what runs is found in the folder, too
        world.runtime.deploy(spec)
        before = world.call(folder.name, b"before")
        spoil(folder)
        try:
            world.runtime.deploy(spec)
        finally:
            restore(folder)
            after = world.call(folder.name, b"after")
            assert (after.body, after.container_id) == (b"after", before.container_id)
            assert world.runtime.snapshot().functions[folder.name].state == "ready"
        return Seen(where="none", text="deployed")

    return do


def keep(_folder: Path) -> None:
    """Leaves it as it is."""


def forbid(folder: Path) -> None:
    folder.chmod(0)
    if os.geteuid() == 0:  # root may read all: let this thread, the one that builds, be nobody (Linux's setfsuid(2))
        ctypes.CDLL(None).setfsuid(65534)


def permit(folder: Path) -> None:
    if os.geteuid() == 0:
        ctypes.CDLL(None).setfsuid(0)
    folder.chmod(0o755)


if TYPE_CHECKING:
    Do = Callable[[World, Path], Seen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One bad input, where it must show, and the telling part of what is said there."""

    id: str
    do: Do
    where: str
    says: str
    slow: bool = False


# the table -----------------------------------------------------------------------------------------------------------

RUNS = "import os, time; "
SEGV = "os.kill(os.getpid(), signal.SIGSEGV)"
HALF = f"write(b'{HOT_HEAD}Content-Length: 9\\r\\n\\r\\nhalf'); "
GOOD = "name: t/x\nformat: http\n"
FLOOD = "line = b'x' * 999 + b'\\n'\nfor _ in range({}): write(line * 64, 2)\nanswer(b'done')"
NOT_HTTP = "not an answer in its format: "
LATE = f"no answer within the function's timeout of {SHORT_S} s"

ROWS = [
    # what a caller sends
    Row(id="unknown-function", do=asks_nobody, where="UnknownFunction", says="nobody"),
    Row(id="payload-empty", do=echoes(0), where="success", says="0 bytes"),
    Row(id="payload-8-mib", do=echoes(8 * MIB), where="success", says="8388608 bytes"),
    Row(
        id="payload-8-mib-and-1",
        do=echoes(8 * MIB + 1),
        where="InvalidRequest",
        says="payload: found 8388609 bytes, allowed at most 8388608 (8 MiB)",
    ),
    *(
        Row(
            id=f"header-with-{name}",
            do=echoes(1, headers={"X-One": f"a{char}B: c"}),
            where="InvalidRequest",
            says=f"header X-One: found {f'a{char}B: c'!r}, allowed text without CR, LF, NUL",
        )
        for name, char in (("cr", "\r"), ("lf", "\n"), ("nul", "\0"))
    ),
    Row(
        id="header-name-with-lf",
        do=echoes(1, headers={"X\nY": "1"}),
        where="InvalidRequest",
        says=r"header name: found 'X\nY', allowed letters",
    ),
    Row(id="caller-expects-100", do=echoes(9, headers={"Expect": "100-continue"}), where="success", says="9 bytes"),
    # how a function answers
    Row(
        id="prints-before-its-answer",
        do=tells("print('DEBUG: x', flush=True); answer(b'late')"),
        where="error",
        says=f"{NOT_HTTP}",
    ),
    Row(
        id="prints-before-its-answer-in-one-write",
        do=tells("write(b'DEBUG: x\\n' + frame(b'late'))"),
        where="error",
        says="DEBUG: x",
    ),
    Row(id="answers-twice", do=tells("write(frame(b'one') + frame(b'two'))"), where="success", says="one"),
    Row(id="answers-nothing", do=never("pass"), where="timeout", says=LATE),
    Row(id="answers-nothing-cold", do=cold("exit 0"), where="success", says=""),
    Row(
        id="closes-stdout",
        do=tells("os.close(1); time.sleep(1000)"),
        where="error",
        says="the container closed its stdout before it answered, and still runs",
    ),
    Row(
        id="closes-stdout-in-the-middle",
        do=tells(f"{HALF}os.close(1); time.sleep(1000)"),
        where="error",
        says="the container closed its stdout in the middle of its answer, and still runs",
    ),
    # how a function ends
    *(
        Row(id=f"{name}-{when}", do=tells(first + end), where=where, says=said.format(how))
        for name, end, how in (
            ("exits-0", "os._exit(0)", "exited with code 0"),
            ("exits-3", "os._exit(3)", "exited with code 3"),
            ("segfaults", SEGV, "was killed by SIGSEGV"),
        )
        for when, first, where, said in (
            ("before-its-answer", "", "error", "the container {} before it answered"),
            ("during-its-answer", HALF, "error", "the container {} in the middle of its answer"),
            ("after-its-answer", "answer(b'whole'); ", "success", "whole"),
        )
    ),
    Row(id="exits-3-at-once", do=serves(RUNS + "os._exit(3)"), where="error", says="the container exited with code 3"),
    Row(
        id="segfaults-cold",
        do=cold("echo half; kill -SEGV $$"),
        where="error",
        says="the container was killed by SIGSEGV",
    ),
    Row(
        id="never-reads-stdin",
        do=serves(RUNS + "time.sleep(1000)", bytes(8 * MIB), timeout_s=SHORT_S),
        where="timeout",
        says=LATE,
    ),
    Row(
        id="never-reads-stdin-cold",
        do=serves(RUNS + "print('x')", bytes(8 * MIB), format=Format.DEFAULT),
        where="success",
        says="x",
    ),
    Row(
        id="ignores-sigterm",
        do=never("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"),
        where="timeout",
        says=LATE,
    ),
    Row(
        id="child-keeps-the-pipes-open",
        do=tells("subprocess.Popen(['sleep', '1000']); os._exit(3)"),
        where="error",
        says="the container exited with code 3 before it answered",
    ),
    Row(id="child-keeps-the-pipes-open-cold", do=cold("sleep 1000 & echo answer"), where="success", says="answer"),
    # what a function writes
    Row(
        id="64-mb-to-stderr",
        do=tells(FLOOD.format(1000), keeps=True, look=stderr_of),
        where="success",
        says=" dropped)\nxxxx",
    ),
    Row(
        id="1-gb-to-stderr",
        do=tells(FLOOD.format(16_000), keeps=True, look=stderr_of, timeout_s=300.0),
        where="success",
        says=" dropped)\nxxxx",
        slow=True,
    ),
    Row(
        id="10-mb-line-to-stderr",
        do=tells("write(b'x' * 10_000_000 + b'\\nnext\\n', 2); answer(b'done')", keeps=True, look=stderr_of),
        where="success",
        says="xxx … (line cut at 64 KiB)\nnext",
    ),
    Row(
        id="10-mb-line-to-stdout",
        do=tells("write(b'y' * 10_000_000)"),
        where="error",
        says=f"{NOT_HTTP}",
    ),
    Row(
        id="10-mb-answer-cold",
        do=cold("head -c 10000000 /dev/zero"),
        where="error",
        says="the answer's body is over the limit of 8388608 bytes",
    ),
    Row(
        id="binary-to-stderr",
        do=tells("write(bytes(range(256)) + b'\\n', 2); answer(b'done')", keeps=True, look=stderr_of),
        where="success",
        says="ABCDEFG",
    ),
    Row(
        id="binary-to-stdout",
        do=tells("write(bytes(range(256)) * 300)"),
        where="error",
        says=r"\x00\x01\x02",
    ),
    Row(
        id="invalid-utf8-to-stderr",
        do=tells("write(b'caf\\xe9 \\xff\\n', 2); answer(b'done')", keeps=True, look=stderr_of),
        where="success",
        says="caf\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}",
    ),
    Row(id="invalid-utf8-answer", do=tells("answer(b'\\xff\\xfe')", keeps=True), where="success", says="\xff\xfe"),
    Row(
        id="head-of-100-mb",
        do=tells(f"write(b'{HOT_HEAD}X: ')\nfor _ in range(100): write(b'x' * 1_000_000)"),
        where="error",
        says="the head of the answer is over the limit of 65536 bytes",
    ),
    Row(
        id="head-of-many-fields",
        do=tells(f"write(b'{HOT_HEAD}' + b'X: 1\\r\\n' * 1_000_000)"),
        where="error",
        says="the head of the answer is over the limit of 65536 bytes",
    ),
    Row(
        id="length-too-short",
        do=tells(f"write(b'{HOT_HEAD}Content-Length: 3\\r\\n\\r\\none two')"),
        where="success",
        says="one",
    ),
    Row(
        id="length-too-long",
        do=never(f"write(b'{HOT_HEAD}Content-Length: 9\\r\\n\\r\\none')"),
        where="timeout",
        says=LATE,
    ),
    Row(
        id="length-above-the-limit",
        do=tells(f"write(b'{HOT_HEAD}Content-Length: 8388609\\r\\n\\r\\n')"),
        where="error",
        says="the answer's body of 8388609 bytes is over the limit of 8388608 bytes",
    ),
    Row(
        id="length-negative", do=tells(f"write(b'{HOT_HEAD}Content-Length: -1\\r\\n\\r\\n')"), where="error", says="-1"
    ),
    Row(
        id="length-twice",
        do=tells(f"write(b'{HOT_HEAD}Content-Length: 1\\r\\nContent-Length: 2\\r\\n\\r\\nxx')"),
        where="error",
        says="Content-Length",
    ),
    Row(
        id="bad-chunk",
        do=tells(f"write(b'{HOT_HEAD}Transfer-Encoding: chunked\\r\\n\\r\\nzz\\r\\nhello\\r\\n')"),
        where="error",
        says="chunk",
    ),
    Row(
        id="http-1.0",
        do=tells("write(b'HTTP/1.0 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nold')", keeps=True),
        where="success",
        says="old",
    ),
    Row(
        id="http-1.0-until-the-end",
        do=tells("write(b'HTTP/1.0 200 OK\\r\\n\\r\\nold'); os._exit(0)"),
        where="error",
        says="neither Content-Length nor Transfer-Encoding: chunked, so it could never end",
    ),
    Row(
        id="http-1.0-chunked",
        do=tells("write(b'HTTP/1.0 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n')"),
        where="error",
        says="use chunked in HTTP/1.1, or Content-Length",
    ),
    Row(
        id="http-2",
        do=tells("write(b'HTTP/2 200\\r\\nContent-Length: 0\\r\\n\\r\\n')"),
        where="error",
        says=NOT_HTTP,
    ),
    Row(
        id="100-continue",
        do=tells("write(b'HTTP/1.1 100 Continue\\r\\n\\r\\n' + frame(b'final'))", keeps=True),
        where="success",
        says="final",
    ),
    Row(
        id="100-continue-and-no-more",
        do=never("write(b'HTTP/1.1 100 Continue\\r\\n\\r\\n')"),
        where="timeout",
        says=LATE,
    ),
    # what a function's folder holds
    Row(
        id="entrypoint-missing",
        do=with_sources(lambda folder: (folder / "func.py").unlink(), entrypoint=None),
        where="NeedsDocker",
        says="does not say what to run (there is no func.py or func.js or func.sh)",
    ),
    Row(
        id="entrypoint-not-executable",
        do=with_sources(keep, entrypoint=("./func.py",)),
        where="BuildError",
        says="the entrypoint ./func.py of {key} may not be run: chmod +x ./func.py",
    ),
    Row(
        id="entrypoint-not-found",
        do=with_sources(keep, entrypoint=("./nowhere",)),
        where="BuildError",
        says="the entrypoint ./nowhere of {key} is not there",
    ),
    Row(
        id="entrypoint-not-installed",
        do=with_sources(keep, entrypoint=("no-such-program",)),
        where="NeedsRuntime",
        says="no-such-program is not installed, and {key} runs on it",
    ),
    Row(
        id="entrypoint-of-no-interpreter",
        do=serves("", entrypoint=("/bin/sh", "-c", "exec ./nothing")),
        where="error",
        says="the container exited with code 127",
    ),
    Row(
        id="max-concurrency-0",
        do=on_disk({"x/func.yaml": f"{GOOD}max_concurrency: 0\n"}),
        where="FunctionFileError",
        says="/x/func.yaml:3: max_concurrency: found 0, allowed a whole number, 1 or more",
    ),
    Row(
        id="timeout-negative",
        do=on_disk({"x/func.yaml": f"{GOOD}timeout: -1\n"}),
        where="FunctionFileError",
        says="/x/func.yaml:3: timeout: found -1, allowed seconds, above 0",
    ),
    Row(
        id="all-faults-at-once",
        do=on_disk({"x/func.yaml": "timeout: -1\nmemory: 1\n", "y/func.yaml": "format: htttp\n"}),
        where="FunctionFileError",
        says="/x/func.yaml:2: memory: found 1,",
    ),
    Row(
        id="duplicate-keys",
        do=on_disk({"x/func.yaml": f"{GOOD}name: t/y\n"}),
        where="FunctionFileError",
        says="/x/func.yaml:3: name: found it a second time (first in line 1), allowed each key once",
    ),
    Row(
        id="tabs-in-yaml",
        do=on_disk({"x/func.yaml": f"{GOOD}config:\n\tLIMIT: 3\n"}),
        where="FunctionFileError",
        says="/x/func.yaml:4: found a tab",
    ),
    Row(
        id="empty-json-file",
        do=on_disk({"x/func.json": ""}),
        where="FunctionFileError",
        says="/x/func.json:1: found text that is not JSON (Expecting value, column 1), allowed JSON",
    ),
    Row(
        id="10-mb-file",
        do=on_disk({"x/func.yaml": b"# a comment\n" * 850_000}),
        where="FunctionFileError",
        says="/x/func.yaml: found more than 256 KiB, allowed a smaller file",
    ),
    Row(
        id="not-utf8-file",
        do=on_disk({"x/func.yaml": b"name: caf\xe9\n"}),
        where="FunctionFileError",
        says="/x/func.yaml:1: found the byte 0xe9, which is not UTF-8",
    ),
    Row(
        id="half-a-surrogate-pair",
        do=on_disk({"x/func.yaml": f'{GOOD}headers: {{A: "\\uD800"}}\n'}),
        where="FunctionFileError",
        says="/x/func.yaml:3: headers.A: found the character U+D800, which UTF-8 does not have, allowed UTF-8 text",
    ),
    Row(
        id="two-of-one-name",
        do=on_disk(
            {"x/func.yaml": "name: t/twin\n", "y/func.yaml": "name: t/twin\n", "x/func.sh": "", "y/func.sh": ""}
        ),
        where="FunctionFileError",
        says='/y/func.yaml:1: name: found "twin", which ',
    ),
    Row(
        id="link-out-of-the-folder",
        do=with_sources(lambda folder: (folder / "secrets").symlink_to("/etc/passwd")),
        where="BuildError",
        says="/{key}: secrets -> /etc/passwd; put what they point to into the folder",
    ),
    Row(
        id="fifo-in-the-folder",
        do=with_sources(lambda folder: os.mkfifo(folder / "pipe")),
        where="output",
        says="pipe",
    ),
    Row(
        id="folder-deleted-while-running",
        do=while_running(shutil.rmtree, keep),
        where="BuildError",
        says="/{key} cannot be read: No such file or directory",
    ),
    Row(
        id="folder-unreadable-while-running",
        do=while_running(forbid, permit),
        where="BuildError",
        says="/{key} cannot be read: Permission denied",
    ),
]


def params() -> Iterator[object]:
    for row in ROWS:
        marks = (pytest.mark.slow, pytest.mark.timeout(600)) if row.slow else ()
        yield pytest.param(row, id=row.id, marks=marks)


@pytest.mark.parametrize("row", params())
def test_bad_input_is_told_where_it_belongs_and_felt_by_nobody_else(world: World, row: Row):
    folder = world.tmp / f"f-{row.id.replace('.', '-')}"
    before = world.held()
    with world.bystander():
        try:
            seen = row.do(world, folder)
        except HotdashError as error:
            seen = Seen(where=type(error).__name__, text=str(error))
    if folder.name in world.runtime.snapshot().functions:
        world.runtime.undeploy(folder.name)
    assert seen.where == row.where, seen.text[:1000]
    assert row.says.replace("{key}", folder.name) in seen.text
    try:
        until(lambda: world.held() <= before, "the end of all that the row began")
    except AssertionError:
        pytest.fail(f"left by the row: {world.held() - before}")
