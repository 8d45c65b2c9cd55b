"""`Prover`: starts a new revision's containers before it goes live, and waits until they are fit (section 7).

Runs in the thread of whoever deploys. The first container decides; once it has proved itself, as many more are started
as the live revision has warm, so that a deploy under load causes no cold start. Until the swap all of them are outside
R4's count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash import events as ev
from hotdash.errors import BuildCancelled, StartError
from hotdash.runtime.admission import Claim
from hotdash.runtime.effects import Effects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hotdash.runtime.container import ServedContainer, Services
    from hotdash.runtime.revision import Revision
    from hotdash.runtime.supervisor import Supervisor

# What starts soon is let go live though something newer waits: else saves that come faster than starts end would keep
# each other from it for ever. What takes longer than this may hang, and the newer one may mend it.
GIVE_WAY_S = 1.0
_LOOK_S = 0.1


class Prover:
    """Of one function. It has no state: the supervisor's lock guards what it changes, a step each."""

    def __init__(self, *, supervisor: Supervisor, services: Services, reclaim: Callable[[Claim], object]) -> None:
        self._supervisor = supervisor
        self._ledger = supervisor.ledger
        self._budget = services.budget
        self._clock = services.clock
        self._emit = services.bus.emit
        self._reclaim = reclaim

    def prove(self, revision: Revision, *, gives_way: Callable[[], bool] | None) -> Sequence[ServedContainer]:
        """Starts the new revision's containers and waits until each has proved itself.

        Args:
            revision: The new one.
            gives_way: Asked while the first one takes long; True ends it, since something newer waits. None: never.

        Returns:
            Those that are fit; they wait for the swap.

        Raises:
            StartError: The first one has not proved itself; it is gone, and the old revision serves on.
            BuildCancelled: It gave way; likewise.
        """
        first = self._make(revision)
        self._admit(first)
        first.launch()
        if gives_way is not None and self._is_overtaken(first, gives_way):
            self._refuse(first, "something newer is to be deployed", cancels_deploy=True)
            raise BuildCancelled(f"{revision.spec.key}: the start of the new revision was cancelled")
        if fault := self._await(first):
            self._refuse(first, fault, fails_deploy=True)
            raise StartError(f"{revision.spec.key}: the new revision does not start: {fault}")
        return [first, *self._warm(revision)]

    def _warm(self, revision: Revision) -> Sequence[ServedContainer]:
        """The others, all at once; one that finds no memory or is not fit is done without."""
        claim = Claim(function=revision.spec.key, tell=lambda: None)
        more: list[ServedContainer] = []
        with self._supervisor.lock:
            wanted = min(max(self._ledger.living(), self._ledger.spec.min_warm), revision.spec.max_concurrency) - 1
            while len(more) < wanted and not self._ledger.closing:
                container = self._make(revision)
                if not self._budget.book(claim, (container.id,), memory_mb=revision.spec.memory_mb, is_urgent=False):
                    break
                self._ledger.fleet.add(container)
                more.append(container)
        for container in more:
            container.launch()
        faults = [(container, self._await(container)) for container in more]
        for container, fault in faults:
            if fault:
                self._refuse(container, fault)
        return [container for container, fault in faults if not fault]

    def _make(self, revision: Revision) -> ServedContainer:
        container = self._supervisor.make_container(revision)
        container.proving = True
        return container

    def _is_overtaken(self, first: ServedContainer, gives_way: Callable[[], bool]) -> bool:
        """Waits until the first container is decided about, or has taken long while something newer came."""
        spec, began_s = first.revision.spec, self._clock.now()
        while (left_s := began_s + 2 * spec.init_timeout_s + spec.prove_s - self._clock.now()) > 0:
            if first.proof.wait(min(_LOOK_S, left_s)) is not None:
                return False
            if self._clock.now() - began_s >= GIVE_WAY_S and gives_way():
                return True
        return False

    @staticmethod
    def _await(container: ServedContainer) -> str:
        """Waits for a container to start and to prove itself. Returns what is wrong with it, empty if nothing is."""
        spec = container.revision.spec
        fault = container.proof.wait(2 * spec.init_timeout_s + spec.prove_s)
        if fault is None:
            return f"its first container had not started after {2 * spec.init_timeout_s:g} s (twice init_timeout)"
        return fault

    def _refuse(
        self, container: ServedContainer, fault: str, *, fails_deploy: bool = False, cancels_deploy: bool = False
    ) -> None:
        effects = Effects()
        with self._supervisor.lock:
            self._ledger.kill(container, fault, effects)
            if fails_deploy:
                self._emit(ev.DeployFailed, self._ledger.key, reason=fault)
            if cancels_deploy:
                self._emit(ev.BuildCancelled, self._ledger.key)
        effects.carry_out()

    def _admit(self, container: ServedContainer) -> None:
        """Books the first container's memory (M12); where there is none, waits for it, `wait_timeout` at most.

        Idle containers make room for it: other functions', and last of all those of the revision that it is to replace.

        Raises:
            StartError: There was none.
        """
        spec, budget, gate = container.revision.spec, self._budget, self._ledger.memory_gate
        claim = Claim(function=spec.key, tell=gate.open, takes_own=True)
        deadline_s = self._clock.now() + (spec.wait_timeout_s if spec.memory_mb <= budget.total_mb else 0.0)
        try:
            while True:
                with self._supervisor.lock:
                    self._ledger.refuse_if_closing()
                    if budget.book(claim, (container.id,), memory_mb=spec.memory_mb):
                        self._ledger.fleet.add(container)
                        return
                    left_s = deadline_s - self._clock.now()
                    if left_s <= 0:
                        fault = budget.shortage(spec.memory_mb)
                        self._emit(ev.DeployFailed, self._ledger.key, reason=fault)
                        raise StartError(f"{spec.key}: the new revision does not start: {fault}")
                    if not budget.book(claim, (), memory_mb=spec.memory_mb, short=1):
                        continue  # memory was given back just now
                    asks = claim.asks()
                if asks:
                    self._reclaim(claim)
                gate.wait(left_s)
        finally:
            budget.withdraw(claim)
