"""`Deployer`: keeps what runs the same as what is on disk.

Threads: `deploy`, owned by this, plans: it first starts the watcher, then waits for what is asked of it and for bursts
of changes, reads the function files, and says what is to be done; `close` ends it. The watcher's (`watch`) only hands
bursts over. One `deploy:<key>` a function builds and swaps (see `Lanes`). So a slow build of one function delays no
other, one function has one build at a time, and whoever calls a method waits for none of it.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hotdash.errors import BuildCancelled, BuildError, RuntimeClosed, StartError, UnknownFunction, report
from hotdash.events import RevisionLive
from hotdash.functions.app_file import APP_FILE
from hotdash.redeploy.backlog import Backlog
from hotdash.redeploy.catalog import Catalog, is_mere_source, plan, touches
from hotdash.redeploy.debouncer import Burst
from hotdash.redeploy.ignoring import Ignoring, own_outputs
from hotdash.redeploy.lanes import Deploy, Lanes, Rollback
from hotdash.redeploy.sources import SourceBook
from hotdash.redeploy.watcher import Watcher
from hotdash.states import Occasion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from hotdash.events import Event
    from hotdash.functions.spec import FunctionSpec
    from hotdash.redeploy.catalog import Plan
    from hotdash.redeploy.lanes import Job
    from hotdash.runtime.runtime import Runtime

_READY_S = 2.0  # a folder of a hundred thousand takes longer to watch; the first deploy does not wait for it


class Deployer:
    """Deploys the functions of one folder, at the start and after each change.

    `_lock` guards what is known and held back, the backlog and the notices; the rest belongs to the thread `deploy`.

    Args:
        runtime: Where to; it outlives the deployer.
        folder: Of the functions; absolute.
        watch: Whether to follow changes from the start. If not, they wait until they are asked for.
        polls: Whether to look at the files again and again, where the system cannot tell of changes; None: where it
            must be.
    """

    def __init__(self, *, runtime: Runtime, folder: Path, watch: bool = True, polls: bool | None = None) -> None:
        self._runtime = runtime
        self._folder = folder
        self._lock = threading.Lock()
        self._is_watching = watch
        self._held: set[str] = set()
        self._known: dict[str, FunctionSpec] = {}
        self._backlog = Backlog()
        self._faulty: dict[str, tuple[str, ...]] = {}
        self._notices: tuple[str, ...] = ()
        self._elsewhere: tuple[str, ...] = ()
        self._trouble = ""
        self._is_closed = False
        self._has_read = False
        self._is_first = True
        self._catalog: Catalog | None = None
        self._live_images: dict[str, str] = {}
        self._sources = SourceBook()
        self._ignoring = Ignoring(root=folder.resolve(), outputs=own_outputs())
        self._lanes = Lanes(work=self._work)
        self._todo: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._watcher = Watcher(
            root=folder,
            also=[folder.resolve().parent / APP_FILE],  # where the folder is a function itself, that one counts
            on_change=self.refresh,
            on_error=self._say,
            ignores=self._ignoring,
            polls=polls,
        )
        self._unsubscribe = runtime.subscribe(self._note_live)
        self._thread = threading.Thread(target=self._run, name="deploy", daemon=True)

    def start(self) -> None:
        """Begins to watch and to deploy everything once, in a thread of its own: the screen need not wait."""
        self._thread.start()

    @property
    def has_read(self) -> bool:
        """Whether the folder has been read once: only then is it known that there is no function."""
        return self._has_read

    @property
    def watching(self) -> bool:
        """Whether saved files are deployed."""
        return self._is_watching

    def set_watching(self, on: bool) -> None:
        """Turns deploying on save on or off; turned on, what waits is deployed, but of functions held back."""
        with self._lock:
            self._is_watching = on
        if on:
            self._todo.put(self._release)

    def set_held(self, key: str, on: bool) -> None:
        """Holds the changes of one function back, watched or not; let go, what waits is deployed."""
        with self._lock:
            if key not in self._known:
                return
            (self._held.add if on else self._held.discard)(key)
        self._report_waiting(key)
        if not on and self._is_watching:
            self._todo.put(lambda: self._release(key))

    def notices(self) -> tuple[str, ...]:
        """What is wrong, or waits, outside any deployed function, a line each."""
        with self._lock:
            return (*self._notices, *self._elsewhere, *([self._trouble] if self._trouble else ()))

    def redeploy(self, key: str) -> None:
        """Deploys one function as it is on disk now, watched or not; the outcome comes as events."""
        self._todo.put(lambda: self._redeploy(key))

    def rollback(self, key: str, revision: int | None = None) -> None:
        """Makes an earlier revision live again; a deploy that is under way gives way, and its changes wait."""
        waited = self._lanes.ask(key, Rollback(revision=revision))
        if isinstance(waited, Deploy):
            self._wait(waited.spec, waited.paths)

    def refresh(self, burst: Burst) -> None:
        """Asks for what follows from changes of these paths. Any thread; the watcher's does."""
        self._todo.put(lambda: self._plan(burst))

    def close(self) -> None:
        """Stops watching, and waits for deploys under way; close the runtime first, which ends their builds."""
        with self._lock:
            self._is_closed = True
        self._unsubscribe()
        self._todo.put(None)
        if self._thread.ident is not None:
            self._thread.join()
        self._lanes.close()
        self._watcher.stop()

    # ---- the thread `deploy`

    def _run(self) -> None:
        """Watching comes first, so that what is saved in between is not missed."""
        self._watcher.start()
        self._watcher.wait_ready(_READY_S)
        todo: Callable[[], object] | None = lambda: self._plan(Burst(paths=frozenset({self._folder})))  # noqa: E731
        while todo is not None:
            try:
                todo()
            except Exception as error:  # noqa: BLE001  the thread's top: reported, and the next change is planned
                report(error)
            self._has_read = True
            todo = self._todo.get()

    def _plan(self, burst: Burst, *, only: str | None = None) -> None:
        """Reads the folder, and asks for what follows; `only`: of this one, which a key asked for, held back or not."""
        with self._lock:
            known, faulty = dict(self._known), dict(self._faulty)
        if self._catalog is None or not all(is_mere_source(path, known.values()) for path in burst.paths):
            self._catalog = Catalog.read(self._folder)  # 2 ms a function: not for a save of a source
        todo = plan(known=known, now=self._catalog, changed=burst.paths, faulty_before=faulty)
        with self._lock:
            if self._is_closed:
                return
            self._notices = todo.notices
            self._faulty = {key: faults for key, faults in todo.faulty.items() if faults}
            is_first, self._is_first = self._is_first, False
        for key, faults in todo.faulty.items():
            if faults != faulty.get(key, ()):
                self._report(key, faults)
        self._ignoring.know(spec.folder for spec in (*known.values(), *todo.deploy))
        goes_on = self._is_watching or is_first
        for key in todo.remove:
            if key == only or (goes_on and only is None):
                self._remove(key)
        for spec in todo.deploy:
            paths = frozenset(path for path in burst.paths if touches(path, spec))
            if spec.key == only or (goes_on and only is None and spec.key not in self._held):
                self._ask(
                    spec, paths or {spec.folder}, occasion=Occasion(quiet_s=burst.quiet_s, asked=only is not None)
                )
            elif spec.key in known:
                self._wait(spec, paths or {spec.file})
        self._note_elsewhere(todo, is_held=not goes_on)

    def _note_elsewhere(self, todo: Plan, *, is_held: bool) -> None:
        """Functions that would come or go, were it not that changes wait."""
        with self._lock:
            come = [spec.key for spec in todo.deploy if spec.key not in self._known] if is_held else []
            gone = [key for key in todo.remove if key in self._known] if is_held else []
            self._elsewhere = tuple(
                f"not watching: {', '.join(keys)} {word}; w deploys what waits"
                for keys, word in ((come, "would appear"), (gone, "would go"))
                if keys
            )

    def _redeploy(self, key: str) -> None:
        with self._lock:
            spec = self._known.get(key)
        if spec is not None:
            self._plan(Burst(paths=frozenset({spec.folder})), only=key)

    def _release(self, only: str | None = None) -> None:
        """Plans again with what waits, of all functions that are not held back or of this one."""
        with self._lock:
            free = [key for key in self._backlog.functions if only in {None, key} and key not in self._held]
            paths = frozenset().union(*map(self._backlog.take, free))
        for key in free:
            self._report_waiting(key)
        self._plan(Burst(paths=paths))

    def _ask(self, spec: FunctionSpec, paths: Iterable[Path], *, occasion: Occasion) -> None:
        """Wants `spec` live. A deploy of the function that runs is cancelled while it builds, and this one follows."""
        with self._lock:
            if self._is_closed:
                return
            try:
                self._runtime.add(spec)  # not in the lane: functions appear together, in the order of keys
            except RuntimeClosed:
                return
            self._known[spec.key] = spec
            had = self._backlog.take(spec.key)
        if had:
            self._report_waiting(spec.key)
        self._lanes.ask(spec.key, Deploy(spec=spec, paths=had.union(paths), occasion=occasion))

    def _wait(self, spec: FunctionSpec, paths: Iterable[Path]) -> None:
        """These changes wait until they are asked for; those that have been undone since wait no more."""
        key = spec.key
        with self._lock:
            was_waiting = self._backlog.waiting(key)
            self._backlog.add(key, spec.folder, paths)
            # Where settings differ, from whichever file, it is that which waits, and not what the path says.
            waiting = self._backlog.paths(key) if self._known.get(key) == spec else frozenset()
        undone = self._sources.unchanged(spec, waiting, live_image=self._live_images.get(key, ""))
        with self._lock:
            self._backlog.drop(key, undone)
            is_news = self._backlog.waiting(key) != was_waiting
        if is_news:
            self._report_waiting(spec.key)

    def _remove(self, key: str) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._backlog.take(key)
            self._held.discard(key)
        self._lanes.drop(key)
        self._undeploy(key)

    # ---- a lane's thread

    def _work(self, key: str, job: Job, *, is_overtaken: Callable[[], bool]) -> None:
        """One job, which ends while it builds if a newer one is asked for or the function is removed."""
        try:
            if isinstance(job, Rollback):
                self._runtime.rollback(key, job.revision)
            else:
                self._deploy(job, is_cancelled=lambda: is_overtaken() or key not in self._known)
        except BuildCancelled:
            if isinstance(job, Deploy) and isinstance(self._lanes.next(key), Rollback):
                self._wait(job.spec, job.paths)
        except (BuildError, StartError):
            pass  # told as an event; what was live goes on, and the next save tries again
        except (RuntimeClosed, UnknownFunction):
            pass  # the end of the program, or the function's folder is gone meanwhile
        except Exception as error:  # noqa: BLE001  the thread's top: reported, and the next save tries again
            report(error)
        if key not in self._known:  # removed perhaps just before the runtime was asked, which then has it anew
            self._undeploy(key)
            self._sources.forget(key)

    def _deploy(self, job: Deploy, *, is_cancelled: Callable[[], bool]) -> None:
        live_image = self._live_images.get(job.spec.key, "")
        changes, changed = self._sources.look(job.spec, job.paths, live_image=live_image)
        occasion = replace(job.occasion, changes=changes, changed=changed)
        deployment = self._runtime.deploy(job.spec, is_cancelled=is_cancelled, occasion=occasion)
        self._sources.went_live(job.spec.key, deployment.image_id)

    # ---- telling

    def _note_live(self, event: Event) -> None:
        """The bus's thread: which image is live, whoever made it so."""
        if isinstance(event, RevisionLive):
            self._live_images[event.function] = event.image_id

    def _undeploy(self, key: str) -> None:
        try:
            self._runtime.undeploy(key)
        except UnknownFunction:
            return  # its first deploy has not begun, and will not

    def _report(self, key: str, faults: tuple[str, ...]) -> None:
        try:
            self._runtime.report_faults(key, faults)
        except UnknownFunction:
            return  # its first deploy has not begun; the next plan tells

    def _report_waiting(self, key: str) -> None:
        with self._lock:
            waiting, is_held = self._backlog.waiting(key), key in self._held
        try:
            self._runtime.report_changes(key, held=is_held, paths=waiting.paths, count=waiting.count)
        except UnknownFunction:
            return  # it is gone, and what waited with it

    def _say(self, text: str) -> None:
        """The watcher's thread: something keeps it from watching."""
        with self._lock:
            self._trouble = text
