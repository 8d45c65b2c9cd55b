"""`SourceBook`: what changed in a function's sources since what is live was built. In the threads that deploy.

It remembers the text of the sources, within bounds, and not the driver's image: a build may write over its copy, and an
engine's image has no folder to look into. It keeps one for each image that may be live again, so that after a rollback
a change is told against what serves.
"""

from __future__ import annotations

import difflib
import threading
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import BuildError
from hotdash.functions.ignore import IgnoreRules
from hotdash.functions.sources import SourceKind, walk_sources
from hotdash.states import SourceChange

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hotdash.functions.spec import FunctionSpec

CHANGES_TOLD = 200  # files; all are counted
FILE_BYTES = 128 * 2**10  # of a larger file no lines are counted
FUNCTION_BYTES = 4 * 2**20  # of a function's texts; the lines of what is beyond are not counted
_IMAGES_KEPT = 5  # the live one, the three before it, and one that fails its probation
_EXACT_CELLS = 250_000  # old lines by new ones, above which moved lines are not counted: difflib takes the square


class _File(Struct, frozen=True):
    stamp: tuple[int, int, int, int]  # time, size, inode, mode
    text: str | None  # None: binary, too large, a link


_Sources = dict[str, _File]


class SourceBook:
    """Of all functions. The lock guards the tables; files are read outside it, in the function's own lane."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, _Sources] = {}
        self._images: dict[str, OrderedDict[str, _Sources]] = {}

    def look(
        self, spec: FunctionSpec, paths: Iterable[Path], *, live_image: str
    ) -> tuple[tuple[SourceChange, ...], int]:
        """Reads what may have changed, and compares it with what the live image was built of.

        Args:
            spec: The function.
            paths: Absolute; of a folder, all below it may have changed.
            live_image: The id of the image that is live; unknown or empty at the first deploy.

        Returns:
            The first changes, by path, and how many there are.
        """
        with self._lock:
            before = self._seen.get(spec.key)
            images = self._images.get(spec.key)
            base = None if images is None else images.get(live_image)
        try:
            now = _read(spec.folder, before, tuple(paths))
        except (BuildError, OSError):
            return (), 0  # the build finds the same fault, and tells it
        with self._lock:
            self._seen[spec.key] = now
        if base is None:
            return (), 0
        changed = sorted(path for path in base.keys() | now.keys() if not _same(base.get(path), now.get(path)))
        return tuple(_change(path, base.get(path), now.get(path)) for path in changed[:CHANGES_TOLD]), len(changed)

    def unchanged(self, spec: FunctionSpec, paths: Iterable[Path], *, live_image: str) -> frozenset[Path]:
        """Those of some paths that are as the live image has them: a temporary file that is gone, an edit undone.

        Args:
            spec: The function.
            paths: Absolute; folders, and files below what cannot be read, may have changed.
            live_image: As for `look`.
        """
        with self._lock:
            images = self._images.get(spec.key)
            base = None if images is None else images.get(live_image)
        if base is None:
            return frozenset()
        return frozenset(path for path in paths if _is_as_in(base, path, spec.folder))

    def went_live(self, key: str, image_id: str) -> None:
        """What was looked at last is what this image was built of."""
        with self._lock:
            images = self._images.setdefault(key, OrderedDict())
            images[image_id] = self._seen.get(key, {})
            images.move_to_end(image_id)
            while len(images) > _IMAGES_KEPT:
                images.popitem(last=False)

    def forget(self, key: str) -> None:
        """The function is gone."""
        with self._lock:
            self._seen.pop(key, None)
            self._images.pop(key, None)


def _read(folder: Path, before: _Sources | None, paths: tuple[Path, ...]) -> _Sources:
    """The sources as they are now; of what cannot have changed, as they were."""
    if before is not None and all(_is_single(path, folder, before) for path in paths):
        rules = IgnoreRules.for_folder(folder)
        now = dict(before)
        for path in paths:
            name = path.relative_to(folder).as_posix()
            now.pop(name, None)
            if path.is_file() and not path.is_symlink() and not rules.ignores(name, is_dir=False):
                now[name] = _file(path, before.get(name))
        return now
    old, now, left = before or {}, {}, FUNCTION_BYTES
    for entry in walk_sources(folder):
        if entry.kind is SourceKind.DIR:
            continue
        left -= entry.size if entry.size <= FILE_BYTES else 0
        is_link = entry.kind is SourceKind.LINK
        now[entry.path] = _file(folder / entry.path, old.get(entry.path), is_link=is_link, has_room=left >= 0)
    return now


def _is_single(path: Path, folder: Path, before: _Sources) -> bool:
    """Whether a change at `path` is that of one plain file in the folder, and of no rule of what is ignored."""
    if path == folder or not path.is_relative_to(folder) or path.name == ".dockerignore" or path.is_symlink():
        return False
    return path.is_file() or (not path.exists() and path.relative_to(folder).as_posix() in before)


def _is_as_in(base: _Sources, path: Path, folder: Path) -> bool:
    if path == folder or not path.is_relative_to(folder) or path.is_symlink() or path.is_dir():
        return False
    name = path.relative_to(folder).as_posix()
    try:
        if path.exists():
            return name in base and _same(base[name], _file(path, base[name]))
    except OSError:
        return False
    return name not in base and not any(known.startswith(f"{name}/") for known in base)


def _file(path: Path, before: _File | None, *, is_link: bool = False, has_room: bool = True) -> _File:
    status = path.lstat()
    stamp = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
    if before is not None and before.stamp == stamp:
        return before
    if is_link:
        return _File(stamp, f"-> {path.readlink()}")
    if status.st_size > FILE_BYTES or not has_room:
        return _File(stamp, None)
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return _File(stamp, None)
    return _File(stamp, None if "\0" in text else text)


def _same(old: _File | None, new: _File | None) -> bool:
    if old is None or new is None:
        return old is new
    if old.text is None or new.text is None:
        return old.stamp == new.stamp
    return old.text == new.text and (old.stamp[3] ^ new.stamp[3]) & 0o100 == 0


def _change(path: str, old: _File | None, new: _File | None) -> SourceChange:
    kind = "added" if old is None else "removed" if new is None else "modified"
    before = "" if old is None else old.text
    after = "" if new is None else new.text
    if before is None or after is None:
        return SourceChange(path=path, kind=kind)
    plus, minus = count_lines(before.splitlines(), after.splitlines())
    return SourceChange(path=path, kind=kind, plus=plus, minus=minus)


def count_lines(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many lines are new, and how many are gone, as `diff` counts them."""
    start = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    old, new = old[start:], new[start:]
    while old and new and old[-1] == new[-1]:
        old.pop()
        new.pop()
    if len(old) * len(new) > _EXACT_CELLS:
        gone, come = Counter(old), Counter(new)
        return (come - gone).total(), (gone - come).total()
    same = sum(block.size for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())
    return len(new) - same, len(old) - same
