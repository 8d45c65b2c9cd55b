"""Settings as frozen values; each default is what serves without a file. Any thread."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class Layout(Struct, frozen=True, kw_only=True):
    """How the screen is divided.

    Args:
        left_percent: Of the width, for functions and tasks.
        functions_percent: Of their height, for the functions.
        tab: The tab that is open at the start.
    """

    left_percent: int = 52
    functions_percent: int = 50
    tab: str = "logs"


class Limits(Struct, frozen=True, kw_only=True):
    """What hotdash may use.

    Args:
        memory_mb: What all containers together may ask for; None for half of what the machine has available.
        log_lines: Of each function's stderr, in memory.
        history_mb: The size of the history's database; 0 keeps none.
        history_days: How long the history keeps a task.
        answer_kb: Of an answer, what the history keeps.
        payload_kb: The largest payload that the history keeps.
    """

    memory_mb: int | None = None
    log_lines: int = 10_000
    history_mb: int = 256
    history_days: int = 30
    answer_kb: int = 256
    payload_kb: int = 1_024


class Settings(Struct, frozen=True, kw_only=True):
    """All of it.

    Args:
        driver: What runs functions.
        theme: A theme's name, as the screen knows it; None for its own choice.
        watch: Whether saved files are deployed from the start.
        layout: See `Layout`.
        limits: See `Limits`.
        keys: An action's name to its keys, where they are not the usual ones.
    """

    driver: str = "auto"
    theme: str | None = None
    watch: bool = True
    layout: Layout = field(default_factory=Layout)
    limits: Limits = field(default_factory=Limits)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_KEYS)
