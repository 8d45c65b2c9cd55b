"""What must be true of the memory of a runtime at rest, and at its end (M12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.runtime.admission import Claim, MemoryBudget
    from hotdash.runtime.supervisor import Supervisor

PLENTY_MB = 1_000_000
BUDGETS_MB = (PLENTY_MB, PLENTY_MB, 520, 300, 200, 150)  # of the runtimes; in half of them much waits for memory
MEMORIES_MB = (40, 64, 128, 150)  # of the functions
TOO_MUCH_MB = 600  # more than any budget but plenty


def examine_books(budget: MemoryBudget, supervisors: Sequence[Supervisor]) -> None:
    """What is booked is what the fleets hold, and no more than there is."""
    held = {c.id: (s.key, c.revision.spec.memory_mb) for s in supervisors for c in s.ledger.fleet}
    assert budget._booked == held, "the books are not what the fleets hold (M12)"
    assert budget.used_mb == sum(memory_mb for _, memory_mb in held.values())
    assert budget.used_mb <= budget.total_mb, "more is booked than there is (M12)"
    assert budget.is_wanted == any(claim.is_urgent for claim in budget._line)
    assert budget._is_told or not budget._line, "those in the line have not been told of a change (M12)"


def examine_line(budget: MemoryBudget, supervisors: Sequence[Supervisor], *, now_s: float) -> None:
    """Nobody waits for memory that is there, or that could be made free, or that is not wanted, or for too long."""
    for claim in budget._line:
        free_mb = budget._free_mb(claim, is_urgent=claim.is_urgent)
        assert claim.is_waiting
        assert free_mb < claim.memory_mb, f"{claim.function} waits, and there is room (M12)"
        if claim.is_urgent:
            examine_room(claim, supervisors, free_mb=free_mb)
    in_line = set(budget._line)
    for supervisor in supervisors:
        ledger = supervisor.ledger
        assert ledger._claim.is_waiting == (ledger._claim in in_line)
        if ledger._claim.is_waiting:
            assert ledger._claim.memory_mb <= budget.total_mb, "waits for more than there will ever be (M12)"
            examine_wish(supervisor, now_s=now_s)


def examine_room(claim: Claim, supervisors: Sequence[Supervisor], *, free_mb: int) -> None:
    """No idle containers that may be stopped would make room; those that are leaving are about to."""
    idle_mb = leaving_mb = 0
    for supervisor in supervisors:
        for container in supervisor.ledger.fleet:
            memory_mb = container.revision.spec.memory_mb
            if container in supervisor.ledger.fleet.idle and (supervisor.key != claim.function or claim.takes_own):
                idle_mb += memory_mb
            elif container.leave_reason and container.task is None:
                leaving_mb += memory_mb
    if free_mb + leaving_mb < claim.memory_mb:
        assert free_mb + leaving_mb + idle_mb < claim.memory_mb, f"idle ones would make room for {claim.function} (M12)"


def examine_wish(supervisor: Supervisor, *, now_s: float) -> None:
    """It wants what it waits for: tasks wait or fewer are warm than should be; and tasks do not wait for too long."""
    ledger = supervisor.ledger
    living = ledger.living()
    if not ledger._claim.is_urgent:
        assert living < ledger.spec.min_warm, f"{supervisor.key} waits for memory, and wants none (M12)"
        return
    assert ledger.queue, f"{supervisor.key} waits for memory, and no task does (M12)"
    if not living:
        assert ledger.starving.since_s is not None, "nobody looks how long its tasks wait (M12)"
        until_s = ledger.starving.until_s(ledger.queue[0], wait_s=ledger.spec.wait_timeout_s)
        assert now_s < until_s, "waits past its wait_timeout (M12)"


def examine_no_books(budget: MemoryBudget) -> None:
    """After the end: the books have returned to zero, and nobody stands in the line."""
    assert budget._booked == {}
    assert budget.used_mb == 0
    assert budget._line == []
