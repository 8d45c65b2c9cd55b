"""Tells what changed below a folder: `Watcher`, with one thread of its own, `watch`, that also calls the callbacks.

It watches folders, never single files: an editor that saves by writing a new file and renaming it over the old one
silences a watch on the old one (section 7). What it reports is a hint, not a truth: the content hash of a build decides
whether anything is new, so when in doubt (a fault, a flood) it reports the whole root.
"""

from __future__ import annotations

import platform
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import watchfiles

from hotdash.errors import HotdashError
from hotdash.functions.ignore import IgnoreRules
from hotdash.redeploy.debouncer import QUIET_S, Burst, Debouncer
from hotdash.redeploy.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

# How often watchfiles looks whether a change has come: it tells of changes after a step without one. At 10 ms the looks
# alone cost an idle hotdash 0.6% of a core, at 20 half of that; a save is told of as soon (108 ms later in the median).
_STEP_MS = 20
# It hands control back this long after it has told of a change: just then a burst that ended there is over.
_TICK_MS = round(QUIET_S * 1_000) - _STEP_MS
_POLL_TICK_MS = 10  # the same, where files are looked at
_GROUP_MS = 50  # how long it may hold changes back in a flood
_ROOT_CHECK_S = 0.5  # how often the root is looked at: its deletion and return make no event that can be relied on
_RETRY_S = 1.0  # pause after a fault
POLL_MS = 500  # between looks at all files, where the system cannot tell of changes

_LIMIT_SIGNS = ("limit reached", "os error 24", "os error 28", "Too many open files", "No space left")
_LIMIT_REMEDY = (
    "the system's limit of watched folders is reached, so files are polled, which costs more; to raise it: "
    "sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512, then start hotdash again"
)

_Identity = tuple[int, int]
_Stamp = tuple[int, int, int, int] | None


class _WatchFailed(HotdashError):
    """The system cannot watch the folder; `limit` where a resource has run out."""

    def __init__(self, message: str, *, limit: bool) -> None:
        self.limit = limit
        super().__init__(message)


class Watcher:
    """Watches one folder and all below it, until stopped.

    `start` and `stop` may be called by any thread. There is no lock: the thread owns all that
    changes, and is spoken to by events. Its maker stops it.

    Args:
        root: The folder; links in its path are resolved once, here. It need not exist (yet).
        on_change: Called in the watcher's thread after a burst of changes. It must be quick: hand the work over.
        on_error: Called in the watcher's thread with a text for the user, once for a fault that repeats.
        also: Files outside the folder that are looked at as often as the folder itself, twice a second. They need not
            exist (yet).
        ignores: Whether a changed path is of no interest; by default what no function's sources hold.
        polls: Whether to look at the files, every `poll_ms` milliseconds, and not wait to be told; None means where
            it must be. It begins by itself when a limit of the system is reached.
        clock: Monotonic seconds.
        watch: `watchfiles.watch`, or a scripted one.
    """

    def __init__(
        self,
        *,
        root: Path,
        on_change: Callable[[Burst], object],
        on_error: Callable[[str], object],
        also: Iterable[Path] = (),
        ignores: Callable[[Path], bool] | None = None,
        polls: bool | None = None,
        poll_ms: int = POLL_MS,
        clock: Callable[[], float] = time.monotonic,
        watch: Callable[..., Generator[set[watchfiles.main.FileChange], None, None]] = watchfiles.watch,
    ) -> None:
        self.root = root.resolve()
        self._on_change = on_change
        self._on_error = on_error
        self._also: dict[Path, _Stamp] = dict.fromkeys(also)
        self._ignores = ignores or self._ignored_by_default
        self._rules = IgnoreRules()
        self._clock = clock
        self._watch = watch
        self._debouncer = Debouncer(root=self.root)
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._report_root = threading.Event()
        # Windows' own file systems, as WSL shows them, tell of no change; watchfiles takes the same way out.
        self._polling = "microsoft" in platform.release().lower() if polls is None else polls
        self._poll_ms = poll_ms
        self._last_error = ""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Starts the thread. What changes before `wait_ready` returns True may go unseen."""
        if self._identity() is None:
            self._report_root.set()  # its coming is a change
        self._look_elsewhere()
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits until the folder is being watched.

        Returns:
            False if it is not yet, after `timeout_s` seconds: a folder of a hundred thousand takes some.
        """
        return self._ready.wait(timeout_s)

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Ends the thread and gives back what the system lent for watching. A second call does nothing.

        Returns:
            False if a callback still runs after `timeout_s` seconds, or is what called this: the thread ends after it.
        """
        self._stopping.set()
        if self._thread.ident is None or self._thread is threading.current_thread():
            return self._thread.ident is None
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._watch_once()
            except _WatchFailed as error:
                self._say(f"{error}; {_LIMIT_REMEDY}" if error.limit else f"{error}; it is tried again")
                self._polling = self._polling or error.limit
            except Exception as error:  # noqa: BLE001  the thread's top: emitted, and watching goes on
                self._say(f"watching {self.root} failed: {type(error).__name__}: {error}; it is tried again")
            else:
                continue
            self._report_root.set()  # nobody knows what the fault has hidden
            self._stopping.wait(_RETRY_S)

    def _watch_once(self) -> None:
        """Watches until stopped, or until the root is no longer the folder that it was."""
        identity = self._identity()
        if identity is None:
            self._wait_for_root()
            return
        next_check_s = self._clock() + _ROOT_CHECK_S
        quiet_s = 0.0 if self._polling else _STEP_MS / 1_000  # watchfiles tells of changes after a step without one
        with closing(self._changes()) as changes:
            for found in changes:
                self._ready.set()
                now_s = self._clock()
                gone = self._take(found, now_s - quiet_s)
                if gone or now_s >= next_check_s:
                    next_check_s = now_s + _ROOT_CHECK_S
                    if gone or self._identity() != identity:  # (a new folder can get the old one's inode)
                        self._debouncer.clear()
                        self._report(Burst(paths=frozenset({self.root})))
                        self._report_root.set()  # again, once there is another one and it is watched
                        return
                    for path in self._look_elsewhere():
                        self._debouncer.add(now_s, path)
                self._report(self._debouncer.due(now_s))

    def _wait_for_root(self) -> None:
        while self._identity() is None and not self._stopping.wait(_ROOT_CHECK_S):
            pass

    def _identity(self) -> _Identity | None:
        """Which folder the root is now, or None where it is none: another one may have taken its name."""
        try:
            status = self.root.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _look_elsewhere(self) -> list[Path]:
        """Those of the files outside the folder that are not what they were at the look before."""
        now = {path: _stamp(path) for path in self._also}
        changed = [path for path, stamp in now.items() if stamp != self._also[path]]
        self._also = now
        return changed

    def _changes(self) -> Generator[set[watchfiles.main.FileChange], None, None]:
        """The changes as they come, an empty set at each tick; ends when `stop` is called.

        Raises:
            _WatchFailed: What the system, or watchfiles, says of it.
        """
        if self._polling:
            stream = poll(
                self.root,
                ignores=self._ignores,
                stop_event=self._stopping,
                tick_s=_POLL_TICK_MS / 1_000,
                ticks=self._poll_ms // _POLL_TICK_MS,
            )
        else:
            stream = self._watch(
                self.root,
                watch_filter=None,
                debounce=_GROUP_MS,
                step=_STEP_MS,
                stop_event=self._stopping,
                rust_timeout=_TICK_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                force_polling=False,
                ignore_permission_denied=True,
            )
        with closing(stream):
            while True:
                try:
                    found = next(stream)
                except StopIteration:
                    return
                except (OSError, RuntimeError) as error:  # RuntimeError: its own WatchfilesRustInternalError
                    if self._identity() is None:
                        return  # it went between the look at it and the watch: the next round waits for it
                    limit = any(sign in str(error) for sign in _LIMIT_SIGNS)
                    raise _WatchFailed(f"{self.root} cannot be watched: {error}", limit=limit) from error
                yield found

    def _take(self, found: set[watchfiles.main.FileChange], now_s: float) -> bool:
        """Feeds the debouncer; returns whether the root itself is said to be gone."""
        if self._report_root.is_set():
            self._report_root.clear()
            self._debouncer.add(now_s, self.root)
        gone = False
        for change, name in found:
            path = Path(name)
            if path == self.root:
                gone = gone or change is watchfiles.Change.deleted
            elif self._matters(change, path):
                self._debouncer.add(now_s, path)
        return gone

    def _matters(self, change: watchfiles.Change, path: Path) -> bool:
        # A folder's own time changes with any file in it, an ignored one too: that alone says nothing.
        return not self._ignores(path) and not (change is watchfiles.Change.modified and path.is_dir())

    def _ignored_by_default(self, path: Path) -> bool:
        return self._rules.ignores(path.relative_to(self.root).as_posix(), is_dir=False)

    def _report(self, burst: Burst | None) -> None:
        if burst is None:
            return
        try:
            self._on_change(burst)
            self._last_error = ""
        except Exception as error:  # noqa: BLE001  a stranger's code in our thread: emitted, and watching goes on
            self._say(f"a change of {self.root} could not be handled: {type(error).__name__}: {error}")

    def _say(self, text: str) -> None:
        if text != self._last_error:
            self._last_error = text
            self._on_error(text)


def _stamp(path: Path) -> _Stamp:
    """Another one where the file may have changed; None where it is none, or cannot be seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_dev, status.st_ino
