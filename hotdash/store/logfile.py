"""hotdash's own log file (R8): `LogFile`, a listener of events, and its thread `log`, which renders and writes.

The listener only counts and appends, so that no function waits for the disk. A line is JSON with the fields that
IronFunctions logs (app, route, image, memory, format, max_concurrency) and, where known, task, container and revision.
Nothing is ever written to the terminal: there is a screen on it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from hotdash.events import (
    BuildFailed,
    ContainerStopped,
    DeployFailed,
    Event,
    FunctionChanged,
    FunctionFaulty,
    LinesDropped,
    RevisionLive,
    StderrLine,
    TaskEnded,
)
from hotdash.store.rotating import RotatingLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.functions.spec import FunctionSpec

MAX_BYTES = 10_000_000  # R8: of each of the two files
LINES_PER_S = 1_000  # R8: above this, lines are omitted and counted
FLUSH_S = 0.25
_BATCH = 1_000  # that many waiting lines are written at once
_PENDING = 10_000  # more wait only where the disk has stopped: then they are omitted
_TEXT_CHARACTERS = 8_192
_BUILD_LINES = 20  # of a failed build's output, the last
_IMAGES_KEPT = 8  # of a function's revisions: one that drains is seldom older

_Fields = dict[str, Any]


class _Quota:
    """So many in each second: the first ones."""

    __slots__ = ("_begin_s", "_limit", "_taken")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begin_s = 0.0
        self._taken = 0

    def admits(self, now_s: float) -> bool:
        """Whether one more fits the second that has begun."""
        if now_s - self._begin_s >= 1.0:
            self._begin_s = now_s
            self._taken = 0
        self._taken += 1
        return self._taken <= self._limit


class _Record(Struct, frozen=True, kw_only=True):
    level: str
    text: str
    time_s: float
    fields: _Fields


def default_path() -> Path:
    """Where the log lies on this system, `~/.local/state/hotdash/log/hotdash.log` on Linux."""
    import platformdirs  # noqa: PLC0415  only who logs to the default place needs it

    return Path(platformdirs.user_log_dir("hotdash", appauthor=False)) / "hotdash.log"


class LogFile:
    """Writes what is worth keeping to a file, in batches.

    Call it with each event; any thread may. Its maker owns it and ends it with `close`. Its thread `log` sleeps until
    there is something, then collects for `flush_s`, or until 1,000 lines wait, and writes. What cannot be written
    is lost and told once: a full disk costs the log, never the runtime.

    `_lock` guards all that the listener fills: what is known of functions, the lines that wait, the count of omissions.

    Args:
        path: The file; None means `default_path()`. The one before it has `.1` behind its name.
        on_error: Called once, in the thread `log`, with a text for the user.
        clock: Monotonic seconds, for the limit of lines a second.
        flush_s: Seconds that a line waits at most.
        lines_per_s: How many lines a second are kept.
        max_bytes: The size that neither of the two files exceeds.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        on_error: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
        flush_s: float = FLUSH_S,
        lines_per_s: int = LINES_PER_S,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.path = path if path is not None else default_path()
        self._on_error = on_error
        self._clock = clock
        self._flush_s = flush_s
        self._lines_per_s = lines_per_s
        self._line_quota = _Quota(lines_per_s)
        self._task_quota = _Quota(lines_per_s)  # of its own: a flood of lines must not hide what failed
        self._file = RotatingLines(path=self.path, max_bytes=max_bytes)
        self._lock = threading.Lock()
        self._functions: dict[str, _Fields] = {}
        self._images: dict[str, dict[int, str]] = {}
        self._pending: list[_Record] = []
        self._omitted: Counter[str] = Counter()
        self._some = threading.Event()
        self._hurry = threading.Event()
        self._closing = False
        self._told = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Takes an event; returns at once."""
        listen = _LISTEN.get(type(event))
        if listen is None:
            return
        with self._lock:
            if not self._closing:
                listen(self, event)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Writes what waits and ends the thread; later events are ignored. A second call does nothing.

        Returns:
            False if the disk has not taken it all within `timeout_s` seconds.
        """
        with self._lock:
            self._closing = True
        self._some.set()
        self._hurry.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # What the listener does, under the lock.

    def _function_changed(self, event: FunctionChanged) -> None:
        self._functions[event.function] = _seed_fields(event.spec)
        if event.reason:
            self._add(event, "warning", event.reason, state=event.state.value)

    def _revision_live(self, event: RevisionLive) -> None:
        images = self._images.setdefault(event.function, {})
        images[event.revision] = event.image_id
        while len(images) > _IMAGES_KEPT:
            del images[min(images)]
        self._add(event, "info", "revision live", revision=event.revision)

    def _stderr_line(self, event: StderrLine) -> None:
        if not self._line_quota.admits(self._clock()):
            self._omit(event.function)
            return
        self._add(
            event,
            "info",
            event.text,
            task=event.task_id,
            container=event.container_id,
            revision=event.revision,
        )

    def _lines_dropped(self, event: LinesDropped) -> None:
        self._omit(event.function, event.count)

    def _container_stopped(self, event: ContainerStopped) -> None:
        if event.failed:
            self._add(event, "error", event.reason, container=event.container_id, revision=event.revision)

    def _task_ended(self, event: TaskEnded) -> None:
        result = event.result
        if result.error is None:
            return
        if not self._task_quota.admits(self._clock()):
            self._omit(event.function)
            return
        self._add(
            event,
            "warning",
            result.error,
            task=result.task_id,
            container=result.container_id,
            revision=result.revision,
            status=result.status.value,
            run_s=round(result.run_s, 6),
        )

    def _build_failed(self, event: BuildFailed) -> None:
        self._add(event, "error", event.reason, build=list(event.log[-_BUILD_LINES:]))

    def _deploy_failed(self, event: DeployFailed) -> None:
        self._add(event, "error", event.reason)

    def _function_faulty(self, event: FunctionFaulty) -> None:
        if event.faults:
            self._add(event, "error", "the function file is broken", faults=list(event.faults))

    def _omit(self, function: str, count: int = 1) -> None:
        if not self._omitted:  # only then: setting an event at each line was the dearest thing in a flood
            self._some.set()
        self._omitted[function] += count

    def _add(self, event: Event, level: str, text: str, **more: Any) -> None:
        if len(self._pending) >= _PENDING:
            self._omit(event.function)
            return
        fields = self._fields(event.function, more.get("revision"))
        fields.update((name, value) for name, value in more.items() if value not in ("", 0))
        self._pending.append(_Record(level=level, text=text, time_s=event.time_s, fields=fields))
        if len(self._pending) == 1:
            self._some.set()
        elif len(self._pending) == _BATCH:
            self._hurry.set()

    def _fields(self, function: str, revision: int | None = None) -> _Fields:
        images = self._images.get(function, {})
        image = images.get(max(images) if images and revision is None else revision or 0, "")
        return {"function": function, **self._functions.get(function, {}), "image": image}

    # What the thread does.

    def _run(self) -> None:
        ending = False
        while not ending:
            self._some.wait()
            self._hurry.wait(self._flush_s)
            with self._lock:
                ending = self._closing
                records, self._pending = self._pending, []
                records.extend(self._omissions())
                self._some.clear()
                self._hurry.clear()
            try:
                self._file.write(_render(records))
            except Exception as error:  # noqa: BLE001  the thread's top: emitted, once; the runtime must not care
                self._tell(error)
        try:
            self._file.close()
        except OSError as error:
            self._tell(error)

    def _omissions(self) -> list[_Record]:
        """A record for each function whose lines were omitted since the last batch."""
        omitted, self._omitted = self._omitted, Counter()
        now_s = time.time()
        return [
            _Record(
                level="warning",
                text=f"{count} lines omitted: there were more than {self._lines_per_s} a second",
                time_s=now_s,
                fields={**self._fields(function), "omitted": count},
            )
            for function, count in omitted.items()
        ]

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            why = error.strerror if isinstance(error, OSError) and error.strerror else f"{error}"
            self._on_error(f"the log file {self.path} cannot be written: {why}; hotdash goes on without")


def _seed_fields(spec: FunctionSpec) -> _Fields:
    """The fields that IronFunctions logs with each line of a hot container, the image apart, which a revision has."""
    return {
        "app": spec.app,
        "route": spec.path,
        "memory": spec.memory_mb,
        "format": spec.format.value,
        "max_concurrency": spec.max_concurrency,
    }


def _render(records: list[_Record]) -> list[str]:
    """The records as JSON lines."""
    import structlog  # noqa: PLC0415  its import takes 0.1 s, most of it for terminals: not before the first line

    lines = _Lines()
    logger = structlog.wrap_logger(
        lines,
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.EventRenamer("msg"),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        context_class=dict,
    ).bind()
    for record in records:
        text = record.text
        if len(text) > _TEXT_CHARACTERS:
            text = f"{text[:_TEXT_CHARACTERS]} … [{len(text) - _TEXT_CHARACTERS} characters more]"
        stamp = datetime.fromtimestamp(record.time_s, UTC).isoformat(timespec="milliseconds")
        getattr(logger, record.level)(text, time=stamp, **record.fields)
    return lines.rendered


class _Lines:
    """What structlog writes to: it collects."""

    def __init__(self) -> None:
        self.rendered: list[str] = []
        self.info = self.warning = self.error = self.rendered.append


_LISTEN: dict[type[Event], Callable[[LogFile, Any], None]] = {
    FunctionChanged: LogFile._function_changed,
    RevisionLive: LogFile._revision_live,
    StderrLine: LogFile._stderr_line,
    LinesDropped: LogFile._lines_dropped,
    ContainerStopped: LogFile._container_stopped,
    TaskEnded: LogFile._task_ended,
    BuildFailed: LogFile._build_failed,
    DeployFailed: LogFile._deploy_failed,
    FunctionFaulty: LogFile._function_faulty,
}
