"""`History`: a listener of events that keeps ended tasks, and the way back to them.

The runtime's event thread calls it with each event; it only collects. Its two threads are described where they are:
`hotdash.store.history.writer` and `hotdash.store.history.reader`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.store.history.reader import HistoryReader
from hotdash.store.history.values import HistoryLimits
from hotdash.store.history.writer import FLUSH_S, HistoryWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.events import Event
    from hotdash.store.history.gatherer import Gatherer


def default_path() -> Path:
    """Where the history lies on this system, `~/.local/state/hotdash/history.db` on Linux."""
    import platformdirs  # noqa: PLC0415  only who keeps it in the default place needs it

    return Path(platformdirs.user_state_dir("hotdash", appauthor=False)) / "history.db"


class History:
    """Keeps tasks, their answers and stderr, within bounds.

    Args:
        path: The database; None means `default_path()`. Several hotdashes may have it open.
        root: The folder of functions: past tasks of these alone are given.
        on_fault: Called with a text for the user, once for each thing that is wrong; any thread.
        limits: The bounds.
        flush_s: Seconds that an ended task waits at most to be written.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        root: Path,
        on_fault: Callable[[str], object],
        limits: HistoryLimits | None = None,
        flush_s: float = FLUSH_S,
    ) -> None:
        self.path = path if path is not None else default_path()
        self.limits = limits if limits is not None else HistoryLimits()
        run = os.urandom(8).hex()
        self._gatherer: Gatherer | None = None
        self._writer = HistoryWriter(path=self.path, run=run, limits=self.limits, on_fault=on_fault, flush_s=flush_s)
        self.reader = HistoryReader(
            path=self.path, root=str(root), run=run, on_broken=self._writer.mend, on_fault=on_fault
        )

    def __call__(self, event: Event) -> None:
        """Takes an event; returns at once."""
        if self._gatherer is None:
            from hotdash.store.history.gatherer import Gatherer  # noqa: PLC0415  it stands on the events

            self._gatherer = Gatherer()
        ended = self._gatherer.take(event)
        if ended is not None:
            self._writer.put(ended)

    @property
    def dropped(self) -> int:
        """How many tasks of this run were not kept: they came faster than the disk took them, or it took none."""
        return self._writer.dropped

    @property
    def written(self) -> int:
        """How many tasks of this run have been written."""
        return self._writer.written

    def close(self, timeout_s: float = 2.0) -> bool:
        """Writes what waits and ends both threads.

        Returns:
            False if the disk has not taken it all within `timeout_s` seconds.
        """
        self.reader.close(timeout_s)
        return self._writer.close(timeout_s)
