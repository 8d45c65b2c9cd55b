"""What each key of `config.toml` may be. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Rule(Struct, frozen=True, kw_only=True):
    """What a value must be: a whole number between two, one of some words, any word, or yes and no."""

    kind: type[int | str | bool]
    least: int = 0
    most: int = 0
    words: tuple[str, ...] = ()

    def takes(self, value: object) -> bool:
        """Whether a value is allowed."""
        if isinstance(value, bool) or self.kind is bool:  # True is an int to Python, and no number to the user
            return isinstance(value, bool) and self.kind is bool
        if isinstance(value, int):
            return self.kind is int and self.least <= value <= self.most
        return isinstance(value, str) and self.kind is str and (value in self.words if self.words else bool(value))

    @property
    def allowed(self) -> str:
        """In words."""
        if self.kind is bool:
            return "true or false"
        if self.kind is int:
            return f"a whole number from {self.least:,} to {self.most:,}"
        return ", ".join(map(repr, self.words)) if self.words else "a word in quotes"


_WORDS_OF_TABS = ("logs", "run", "payload", "deploys")

TOP: Mapping[str, Rule] = {
    "driver": Rule(kind=str, words=("auto", "process", "docker")),
    "theme": Rule(kind=str),
    "watch": Rule(kind=bool),
}
SECTIONS: Mapping[str, Mapping[str, Rule]] = {
    "layout": {
        "left_percent": Rule(kind=int, least=25, most=75),
        "functions_percent": Rule(kind=int, least=20, most=80),
        "tab": Rule(kind=str, words=_WORDS_OF_TABS),
    },
    "limits": {
        "memory_mb": Rule(kind=int, least=6, most=16_777_216),
        "log_lines": Rule(kind=int, least=100, most=200_000),
        "history_mb": Rule(kind=int, least=0, most=100_000),
        "history_days": Rule(kind=int, least=1, most=36_500),
        "answer_kb": Rule(kind=int, least=0, most=8_192),
        "payload_kb": Rule(kind=int, least=0, most=8_192),
    },
}
KEYS = "keys"


def shown(value: Any) -> str:
    """A value of the file, for a message."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a section"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
