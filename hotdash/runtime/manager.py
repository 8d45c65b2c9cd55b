"""`Manager`: finds the supervisor for a task. It has a lock and no thread."""

from __future__ import annotations

import difflib
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import RuntimeClosed, UnknownFunction
from hotdash.runtime.admission import reclaim
from hotdash.runtime.closing import removal
from hotdash.runtime.deploy import Deploys
from hotdash.runtime.supervisor import Supervisor
from hotdash.states import FunctionState

if TYPE_CHECKING:
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.admission import Claim
    from hotdash.runtime.container import Services
    from hotdash.task import Task


class Managed(Struct, frozen=True):
    """A function: its supervisor, and its deploys."""

    supervisor: Supervisor
    deploys: Deploys


class Manager:
    """Functions by their keys.

    The lock guards the dict and the list against two threads that add or remove; `find` reads without it (a dict's
    `get` is one step), since it stands in the path of every task.
    """

    def __init__(self, *, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._functions: dict[str, Managed] = {}
        self._leaving: list[Supervisor] = []  # removed, with containers that still drain
        self._is_closed = False

    def find(self, key: str) -> Managed:
        """The function of that key.

        Raises:
            UnknownFunction: There is none; the message names the ones that are near.
        """
        managed = self._functions.get(key)
        if managed is None:
            raise self._unknown(key)
        return managed

    def ensure(self, spec: FunctionSpec) -> Managed:
        """The function of `spec.key`, made if there is none yet.

        Raises:
            RuntimeClosed: The runtime is closing.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeClosed("the runtime is closed: nothing can be deployed any more")
            managed = self._functions.get(spec.key)
            if managed is None:
                supervisor = Supervisor(spec=spec, services=self._services, reclaim=self._reclaim)
                deploys = Deploys(supervisor=supervisor, services=self._services, reclaim=self._reclaim)
                managed = Managed(supervisor, deploys)
                self._functions[spec.key] = managed
            return managed

    def remove(self, key: str) -> None:
        """Takes a function out: its waiting tasks are answered, its running ones end, then it is freed (M7).

        Raises:
            UnknownFunction: There is none.
        """
        with self._lock:
            managed = self._functions.pop(key, None)
            if managed is None:
                raise self._unknown(key)
            self._leaving = [left for left in self._leaving if not left.wait_settled(0)]
            self._leaving.append(managed.supervisor)
            # Under this lock, so that `removed` comes before anything of a newer function with the same key.
            effects = managed.supervisor.start_closing(removal(key), state=FunctionState.REMOVED)
        effects.carry_out()
        managed.supervisor.drain()

    def task(self, task_id: str) -> Task | None:
        """The waiting or running task of that id, or None."""
        found = (supervisor.find(task_id) for supervisor in self.supervisors())
        return next((task for task in found if task is not None), None)

    def all(self) -> dict[str, Managed]:
        """A copy: every function by its key, in the order of keys."""
        with self._lock:
            return dict(sorted(self._functions.items()))

    def supervisors(self) -> tuple[Supervisor, ...]:
        """Every supervisor that may still have something, those of removed functions too."""
        with self._lock:
            return (*self._leaving, *(managed.supervisor for managed in self._functions.values()))

    def close(self) -> None:
        """Adds no more functions."""
        with self._lock:
            self._is_closed = True

    def owns(self, thread: threading.Thread) -> bool:
        """Whether it is a thread of one of the containers."""
        return any(supervisor.threads.owns(thread) for supervisor in self.supervisors())

    def _reclaim(self, claim: Claim) -> None:
        """M12: idle containers of other functions make room. Any thread, without locks."""
        reclaim(claim, supervisors=self.supervisors(), budget=self._services.budget)

    def _unknown(self, key: str) -> UnknownFunction:
        known = sorted(self._functions)
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(known) or 'none yet'}"
        return UnknownFunction(f"no function {key!r}: {hint}")
