"""`MemoryBudget`: which containers may start, by the memory that their functions ask for (M12). A lock and no thread.

What a container may use is booked before it starts and given back once it is gone. A function that finds no room stands
in line with a `Claim`: those whose tasks wait before those that only keep containers warm, else in the order they came.
A claim whose turn it could be goes before whoever comes later, but one that does not fit yet holds up nobody (M6).

Nobody polls. When memory is given back, the line moves on, or a container falls idle while someone's tasks wait, all in
the line are told (in the timekeeper's thread) and decide again. A claim whose tasks wait also asks that idle containers
of other functions be stopped (`reclaim`); one that is only for `min_warm` never does, so two such functions cannot
take turns at stopping each other for ever.

Lock order: a supervisor's lock, then the budget's. Nothing is called under the budget's lock. `reclaim` is called
without any lock, and takes one supervisor's at a time.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psutil
from msgspec import Struct

from hotdash.task import TaskCause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hotdash.runtime.supervisor import Supervisor

_NAMED = 5  # so many functions are named as users of memory; the others are counted


def default_memory_mb() -> int:
    """Half of what the machine has available now (M12), in MB; at least 1."""
    return max(int(psutil.virtual_memory().available) // 2 // 2**20, 1)


class Claim:
    """What one function (or a deploy of it) waits for. Its supervisor's lock guards it; `MemoryBudget` writes to it.

    Args:
        function: The function's key.
        tell: Called without locks when it should decide again.
        takes_own: Whether idle containers of the same function may be stopped for it, after all others: a deploy's.
    """

    __slots__ = ("asked_for", "function", "is_urgent", "is_waiting", "memory_mb", "takes_own", "tell", "wanted")

    def __init__(self, *, function: str, tell: Callable[[], object], takes_own: bool = False) -> None:
        self.function = function
        self.tell = tell
        self.takes_own = takes_own
        self.is_waiting = False  # it is in the line
        self.is_urgent = False  # tasks wait, not only `min_warm`
        self.memory_mb = 0  # of one container
        self.wanted = 0  # containers
        self.asked_for = 0  # for so many `reclaim` was asked for, since it was last told

    def asks(self) -> bool:
        """Whether to ask `reclaim` now: it wants more than it last asked for, or something has changed since."""
        if not self.is_urgent or self.wanted <= self.asked_for:
            return False
        self.asked_for = self.wanted
        return True


class Spare(Struct, frozen=True, kw_only=True):
    """An idle container, which may be stopped for another function's sake; `is_kept_warm` by its `min_warm`."""

    supervisor: Supervisor
    container_id: str
    memory_mb: int
    idle_since_s: float
    is_kept_warm: bool


class MemoryBudget:
    """The books. The lock guards them and the line of claims.

    Args:
        total_mb: What all containers together may ask for.
        later: Calls a function soon, in another thread and without locks: the timekeeper.
    """

    def __init__(self, *, total_mb: int, later: Callable[[Callable[[], object]], object]) -> None:
        self.total_mb = total_mb
        self.is_wanted = False  # somebody's tasks wait for memory; read without the lock
        self._later = later
        self._lock = threading.Lock()
        self._booked: dict[str, tuple[str, int]] = {}  # (function, MB) by container
        self._used_mb = 0
        self._line: list[Claim] = []
        self._is_told = True  # nobody is owed a word

    @property
    def used_mb(self) -> int:
        """What is booked now."""
        return self._used_mb

    def used_by(self) -> dict[str, int]:
        """MB by function, the greatest first."""
        used: dict[str, int] = {}
        with self._lock:
            for function, memory_mb in self._booked.values():
                used[function] = used.get(function, 0) + memory_mb
        return dict(sorted(used.items(), key=lambda entry: (-entry[1], entry[0])))

    def shortage(self, memory_mb: int) -> str:
        """Why a container does not start, in words: who uses what."""
        if memory_mb > self.total_mb:
            in_all = f"and there are {self.total_mb} MB in all (see --memory)"
            return f"{TaskCause.NO_MEMORY}: needs {memory_mb} MB, {in_all}"
        by = [f"{function} {used_mb} MB" for function, used_mb in self.used_by().items()]
        if len(by) > _NAMED:
            by[_NAMED:] = [f"{len(by) - _NAMED} more"]
        users = f" by {', '.join(by)}" if by else ""
        return f"{TaskCause.NO_MEMORY}: needs {memory_mb} MB, {self._used_mb} MB of {self.total_mb} MB in use{users}"

    def room_for(self, claim: Claim, *, memory_mb: int, is_urgent: bool) -> int:
        """How many containers of `memory_mb` may start for this claim now; `book` looks again."""
        if not self._line:
            return max(self.total_mb - self._used_mb, 0) // memory_mb
        with self._lock:
            return self._free_mb(claim, is_urgent=is_urgent) // memory_mb

    def book(
        self,
        claim: Claim,
        containers: Sequence[str],
        *,
        memory_mb: int,
        is_urgent: bool = True,
        short: int = 0,
        short_for_tasks: bool = True,
    ) -> bool:
        """Books containers about to start, all or none, and takes the claim's place in the line or gives it up.

        Args:
            claim: Whose they are.
            containers: Their ids; may be empty.
            memory_mb: What each may use.
            is_urgent: Whether tasks wait for them; the same as for `room_for`.
            short: So many more are wanted, and find no room: the claim waits for them.
            short_for_tasks: Whether tasks wait for those, too.

        Returns:
            False if there is not so much room (any more), or by now room for more: then nothing has changed, and the
            caller is to decide anew. (Who came into the line just after memory was given back would not be told.)
        """
        with self._lock:
            if containers or short:
                left_mb = self._free_mb(claim, is_urgent=is_urgent) - memory_mb * len(containers)
                if left_mb < 0 or (short and left_mb >= memory_mb):
                    return False
            if containers:
                for container_id in containers:
                    self._booked[container_id] = (claim.function, memory_mb)
                self._used_mb += memory_mb * len(containers)
            was_waiting = claim.is_waiting
            claim.memory_mb, claim.wanted, claim.is_urgent = memory_mb, short, short_for_tasks and short > 0
            claim.is_waiting = short > 0
            if claim.is_waiting and not was_waiting:
                self._line.append(claim)
            elif was_waiting and not claim.is_waiting:
                self._line.remove(claim)
                claim.asked_for = 0
            self.is_wanted = any(waiting.is_urgent for waiting in self._line)
        has_left = was_waiting and (containers or not short)  # those behind it may have waited for it alone
        if has_left or (containers and self.is_wanted):  # or one that does not fit yet for what it took now
            self.tell()
        return True

    def withdraw(self, claim: Claim) -> None:
        """It wants nothing more."""
        if claim.is_waiting:
            self.book(claim, (), memory_mb=claim.memory_mb)

    def release(self, container_id: str) -> None:
        """A container is gone, if it had been booked."""
        with self._lock:
            _, memory_mb = self._booked.pop(container_id, ("", 0))
            self._used_mb -= memory_mb
        self.tell()

    def tell(self) -> None:
        """Something has changed: all in the line are to decide again, soon."""
        with self._lock:
            if not self._line or not self._is_told:
                return
            self._is_told = False
        self._later(self._tell_all)

    def tell_wanted(self) -> None:
        """More can be had soon, at which only those whose tasks wait need look."""
        if self.is_wanted:
            self.tell()

    def lacking_mb(self, claim: Claim, *, obtainable_mb: int) -> int:
        """How many of the obtainable MB the claim has use for: for as many containers as it wants and could then have.

        0 if all of it would not do for one: then nothing is to be stopped in vain.
        """
        with self._lock:
            if not (claim.is_waiting and claim.is_urgent):
                return 0
            free_mb = self._free_mb(claim, is_urgent=True)
            count = min(claim.wanted, (free_mb + obtainable_mb) // claim.memory_mb)
            return max(count * claim.memory_mb - free_mb, 0)

    def _free_mb(self, claim: Claim, *, is_urgent: bool) -> int:
        """Under the lock: what is free, less what those before it in the line can have of it now."""
        free_mb = max(self.total_mb - self._used_mb, 0)
        for ahead in self._line:
            if ahead is claim and is_urgent:
                break
            if ahead is claim or not ahead.is_urgent:
                continue
            if not is_urgent:
                return 0
            free_mb -= min(free_mb // ahead.memory_mb, ahead.wanted) * ahead.memory_mb
        return free_mb

    def _tell_all(self) -> None:
        """The timekeeper's thread."""
        with self._lock:
            self._is_told = True
            line = sorted(self._line, key=lambda claim: not claim.is_urgent)
        for claim in line:
            claim.asked_for = 0
            claim.tell()


def reclaim(claim: Claim, *, supervisors: Iterable[Supervisor], budget: MemoryBudget) -> None:
    """Stops idle containers of other functions so that the claim finds room: the longest idle first, warm ones last.

    None is stopped if all of them together would not do. Called without locks. What a leaving container will give back
    counts: it is told of, and then this is asked for again.
    """
    spare: list[Spare] = []
    coming_mb = 0
    for supervisor in supervisors:
        idle, leaving_mb = supervisor.spare()
        coming_mb += leaving_mb
        if claim.takes_own or supervisor.key != claim.function:
            spare += idle
    spare.sort(key=lambda one: (one.supervisor.key == claim.function, one.is_kept_warm, one.idle_since_s))
    obtainable_mb = coming_mb + sum(one.memory_mb for one in spare)
    lacking_mb = budget.lacking_mb(claim, obtainable_mb=obtainable_mb) - coming_mb
    for one in spare:
        if lacking_mb <= 0:
            return
        if one.supervisor.evict(one.container_id, f"its memory is needed for {claim.function}"):
            lacking_mb -= one.memory_mb
