"""`StartFailures`: how often in a row a function's containers did not start, and when the next try may be (M5).

A value that its supervisor's lock guards; no thread.
"""

from __future__ import annotations

TRIES = 3  # M5: so many starts in a row may fail before the waiting tasks do
FIRST_BACKOFF_S = 0.1  # doubled after each further failure


class StartFailures:
    """Counts; the supervisor acts."""

    def __init__(self) -> None:
        self.in_a_row = 0
        self.cause = ""
        self.not_before_s = 0.0
        self.has_given_up = False  # the function is failing: the next try is its last

    def failed(self, cause: str, now_s: float) -> bool:
        """Counts one; True if that was the last of the tries."""
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
        """A container answered; True if the function had been failing."""
        was_failing = self.has_given_up
        self.in_a_row = 0
        self.not_before_s = 0.0
        self.has_given_up = False
        return was_failing

    def wait_s(self, now_s: float) -> float:
        """Seconds until the next try may be; 0.0 if it may be now."""
        return max(self.not_before_s - now_s, 0.0)

    def __str__(self) -> str:
        return f"start {self.in_a_row} of {TRIES} failed ({self.cause}); trying again"
