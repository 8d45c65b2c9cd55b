"""`EventLines`: what happens, as JSON lines on a stream, for `hotdash serve`.

A listener of the runtime's events: it only appends, so that no function waits for whoever reads the stream. Its thread
(`events:out`, made by `start`, ended and joined by `close`) waits for events and writes them. Where the reader is too
slow, lines of stderr are left out and counted; where it has gone away, `on_gone` is called, once.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from hotdash.events import Event, StderrLine, TaskEnded, TaskQueued
from hotdash.functions.spec import FunctionSpec

if TYPE_CHECKING:
    from collections.abc import Callable

_PENDING = 10_000
_CLOSE_S = 2.0  # what has not been read by then is lost


class EventLines:
    """See the module's docstring. The condition guards what waits, the count of what was left out, and the end.

    Args:
        stream: Where to.
        on_gone: Called in the thread once the stream takes no more.
    """

    def __init__(self, stream: TextIO, *, on_gone: Callable[[], object]) -> None:
        self._stream = stream
        self._on_gone = on_gone
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, Any] | Event] = deque()
        self._omitted = 0
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
            if len(self._waiting) >= _PENDING and isinstance(line, StderrLine):
                self._omitted += 1
                return
            self._waiting.append(line)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._is_over:
                    self._changed.wait()
                batch, omitted = list(self._waiting), self._omitted
                self._waiting.clear()
                self._omitted = 0
            if not batch:
                return
            lines = [msgspec.json.encode(_fields(each) if isinstance(each, Event) else each) for each in batch]
            if omitted:
                lines.append(msgspec.json.encode({"event": "LinesOmitted", "count": omitted}))
            try:
                self._stream.write("".join(f"{line.decode()}\n" for line in lines))
                self._stream.flush()
            except (OSError, ValueError):  # a broken pipe, a full disk; a stream that was closed
                with self._changed:
                    self._is_over = True
                    self._waiting.clear()
                self._on_gone()
                return


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
