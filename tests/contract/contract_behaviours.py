"""What the containers of the contract suite do. Run as a program by the process driver: `contract_behaviours.py NAME`.

Standard library only. The scripted stub does the same in memory; each member's comment is what a test may rely on.
"""

import os
import select
import signal
import sys
from enum import StrEnum


class Behaviour(StrEnum):
    """How a container of the suite behaves. `ready` means that it writes the line `ready` to stdout when it begins."""

    ECHO = "echo"  # answers each piece of stdin with the same bytes; at the end of stdin it exits with code 0
    EXITS = "exits"  # writes `out` to stdout and `err` to stderr, each as a line, then exits with code 3
    CRASHES = "crashes"  # ready; at its first bytes of stdin it dies by SIGSEGV, having read them
    WRITES_STDERR = "writes-stderr"  # for each line N: writes N bytes `e` to stderr, then answers `N` and a line feed
    ANSWERS_BIG = "answers-big"  # for each line N: answers N bytes `a`
    IGNORES_TERM = "ignores-term"  # ready; ignores SIGTERM and the end of stdin, never ends by itself
    EXITS_AT_TERM = "exits-at-term"  # ready; at SIGTERM it exits with code 7
    CLOSES_STDOUT = "closes-stdout"  # closes stdout at once, lives on; at the end of stdin it exits with code 0
    CLOSES_STDERR = "closes-stderr"  # closes stderr at once, then as ECHO
    CLOSES_STDIN = "closes-stdin"  # closes stdin, then ready; lives on
    NEVER_READS = "never-reads"  # ready; never reads stdin, lives on until a signal ends it
    DIES_UNREAD = "dies-unread"  # ready; dies by SIGABRT, without having read, as soon as there is anything on stdin
    FLOODS_STDERR = "floods-stderr"  # writes to stderr without end, from the start


def _say_ready() -> None:
    os.write(1, b"ready\n")


def _echo() -> None:
    while data := os.read(0, 65536):
        while data:
            data = data[os.write(1, data) :]


def _numbers():
    for line in sys.stdin.buffer:
        yield int(line)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _exits() -> None:
    os.write(1, b"out\n")
    os.write(2, b"err\n")
    os._exit(3)


def _crashes() -> None:
    _say_ready()
    os.read(0, 65536)
    os.kill(os.getpid(), signal.SIGSEGV)


def _writes_stderr() -> None:
    for number in _numbers():
        _write_all(2, b"e" * number)
        os.write(1, b"%d\n" % number)


def _answers_big() -> None:
    for number in _numbers():
        for begin in range(0, number, 65536):  # never all of it in memory, which is limited
            _write_all(1, b"a" * min(65536, number - begin))


def _ignores_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _never_reads()


def _exits_at_term() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    _never_reads()


def _closes_stdout() -> None:
    os.close(1)
    while os.read(0, 65536):
        pass


def _closes_stderr() -> None:
    os.close(2)
    _echo()


def _closes_stdin() -> None:
    os.close(0)
    _never_reads()


def _never_reads() -> None:
    _say_ready()
    while True:
        signal.pause()


def _dies_unread() -> None:
    _say_ready()
    poller = select.poll()
    poller.register(0, select.POLLIN)
    poller.poll()
    os.kill(os.getpid(), signal.SIGABRT)


def _floods_stderr() -> None:
    while True:
        os.write(2, b"flood\n" * 500)


if __name__ == "__main__":
    globals()["_" + Behaviour(sys.argv[1]).name.lower()]()
