"""`Action` and `Pane`: one thing that a key does, and where it matters. Values; `actions` has the table of them."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Pane(StrEnum):
    """Where a key matters; its value is the heading in the help screen."""

    FUNCTIONS = "Functions"
    TASKS = "Tasks"
    HISTORY = "History"
    LOGS = "Logs"
    RUN = "Run"
    PAYLOAD = "Payload"
    STATS = "Stats"
    DEPLOYS = "Deploys"
    FILTER = "Filter"
    EMPTY = "Nothing here yet"
    ANY = "Everywhere"
    MOVE = "Moving"


class Action(Struct, frozen=True, kw_only=True):
    """One thing that a key does.

    Args:
        id: The name of the screen's method, without `action_`.
        key: Textual's names of its keys, by comma; the first is the one that is shown.
        shown: How the key is written for people.
        label: One or two words, for the footer.
        description: A sentence, for help and palette.
        panes: The panes whose footer shows it, in which it matters.
        called: Its label in some panes, where it is another one.
        in_palette: Whether the palette has it.
        in_footer: Whether the footer has it, where there is room.
    """

    id: str
    key: str
    shown: str
    label: str
    description: str
    panes: tuple[Pane, ...]
    called: tuple[tuple[Pane, str], ...] = ()
    in_palette: bool = True
    in_footer: bool = True

    def label_in(self, pane: Pane) -> str:
        """Its label in a pane's footer."""
        return dict(self.called).get(pane, self.label)
