"""`KeptTheme`: the theme that was chosen on the screen, in a file beside the settings, which are the user's to write.

The screen's thread calls it. Writing has a thread (`theme`), made here for each choice, joined by `close`, ended when
the disk has taken it: no key waits for a disk.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MOST_BYTES = 200


class KeptTheme:
    """Remembers one word. It is shared by no two threads but for the disk: the last choice is the one that stays.

    `_lock` guards the file against two choices in a row.

    Args:
        path: The file; made at the first choice.
        on_fault: Called with a text for the user when it cannot be written; any thread.
    """

    def __init__(self, *, path: Path, on_fault: Callable[[str], object]) -> None:
        self._path = path
        self._on_fault = on_fault
        self._lock = threading.Lock()
        self._chosen = ""
        self._threads: list[threading.Thread] = []

    @property
    def name(self) -> str | None:
        """What was chosen in this run or an earlier one; None if nothing was, or it cannot be read."""
        if self._chosen:
            return self._chosen
        try:
            with self._path.open("rb") as file:
                return file.read(_MOST_BYTES).decode("utf-8", "replace").strip() or None
        except OSError:
            return None

    def keep(self, name: str) -> None:
        """Keeps a theme's name, in place of the one before."""
        self._chosen = name
        thread = threading.Thread(target=self._write, name="theme", daemon=True)
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()

    def close(self, timeout_s: float = 2.0) -> None:
        """Waits for what is being written, at most so many seconds each."""
        for thread in self._threads:
            thread.join(timeout_s)

    def _write(self) -> None:
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            with self._lock:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                fresh.write_text(f"{self._chosen}\n", "utf-8")
                fresh.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                fresh.unlink()
            self._on_fault(f"{self._path}: the theme is not kept: {error.strerror or error}")
