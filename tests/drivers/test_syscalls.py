"""What a process is seen to do by its system calls: the decision by a table, and real processes."""

from __future__ import annotations

import os
import platform

import pytest
from process_tools import read_line, start, start_python, until

from hotdash.drivers import syscalls
from hotdash.drivers.syscalls import Doing, judge

REST = " 0x0 0x0 0x0 0x0 0x0 0x7ffcfdba5708 0x7fb072ced503\n"  # of a line: what no decision looks at
FILE, LOOP = 7, 8
STARTED = (
    "import os, select, signal, subprocess, sys, threading, time; print('', flush=True);"
    "BUSY = [sys.executable, '-c', 'while True: pass'];"
)


def calls(doing: Doing, *numbers: str) -> list[tuple[str, str, Doing]]:
    """Numbers and first arguments on x86-64 / on arm64, where there is such a call, and what they tell."""
    return [(*pair.split(" / "), doing) for pair in numbers]


@pytest.mark.parametrize(
    ("x86_64", "aarch64", "doing"),
    [
        # the last has a descriptor of 32 bits, below what an earlier call left
        *calls(Doing.READS_STDIN, "0 0x0 / 63 0x0", "0 0xffffffff00000000 / 63 0xffffffff00000000"),
        *calls(Doing.SLEEPS, "0 0x3 / 63 0x3", "19 0x0 / 65 0x0", "45 0x3 / 207 0x3"),  # read, readv, recvfrom
        *calls(Doing.SLEEPS, "43 0x3 / 202 0x3", "288 0x3 / 242 0x3"),  # accept, accept4
        *calls(Doing.WORKS, "0 0x7 / 63 0x7", "17 0x7 / 67 0x7"),  # read and pread64 of a file
        *calls(Doing.SLEEPS, "35 0x1 / 101 0x1", "230 0x1 / 115 0x1", "219 0x1 / 128 0x1"),  # nanosleep and its kin
        *calls(Doing.SLEEPS, "34 0x1 / -", "130 0x1 / 133 0x1", "128 0x1 / 137 0x1"),  # pause, sigsuspend, sigtimedwait
        *calls(Doing.SLEEPS, "7 0x1 / -", "271 0x1 / 73 0x1", "23 0x1 / -", "270 0x1 / 72 0x1"),  # poll, select
        *calls(
            Doing.SLEEPS, "232 0x7 / -", "281 0x7 / 22 0x7", "441 0x7 / 441 0x7", "426 0x7 / 426 0x7"
        ),  # epoll, uring
        *calls(Doing.READS_STDIN, "232 0x8 / -", "281 0x8 / 22 0x8", "441 0x8 / 441 0x8"),  # epoll
        *calls(Doing.SLEEPS, "426 0x8 / 426 0x8"),
        *calls(Doing.SLEEPS, "202 0x1 / 98 0x1", "73 0x7 / 32 0x7"),  # futex, flock
        *calls(Doing.WAITS_FOR_CHILDREN, "61 0x1 / 260 0x1", "247 0x1 / 95 0x1"),  # wait4, waitid
        *calls(Doing.WORKS, "9 0x0 / 222 0x0", "59 0x1 / 221 0x1", "257 0x1 / 56 0x1"),  # mmap, execve, openat
        *calls(Doing.WORKS, "217 0x7 / 61 0x7", "58 0x1 / 220 0x1"),  # getdents64; vfork, clone
        *calls(Doing.WORKS, "100000 0x1 / 100000 0x1"),  # of a kernel to come
    ],
)
def test_what_a_call_tells(x86_64: str, aarch64: str, doing: Doing):
    for machine, call in (("x86_64", x86_64), ("aarch64", aarch64)):
        if call != "-":
            line = call + REST
            assert judge(line, machine=machine, is_file=FILE.__eq__, polls_stdin=LOOP.__eq__) is doing


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("line", "doing"),
    [
        ("running\n", Doing.WORKS),
        ("-1 0x7ffcfdba5708 0x7fb072ced503\n", Doing.WORKS),  # it waits for a page
        ("-1 0x0 0x0\n", Doing.SLEEPS),  # it has ended
    ],
)
def test_what_is_told_by_no_call(machine: str, line: str, doing: Doing):
    assert judge(line, machine=machine, is_file=bool, polls_stdin=bool) is doing


def test_stdin_from_a_file_is_not_waited_for():
    assert judge("0 0x0" + REST, machine="x86_64", is_file=lambda fd: fd == 0, polls_stdin=bool) is Doing.WORKS


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("sys.stdin.buffer.read(1)", True),
        ("threading.Thread(target=os.read, args=(0, 1)).start(); signal.pause()", True),
        ("time.sleep(1000)", None),
        ("signal.pause()", None),
        ("os.read(os.dup(0), 1)", None),
        ("os.read(os.pipe()[0], 1)", None),
        ("select.select([0], [], [])", None),
        (
            "loop = select.epoll(); loop.register(os.pipe()[0]); loop.register(0, select.EPOLLIN); loop.poll()",
            True,
        ),
        ("loop = select.epoll(); loop.register(os.pipe()[0], select.EPOLLIN); loop.poll()", None),
        ("threading.Event().wait()", None),
        ("os.waitpid(os.fork() or time.sleep(1000), 0)", None),
        ("os.fork() or os._exit(0); signal.pause()", None),  # a child that has ended is not at work
        ("exec('while True: pass')", False),
        ("threading.Thread(target=exec, args=('while True: pass',)).start(); signal.pause()", False),
        ("threading.Thread(target=exec, args=('while True: pass',)).start(); os.read(os.dup(0), 1)", False),
        ("os.fork() or exec('while True: pass'); signal.pause()", False),
        ("subprocess.run(BUSY)", False),
        ("threading.Thread(target=subprocess.run, args=(BUSY,)).start(); signal.pause()", False),
    ],
)
def test_what_it_does_is_seen_by_its_system_calls(driver, tmp_path, code, seen):
    container = start_python(driver, tmp_path, STARTED + code)
    read_line(container)
    until(lambda: all(container.waits_for_input() is seen for _ in range(10)), f"{seen}, look after look,")
    container.close()
    assert container.waits_for_input() is False


@pytest.mark.parametrize(
    ("code", "seen"),
    [("while :; do :; done", False), ("exec sleep 1000", None), ("exec cat", True), ("sleep 1000 | exec cat", None)],
)
def test_what_a_shell_waits_for_is_looked_at(driver, tmp_path, code, seen):
    container = start(driver, tmp_path, "/bin/sh", "-c", f"echo; /bin/sh -c '{code}'; exit 1")
    read_line(container)
    until(lambda: all(container.waits_for_input() is seen for _ in range(10)), f"{seen}, look after look,")
    container.close()


def test_what_cannot_be_looked_at_is_not_told(driver, tmp_path, monkeypatch):
    assert syscalls.reads_stdin(2**22 + 1) is None
    monkeypatch.setattr(platform, "machine", lambda: "pdp11")
    assert syscalls.reads_stdin(os.getpid()) is None


def test_of_too_many_threads_it_is_not_told(driver, tmp_path, monkeypatch):
    sleeping = "[threading.Thread(target=time.sleep, args=(1000,)).start() for _ in range(8)];"
    reading = "threading.Thread(target=os.read, args=(0, 1)).start(); signal.pause()"
    container = start_python(driver, tmp_path, STARTED + sleeping + reading)
    until(container.waits_for_input, "a read by one of ten threads")
    monkeypatch.setattr(syscalls, "MAX_THREADS", 9)
    assert container.waits_for_input() is None
    container.close()
