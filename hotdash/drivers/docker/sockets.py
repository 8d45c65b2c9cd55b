"""`Sockets`: folders of this machine in which containers listen (format `http-stream`), mounted into them.

Any thread. They lie in the system's temporary folder, under the owner's token: what a hotdash that died has left, the
next one removes with its containers.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from hotdash.errors import report

INSIDE = "/tmp/iofs"  # noqa: S108  Fn's place for it, in the container
_TOKEN = re.compile(r"[0-9a-f]{16}")


class Sockets:
    """One owner's."""

    def __init__(self, token: str) -> None:
        self._folder = folder_of(token)

    def make(self, container_id: str) -> Path:
        """Makes the folder of a container. Whoever runs in it may write there, and nobody else on this machine.

        Raises:
            OSError: It cannot be made.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        folder = self._folder / container_id
        folder.mkdir()
        folder.chmod(0o777)  # the user that an image names has no name here; the folder above lets only us in
        return folder

    def remove(self, container_id: str) -> None:
        """Removes the folder of a container, if it has one."""
        shutil.rmtree(self._folder / container_id, ignore_errors=True)

    def close(self) -> None:
        """Removes them all, and tells what stays."""
        _remove(self._folder)


def folder_of(token: str) -> Path:
    """Where an owner's are. The path is short, as those of sockets must be."""
    return Path(tempfile.gettempdir()).resolve() / f"hotdash-{token}"


def forget_sockets(token: str) -> None:
    """Removes a dead owner's, and tells what stays."""
    if _TOKEN.fullmatch(token):  # it comes from a label
        _remove(folder_of(token))


def _remove(folder: Path) -> None:
    """A container may have made a folder in its own, as a user whose files root alone can remove."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        report(RuntimeWarning(f"{folder} holds files that a container made as another user: remove it as root"))
