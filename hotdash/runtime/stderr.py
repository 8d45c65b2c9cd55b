"""Whose stderr line is it? (the design's section 6.) Runs in two threads of one container, see `StderrTap`."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from hotdash.runtime.id_probe import IdProbe, may_have_id
from hotdash.task import Attribution

if TYPE_CHECKING:
    from hotdash.drivers.base import Container
    from hotdash.runtime.bus import EventBus

LINE_BYTES = 64 * 2**10  # M10: a longer line is cut, with a mark
TASK_STDERR_BYTES = 2**20  # M11: kept for a task, oldest dropped
CUT_MARK = " … (line cut at 64 KiB)"
_IDS_KNOWN = 1_000  # tasks a container has run, whose ids are still looked for
_LONG = 100  # characters; to look for hex digits first is cheaper in more
_ID = re.compile(r"(?<![\w-])[0-9a-f]{24}(?![\w-])")  # a task's id as a whole token


class LineSplitter:
    """Bytes to lines of text: any length, any bytes (M10). Sans-IO."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_cutting = False  # the rest of a line that was cut is being thrown away
        self.is_within = False  # whether it is in the middle of a line; an attribute, for it is asked twice a task

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their ends."""
        *whole, rest = (self._rest + data).split(b"\n") if not self._is_cutting else data.split(b"\n")
        if self._is_cutting and whole:
            whole = whole[1:]  # the end of the cut line
            self._is_cutting = False
        elif self._is_cutting:
            return []
        self.is_within = bool(rest)
        lines = [self._text(line) for line in whole]
        self._rest = rest
        if len(rest) > LINE_BYTES:
            lines.append(self._text(rest))
            self._rest = b""
            self._is_cutting = True
        return lines

    def flush(self) -> list[str]:
        """The unfinished line as a line of its own, if there is one: what comes later starts a new one."""
        rest, self._rest = self._rest, b""
        self._is_cutting = self.is_within = False
        return [self._text(rest)] if rest else []

    @staticmethod
    def _text(line: bytes) -> str:
        if len(line) > LINE_BYTES:
            return line[:LINE_BYTES].decode("utf-8", "replace") + CUT_MARK
        return line.removesuffix(b"\r").decode("utf-8", "replace")


class StderrTap:
    """Reads one container's stderr and gives each line to its task.

    The lock guards all of it: *reading and attributing what was read are one step*, done by the stderr thread whenever
    something comes, and by the serve thread at a task's begin and end. So what a function had written before the last
    byte of its answer is in that task's lines, and what it wrote before the dispatch is not. With a driver whose stderr
    may be late that holds but for what is later than `settle_stderr` waits: such lines are marked as given by time.
    """

    def __init__(self, *, container: Container, function: str, revision: int, bus: EventBus, task_id: str = "") -> None:
        """With a `task_id`, all of the stderr is that task's: a cold container's."""
        self._container = container
        self._function = function
        self._revision = revision
        self._bus = bus
        self._lock = threading.Lock()
        self._splitter = LineSplitter()
        self._probe = IdProbe()
        self._task_id = task_id
        self._is_late = container.is_stderr_late
        self._in_task = Attribution.BY_TIME if self._is_late and not task_id else Attribution.IN_TASK
        self._known: OrderedDict[str, None] = OrderedDict({task_id: None} if task_id else {})
        self._lines: deque[str] = deque()
        self._lines_bytes = 0
        self._lines_dropped = 0
        self._last: deque[str] = deque(maxlen=5)  # since the last dispatch: for the cause of a death

    def run(self) -> None:
        """The stderr thread: waits for stderr, and ends when the container has ended and all of it is read."""
        while self._container.wait_stderr():
            with self._lock:
                self._take()
        with self._lock:
            self._give_rest()

    def begin(self, task_id: str, *, take: bool = True) -> None:
        """A task is about to be sent: what is there now is the container's own.

        Args:
            task_id: The task's.
            take: Whether there may be anything; False if a look has just shown that there is not.
        """
        with self._lock:
            if take:
                self._take()
            if self._splitter.is_within:
                self._give_rest()
            self._task_id = task_id
            if self._last and self._known:  # before its first task they are still the words of its start
                self._last.clear()
            self._known[task_id] = None
            if len(self._known) > _IDS_KNOWN:
                self._known.popitem(last=False)

    def end(self) -> tuple[tuple[str, ...], int]:
        """The task's answer is complete: takes exactly what is there now, and returns the task's lines.

        Once, not until nothing is left: a function that never stops writing would hold the task for ever.

        Returns:
            The lines, oldest first, and how many older ones were dropped.
        """
        if self._is_late:
            self._container.settle_stderr()
        with self._lock:
            self._take()
            if self._splitter.is_within:
                self._give_rest()
            self._task_id = ""
            if not self._lines and not self._lines_dropped:
                return (), 0
            lines, dropped = tuple(self._lines), self._lines_dropped
            self._lines.clear()
            self._lines_bytes = self._lines_dropped = 0
            return lines, dropped

    def last_lines(self) -> tuple[str, ...]:
        """The last few lines since the last dispatch, for the cause of a death."""
        with self._lock:
            return tuple(self._last)

    def _take(self) -> None:
        data = self._container.take_stderr()
        if data:
            may_name = self._probe.is_in(data)
            self._give(self._splitter.feed(data), may_name=may_name)

    def _give_rest(self) -> None:
        """The unfinished line."""
        self._give(self._splitter.flush(), may_name=self._probe.is_in_rest)

    def _give(self, lines: list[str], *, may_name: bool) -> None:
        """Tells of lines, of which some may name a task, or surely none does."""
        if not lines:
            return
        usual = self._task_id, self._in_task if self._task_id else Attribution.CONTAINER
        if may_name and self._known:
            batch = [(*(self._named(text) or usual), text) for text in lines]
        else:
            batch = [(*usual, text) for text in lines]
        for task_id, _, text in batch:
            if task_id and task_id == self._task_id:
                self._keep(text)
        self._last.extend(lines)
        self._bus.emit_lines(self._function, self._container.id, self._revision, batch)

    def _named(self, text: str) -> tuple[str, Attribution] | None:
        """The task whose id the line carries, which goes before the one that runs (section 6); None if it has none."""
        if len(text) > _LONG and not may_have_id(text.encode(errors="replace")):
            return None
        for match in _ID.finditer(text):
            if match[0] in self._known:
                return match[0], Attribution.BY_ID
        return None

    def _keep(self, text: str) -> None:
        self._lines.append(text)
        self._lines_bytes += _size_bytes(text)
        while self._lines_bytes > TASK_STDERR_BYTES:
            self._lines_bytes -= _size_bytes(self._lines.popleft())
            self._lines_dropped += 1


def _size_bytes(text: str) -> int:
    """What a line took on stderr, its end included."""
    return 1 + (len(text) if text.isascii() else len(text.encode()))
