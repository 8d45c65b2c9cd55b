"""`load_settings`: reads `config.toml`. A fault costs the value at fault, whose default serves; nothing raises.

Pure but for reading the file; runs in the main thread, before anything else.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from hotdash.errors import Fault
from hotdash.settings.lines import places
from hotdash.settings.rules import KEYS, SECTIONS, TOP, Rule, shown
from hotdash.settings.values import Layout, Limits, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_BYTES = 2**20
_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_KEYS_ALLOWED = "a key, or a list of keys, in quotes"


class Loaded(Struct, frozen=True, kw_only=True):
    """What a file gave.

    Args:
        path: The file, there or not.
        settings: What serves.
        faults: What is wrong in the file, in the order of its lines.
        lines: Where each key stands, for faults that are found later.
        is_there: Whether there is a file.
    """

    path: Path
    settings: Settings = field(default_factory=Settings)
    faults: tuple[Fault, ...] = ()
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    is_there: bool = False

    def fault(self, key: str, *, found: str, allowed: str) -> Fault:
        """A fault of one of the file's keys (`keys.invoke`)."""
        return Fault(file=str(self.path), line=self.lines.get(key), key=key, found=found, allowed=allowed)


def default_path() -> Path:
    """Where the file is looked for, `~/.config/hotdash/config.toml` on Linux."""
    import platformdirs  # noqa: PLC0415  only who has no path of its own needs it

    return Path(platformdirs.user_config_dir("hotdash", appauthor=False)) / "config.toml"


def load_settings(path: Path | None = None) -> Loaded:
    """Reads the settings.

    Args:
        path: The file; None means `default_path()`. That there is none is no fault.
    """
    path = default_path() if path is None else path
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode()
        import tomllib  # noqa: PLC0415  most have no such file

        values = tomllib.loads(text)
    except FileNotFoundError:
        return Loaded(path=path)
    except OSError as error:
        return _unread(path, found=error.strerror or str(error), allowed="a file that can be read")
    except UnicodeDecodeError:
        return _unread(path, found="bytes that are no UTF-8", allowed="UTF-8")
    except ValueError as error:  # tomllib's own kind of it
        where = _AT_LINE.search(str(error))
        line = int(where[1]) if where is not None and where[1] else len(text.splitlines())
        return _unread(path, line=line, found=_AT_LINE.sub("", str(error)), allowed="TOML: https://toml.io")
    return _checked(Loaded(path=path, lines=places(text), is_there=True), values)


def _unread(path: Path, *, line: int | None = None, found: str, allowed: str) -> Loaded:
    fault = Fault(file=str(path), line=line, key="", found=found, allowed=allowed)
    return Loaded(path=path, faults=(fault,), is_there=True)


def _checked(loaded: Loaded, values: dict[str, Any]) -> Loaded:
    faults: list[Fault] = []
    top = _taken(loaded, faults, "", {key: value for key, value in values.items() if key not in _SECTIONS}, TOP)
    parts: dict[str, dict[str, Any]] = {}
    for name in _SECTIONS:
        part = values.get(name, {})
        if not isinstance(part, dict):
            faults.append(loaded.fault(name, found=shown(part), allowed=f"a section, [{name}]"))
        elif name == KEYS:
            parts[name] = dict(_keys(loaded, faults, part))
        else:
            parts[name] = _taken(loaded, faults, f"{name}.", part, SECTIONS[name])
    settings = Settings(
        **top,
        layout=Layout(**parts.get("layout", {})),
        limits=Limits(**parts.get("limits", {})),
        keys=MappingProxyType(parts.get(KEYS, {})),
    )
    faults.sort(key=lambda fault: fault.line or 0)
    return Loaded(path=loaded.path, settings=settings, faults=tuple(faults), lines=loaded.lines, is_there=True)


_SECTIONS = (*SECTIONS, KEYS)


def _taken(
    loaded: Loaded, faults: list[Fault], prefix: str, values: Mapping[str, Any], rules: Mapping[str, Rule]
) -> dict[str, Any]:
    """The values that their rules allow."""
    good: dict[str, Any] = {}
    for key, value in values.items():
        rule = rules.get(key)
        if rule is None:
            names = (*rules, *(f"[{name}]" for name in _SECTIONS)) if not prefix else tuple(rules)
            faults.append(loaded.fault(prefix + key, found="a key unknown here", allowed=nearest(key, names)))
        elif rule.takes(value):
            good[key] = value
        else:
            faults.append(loaded.fault(prefix + key, found=shown(value), allowed=rule.allowed))
    return good


def _keys(loaded: Loaded, faults: list[Fault], values: Mapping[str, Any]) -> Iterable[tuple[str, tuple[str, ...]]]:
    """An action's name and its keys; which actions and keys there are the screen knows."""
    for name, value in values.items():
        keys = [value] if isinstance(value, str) else value
        if isinstance(keys, list) and keys and all(isinstance(key, str) and key for key in keys):
            yield name, tuple(keys)
        else:
            faults.append(loaded.fault(f"{KEYS}.{name}", found=shown(value), allowed=_KEYS_ALLOWED))


def nearest(key: str, names: Iterable[str]) -> str:
    """What a name may be: all there are, before them the one that was likely meant."""
    known = list(names)
    meant = difflib.get_close_matches(key, known, n=1)
    return f"{meant[0]} perhaps; one of {', '.join(known)}" if meant else ", ".join(known)
