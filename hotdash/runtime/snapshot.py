"""What `Runtime.snapshot` gives: the runtime's own truth at one moment, taken under each supervisor's lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.drivers.base import Stats
    from hotdash.states import ContainerState, FunctionState

Used: TypeAlias = "Mapping[str, Stats | None]"  # what containers use, by their id


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSnapshot:
    """One container.

    Args:
        pid: None where there is none to name.
        task_id: Empty where it runs none.
        stats: What it uses, from a look that is a second or two old at most; None before the first look at it. The
            driver takes that look when somebody asks, so ask again a second later.
    """

    id: str
    state: ContainerState
    revision: int
    tasks_served: int
    pid: int | None
    task_id: str
    stats: Stats | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSnapshot:
    """One function.

    Args:
        revision: The live one; 0 if there is none.
        why: The last scaling decision, in words.
        containers: All but the stopped ones; draining ones do not count towards `max_concurrency`.
    """

    key: str
    state: FunctionState
    reason: str
    revision: int
    queue_depth: int
    running: int
    why: str
    containers: tuple[ContainerSnapshot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSnapshot:
    """Every function by its key, and the memory budget: what containers may ask for in all, and ask for now (M12)."""

    functions: Mapping[str, FunctionSnapshot]
    memory_mb: int
    memory_used_mb: int
