"""`DeployWatch`: tells how deploys ended, each once. No Textual; belongs to the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.invoker import Outcome
from hotdash.sanitize import plain
from hotdash.states import Origin
from hotdash.store import DeployEnd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.store import FunctionView, Snapshot


class DeployWatch:
    """Compares each snapshot's deploys with those it has told of."""

    def __init__(self) -> None:
        self._told: dict[str, int] | None = None
        self._asked: set[str] = set()
        self._broken: set[str] = set()  # functions whose file or newest deploy was seen broken since the last end

    def ask(self, function: str) -> None:
        """The user has asked for this deploy: that it changed nothing is told, too."""
        self._asked.add(function)

    def told(self, snapshot: Snapshot) -> Iterable[Outcome]:
        """What there is to tell of deploys that ended since the last time; at first nothing: the rows show it."""
        if self._told is None:
            self._told = {key: view.deploy_seq for key, view in snapshot.functions.items() if view.deploy_end}
        for key, view in snapshot.functions.items():
            if view.deploy_end is None or view.deploy_seq == self._told.get(key, 0):
                continue
            is_first = key not in self._told
            self._told[key] = view.deploy_seq
            was_asked = key in self._asked
            self._asked.discard(key)
            was_broken = key in self._broken and not view.faults
            self._broken.discard(key)
            outcome = _outcome(view, is_first=is_first, was_asked=was_asked, was_broken=was_broken)
            if outcome is not None:
                yield outcome
        # Only now: what was seen broken before is what a later end may have mended.
        self._broken.update(key for key, view in snapshot.functions.items() if view.faults or view.deploy_error)


def _outcome(view: FunctionView, *, is_first: bool, was_asked: bool, was_broken: bool) -> Outcome | None:
    name = plain(view.key)
    if view.deploy_end is DeployEnd.FAILED:
        return Outcome(text=f"{name}: {_failure(view)}", is_bad=True)
    if view.deploy_end is DeployEnd.LIMITS:
        return Outcome(text=f"{name}: limits changed, still r{view.revision}")
    if view.deploy_end is DeployEnd.UNCHANGED:
        told = f"r{view.revision} is live, as before" if was_broken else f"nothing changed, still r{view.revision}"
        return Outcome(text=f"{name}: {told}") if was_asked or was_broken else None
    live = next((deploy for deploy in view.deploys if deploy.is_live), None)
    # At the start every function has its first; and of what is restored the failure tells, which comes in a moment.
    if (is_first and not was_asked) or (live is not None and live.origin is Origin.RESTORED):
        return None
    again = f", r{live.again} again" if live is not None and live.again else ""
    return Outcome(text=f"{name}: r{view.revision} is live{again}")


def _failure(view: FunctionView) -> str:
    if view.fallen is None:
        return f"the deploy failed; r{view.revision} still serves" if view.revision else "the deploy failed"
    again = f"; d deploys r{view.on_disk}'s again" if view.on_disk else ""
    return f"{words.fell(view.fallen.revision, view.fallen.task_id)}; {words.serves(view)}{again}"
