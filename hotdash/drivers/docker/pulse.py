"""`Pulse`: tells an engine that hangs from one that takes its time, so that nobody waits half a minute for a dead one.

A busy engine may take many seconds for a start or a removal, but answers a ping at once; one that is stopped, or whose
machine sleeps, answers nothing. Whoever waits for an answer looks after the pulse meanwhile, in its own thread.
"""

from __future__ import annotations

import select
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

GRACE_S = 2.0  # a request may take so long before anybody asks
PING_S = 3.0  # so long an engine may take for a ping; on a machine with a load of 10 it was 0.3 s
AGAIN_S = 5.0  # how often it is asked while the request goes on
SHORT_S = 0.5  # in place of both, for what is asked of an engine that was silent a moment ago
_RECENT_S = 15.0  # "a moment ago"; no longer, or a slow engine would never be given the time again
_HANGS = "the engine does not answer a ping either: timed out"


class Pulse:
    """Of one engine. Any thread; the lock guards when a ping was last left without an answer for all of `PING_S`.

    Args:
        ping: Asks the engine for a sign of life, and waits at most so many seconds for it; whether it came.
    """

    def __init__(self, *, ping: Callable[[float], bool]) -> None:
        self._ping = ping
        self._lock = threading.Lock()
        self._silent_s = -float("inf")  # when such a ping was sent

    def wait(self, sock: socket.socket, timeout_s: float | None) -> None:
        """Waits until an answer comes.

        Args:
            sock: The request's.
            timeout_s: Seconds; None for as long as the engine lives.

        Raises:
            TimeoutError: The time ran out, or the engine hangs.
        """
        began_s = time.monotonic()
        deadline_s = float("inf") if timeout_s is None else began_s + timeout_s
        was_silent = began_s - self._silent_s < _RECENT_S
        patience_s = SHORT_S if was_silent else GRACE_S
        while not _has_come(sock, min(patience_s, deadline_s - time.monotonic())):
            if time.monotonic() >= deadline_s:
                raise TimeoutError("timed out")
            if not self._beats(began_s, SHORT_S if was_silent else PING_S):
                raise TimeoutError(_HANGS)
            patience_s = AGAIN_S

    def _beats(self, since_s: float, timeout_s: float) -> bool:
        """Whether it answers a ping; one that another thread has sent since then, in vain, need not be repeated."""
        if self._silent_s >= since_s:
            return False
        sent_s = time.monotonic()
        beats = self._ping(timeout_s)
        with self._lock:
            if not beats and timeout_s >= PING_S:
                self._silent_s = max(self._silent_s, sent_s)
            elif beats and sent_s > self._silent_s:
                self._silent_s = -float("inf")
        return beats


def _has_come(sock: socket.socket, timeout_s: float) -> bool:
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(max(timeout_s, 0.0) * 1000.0))
