"""`Keys`: the table of actions as the user has keyed it, and what is wrong with how. Any thread."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from msgspec.structs import replace
from textual.binding import Binding
from textual.keys import KEY_DISPLAY_ALIASES
from textual.keys import Keys as KnownKeys

from hotdash.dashboard.actions import ACTIONS, by_pane, footer_actions
from hotdash.settings import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotdash.dashboard.actions import Action, Pane
    from hotdash.errors import Fault
    from hotdash.settings import Loaded

_MOVES = frozenset({"j", "k", "g", "G", "h", "l", "up", "down", "left", "right", "home", "end", "pageup", "pagedown"})
_FOCUS = frozenset({"tab", "shift+tab"})
_ALWAYS = {"quit": ("ctrl+q",)}  # the way out stays, whatever the file says
_NAMES = frozenset(key.value for key in KnownKeys if "<" not in key.value)
_MODIFIERS = frozenset({"ctrl", "alt", "shift"})


class Keys:
    """The actions with their keys.

    Args:
        changes: An action's name to keys that take the place of its own; all of them good (see `checked`).
    """

    def __init__(self, changes: Mapping[str, tuple[str, ...]] | None = None) -> None:
        changed = {name: tuple(map(normal, keys)) for name, keys in (changes or {}).items()}
        self.actions = tuple(_with(action, changed.get(name_of(action), ())) for action in ACTIONS)
        self.keymap = {action.id: action.key for action in self.actions if name_of(action) in changed}

    def shown(self, action_id: str) -> str:
        """How an action's key is written."""
        return next(action.shown for action in self.actions if action.id == action_id)

    def footer(self, pane: Pane) -> tuple[Action, ...]:
        """See `footer_actions`."""
        return footer_actions(pane, self.actions)

    def by_pane(self) -> Iterable[tuple[Pane, tuple[Action, ...]]]:
        """See `hotdash.dashboard.actions.by_pane`."""
        return by_pane(self.actions)


def name_of(action: Action) -> str:
    """What an action is called in the file: `invoke`, and `focus_pane_1` where a number belongs to it."""
    return action.id.replace("(", "_").replace(")", "")


def normal(key: str) -> str:
    """A key as Textual names it: `slash` for `/`."""
    if key == ",":  # between keys, to Textual
        return "comma"
    return next(iter(Binding.make_bindings([Binding(key, "x")]))).key if len(key) == 1 else key


def checked(loaded: Loaded) -> tuple[Keys, tuple[Fault, ...]]:
    """The keys that a file asks for, as far as they can be given.

    Returns:
        The keys, and what is wrong: the usual ones serve for an action at fault.
    """
    names = {name_of(action): action for action in ACTIONS}
    good: dict[str, tuple[str, ...]] = {}
    faults: list[Fault] = []
    for name, keys in loaded.settings.keys.items():
        key = f"keys.{name}"
        if name not in names:
            faults.append(loaded.fault(key, found="no action of this name", allowed=nearest(name, sorted(names))))
        elif bad := next((one for one in keys if not _is_key(one)), None):
            allowed = "a character, or a name: f5, ctrl+d, space, enter, …"
            faults.append(loaded.fault(key, found=repr(bad), allowed=allowed))
        elif taken := next((one for one in keys if normal(one) in _MOVES | _FOCUS), None):
            faults.append(loaded.fault(key, found=f"{taken!r}, which moves in every pane", allowed="another key"))
        else:
            good[name] = keys
    while clash := _clash(good):
        name, other, one = clash
        faults.append(
            loaded.fault(f"keys.{name}", found=f"{one!r}, which is {other}'s, too", allowed="a key of its own")
        )
        del good[name]
    return Keys(good), tuple(faults)


def _clash(changes: Mapping[str, tuple[str, ...]]) -> tuple[str, str, str] | None:
    """A changed action, another one, and the key that both have; None if every key is one action's."""
    owners: dict[str, str] = {}
    actions = {name_of(action): action for action in Keys(changes).actions}
    order = (*(name for name in actions if name not in changes), *changes)  # of two, the later line is at fault
    for name in order:
        for one in actions[name].key.split(","):
            other = owners.setdefault(one, name)
            if other != name:
                return (name, other, one) if name in changes else (other, name, one)
    return None


def _is_key(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable() and not key.isspace()
    *modifiers, last = key.split("+")
    is_known = last in _NAMES or (len(last) == 1 and last in string.ascii_letters + string.digits)
    return key in _NAMES or (is_known and bool(modifiers) and set(modifiers) <= _MODIFIERS)


def _with(action: Action, keys: tuple[str, ...]) -> Action:
    if not keys:
        return action
    every = dict.fromkeys((*keys, *_ALWAYS.get(action.id, ())))
    return replace(action, key=",".join(every), shown=_shown(keys[0]))


def _shown(key: str) -> str:
    if key == "escape":
        return "esc"
    return _CHARACTERS.get(key) or KEY_DISPLAY_ALIASES.get(key, key)


_CHARACTERS = {normal(char): char for char in string.punctuation}
