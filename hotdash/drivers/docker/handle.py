"""`Handle`: one container as its engine knows it, and what is asked of the engine about it. Any thread.

Each call is one request, or two; none raises for what the engine says of a container that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

from hotdash.drivers.base import Exit
from hotdash.drivers.docker.exits import exit_of, exit_of_code
from hotdash.drivers.docker.faults import EngineErrors, cause_of, is_gone, is_refused_by_state, why_refused

if TYPE_CHECKING:
    import docker

REMOVED = Exit(lost="was removed from outside (docker rm)")


class Handle:
    """A created container.

    Attributes:
        id: The engine's, in hex.
        limit_bytes: The memory it is allowed.
    """

    def __init__(self, *, client: docker.APIClient, container_id: str, limit_bytes: int) -> None:
        self._client = client
        self.id = container_id
        self.limit_bytes = limit_bytes

    def signal(self, name: str) -> str:
        """Sends a signal to it.

        Returns:
            Empty if it got it, or has ended; else why the engine cannot be asked.
        """
        try:
            self._client.kill(self.id, signal=name)
        except EngineErrors as error:
            return "" if is_gone(error) or is_refused_by_state(error) else why_refused(error)
        return ""

    def state(self) -> dict[str, Any] | None:
        """The `State` of an inspect, None if it is gone.

        Raises:
            EngineErrors: The engine cannot be asked.
        """
        try:
            state: dict[str, Any] = self._client.inspect_container(self.id)["State"]
        except EngineErrors as error:
            if is_gone(error):
                return None
            raise
        return state

    def find_exit(self, timeout_s: float, *, was_killed: bool) -> Exit | None:
        """How it ended, now that its stream has.

        Returns:
            None if it has not ended within that time.
        """
        try:
            code = int(self._client.wait(self.id, timeout=timeout_s, condition="not-running")["StatusCode"])
            state = self.state() if code != 0 else None  # a failure may have more of a cause than its code
        except EngineErrors as error:
            if is_gone(error):
                return REMOVED
            if isinstance(error, requests.Timeout) or "Read timed out" in str(error):  # urllib3's, in a ConnectionError
                return None
            return Exit(lost=f"was lost ({cause_of(error)})")
        return exit_of(state, limit_bytes=self.limit_bytes, was_killed=was_killed) if state else exit_of_code(code)

    def remove(self) -> str:
        """Removes it with its anonymous volumes, killing it if it runs.

        Returns:
            Empty if it is gone or going, else why not.
        """
        try:
            self._client.remove_container(self.id, force=True, v=True)
        except EngineErrors as error:
            return "" if is_gone(error) or is_refused_by_state(error) else why_refused(error)
        return ""
