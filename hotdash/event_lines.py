"""`EventLines`: what happens, as JSON lines on a stream, for `hotdash serve`.

A listener of the runtime's events: it only appends, so that no function waits for whoever reads the stream. Its thread
(`events:out`, made by `start`, ended and joined by `close`) waits for events and writes them. Where the reader is too
slow, lines are left out and counted, those of stderr first; where it has gone away, or a fault ends the thread,
`on_gone` is called, once.
"""

from __future__ import annotations

import errno
import threading
from collections import Counter, deque
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from hotdash.errors import report
from hotdash.events import Event, StderrLine, TaskEnded, TaskQueued
from hotdash.functions.spec import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Callable

_PENDING = 10_000  # of lines of stderr
_PENDING_ALL = 2 * _PENDING  # so that a flood of stderr costs no other event
_PENDING_CHARACTERS = 32 * 2**20  # of texts and headers: a call may have 64 KiB of them
_CLOSE_S = 2.0  # what has not been read by then is lost


class EventLines:
    """See the module's docstring. The condition guards what waits, the counts of what was left out, and the end.

    Args:
        stream: Where to.
        on_gone: Called in the thread once the stream takes no more, or nothing more can be written.

    Attributes:
        fault: Why the stream takes no more, from before `on_gone` is called; empty where a reader has gone away.
    """

    def __init__(self, stream: TextIO, *, on_gone: Callable[[], object]) -> None:
        self.fault = ""
        self._stream = stream
        self._on_gone = on_gone
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, Any] | Event] = deque()
        self._characters = 0  # of what waits
        self._omitted: Counter[str] = Counter()  # by the event that tells of it
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="events:out", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def say(self, event: str, **fields: object) -> None:
        """Writes a line that is of no event of the runtime's."""
        self._append({"event": event, **fields})

    def __call__(self, event: Event) -> None:
        """In the runtime's event thread."""
        # Those that hold bodies, of which none must wait here.
        self._append(_fields(event) if isinstance(event, TaskQueued | TaskEnded) else event)

    def close(self) -> None:
        """Writes what waits, as far as the stream takes it soon."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join(_CLOSE_S)

    def _append(self, line: dict[str, Any] | Event) -> None:
        with self._changed:
            if self._is_over:
                return
            is_stderr = isinstance(line, StderrLine)
            size = _characters(line)
            is_full = len(self._waiting) >= (_PENDING if is_stderr else _PENDING_ALL)
            if is_full or (self._waiting and self._characters + size > _PENDING_CHARACTERS):
                self._omitted["LinesOmitted" if is_stderr else "EventsOmitted"] += 1
                return
            self._waiting.append(line)
            self._characters += size
            self._changed.notify()

    def _run(self) -> None:
        try:
            self._write_all()
        except Exception as error:  # noqa: BLE001  the thread's top: told, and without it serve would go on mute
            report(error)
            self._give_up()

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_over:
                    self._changed.wait()
                batch, omitted = list(self._waiting), dict(self._omitted)
                self._waiting.clear()
                self._characters = 0
                self._omitted.clear()
            if not batch:
                return
            lines = [_encoded(_fields(each) if isinstance(each, Event) else each) for each in batch]
            lines += [_encoded({"event": event, "count": count}) for event, count in omitted.items()]
            try:
                self._stream.write("".join(f"{line.decode()}\n" for line in lines))
                self._stream.flush()
            except (OSError, ValueError) as error:  # a broken pipe, a full disk; a stream that was closed
                if isinstance(error, OSError) and error.errno != errno.EPIPE:
                    self.fault = error.strerror or str(error)
                self._give_up()
                return

    def _give_up(self) -> None:
        with self._changed:
            self._is_over = True
            self._waiting.clear()
        self._on_gone()


def _characters(line: dict[str, Any] | Event) -> int:
    """About how much a line holds that a function or a caller has written."""
    if isinstance(line, StderrLine):
        return len(line.text)
    if not isinstance(line, dict):
        return 0
    headers = line.get("headers")
    size = sum(len(value) for value in line.values() if isinstance(value, str))
    return size + (sum(len(name) + len(value) for name, value in headers.items()) if isinstance(headers, dict) else 0)


def _encoded(fields: dict[str, Any]) -> bytes:
    r"""JSON. A text that is no UTF-8, such as a folder's name may be, has those bytes as `\udcff` in it."""
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError:
        return msgspec.json.encode(_readable(fields))


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_readable(name): _readable(each) for name, each in value.items()}
    return [_readable(each) for each in value] if isinstance(value, list | tuple) else value


def _fields(event: Event) -> dict[str, Any]:
    """An event for JSON: its kind, then its own fields. Bodies are told by their size."""
    fields: dict[str, Any] = {"event": type(event).__name__}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name == "at_s":
            continue
        if isinstance(event, TaskEnded) and name == "result":
            fields |= _result(event)
        elif isinstance(value, FunctionSpec):
            fields |= {"app": value.app, "path": value.path, "format": value.format.value, "folder": str(value.folder)}
        elif isinstance(value, bytes):
            fields[f"{name}_bytes"] = len(value)
        elif name == "headers":
            fields[name] = dict(value)
        else:
            fields[name] = msgspec.to_builtins(value)
    return fields


def _result(event: TaskEnded) -> dict[str, Any]:
    result = event.result
    return {
        "task_id": result.task_id,
        "status": result.status.value,
        "status_code": result.status_code,
        "error": result.error,
        "body_bytes": len(result.body),
        "queued_s": round(result.queued_s, 6),
        "run_s": round(result.run_s, 6),
        "container_id": result.container_id,
        "revision": result.revision,
    }
