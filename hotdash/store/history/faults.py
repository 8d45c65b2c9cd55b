"""What can be wrong with a history's database, by what follows from it. Values only; any thread."""

from __future__ import annotations

from enum import StrEnum

from hotdash.errors import HotdashError


class FaultKind(StrEnum):
    """What follows from a fault."""

    PASSING = "passing"  # locked, full: the next try may succeed
    BROKEN = "broken"  # no database, or a torn one: moved aside, a new one is begun
    FOREIGN = "foreign"  # another program's, or a newer hotdash's: left alone for good


class HistoryFault(HotdashError):
    """The database could not be used; the message says why and names it."""

    def __init__(self, message: str, *, kind: FaultKind) -> None:
        super().__init__(message)
        self.kind = kind
