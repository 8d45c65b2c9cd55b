"""`Deployer`: keeps what runs the same as what is on disk.

Threads: `deploy` does the first reading and ends. The watcher's (`watch`) tells of changes and only plans. One
`deploy:<key>` a function, made here when there is something to deploy and none runs, builds and swaps, and ends when
nothing newer is asked for. `close` stops the watcher and joins the others. So a slow build of one function delays no
other, and one function has one build at a time.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from hotdash.errors import BuildError, RuntimeClosed, StartError, UnknownFunction, report
from hotdash.redeploy.catalog import Catalog, plan
from hotdash.redeploy.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

_READY_S = 2.0  # a folder of a hundred thousand takes longer to watch; the first deploy does not wait for it


class Deployer:
    """Deploys the functions of one folder, at the start and after each change.

    `_lock` guards what is known, what is asked for and the threads. `_planning` lets one thread plan at a time, over
    the reading of files, so that plans are made in the order of what they read.

    Args:
        runtime: Where to; it outlives the deployer.
        folder: Of the functions; absolute.
        watch: Whether to follow changes from the start.
    """

    def __init__(self, *, runtime: Runtime, folder: Path, watch: bool = True) -> None:
        self._runtime = runtime
        self._folder = folder
        self._lock = threading.Lock()
        self._planning = threading.Lock()
        self._known: dict[str, FunctionSpec] = {}
        self._asked: dict[str, FunctionSpec] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._faulty: dict[str, tuple[str, ...]] = {}
        self._notices: tuple[str, ...] = ()
        self._trouble = ""
        self._is_closed = False
        self._watcher = Watcher(root=folder, on_change=self.refresh, on_error=self._say)
        self._starting = threading.Thread(target=self._start, name="deploy", daemon=True)
        if not watch:
            self._watcher.pause()

    def start(self) -> None:
        """Begins to watch and to deploy everything once, in a thread of its own: the screen need not wait."""
        self._starting.start()

    def _start(self) -> None:
        """The `deploy` thread. Watching comes first, so that what is saved in between is not missed."""
        self._watcher.start()
        self._watcher.wait_ready(_READY_S)
        self.refresh(frozenset({self._folder}))

    @property
    def has_read(self) -> bool:
        """Whether the folder has been read once: only then is it known that there is no function."""
        return self._starting.ident is not None and not self._starting.is_alive()

    @property
    def watching(self) -> bool:
        """Whether saved files are deployed."""
        return not self._watcher.paused

    def set_watching(self, on: bool) -> None:
        """Turns watching on or off; turned on, what changed meanwhile is deployed."""
        if on:
            self._watcher.resume()
        else:
            self._watcher.pause()

    def notices(self) -> tuple[str, ...]:
        """What is wrong outside any deployed function, a line each."""
        with self._lock:
            return (*self._notices, *([self._trouble] if self._trouble else ()))

    def redeploy(self, key: str) -> None:
        """Deploys one function as it is on disk now, watched or not; the outcome comes as events."""
        with self._lock:
            spec = self._known.get(key)
        if spec is not None:
            self.refresh(frozenset({spec.folder}), only=key)

    def refresh(self, changed: Iterable[Path], *, only: str | None = None) -> None:
        """Reads the folder, and asks for what follows from the change of these paths (the watcher's thread calls it).

        Args:
            changed: Absolute paths.
            only: Deploy no other function than this one.
        """
        with self._planning:
            with self._lock:
                known, faulty = dict(self._known), dict(self._faulty)
            todo = plan(known=known, now=Catalog.read(self._folder), changed=changed, faulty_before=faulty)
            with self._lock:
                if self._is_closed:
                    return
                self._notices = todo.notices
                self._faulty = {key: faults for key, faults in todo.faulty.items() if faults}
            for key, faults in todo.faulty.items():
                if faults != faulty.get(key, ()):
                    self._report(key, faults)
            if only is None:
                for key in todo.remove:
                    self._remove(key)
            for spec in todo.deploy:
                if only in {None, spec.key}:
                    self._ask(spec)

    def close(self) -> None:
        """Stops watching, and waits for deploys under way; close the runtime first, which ends their builds."""
        with self._lock:
            self._is_closed = True
            self._asked.clear()
            threads = [thread for thread in (self._starting, *self._threads.values()) if thread.ident is not None]
        for thread in threads:
            thread.join()
        self._watcher.stop()

    def _ask(self, spec: FunctionSpec) -> None:
        """Wants `spec` live. A deploy of the function that runs is cancelled while it builds, and this one follows."""
        with self._lock:
            if self._is_closed:
                return
            try:
                self._runtime.add(spec)  # not in the thread: functions appear together, in the order of keys
            except RuntimeClosed:
                return
            self._known[spec.key] = self._asked[spec.key] = spec
            if spec.key in self._threads:
                return
            thread = threading.Thread(target=self._deploy, args=(spec.key,), name=f"deploy:{spec.key}", daemon=True)
            self._threads[spec.key] = thread
            thread.start()

    def _deploy(self, key: str) -> None:
        """A `deploy` thread: deploys until nothing newer is asked for."""
        while True:
            with self._lock:
                spec = self._asked.pop(key, None)
                if spec is None:
                    del self._threads[key]
                    return
            self._deploy_once(spec)
            with self._lock:
                is_gone = key not in self._known
            if is_gone:  # removed perhaps just before the runtime was asked, which then has it anew
                self._undeploy(key)

    def _deploy_once(self, spec: FunctionSpec) -> None:
        """One deploy, which ends while it builds if a newer one is asked for or the function is removed."""
        try:
            self._runtime.deploy(spec, is_cancelled=lambda: spec.key in self._asked or spec.key not in self._known)
        except (BuildError, StartError):
            return  # told as an event; what was live goes on, and the next save tries again
        except (RuntimeClosed, UnknownFunction):
            return  # the end of the program, or the function's folder is gone meanwhile
        except Exception as error:  # noqa: BLE001  the thread's top: reported, and the next save tries again
            report(error)

    def _remove(self, key: str) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._asked.pop(key, None)
        self._undeploy(key)

    def _undeploy(self, key: str) -> None:
        try:
            self._runtime.undeploy(key)
        except UnknownFunction:
            return  # its first deploy has not begun, and will not

    def _report(self, key: str, faults: tuple[str, ...]) -> None:
        try:
            self._runtime.report_faults(key, faults)
        except UnknownFunction:
            return  # its first deploy has not begun; the next refresh tells

    def _say(self, text: str) -> None:
        """The watcher's thread: something keeps it from watching."""
        with self._lock:
            self._trouble = text
