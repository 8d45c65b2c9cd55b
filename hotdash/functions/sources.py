"""A function's sources: what is in its folder, and their hash. Runs in the thread that builds.

Nothing here follows a link: each folder and file is opened relative to the one above it (`O_NOFOLLOW`), so that a tree
that changes while it is read cannot lead out of itself.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import BuildError, SourcesChanged
from hotdash.functions.file import FUNCTION_FILES
from hotdash.functions.ignore import IgnoreRules

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MAX_DEPTH = 100  # one descriptor is open for each
CHUNK_BYTES = 256 * 2**10

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO put in a file's place must not hold us up


class SourceKind(StrEnum):
    """What an entry is."""

    FILE = "file"
    DIR = "dir"
    LINK = "link"


class SourceEntry(Struct, frozen=True, kw_only=True):
    """One entry of a function's sources.

    Args:
        kind: What it is.
        path: Relative to the folder, with `/`; bytes that are not UTF-8 as surrogates.
        mode: Its permission bits.
        size: Bytes, of a file; 0 of others.
        target: Of a link, its text; None of others.
    """

    kind: SourceKind
    path: str
    mode: int = 0
    size: int = 0
    target: str | None = None

    @property
    def executable(self) -> bool:
        """Whether its owner may run it: the one bit of its mode that matters."""
        return bool(self.mode & stat.S_IXUSR)


def walk_sources(
    folder: Path,
    *,
    rules: IgnoreRules | None = None,
    warnings: list[str] | None = None,
    links_may_lead_out: bool = False,
) -> list[SourceEntry]:
    """Lists what is part of a function's sources.

    Args:
        folder: The function's folder.
        rules: What to leave out; the folder's own rules if None.
        warnings: Takes a line for each FIFO, socket or device that was skipped, and each link out of
            `node_modules/.bin`.
        links_may_lead_out: Whether a link that leads out is an entry like any other: in an image of Docker it leads to
            what the image has there.

    Returns:
        The entries, sorted by path, each folder before what is in it.

    Raises:
        BuildError: Links lead out of the folder (all are named), or something cannot be read.
    """
    walk = _Walk(folder, rules=rules or IgnoreRules.for_folder(folder), any_link=links_may_lead_out)
    descriptor = open_folder(folder)
    try:
        walk.directory(descriptor, "")
    finally:
        os.close(descriptor)
    if walk.leading_out:
        links = ", ".join(sorted(walk.leading_out))
        raise BuildError(f"links lead out of {folder}: {links}; put what they point to into the folder")
    if warnings is not None:
        warnings += sorted(walk.warnings)
    return sorted(walk.entries, key=lambda entry: entry.path.split("/"))


def hash_sources(folder: Path, entries: Sequence[SourceEntry], *, extra: bytes) -> str:
    """The hash that names an image.

    The function file is not in it: what it says of a build comes by `extra`, and a change of a limit builds nothing.

    Args:
        folder: The function's folder, or a copy of it.
        entries: What `walk_sources` found.
        extra: All else that decides what is built, such as the build commands.

    Returns:
        SHA-256 in hex over `extra`, and each entry's path, kind, executable bit and content.

    Raises:
        SourcesChanged: A file changed or vanished meanwhile.
    """
    digest = SourceDigest(extra)
    descriptor = open_folder(folder)
    try:
        for entry in entries:
            if digest.begin(entry) and entry.kind is SourceKind.FILE:
                for chunk in read_source(descriptor, entry):
                    digest.update(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


class SourceDigest:
    """The hash of `hash_sources`, for whoever reads the sources anyway: begin an entry, then give its content."""

    def __init__(self, extra: bytes) -> None:
        self._digest = hashlib.sha256()
        self._counts = False
        _frame(self._digest, b"extra", extra)

    def begin(self, entry: SourceEntry) -> bool:
        """Adds what an entry is; its content comes by `update`. Whether it counts: the function file does not."""
        self._counts = entry.path not in FUNCTION_FILES
        if not self._counts:
            return False
        _frame(self._digest, entry.kind.encode(), os.fsencode(entry.path))
        if entry.kind is SourceKind.LINK:
            _frame(self._digest, b"target", os.fsencode(entry.target or ""))
        elif entry.kind is SourceKind.FILE:
            self._digest.update(b"x" if entry.executable else b"-")
            self._digest.update(entry.size.to_bytes(8, "big"))
        return True

    def update(self, chunk: bytes) -> None:
        """Adds content of the entry that was begun last, if that counts."""
        if self._counts:
            self._digest.update(chunk)

    def hexdigest(self) -> str:
        """The hash of all so far."""
        return self._digest.hexdigest()


def open_folder(folder: Path) -> int:
    """Opens a function's folder, for `read_source`; the caller closes it.

    Raises:
        BuildError: It cannot be opened.
    """
    try:
        return os.open(folder, _DIRECTORY)
    except OSError as error:
        raise BuildError(f"{folder} cannot be read: {error.strerror}") from error


def read_source(folder_fd: int, entry: SourceEntry) -> Iterator[bytes]:
    """The content of a file, in chunks, following no link on the way to it.

    Args:
        folder_fd: A descriptor of the function's folder.
        entry: A file that `walk_sources` found there.

    Raises:
        SourcesChanged: It is not what was found, or changes while it is read.
    """
    try:
        descriptor = _open_below(folder_fd, entry.path)
    except OSError as error:
        raise _changed(entry.path, error.strerror) from error
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_size != entry.size:
            raise _changed(entry.path)
        count = 0
        while chunk := os.read(descriptor, CHUNK_BYTES):
            count += len(chunk)
            yield chunk
        after = os.fstat(descriptor)
        if count != entry.size or (after.st_mtime_ns, after.st_size) != (before.st_mtime_ns, before.st_size):
            raise _changed(entry.path)
    except OSError as error:
        raise _changed(entry.path, error.strerror) from error
    finally:
        os.close(descriptor)


def _open_below(folder_fd: int, path: str) -> int:
    """Opens a file below a folder, one step at a time, since `O_NOFOLLOW` looks at the last step only."""
    *folders, name = path.split("/")
    at = folder_fd
    try:
        for part in folders:
            below = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            if at != folder_fd:
                os.close(at)
            at = below
        return os.open(name, _FILE, dir_fd=at)
    finally:
        if at != folder_fd:
            os.close(at)


def _changed(path: str, why: str | None = None) -> SourcesChanged:
    detail = f" ({why})" if why else ""
    return SourcesChanged(f"{path} changed while it was read{detail}: try again, or save it again")


def _frame(digest: hashlib._Hash, kind: bytes, data: bytes) -> None:
    """Adds a field with its length before it, so that no two lists of fields look alike."""
    digest.update(b"%s %d\n" % (kind, len(data)))
    digest.update(data)


class _Walk:
    """One walk through a folder, top down, with a descriptor open for each folder it is in."""

    def __init__(self, folder: Path, *, rules: IgnoreRules, any_link: bool) -> None:
        self.entries: list[SourceEntry] = []
        self.warnings: list[str] = []
        self.leading_out: list[str] = []
        self._folder = folder
        self._root = os.path.realpath(folder)
        self._rules = rules
        self._any_link = any_link

    def directory(self, descriptor: int, path: str) -> None:
        """Lists one open folder and those below it."""
        if path.count("/") >= MAX_DEPTH:
            raise BuildError(f"{path[:60]}… in {self._folder} is more than {MAX_DEPTH} folders deep")
        try:
            with os.scandir(descriptor) as listing:
                found = sorted(listing, key=lambda entry: entry.name)
            for entry in found:
                self._entry(descriptor, entry, posixpath.join(path, entry.name))
        except OSError as error:
            raise BuildError(f"{self._folder / path} cannot be read: {error.strerror}") from error

    def _entry(self, parent: int, entry: os.DirEntry[str], path: str) -> None:
        is_dir = entry.is_dir(follow_symlinks=False)
        ignored = self._rules.ignores(path, is_dir)
        if is_dir:
            if not ignored or self._rules.may_keep_below(path):
                self._subfolder(parent, entry, path, ignored=ignored)
            return
        if ignored:
            return
        if entry.is_symlink():
            self._link(parent, entry.name, path)
            return
        try:
            info = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # gone since it was listed: an editor's temporary file
        if stat.S_ISREG(info.st_mode):
            mode = stat.S_IMODE(info.st_mode)
            self.entries.append(SourceEntry(kind=SourceKind.FILE, path=path, mode=mode, size=info.st_size))
        else:
            self.warnings.append(f"{path}: skipped, {_special(info.st_mode)} cannot be copied")

    def _subfolder(self, parent: int, entry: os.DirEntry[str], path: str, *, ignored: bool) -> None:
        try:
            descriptor = os.open(entry.name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return
            raise BuildError(f"{self._folder / path} cannot be read: {error.strerror}") from error
        try:
            before = len(self.entries)
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            self.directory(descriptor, path)
            if not ignored or len(self.entries) > before:  # an ignored folder is there for what is kept in it
                self.entries.append(SourceEntry(kind=SourceKind.DIR, path=path, mode=mode))
        finally:
            os.close(descriptor)

    def _link(self, parent: int, name: str, path: str) -> None:
        try:
            target = os.readlink(name, dir_fd=parent)
        except FileNotFoundError:
            return
        if self._any_link or not self._leads_out(path, target):
            self.entries.append(SourceEntry(kind=SourceKind.LINK, path=path, target=target))
        elif "node_modules/.bin" in posixpath.dirname(f"/{path}"):
            self.warnings.append(f"{path}: skipped, the link leads out of the folder ({target})")
        else:
            self.leading_out.append(f"{path} -> {target}")

    def _leads_out(self, path: str, target: str) -> bool:
        """Whether a link leads out, by its text or by links on its way. An absolute one does: a copy moves it."""
        if target.startswith("/"):
            return True
        lexical = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if lexical == ".." or lexical.startswith("../"):
            return True
        real = os.path.realpath(os.path.join(self._root, path))  # noqa: PTH118  realpath takes and gives strings
        return real != self._root and not real.startswith(self._root.rstrip("/") + "/")


def _special(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
