"""The wire to the engine, and what is made of what comes over it: streams split anywhere, transcripts, progress."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from hotdash.drivers.build_output import BuildOutput
from hotdash.drivers.docker.images.progress import PullProgress
from hotdash.drivers.docker.images.transcript import Transcript
from hotdash.drivers.docker.wire import exchange, objects, target

if TYPE_CHECKING:
    from collections.abc import Iterable

SAID = [{"stream": "a\nb"}, {"status": "é"}, {"aux": {"ID": "x"}}]


def over_a_socket(pieces: Iterable[bytes]) -> list[dict[str, Any]]:
    """What `objects` makes of an answer whose body comes in these chunks."""
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with theirs:
            theirs.recv(4096)
            theirs.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in pieces:
                theirs.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            theirs.sendall(b"0\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with exchange(ours, "GET", "/") as response:
        found = list(objects(response))
    thread.join()
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_objects_are_whole_however_they_come(size: int, end: str):
    text = end.join(json.dumps(value, ensure_ascii=False) for value in SAID).encode()
    assert over_a_socket(text[at : at + size] for at in range(0, len(text), size)) == SAID


def test_a_target_is_a_path_and_its_query():
    assert target("/x") == "/x"
    assert target("/x", a=None, b=True, c="ä b", d=0) == "/x?b=1&c=%C3%A4+b&d=0"


class Clock:
    """A clock that a test sets."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_transcript_tells_steps_and_their_times():
    lines: list[str] = []
    clock = Clock()
    steps: list[tuple[int, int, str]] = []
    output = BuildOutput(lines.append, lambda *step: steps.append(step))
    transcript = Transcript("greet", output=output, clock=clock)
    for after_s, said in [
        (0, {"stream": "Step 1/2 : FROM x\n"}),
        (0, {"stream": " ---> 123\n"}),
        (0.05, {"stream": "Step 2/2 : RUN make \\\n  all\n"}),
        (0, {"stream": " ---> Running in abc123\n"}),
        (1.5, {"stream": "\x1b[91mcareful\n\x1b[0m"}),
        (0, {"stream": "Removing intermediate container abc123\n"}),
        (0, {"aux": {"ID": "sha256:1"}}),
    ]:
        clock.now_s += after_s
        transcript.take(said)
    assert transcript.end() == "sha256:1"
    assert lines == [
        "Step 1/2 : FROM x",
        " ---> 123",
        "Step 2/2 : RUN make \\",
        "  all",
        "careful",
        " ---> took 1.5 s",
        "built in 1.6 s",
    ]
    assert steps == [(1, 2, "FROM x"), (2, 2, "RUN make \\ all")]
    assert str(transcript.failure("odd")) == "greet: step 2 of 2, `RUN make \\ all`, failed: odd"


def test_a_pull_is_told_twice_a_second_and_at_its_end():
    lines: list[str] = []
    clock = Clock()
    progress = PullProgress(BuildOutput(lines.append), clock=clock)
    progress.take({"status": "Pulling from library/python", "id": "3.12"})
    progress.take({"status": "Pulling fs layer", "id": "a", "progressDetail": {}})
    for current in range(0, 101, 5):
        clock.now_s += 0.1
        detail = {"current": current * 10_000, "total": 1_000_000}
        progress.take({"status": "Downloading", "id": "a", "progressDetail": detail})
    progress.take({"status": "Extracting", "id": "a", "progressDetail": {"current": 1, "total": 9}})
    progress.take({"status": "Downloading", "id": "b", "progressDetail": {"current": -5, "total": "many"}})
    progress.end()
    assert lines[0] == "3.12: Pulling from library/python"
    assert lines[1] == "pulling ░░░░░░░░░░░░░░░░░░░░   0%  0.0 of 1.0 MB"
    assert lines[-1] == "pulling ████████████████████ 100%  1.0 of 1.0 MB"
    assert 4 <= len(lines) <= 7
    assert lines == sorted(set(lines), key=lines.index)
