"""`Deploys`: builds, proves and swaps one function's revisions (the design's section 7).

Runs in the thread of whoever deploys; one deploy of a function at a time, others wait for it. The supervisor's lock is
taken for each step, never held over a build or a proof.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.errors import BuildCancelled, BuildError, NeedsDocker, NeedsRuntime, SourcesChanged, StartError
from hotdash.runtime.effects import Effects
from hotdash.runtime.probation import Probation
from hotdash.runtime.proving import Prover
from hotdash.runtime.revision import Deployment, Revision
from hotdash.states import NO_OCCASION, FunctionState, Occasion, Origin
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hotdash.drivers.base import Image
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.admission import Claim
    from hotdash.runtime.container import ServedContainer, Services
    from hotdash.runtime.supervisor import Supervisor

_TRIES = 10  # of a build whose sources are being written while it reads them
_TRY_AGAIN_S = 0.1


class Deploys:
    """One function's deploys. `_deploying` is held for as long as one takes; it guards the rest."""

    def __init__(self, *, supervisor: Supervisor, services: Services, reclaim: Callable[[Claim], object]) -> None:
        self._supervisor = supervisor
        self._ledger = supervisor.ledger
        self._services = services
        self._prover = Prover(supervisor=supervisor, services=services, reclaim=reclaim)
        self._clock = services.clock
        self._emit = services.bus.emit
        self._deploying = threading.Lock()
        self._is_building = False
        self._images = supervisor.ledger.images
        self._fallen: tuple[object, ...] | None = None  # the identity of the last revision that failed its probation

    def deploy(
        self,
        spec: FunctionSpec,
        *,
        is_cancelled: Callable[[], bool],
        gives_way: Callable[[], bool] | None = None,
        occasion: Occasion = NO_OCCASION,
    ) -> Deployment:
        """Builds the function as it is on disk and makes that live, if anything has changed.

        Args:
            spec: The function.
            is_cancelled: Asked while it builds.
            gives_way: Asked while a start takes long.
            occasion: What led to it.

        Raises:
            BuildError: The build failed, or cannot be here; what was live goes on serving.
            StartError: The new revision's first container did not prove itself; likewise.
        """
        with self._one_at_a_time():
            began_s = self._clock.now()
            image = self._build(spec, is_cancelled, occasion)
            build_s = self._clock.now() - began_s
            live = self._ledger.revision
            revision = Revision(number=1 if live is None else live.number + 1, image=image, spec=spec)
            if live is not None and live.identity == revision.identity:
                self._set_limits(spec)
                return Deployment(
                    function=spec.key, revision=live.number, changed=False, build_s=build_s, image_id=image.id
                )
            return self._make_live(revision, build_s=build_s, gives_way=gives_way, asked=occasion.asked)

    def rollback(self, number: int | None) -> Deployment:
        """Makes an earlier revision's image and settings live again, under a new number, without a build.

        Args:
            number: Which; None for the one before the live one.

        Raises:
            StartError: There is no such revision any more, or it did not prove itself.
        """
        with self._one_at_a_time():
            live = self._ledger.revision
            chosen = next((past for past in reversed(self._images.past) if number in {None, past.number}), None)
            if live is None or chosen is None:
                kept = ", ".join(f"r{past.number}" for past in self._images.past) or "none yet"
                wanted = "an earlier revision" if number is None else f"r{number}"
                raise StartError(f"{self._ledger.key} cannot go back to {wanted}; kept: {kept}")
            self._emit(ev.RollbackStarted, self._ledger.key, revision=chosen.number)
            renewed = chosen.renewed(number=live.number + 1, limits=self._ledger.spec)
            return self._make_live(renewed, build_s=0.0, again=chosen.number)

    def report_changes(self, *, held: bool, paths: tuple[str, ...], count: int) -> None:
        """So many changes of its sources wait to be asked for, or (none) no longer do."""
        with self._supervisor.lock:
            self._emit(ev.ChangesWait, self._ledger.key, held=held, paths=paths, count=count)

    def report_faults(self, faults: tuple[str, ...]) -> None:
        """The function's file is broken, or (no faults) mended; what is live goes on."""
        with self._supervisor.lock:
            self._emit(ev.FunctionFaulty, self._ledger.key, faults=faults)

    # ---- the steps

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        try:
            with self._deploying:
                try:
                    yield
                finally:
                    self._let_go()
        finally:
            self._restore_if_failed()

    def _build(self, spec: FunctionSpec, is_cancelled: Callable[[], bool], occasion: Occasion) -> Image:
        began_s = self._clock.now()
        self._begin(occasion)
        try:
            with self._services.cores.hold(spec, is_cancelled=is_cancelled):
                image = self._have_built(spec, is_cancelled)
        except BuildCancelled:
            # No failure: a newer build follows, or the runtime closes. With nothing live the function is still
            # building, and its tasks wait on.
            with self._supervisor.lock:
                self._emit(ev.BuildCancelled, self._ledger.key)
            raise
        except BuildError as error:
            state = FunctionState.FAILED
            if isinstance(error, NeedsDocker):
                state = FunctionState.NEEDS_DOCKER
            elif isinstance(error, NeedsRuntime):
                state = FunctionState.NEEDS_RUNTIME
            self._build_failed(state, str(error), error.log)
            raise
        except Exception as error:
            self._build_failed(FunctionState.FAILED, f"a fault in hotdash: {error!r}", ())
            raise
        with self._supervisor.lock:
            self._images.take(image)
            build_s = self._clock.now() - began_s
            self._emit(ev.BuildEnded, spec.key, image_id=image.id, build_s=build_s, reused=image.reused)
        return image

    def _have_built(self, spec: FunctionSpec, is_cancelled: Callable[[], bool]) -> Image:
        """The driver's build; tried again while the sources are being written: a slow save is no failure."""
        tries = _TRIES
        while True:
            tries -= 1
            try:
                return self._services.driver.build(
                    spec, on_output=self._say, on_step=self._say_step, is_cancelled=is_cancelled
                )
            except SourcesChanged:
                if not tries or is_cancelled():
                    raise
            self._clock.gate().wait(_TRY_AGAIN_S)

    def _make_live(
        self,
        revision: Revision,
        *,
        build_s: float,
        gives_way: Callable[[], bool] | None = None,
        again: int = 0,
        asked: bool = False,
    ) -> Deployment:
        """Proves `revision`, unless it is the function's first or runs cold, and swaps."""
        began_s = self._clock.now()
        live = self._ledger.revision
        needs_proof = live is not None and revision.spec.format.is_hot
        proved = self._prover.prove(revision, gives_way=gives_way) if needs_proof else ()
        start_s = self._clock.now() - began_s if proved else 0.0
        swap_s = self._swap(revision, proved, build_s=build_s, start_s=start_s, again=again, asked=asked)
        return Deployment(
            function=self._ledger.key,
            revision=revision.number,
            changed=True,
            build_s=build_s,
            start_s=start_s,
            swap_s=swap_s,
            image_id=revision.image.id,
        )

    # ---- under the supervisor's lock, a step each

    def _let_go(self) -> None:
        """A deploy has ended: what it has built is needed only if it is live."""
        effects = Effects()
        with self._supervisor.lock:
            self._images.deploying = None
            self._ledger.let_images_go(effects)
        effects.carry_out()

    def _begin(self, occasion: Occasion) -> None:
        """With nothing live the function is `building` (again), and tasks may wait for it."""
        self._is_building = False
        with self._supervisor.lock:
            if self._ledger.revision is None and self._ledger.state is not FunctionState.BUILDING:
                self._ledger.become(FunctionState.BUILDING)
            self._emit(ev.DeployStarted, self._ledger.key, occasion=occasion)

    def _begin_build(self) -> None:
        """The driver does something: what it looked for had not been built before."""
        if not self._is_building:
            self._is_building = True
            self._emit(ev.BuildStarted, self._ledger.key)

    def _say(self, line: str) -> None:
        """The driver's build: a line of its output."""
        self._begin_build()
        self._emit(ev.BuildOutput, self._ledger.key, text=line)

    def _say_step(self, number: int, total: int, text: str) -> None:
        """The driver's build: it has come to a step."""
        self._begin_build()
        self._emit(ev.BuildStep, self._ledger.key, number=number, total=total, text=text)

    def _build_failed(self, state: FunctionState, reason: str, log: Sequence[str]) -> None:
        """What is live goes on; with nothing live, the tasks that wait fail with the reason."""
        effects = Effects()
        with self._supervisor.lock:
            self._emit(ev.BuildFailed, self._ledger.key, reason=reason, log=tuple(log))
            if self._ledger.revision is None:
                self._ledger.become(state, reason)
                self._ledger.fail_queue(TaskStatus.ERROR, f"{self._ledger.key} cannot run: {reason}", effects)
        effects.carry_out()

    def _set_limits(self, spec: FunctionSpec) -> None:
        """Only limits can have changed: they apply at once, to the same revision (section 3)."""
        effects = Effects()
        with self._supervisor.lock:
            self._ledger.refuse_if_closing()
            ledger = self._ledger
            has_warnings = spec.warnings != ledger.spec.warnings
            has_changed = ledger.set_limits(spec, effects)
            if (
                ledger.start_succeeded() or has_changed or has_warnings
            ):  # a redeploy tries a failing function again (M5)
                ledger.become(FunctionState.READY)
            number = 0 if ledger.revision is None else ledger.revision.number
            self._emit(ev.DeployUnchanged, ledger.key, revision=number, limits_changed=has_changed)
            ledger.scale(effects)
        effects.carry_out()

    def _swap(
        self,
        revision: Revision,
        proved: Sequence[ServedContainer],
        *,
        build_s: float,
        start_s: float,
        again: int,
        asked: bool,
    ) -> float:
        """From here on nothing is dispatched to an older revision; what runs there drains. Returns seconds taken."""
        effects = Effects()
        began_s = self._clock.now()
        with self._supervisor.lock:
            self._ledger.refuse_if_closing()
            before = self._ledger.revision
            if before is not None:
                self._images.past.append(before)
            origin = Origin.ROLLBACK if again else Origin.BUILD
            took = {"build_s": build_s, "start_s": start_s, "since_s": began_s}
            stays = self._stays(revision, asked=asked)
            self._go_live(revision, proved, effects, origin=origin, again=again, **took)
            if before is not None and proved:
                self._ledger.probation = Probation(
                    revision=revision, before=before, restore=self._restore, is_waived=stays
                )
            self._ledger.scale(effects)
        swap_s = self._clock.now() - began_s
        effects.carry_out()
        return swap_s

    def _go_live(
        self,
        revision: Revision,
        proved: Sequence[ServedContainer],
        effects: Effects,
        *,
        origin: Origin,
        again: int,
        build_s: float = 0.0,
        start_s: float = 0.0,
        since_s: float,
    ) -> None:
        """The swap itself, under the supervisor's lock. The caller scales."""
        ledger = self._ledger
        old = [container for container in ledger.fleet if container not in proved]
        ledger.revision, ledger.spec, ledger.probation = revision, revision.spec, None
        ledger.start_succeeded()
        for container in old:
            if ledger.fleet.dismiss(container, f"r{revision.number} is live"):
                effects.open(container.gate)
        ledger.become(FunctionState.READY)
        self._emit(
            ev.RevisionLive,
            ledger.key,
            revision=revision.number,
            image_id=revision.image.id,
            build_s=build_s,
            start_s=start_s,
            swap_s=self._clock.now() - since_s,
            origin=origin,
            again=again,
            kept=tuple(past.number for past in self._images.past),
        )
        for container in proved:
            container.proving = False
            effects.open(container.gate)
        effects.call(lambda: self._supervisor.drain(old))

    # ---- probation

    def _stays(self, revision: Revision, *, asked: bool) -> bool:
        """Whether a new revision needs no probation: who looks for the cause of a crash must be able to meet it again.

        So it is with code that failed its probation and is asked for once more, by a key, and with what is saved after
        that, until something has answered: none of it has anything better to go back to.
        """
        probation = self._ledger.probation
        is_looked_into = probation is not None and probation.is_waived
        return is_looked_into or (asked and revision.identity == self._fallen)

    def _restore(self, effects: Effects) -> bool:
        """Makes the revision before a failed one live again; under the supervisor's lock, in any thread.

        Returns:
            False if there is nothing to restore, or a newer deploy is under way: once that has failed, it asks again.
        """
        ledger, probation = self._ledger, self._ledger.probation
        if probation is None or not probation.fault or ledger.closing:
            return False
        if not self._deploying.acquire(blocking=False):  # it waits for the supervisor's lock, perhaps: never block here
            return False
        try:
            failed, before = probation.revision, probation.before
            restored = before.renewed(number=failed.number + 1, limits=ledger.spec)
            self._images.past.remove(before)
            now_s = self._clock.now()
            self._go_live(restored, (), effects, origin=Origin.RESTORED, again=before.number, since_s=now_s)
            self._fallen = failed.identity
            where = f"in call {probation.task_id}, " if probation.task_id else ""
            reason = (
                f"r{failed.number} ended {where}before its first answer; "
                f"what r{before.number} was serves again, as r{restored.number}: {probation.fault}"
            )
            ended = {"revision": failed.number, "cause": probation.fault, "task_id": probation.task_id}
            self._emit(ev.DeployFailed, ledger.key, reason=reason, **ended)
            ledger.let_images_go(effects)
        finally:
            self._deploying.release()
        return True

    def _restore_if_failed(self) -> None:
        """After a deploy, for one that failed its probation meanwhile and could not be replaced then."""
        effects = Effects()
        with self._supervisor.lock:
            if self._restore(effects):
                self._ledger.feed(effects)
                self._ledger.scale(effects)
        effects.carry_out()
