"""What is not part of a function's sources: `.dockerignore` by Docker's rules, and hotdash's defaults. Any thread.

The rules are those of https://docs.docker.com/build/concepts/context/#dockerignore-files and, where that is silent, of
the engine's own matcher (moby/patternmatcher), which git's differ from (so pathspec's do):

- a pattern is anchored at the folder: `*.md` does not match `docs/a.md`; only `**` crosses `/`;
- a pattern that matches a folder matches all that is in it;
- the last pattern that matches decides, and `!` may take back what lies in an ignored folder;
- a trailing `/` means nothing; `[^a]` negates, `[!a]` does not; a `#` makes a comment in the first column only.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from hotdash.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DOCKERIGNORE = ".dockerignore"
# At the top of a function's folder these are never ignored: what they say decides what is built.
ALWAYS_KEPT = frozenset({"Dockerfile", DOCKERIGNORE, "func.yaml", "func.yml", "func.json"})
# Ignored wherever they are, unless an exception in `.dockerignore` has the very name in it (`!.venv`).
DEFAULT_IGNORES = (
    *(".git", ".hg", ".svn", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store"),
    *("*.swp", "*.swo", "*.swx", "4913", "*~", ".#*", "#*#"),  # vim, emacs
    *("*.tmp", "*___jb_tmp___", "*___jb_old___", ".goutputstream-*"),  # atomic saves
)


class IgnoreRules:
    """The rules of one folder. Immutable, so any thread may ask."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        """Takes the lines of a `.dockerignore`.

        Raises:
            BuildError: A pattern that Docker would refuse; the message names its line.
        """
        self._runs: list[tuple[bool, re.Pattern[str]]] = []  # neighbours of one kind as one expression
        self._exceptions: list[str] = []
        self._defaults = re.compile("|".join(_expression(pattern) for pattern in DEFAULT_IGNORES), re.DOTALL)
        runs: list[tuple[bool, list[str]]] = []
        for number, line in enumerate(patterns, start=1):
            pattern, keeps = _clean(line)
            if not pattern:
                continue
            try:
                expression = _expression(pattern)
            except ValueError as error:
                raise BuildError(f"{DOCKERIGNORE}:{number}: {line.strip()!r} is no pattern: {error}") from error
            if keeps:
                self._exceptions.append(pattern)
            if not runs or runs[-1][0] is not keeps:
                runs.append((keeps, []))
            runs[-1][1].append(expression)
        for keeps, expressions in reversed(runs):
            self._runs.append((keeps, re.compile(f"(?:{'|'.join(expressions)})(?:/.*)?", re.DOTALL)))
        self._named = frozenset(part for pattern in self._exceptions for part in pattern.split("/"))

    @classmethod
    def for_folder(cls, folder: Path) -> IgnoreRules:
        """The rules of a function's folder: its `.dockerignore`, if there is one, over the defaults.

        Raises:
            BuildError: `.dockerignore` cannot be read, or holds a pattern that Docker would refuse.
        """
        try:
            text = (folder / DOCKERIGNORE).read_text(encoding="utf-8-sig", errors="surrogateescape")
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise BuildError(f"{folder / DOCKERIGNORE} cannot be read: {error.strerror}") from error
        return cls(text.splitlines())

    def ignores(self, relative_posix_path: str, is_dir: bool) -> bool:
        """Whether a file or folder is not part of the sources.

        Args:
            relative_posix_path: `lib/a.py`, relative to the function's folder.
            is_dir: Whether it is a folder. An ignored one may still hold what is not: see `may_keep_below`.
        """
        path = relative_posix_path
        if path in ALWAYS_KEPT and not is_dir:
            return False
        ignored = False
        for part in path.split("/"):
            if self._defaults.fullmatch(part):
                if part not in self._named:
                    return True
                ignored = True
        for keeps, expression in self._runs:
            if expression.fullmatch(path):
                return not keeps
        return ignored

    def may_keep_below(self, relative_posix_path: str) -> bool:
        """Whether an exception could keep something inside this ignored folder, so that it must be looked through."""
        parts = relative_posix_path.split("/")
        if any(self._defaults.fullmatch(part) and part not in self._named for part in parts):
            return False
        return any(_reaches(pattern.split("/"), parts) for pattern in self._exceptions)


def _clean(line: str) -> tuple[str, bool]:
    """A line's pattern, cleaned as Go's `filepath.Clean` does, and whether it is an exception; "" for a comment."""
    pattern = "" if line.startswith("#") else line.strip()
    keeps = pattern.startswith("!")
    if keeps:
        pattern = pattern[1:].strip()
        if not pattern:
            return "!", True
    if not pattern:
        return "", False
    cleaned = posixpath.normpath(pattern).lstrip("/") or "/"
    return cleaned, keeps


def _reaches(pattern: list[str], folder: list[str]) -> bool:
    """Whether something inside `folder` could match `pattern`, part by part; when in doubt, yes."""
    for wanted, part in zip(pattern, folder, strict=False):
        if "**" in wanted:
            return True
        if not re.fullmatch(_expression(wanted), part, re.DOTALL):
            return False
    return True


def _expression(pattern: str) -> str:
    """A cleaned pattern as a regular expression for the whole path.

    Raises:
        ValueError: It is malformed, by the rules of Go's `filepath.Match`.
    """
    if pattern == "!":
        raise ValueError("an exception without a pattern")
    out: list[str] = []
    at = 0
    # The engine takes a leading `**` before plain text as "ends with": `**file` matches `myfile`, and `a/myfile`.
    plain_suffix = pattern.startswith("**") and not re.search(r"[*?\[\]\\]", pattern[2:])
    if plain_suffix and not pattern.startswith("**/"):
        return ".*" + re.escape(pattern[2:])
    while at < len(pattern):
        if pattern.startswith("**", at):
            at += 3 if pattern.startswith("**/", at) else 2
            out.append("(?:.*/)?" if at < len(pattern) else ".*")
            continue
        character = pattern[at]
        at += 1
        if character == "[":
            text, at = _class(pattern, at)
            out.append(text)
        elif character == "\\":
            if at == len(pattern):
                raise ValueError("nothing follows the backslash")
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character))
    return "".join(out)


def _class(pattern: str, at: int) -> tuple[str, int]:
    """A character class from behind its `[`: its expression, and the place behind its `]`."""
    negated = pattern.startswith("^", at)
    at += negated
    members: list[str] = []
    while not pattern.startswith("]", at) or not members:
        low, at = _member(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _member(pattern, at + 1)
        if low > high:
            raise ValueError(f"the range {low}-{high} is empty")
        members.append(re.escape(low) if low == high else f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern):
        raise ValueError("a [ without its ]")
    if pattern[at] in "-]":
        raise ValueError(f"a {pattern[at]} in [ ] needs a backslash")
    if pattern[at] != "\\":
        return pattern[at], at + 1
    if at + 1 >= len(pattern):
        raise ValueError("nothing follows the backslash")
    return pattern[at + 1], at + 2
