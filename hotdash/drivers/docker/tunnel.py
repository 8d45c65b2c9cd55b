"""`SshTunnel`: an engine on another machine as a Unix socket on this one. `ssh -NT -L` makes it; the user's own ssh.

docker-py's own way over ssh cannot half-close a stream, which a container's end of stdin needs.

The thread `hot:tunnel` is owned by the tunnel: it waits for ssh to end, starts it again (a laptop slept, a network
changed), and ends when `close` says so. ssh is in a process group that a guardian knows, as the process driver's
containers are, so that it never outlives hotdash.
"""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.drivers.process.group import ProcessGroup
from hotdash.drivers.process.guardian import Guardian
from hotdash.drivers.process.surroundings import RunFolder
from hotdash.errors import NoDriver, report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hotdash.drivers.docker.places import Place

CONNECT_S = 15.0  # for ssh to log in
_LOOK_S = 0.02
_PAUSE_S = (0.5, 1.0, 2.0, 5.0)  # before the first, second, … attempt to revive; the last for all that follow
_OPTIONS = (
    "BatchMode=yes",  # under a screen nobody can answer a question
    "ConnectTimeout=10",
    "ExitOnForwardFailure=yes",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=2",
    "StreamLocalBindUnlink=yes",
    "StreamLocalBindMask=0177",
    "ControlMaster=no",  # a shared connection would take the forwarding over, and end at its own time
    "ControlPath=none",
)


class SshTunnel:
    """A tunnel to the engine's socket on another machine.

    The condition's lock guards `_group` and `_closing`.

    Args:
        place: Where the engine is.
        environ: What ssh gets: PATH, HOME, SSH_AUTH_SOCK.
    """

    def __init__(self, *, place: Place, environ: Mapping[str, str]) -> None:
        self._place = place
        self._environ = dict(environ)
        self._run = RunFolder()
        self._guardian = Guardian(self._run)
        self._changed = threading.Condition()
        self._group: ProcessGroup | None = None
        self._closing = False
        self._thread: threading.Thread | None = None

    @property
    def path(self) -> str:
        """The socket on this machine; the same for life."""
        return str(self._run.path / "docker.sock")

    def open(self) -> None:
        """Makes the tunnel, and keeps it from now on.

        Raises:
            NoDriver: ssh cannot; one sentence says why.
        """
        try:
            why = self._start()
        except OSError as error:
            why = "there is no ssh command in PATH" if isinstance(error, FileNotFoundError) else str(error)
        if why:
            self.close()
            raise NoDriver(
                f"no Docker engine is reached at {self._place.location} ({self._place.found_by}): {why}: "
                f"see that `ssh {self._place.host} docker version` works without a question, "
                "or run with --driver process"
            )
        self._thread = threading.Thread(target=self._keep, name="hot:tunnel", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends ssh and the thread, and removes the socket. A second call does nothing."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._group is not None:
                self._group.kill()
        if self._thread is not None:
            self._thread.join()
        with self._changed:
            group, self._group = self._group, None
        if group is not None:
            group.wait(None)
            group.close()
        self._guardian.close()

    def _start(self) -> str:
        """Starts ssh and waits until the socket is there; why it is not, or nothing.

        Raises:
            OSError: ssh cannot be started.
        """
        log = self._run.path / "log"
        with log.open("wb") as stream:
            group = ProcessGroup.spawn(
                self._command(),
                folder=self._run.path,
                environment=self._environ,
                guardian=self._guardian,
                stdin=subprocess.DEVNULL,
                stdout=stream.fileno(),
                stderr=stream.fileno(),
            )
        with self._changed:
            self._group = group
        deadline_s = time.monotonic() + CONNECT_S
        socket = Path(self.path)
        while not socket.is_socket():
            if self._closing or time.monotonic() >= deadline_s:
                self._end()
                return f"ssh does not get through within {CONNECT_S:g} s"
            if group.wait(_LOOK_S) is not None:
                self._end()
                return f"ssh says: {_last_line(log) or 'nothing'}"
        return ""

    def _command(self) -> list[str]:
        place = self._place
        options = [part for option in _OPTIONS for part in ("-o", option)]
        port = ["-p", str(place.port)] if place.port else []
        return ["ssh", "-NT", *options, *port, "-L", f"{self.path}:{place.path}", "--", place.host]

    def _end(self) -> None:
        """Ends ssh if it runs, and reaps it."""
        with self._changed:
            group, self._group = self._group, None
        if group is not None:
            group.kill()
            group.wait(None)
            group.close()
        Path(self.path).unlink(missing_ok=True)  # ssh leaves it when it is killed

    def _keep(self) -> None:
        """The thread: see the module's docstring."""
        try:
            while not self._closing:
                if self._group is not None:
                    self._group.wait(None)
                self._end()
                self._revive()
        except BaseException as error:  # noqa: BLE001  the top of a thread
            report(error)

    def _revive(self) -> None:
        for attempt in range(10**9):
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, _PAUSE_S[min(attempt, len(_PAUSE_S) - 1)]):
                    return
            try:
                if not self._start():
                    return
            except OSError:  # no process to be had, or a full disk: a later attempt may do better
                continue


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
