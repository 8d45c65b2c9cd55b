"""The history: ended tasks, their answers and stderr in SQLite: what failed yesterday can be opened and replayed."""

from hotdash.store.history.history import History, default_path
from hotdash.store.history.values import (
    EndedTask,
    HistoryLimits,
    PastContents,
    PastOrder,
    PastPage,
    PastQuery,
    PastTask,
)

__all__ = [
    "EndedTask",
    "History",
    "HistoryLimits",
    "PastContents",
    "PastOrder",
    "PastPage",
    "PastQuery",
    "PastTask",
    "default_path",
]
