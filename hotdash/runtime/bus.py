"""`EventBus`: events in one total order, delivered off the hot path.

One thread (`events`, owned by the bus, made by `start`, joined by `close`) waits at a gate for events and calls every
listener; it ends when the bus is closed and all that was emitted has been delivered.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from hotdash import events as ev
from hotdash.clock import SystemGate
from hotdash.errors import report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotdash.clock import Clock
    from hotdash.events import Event
    from hotdash.task import Attribution

    Listener = Callable[[Event], object]
    Line = tuple[str, Attribution, str]  # task id or "", how it was attributed, text

BATCH_S = 0.01  # after a delivery the thread rests this long: one switch of threads for many events, not one for each
BACKLOG_LINES = 100_000  # stderr lines that may wait; above it they are dropped and counted, nothing else is


class EventBus:
    """Takes events from any thread and delivers them from its own, in the order in which they were taken.

    There is no lock on the way of tasks. An entry's place in the order is its place in one deque: `append` is atomic,
    and whoever emits holds the lock that made the event true, so the order agrees with what happened. Numbers are
    given at delivery. An entry is a plain tuple until then; the frozen event is made in the bus's thread, off the path
    of a task.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[tuple[Any, ...]] = deque()
        self._listeners: tuple[Listener, ...] = ()
        self._gate = SystemGate()
        self._hurry = SystemGate()  # ends the rest between two deliveries
        self._is_parked = False
        self._is_closed = False
        self._seq = 0
        self._counting = threading.Lock()  # guards the two below
        self._lines_waiting = 0
        self._dropped: dict[str, int] = {}
        self._listening = threading.Lock()  # guards _listeners against two subscribers at once
        self._thread = threading.Thread(target=self._deliver, name="events", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener(event)` for each event from here on, in the bus's thread; it must be quick.

        What it raises goes to `threading.excepthook` and stops neither the bus nor other listeners.

        Returns:
            A function that ends the subscription; calling it again does nothing.
        """
        with self._listening:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._listening:
                self._listeners = tuple(known for known in self._listeners if known is not listener)

        return unsubscribe

    def emit(self, kind: type[Event], function: str, **fields: Any) -> None:
        """Takes an event; call it under the lock that made it true."""
        self._entries.append((kind, self._clock.now(), function, fields))
        if self._is_parked:
            self._is_parked = False
            self._gate.open()

    def emit_lines(self, function: str, container_id: str, revision: int, lines: Sequence[Line]) -> None:
        """Takes stderr lines, a `StderrLine` each at delivery; drops and counts them when listeners are far behind."""
        with self._counting:
            if self._lines_waiting > BACKLOG_LINES:
                self._dropped[function] = self._dropped.get(function, 0) + len(lines)
                return
            self._lines_waiting += len(lines)
        self._entries.append((ev.StderrLine, self._clock.now(), function, container_id, revision, lines))
        if self._is_parked:
            self._is_parked = False
            self._gate.open()

    def flush(self, timeout_s: float | None = 5.0) -> bool:
        """Waits until all that was emitted before has been delivered; False if that took longer than `timeout_s`."""
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return False
        delivered = SystemGate()
        self._entries.append((None, delivered))
        self._hurry.open()
        self._gate.open()
        return delivered.wait(timeout_s)

    def owns(self, thread: threading.Thread) -> bool:
        """Whether it is the bus's own thread."""
        return thread is self._thread

    def close(self) -> None:
        """Delivers what is left, then ends and joins the thread."""
        self._is_closed = True
        self._hurry.open()
        self._gate.open()
        if self._thread.is_alive():
            self._thread.join()

    def _deliver(self) -> None:
        """The thread: see the module's docstring."""
        entries = self._entries
        while True:
            self._is_parked = True
            if not entries and not self._is_closed:
                self._gate.wait()
            self._is_parked = False
            while entries:
                self._deliver_one(entries.popleft())
            if self._is_closed and not entries:
                return
            self._hurry.wait(BATCH_S)

    def _deliver_one(self, entry: tuple[Any, ...]) -> None:
        kind = entry[0]
        if kind is None:
            entry[1].open()
        elif kind is ev.StderrLine:
            _, at_s, function, container_id, revision, lines = entry
            time_s = self._clock.time_of(at_s)
            for task_id, attribution, text in lines:  # made here, not by `_publish`: of these there are 10,000 a second
                self._seq += 1
                event = ev.StderrLine(
                    seq=self._seq,
                    at_s=at_s,
                    time_s=time_s,
                    function=function,
                    container_id=container_id,
                    revision=revision,
                    task_id=task_id,
                    attribution=attribution,
                    text=text,
                )
                self._tell(event)
            with self._counting:
                self._lines_waiting -= len(lines)
                dropped, self._dropped = self._dropped, {}
            for loser, count in dropped.items():
                self._publish(ev.LinesDropped, self._clock.now(), loser, {"count": count})
        else:
            self._publish(*entry)

    def _publish(self, kind: type[Event], at_s: float, function: str, fields: dict[str, Any]) -> None:
        self._seq += 1
        self._tell(kind(seq=self._seq, at_s=at_s, time_s=self._clock.time_of(at_s), function=function, **fields))

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except BaseException as error:  # noqa: BLE001  a stranger's code at the top of our thread: reported, it harms nobody
                report(error)
