"""`Owner`: whose containers they are. Opened by the driver; its labels may be read by any thread.

Every container carries its owner: the machine, the user, and a lock file that the owner holds while it lives. The
kernel frees the lock with the process, whatever it died of; so a container is an orphan exactly if its owner was of
this machine and this user and its lock file is there and free. Where the file is not there nothing is known, and
nothing is done.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import platform
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.drivers.locks import is_free

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

OWNER = "hotdash.owner"
MACHINE = "hotdash.machine"
USER = "hotdash.user"
LOCK = "hotdash.lock"
FUNCTION = "hotdash.function"
REVISION = "hotdash.revision"
CONTAINER = "hotdash.container"


class Owner:
    """This run of hotdash.

    Args:
        folder: Where the lock files of all owners are; made if need be.
        engine: Where its containers are; it stands in the lock file, for `bury`.

    Raises:
        OSError: The lock file cannot be made.
    """

    def __init__(self, folder: Path, *, engine: str = "") -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.token = secrets.token_hex(8)
        self._path = folder.resolve() / f"{self.token}.lock"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        os.write(self._fd, os.fsencode(engine))  # after the lock: who finds it free and empty knows nothing

    @property
    def labels(self) -> dict[str, str]:
        """What every container of this owner carries."""
        return {OWNER: self.token, MACHINE: _machine(), USER: _user(), LOCK: str(self._path)}

    def close(self, *, leaves_some: bool) -> None:
        """Gives up the lock.

        Args:
            leaves_some: Whether containers are left: the file stays then, and tells the next hotdash that they are
                nobody's any more.
        """
        if self._fd >= 0:
            with suppress(OSError):
                if leaves_some:
                    os.ftruncate(self._fd, 0)  # the engine may come to make them later: `bury` leaves it alone
                else:
                    self._path.unlink()
            os.close(self._fd)
            self._fd = -1


def is_orphan(labels: Mapping[str, str]) -> bool:
    """Whether a container with these labels was of an owner that has died. Nothing is assumed of strangers."""
    lock = labels.get(LOCK, "")
    if labels.get(MACHINE) != _machine() or labels.get(USER) != _user() or not lock:
        return False
    return is_free(Path(lock)) is True


def forget(labels: Mapping[str, str]) -> None:
    """Removes a dead owner's lock file, now that none of its containers is left."""
    with suppress(OSError):
        Path(labels[LOCK]).unlink()


def bury(folder: Path, *, engine: str, kept: Collection[str]) -> list[str]:
    """Removes the lock files of dead owners of whom an engine has no container.

    Args:
        folder: Where the lock files of all owners are.
        engine: Where their containers were; one who had them elsewhere is left alone.
        kept: Lock files (their paths) that containers of this engine still name.

    Returns:
        The owners' tokens.
    """
    buried = []
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    for path in folder.resolve().glob("*.lock"):
        if str(path) in kept:
            continue
        with suppress(OSError), os.fdopen(os.open(path, flags), "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if engine and lock.read() == os.fsencode(engine):
                path.unlink()
                buried.append(path.stem)
    return buried


def machine_id() -> str:
    """What names this machine for good, among all that use one engine; empty in a container without a name."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    return platform.node()


def _machine() -> str:
    return machine_id() or platform.node()


def _user() -> str:
    try:
        return f"{os.getuid()}:{getpass.getuser()}"
    except (KeyError, OSError):  # a number without a name, as in some containers
        return str(os.getuid())
