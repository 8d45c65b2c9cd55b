"""`StartFailures`: how often in a row a function's containers did not start, and when the next try may be (M5).

A value that its supervisor's lock guards; no thread.
"""

from __future__ import annotations

TRIES = 3  # M5: so many starts in a row may fail before the waiting tasks do
FIRST_BACKOFF_S = 0.1  # doubled after each further failure
LONG_BACKOFF_S = 5.0  # once all tries have failed but older containers still serve


class StartFailures:
    """Counts; the ledger acts.

    `round` grows with each failure that counts. A container is stamped with it when it is launched: the failures of
    containers that were launched together are one try.
    """

    def __init__(self) -> None:
        self.in_a_row = 0
        self.round = 0
        self.cause = ""
        self.not_before_s = 0.0
        self.has_given_up = False  # the function is failing: the next try is its last

    def failed(self, cause: str, *, launched_in: int, now_s: float) -> bool:
        """Counts the failure of a container that was launched in that round.

        Returns:
            True if that was the last of the tries.
        """
        if launched_in != self.round:
            return False
        self.round += 1
        self.in_a_row += 1
        self.cause = cause
        if self.has_given_up or self.in_a_row >= TRIES:
            self.in_a_row = 0
            self.not_before_s = 0.0
            self.has_given_up = True
            return True
        self.not_before_s = now_s + FIRST_BACKOFF_S * 2 ** (self.in_a_row - 1)
        return False

    def succeeded(self) -> bool:
        """A container gave its first answer; True if the function had been failing."""
        was_failing = self.has_given_up
        self.in_a_row = 0
        self.not_before_s = 0.0
        self.has_given_up = False
        return was_failing

    @property
    def reason(self) -> str:
        """Why the function is failing."""
        return f"{TRIES} starts in a row failed; the last: {self.cause}"

    def rest(self, now_s: float) -> None:
        """Tries no more for a while: what waits has other containers to wait for."""
        self.not_before_s = now_s + LONG_BACKOFF_S

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next try may be; 0.0 if it may be now."""
        return max(self.not_before_s - now_s, 0.0)

    def __str__(self) -> str:
        if self.has_given_up:
            return f"{TRIES} starts in a row failed ({self.cause}); trying again"
        return f"start {self.in_a_row} of {TRIES} failed ({self.cause}); trying again"
