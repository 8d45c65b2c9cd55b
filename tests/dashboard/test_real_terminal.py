"""The real program in a pseudo-terminal: invoked, edited and ended as its user would, and nothing is left of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from real_tools import HTTP, PATIENCE_S, lives, pids_in, until, write_function

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GREETS = HTTP + "\nprint(os.getpid(), file=open(os.environ['PIDS'], 'a'), flush=True)\nfor h, b in requests():\n    "
ANSWERS = GREETS + "print('heard it well', file=sys.stderr, flush=True); answer(b'first-answer')\n"
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")

# As a shell's child has it: the terminal is the session's own, so that the program is told when it goes away.
OWN_TERMINAL = """
import fcntl, os, signal, sys, termios
if "NOHUP" in os.environ:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "hotdash", *sys.argv[1:]])
"""


class Terminal:
    """A hotdash in a terminal. What it has drawn is kept as text, without the order of places."""

    def __init__(self, *arguments: str, home: Path, width: int = 160, height: int = 45, **environment: str) -> None:
        self._fd, inner = pty.openpty()
        self.resize(width, height)
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN_TERMINAL, *arguments],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=home,
            env={
                "PATH": os.environ["PATH"],
                "TERM": "xterm-256color",
                "HOME": str(home),
                "LANG": "C.UTF-8",
                "EDITOR": "tail -f",
            }
            | environment,
        )
        os.close(inner)
        self.drawn = b""

    def look(self) -> None:
        """Takes what has been drawn since."""
        while self._fd >= 0 and select.select([self._fd], [], [], 0)[0]:
            try:
                self.drawn += os.read(self._fd, 65536)
            except OSError:  # it has ended
                return

    def shows(self, text: str) -> bool:
        """Whether `text` has been drawn since the last `forget`."""
        return text.encode() in self.seen()

    def seen(self) -> bytes:
        """All that was drawn since the last `forget`, as `shows` looks at it."""
        self.look()
        return _ESCAPES.sub(b"", self.drawn)

    def forget(self) -> None:
        """What was drawn until now counts no more."""
        self.look()
        self.drawn = b""

    def resize(self, width: int, height: int) -> None:
        """The terminal has another size, and the program is told."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def draws_in(self, row: int) -> bool:
        """Whether anything was drawn there since the last `forget`."""
        self.look()
        return f"\x1b[{row};".encode() in self.drawn

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def hang_up(self) -> None:
        """The terminal goes away."""
        os.close(self._fd)
        self._fd = -1

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        deadline_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline_s:
            self.look()
            select.select([], [], [], 0.01)
        return self.process.wait(0)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._fd >= 0:
            os.close(self._fd)


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    root = tmp_path / "functions"
    write_function(root / "greets", ANSWERS, config={"PIDS": str(tmp_path / "pids")})
    return root


@pytest.fixture
def terminal(functions: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    environment = getattr(request, "param", {})
    terminal = Terminal(str(functions), "--driver", "process", home=tmp_path, **environment)
    try:
        until(lambda: terminal.shows("greets") and terminal.shows("ready"), "the function on the screen")
        terminal.press("\r")
        until(lambda: terminal.shows("first-answer") and terminal.shows("heard it well"), "the answer and its stderr")
        yield terminal
    finally:
        terminal.close()


def nothing_is_left(tmp_path: Path) -> None:
    """No function lives, nor a guardian, and no run folder is there."""
    pids = pids_in(tmp_path / "pids")
    assert pids, "the function has run"
    until(lambda: not any(map(lives, pids)), "the end of the function")
    here = str(tmp_path)
    until(
        lambda: (
            not any(here in " ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
        ),
        "the end of its guardian",
    )


def test_enter_invokes_a_save_is_live_and_q_quits(terminal, functions, tmp_path):
    terminal.forget()
    source = functions / "greets" / "func.py"
    source.write_text(ANSWERS.replace("first-answer", "second-answer"))
    until(lambda: terminal.shows("r2 is live"), "the new revision")
    terminal.press("\r")
    until(lambda: terminal.shows("second-answer"), "the answer of the new code")
    terminal.forget()
    source.write_text(ANSWERS.replace("for h", "for for h"))
    until(lambda: terminal.shows("the deploy failed; r2 still serves"), "the word that the new code does not start")
    terminal.press("q")
    assert terminal.ended() == 0
    assert b"\x1b[?1049l" in terminal.drawn, "the terminal is given back as it was"
    nothing_is_left(tmp_path)


def test_with_poll_a_save_is_live_and_u_and_the_deploys_tab_go_back(functions, tmp_path):
    terminal = Terminal(str(functions), "--driver", "process", "--poll", home=tmp_path)
    try:
        until(lambda: terminal.shows("greets") and terminal.shows("ready"), "the function on the screen")
        (functions / "greets" / "func.py").write_text(ANSWERS.replace("first-answer", "second-answer"))
        until(lambda: terminal.shows("r2 is live"), "the new revision")
        terminal.press("u")
        until(lambda: terminal.shows("r3 is live, r1 again"), "the old one again")
        terminal.press("<")
        until(lambda: terminal.shows("rollback: r1 again") and terminal.shows("func.py +1 -1"), "the revisions")
        terminal.press("q")
        assert terminal.ended() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("is_told", [False, True])
def test_a_terminal_without_a_size_is_taken_for_24_lines_of_80_until_it_tells_one(functions, tmp_path, is_told: bool):
    terminal = Terminal(str(functions), "--driver", "process", home=tmp_path, width=0, height=0)
    try:
        until(lambda: terminal.shows("greets") and terminal.shows("ready"), "the function on the screen")
        assert terminal.draws_in(24)
        assert not terminal.draws_in(25)
        if is_told:
            terminal.resize(160, 45)
            until(lambda: terminal.draws_in(45), "a picture of the size that it was told")
        terminal.press("q")  # which a screen that paints without end never comes to
        assert terminal.ended() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_well(terminal, tmp_path, number):
    terminal.process.send_signal(number)
    assert terminal.ended() == 130
    assert b"\x1b[?1049l" in terminal.drawn, "the terminal is given back as it was"
    nothing_is_left(tmp_path)


@pytest.mark.parametrize("terminal", [{}, {"NOHUP": "1"}], ids=["told", "as under nohup"], indirect=True)
def test_it_ends_when_its_terminal_goes_away(terminal, tmp_path):
    terminal.hang_up()
    terminal.ended()
    nothing_is_left(tmp_path)


def test_it_ends_when_its_terminal_goes_away_under_an_editor(terminal, tmp_path):
    terminal.press("e")
    until(lambda: b"\x1b[?1049l" in terminal.drawn or terminal.look(), "the terminal lent to the editor")
    children = psutil.Process(terminal.process.pid).children
    until(lambda: any(child.name() == "tail" for child in children()), "the editor")
    terminal.hang_up()
    terminal.ended()
    nothing_is_left(tmp_path)


def test_a_shell_has_the_containers_surroundings_and_gives_the_terminal_back(terminal, tmp_path):
    terminal.press("j")
    until(lambda: terminal.shows("pid "), "the container's row")
    terminal.press("E")
    until(lambda: terminal.shows("`exit` goes back"), "the shell")
    terminal.forget()
    terminal.press("echo $PIDS has $(ls func.py) 'in' $HOME; kill -9 $$\n")
    until(lambda: re.search(rb"pids has func\.py in \S*/hotdash-\w+/\S+/home", terminal.seen()), "its surroundings")
    until(lambda: b"\x1b[?1049h" in terminal.drawn or terminal.look(), "the screen again")
    terminal.press("q")
    assert terminal.ended() == 0
    nothing_is_left(tmp_path)


def test_kill_9_leaves_nothing(terminal, tmp_path):
    terminal.process.kill()
    terminal.ended()
    nothing_is_left(tmp_path)


def test_a_task_of_an_earlier_run_is_found_and_replayed(terminal, functions, tmp_path):
    terminal.press("q")
    assert terminal.ended() == 0
    again = Terminal(str(functions), "--driver", "process", home=tmp_path)
    try:
        until(lambda: again.shows("H: 1 earlier"), "the count of tasks of earlier runs")
        again.press("H")
        until(lambda: again.shows("1 task, 1 earlier") and again.shows("heard it well"), "the task, opened")
        again.forget()
        again.press("r")
        until(lambda: again.shows("repeats t-") and again.shows("2 Tasks"), "the replay, and its task among this run's")
        again.press("H")
        until(lambda: again.shows("2 tasks"), "the replay, in the history too")
        again.press("q")
        assert again.ended() == 0
    finally:
        again.close()
    nothing_is_left(tmp_path)


def test_without_an_engine_the_screen_is_left_with_the_reason(functions, tmp_path):
    terminal = Terminal(str(functions), "--driver", "docker", home=tmp_path, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    try:
        assert terminal.ended() == 3
        assert terminal.shows("Functions"), "the board came first"
        assert b"none.sock" in terminal.seen().partition(b"Functions")[2], "the engine that was tried is named"
        assert b"\x1b[?1049l" in terminal.drawn, "the terminal is given back as it was"
    finally:
        terminal.close()
