"""What a container or a build finds around it: its environment, and private folders for HOME and TMPDIR (M8).

Any thread; the lock of `RunFolder` guards its making.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.drivers.process.guardian_main import remove_tree

if TYPE_CHECKING:
    from collections.abc import Mapping

LANG = "C.UTF-8"  # there on every Linux, unlike any language of a country; macOS takes it as well


class Surroundings(Struct, frozen=True, kw_only=True):
    """The private folders of one container or build. `folder` holds the other two and is removed with them."""

    folder: Path
    home: Path
    tmp: Path

    def environment(self, config: Mapping[str, str], *, path: str) -> dict[str, str]:
        """All of its environment: nothing of hotdash's own but `path` reaches it.

        Args:
            config: The function's own. It wins everywhere, over HOME and TMPDIR too; a function that replaces both
                also hides what it starts outside its process group from the guardian.
            path: The PATH that it has unless `config` has one.
        """
        return {"PATH": path, "HOME": str(self.home), "TMPDIR": str(self.tmp), "LANG": LANG, **config}

    def remove(self) -> None:
        """Removes the folders, whatever was left in them."""
        remove_tree(self.folder)


class RunFolder:
    """The private folder (0700) of one driver, made when it is first needed; the guardian removes it."""

    def __init__(self, *, parent: Path | None = None) -> None:
        # The path is short, as those of sockets must be (104 bytes on macOS), and on a disk: /run is memory.
        self._parent = parent
        self._lock = threading.Lock()
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """Where it is.

        Raises:
            OSError: It cannot be made.
        """
        with self._lock:
            if self._path is None:
                self._path = Path(tempfile.mkdtemp(prefix="hotdash-", dir=self._parent)).resolve()
            return self._path

    def remove(self) -> None:
        """Removes it, if it was made: for a driver that has no guardian to do so."""
        with self._lock:
            if self._path is not None:
                remove_tree(self._path)

    def make(self, name: str) -> Surroundings:
        """Makes the folders for a container or a build.

        Raises:
            OSError: They cannot be made.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.path))
        around = Surroundings(folder=folder, home=folder / "home", tmp=folder / "tmp")
        around.home.mkdir(mode=0o700)
        around.tmp.mkdir(mode=0o700)
        return around
