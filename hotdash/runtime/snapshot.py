"""What `Runtime.snapshot` gives: the runtime's own truth at one moment, taken under each supervisor's lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.states import ContainerState, FunctionState


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSnapshot:
    """One container; `pid` is None where there is none to name, `task_id` empty where it runs none."""

    id: str
    state: ContainerState
    revision: int
    tasks_served: int
    pid: int | None
    task_id: str


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
