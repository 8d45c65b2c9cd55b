"""`ChangeWatch`: tells which functions came and went, and of new warnings about their files.

No Textual; belongs to the screen's thread.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hotdash.dashboard.invoker import Outcome
from hotdash.sanitize import plain
from hotdash.states import FunctionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.store import Snapshot

START_S = 2.0  # so long after the first snapshot functions come because the program starts: the rows show it
_LINE = re.compile(r":\d+: ")
_NAMED = 3  # by name in one toast


class ChangeWatch:
    """Compares each snapshot's functions with the last one's."""

    def __init__(self) -> None:
        self._started_s: float | None = None
        self._known: set[str] = set()
        self._warnings: dict[str, frozenset[str]] = {}

    def told(self, snapshot: Snapshot, now_s: float) -> Iterable[Outcome]:
        """What there is to tell since the last time; at the start nothing."""
        if self._started_s is None:
            self._started_s = now_s
        # One that is removed stays among the rows until its last task has ended.
        there = {key for key, view in snapshot.functions.items() if view.state is not FunctionState.REMOVED}
        before, self._known = self._known, there
        if gone := sorted(before - self._known):
            yield Outcome(text=f"{_names(gone)} {'was' if len(gone) == 1 else 'were'} removed")
        fresh_warnings = list(self._new_warnings(snapshot))
        if now_s - self._started_s < START_S:
            return
        if fresh := sorted(self._known - before):
            yield Outcome(text=f"{_names(fresh)} appeared")
        yield from fresh_warnings

    def _new_warnings(self, snapshot: Snapshot) -> Iterable[Outcome]:
        """The first warning of each function that it did not have before, wherever in the file it stands now."""
        before, self._warnings = self._warnings, {}
        for key, view in snapshot.functions.items():
            by_matter = {_LINE.sub(": ", warning, count=1): warning for warning in view.spec.warnings}
            self._warnings[key] = frozenset(by_matter)
            for matter, warning in by_matter.items():
                if matter not in before.get(key, ()):
                    told = warning.replace(f"{view.spec.folder}/", "")
                    yield Outcome(text=f"{plain(key)}: warning: {plain(told)}", is_odd=True)
                    break


def _names(keys: list[str]) -> str:
    """`a`, `a and b`, `a, b, c and 4 more`."""
    named = [plain(key) for key in keys[:_NAMED]]
    if len(keys) > _NAMED:
        return f"{', '.join(named)} and {len(keys) - _NAMED} more"
    *before, last = named
    return f"{', '.join(before)} and {last}" if before else last
