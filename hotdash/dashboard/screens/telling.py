"""`TellingScreen`: a screen that says what became of a key, and copies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hotdash.dashboard.clipboard import OSC_52_BYTES, clipboard_command, copy_to_system, tmux_commands, where_it_went
from hotdash.dashboard.widgets.selectable import SelectingScreen

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from hotdash.dashboard.invoker import Outcome
    from hotdash.dashboard.ports import Controls

TOLD_S = 2.5  # how long a toast stays that only answers a key, and how long it is not said again


class TellingScreen(SelectingScreen[None]):
    """What all groups of keys use to answer.

    Args:
        controls: The runtime, as the dashboard sees it.
    """

    def __init__(self, *, controls: Controls) -> None:
        super().__init__()
        self.controls = controls
        self._told = ("", float("-inf"))

    def tell(self, told: str, *, is_bad: bool = False, is_odd: bool = False, is_news: bool = False) -> None:
        """A toast; its text is hotdash's own or has passed `plain`.

        Args:
            told: What is said; nothing if empty.
            is_bad: Whether it is a failure.
            is_odd: Whether it is a warning.
            is_news: Whether it happened by itself. What only answers a key goes sooner, and is not said again at once.
        """
        now_s = self.controls.now_s()
        if not told or (not is_news and told == self._told[0] and now_s - self._told[1] <= TOLD_S):
            return
        self._told = (told, now_s)
        severity: SeverityLevel = "error" if is_bad else "warning" if is_odd else "information"
        self.notify(told, severity=severity, timeout=None if is_bad or is_odd or is_news else TOLD_S, markup=False)

    def say(self, outcome: Outcome) -> None:
        """Tells what became of a key."""
        self.tell(outcome.text, is_bad=outcome.is_bad, is_odd=outcome.is_odd)

    def copy(self, text: str, what: str) -> None:
        """Puts a text into the clipboard: the terminal's (OSC 52), the desktop's and tmux's where there are such."""
        self.app.copy_to_clipboard(text)
        is_large = len(text.encode("utf-8", "replace")) > OSC_52_BYTES

        def tell(took: frozenset[str]) -> None:
            if is_large and not took:
                self.tell(f"the terminal may not take so much as {what}: s saves a log to a file", is_odd=True)
            else:
                self.tell(where_it_went(what, took))

        desktop = clipboard_command(os.environ)
        commands = (*((desktop,) if desktop is not None else ()), *tmux_commands(os.environ))
        if commands:
            copy_to_system(text, commands, lambda took: self.call_later(tell, took))
        else:
            tell(frozenset())
