"""`DeployBook`: the deploys of one function, folded from events: what is live, what was, what failed and where.

Guarded by the store's lock; views leave it. Deploys of a function are one at a time, so an event of a build belongs to
the deploy that began last. One that found nothing to do, or gave way to a newer one, is no revision and is forgotten.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.states import NO_OCCASION, Occasion, Origin

if TYPE_CHECKING:
    from hotdash import events as ev

DEPLOYS_KEPT = 20  # of a function; what is live or can be rolled back to is among them
LINES_KEPT = 2_000  # of a build's output, while it runs
ENDED_LINES_KEPT = 500
LINE_CHARACTERS = 2_000


class DeployStep(StrEnum):
    """Where a deploy is, or where it failed."""

    BUILD = "build"
    START = "start"
    PROBATION = "probation"  # it was live, and ended before its first answer
    LIVE = "live"


class BuildLine(Struct, frozen=True, kw_only=True):
    """A line of a build's output, or (with a `step`) what that step does.

    Args:
        at_s: When, on the runtime's clock.
        step: Its number, from 1; 0 for a line of output.
        steps: How many there are.
    """

    text: str
    at_s: float
    step: int = 0
    steps: int = 0


class DeployView(Struct, frozen=True, kw_only=True):
    """One deploy.

    Args:
        seq: The place of its beginning in the order of events: it names the deploy.
        revision: Its number, once it is live, or was; 0 before, and for one that failed before.
        step: Where it is now, or where it failed.
        is_running: Whether it has not ended.
        error: Why it failed; empty otherwise.
        task_id: The call in which it ended, of one that was live; empty where it was not in one.
        image_id: Empty before it is built.
        reused: Whether its image had been built before.
        build_s, start_s, swap_s: None where it has not come so far.
        log: Its build's output, oldest dropped.
        can_roll_back: Whether the runtime keeps it for that.
    """

    seq: int
    began_at_s: float
    began_time_s: float
    revision: int
    origin: Origin
    again: int
    step: DeployStep
    is_running: bool
    occasion: Occasion
    error: str = ""
    task_id: str = ""
    image_id: str = ""
    reused: bool = False
    build_s: float | None = None
    start_s: float | None = None
    swap_s: float | None = None
    log: tuple[BuildLine, ...] = ()
    is_live: bool = False
    can_roll_back: bool = False

    @property
    def short_id(self) -> str:
        """The first seven digits of its image's id, as git shows a commit."""
        return self.image_id.removeprefix("sha256:")[:7]

    @property
    def total_s(self) -> float:
        """From the first change that was seen to the end, so far as that is known."""
        return self.occasion.quiet_s + sum(part or 0.0 for part in (self.build_s, self.start_s, self.swap_s))


class _Record(Struct, kw_only=True):
    seq: int
    began_at_s: float
    began_time_s: float
    origin: Origin = Origin.BUILD
    again: int = 0
    step: DeployStep = DeployStep.BUILD
    revision: int = 0
    is_running: bool = True
    occasion: Occasion = NO_OCCASION
    error: str = ""
    task_id: str = ""
    image_id: str = ""
    reused: bool = False
    build_s: float | None = None
    start_s: float | None = None
    swap_s: float | None = None
    log: deque[BuildLine] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))

    def view(self, *, live: int, kept: tuple[int, ...]) -> DeployView:
        is_known = bool(self.revision) and not self.is_running
        return DeployView(
            seq=self.seq,
            began_at_s=self.began_at_s,
            began_time_s=self.began_time_s,
            revision=self.revision,
            origin=self.origin,
            again=self.again,
            step=self.step,
            is_running=self.is_running,
            occasion=self.occasion,
            error=self.error,
            task_id=self.task_id,
            image_id=self.image_id,
            reused=self.reused,
            build_s=self.build_s,
            start_s=self.start_s,
            swap_s=self.swap_s,
            log=tuple(self.log),
            is_live=is_known and self.revision == live,
            can_roll_back=is_known and self.revision in kept,
        )

    def end(self) -> None:
        self.is_running = False
        if len(self.log) > ENDED_LINES_KEPT:
            self.log = deque(list(self.log)[-ENDED_LINES_KEPT:], maxlen=LINES_KEPT)


class DeployBook:
    """The last deploys of one function, oldest first.

    Attributes:
        is_broken: Whether the newest deploy of sources that has ended failed.
    """

    def __init__(self) -> None:
        self.is_broken = False
        self._records: list[_Record] = []
        self._live = 0
        self._kept: tuple[int, ...] = ()
        self._codes: dict[int, int] = {}  # of each revision that was live: the one whose code it runs
        self._disk = 0  # the revision whose code is on disk; 0 where that could not be deployed
        self._views: tuple[DeployView, ...] | None = ()

    def views(self) -> tuple[DeployView, ...]:
        """Immutable copies, oldest first; the same ones until something changes."""
        if self._views is None:
            self._views = tuple(record.view(live=self._live, kept=self._kept) for record in self._records)
        return self._views

    @property
    def code_of(self) -> int:
        """The revision whose code the live one runs: itself, or the earlier one that it is again."""
        return self._codes.get(self._live, self._live)

    @property
    def on_disk(self) -> int:
        """The revision whose code is on disk, where the live one runs another's; else 0."""
        return self._disk if self._codes.get(self._disk, 0) != self.code_of else 0

    def started(self, event: ev.DeployStarted) -> None:
        """A deploy begins."""
        self._begin(event).occasion = event.occasion

    def rollback_started(self, event: ev.RollbackStarted) -> None:
        """A rollback begins; it builds nothing."""
        record = self._begin(event)
        record.origin, record.again, record.step = Origin.ROLLBACK, event.revision, DeployStep.START

    def step(self, event: ev.BuildStep) -> None:
        """The build has come to a step."""
        self._say(event.text, event.at_s, step=event.number, steps=event.total)

    def output(self, event: ev.BuildOutput) -> None:
        """The build printed a line."""
        self._say(event.text, event.at_s)

    def build_ended(self, event: ev.BuildEnded) -> None:
        """The image is there."""
        if record := self._running():
            record.step, record.image_id = DeployStep.START, event.image_id
            record.build_s, record.reused = event.build_s, event.reused

    def fell(self, event: ev.DeployFailed) -> None:
        """A revision that was live ended before its first answer."""
        self._views = None
        record = next((past for past in reversed(self._records) if past.revision == event.revision), None)
        if record is not None:
            record.error, record.task_id, record.step = event.cause or event.reason, event.task_id, DeployStep.PROBATION
            self.is_broken = self.is_broken or record.origin is Origin.BUILD
            record.end()

    def failed(self, event: ev.BuildFailed | ev.DeployFailed) -> None:
        """The deploy under way failed."""
        record = self._running()
        if record is None:
            return
        record.error = event.reason
        if record.origin is Origin.BUILD:
            self.is_broken, self._disk = True, 0
        if record.step is DeployStep.BUILD:
            record.build_s = event.at_s - record.began_at_s
        else:
            record.start_s = event.at_s - record.began_at_s - (record.build_s or 0.0)
        record.end()

    def unchanged(self) -> None:
        """The deploy under way found nothing to do: the sources are those of the live revision."""
        self.is_broken = False
        self._disk = self._live
        self.forget_running()

    def forget_running(self) -> None:
        """The deploy under way gave way to a newer one."""
        self._views = None
        self._records = [record for record in self._records if not record.is_running]

    def live(self, event: ev.RevisionLive) -> None:
        """A revision is live."""
        self._live, self._kept = event.revision, event.kept
        self._codes[event.revision] = self._codes.get(event.again, event.again) or event.revision
        if event.origin is Origin.BUILD:
            self._disk = event.revision
        record = None if event.origin is Origin.RESTORED else self._running()
        if record is None:  # a restoration has no beginning
            record = self._begin(event)
        record.revision, record.image_id = event.revision, event.image_id
        record.origin, record.again, record.step = event.origin, event.again, DeployStep.LIVE
        record.swap_s = event.swap_s
        self.is_broken = self.is_broken and event.origin is not Origin.BUILD
        if event.origin is not Origin.RESTORED:
            record.start_s = event.start_s
        record.end()

    def _begin(self, event: ev.Event) -> _Record:
        self.forget_running()
        record = _Record(seq=event.seq, began_at_s=event.at_s, began_time_s=event.time_s)
        self._records.append(record)
        while len(self._records) > DEPLOYS_KEPT:
            self._records.remove(next(record for record in self._records if not self._is_needed(record)))
        return record

    def _is_needed(self, record: _Record) -> bool:
        return record.is_running or (bool(record.revision) and record.revision in {self._live, *self._kept})

    def _running(self) -> _Record | None:
        self._views = None
        return self._records[-1] if self._records and self._records[-1].is_running else None

    def _say(self, text: str, at_s: float, *, step: int = 0, steps: int = 0) -> None:
        if record := self._running():
            record.log.append(BuildLine(text=text[:LINE_CHARACTERS], at_s=at_s, step=step, steps=steps))
