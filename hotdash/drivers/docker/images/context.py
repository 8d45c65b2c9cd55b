"""`context_of`: a function's sources as the tar that a build is sent. In the thread that builds.

What goes in is what `walk_sources` found, so the engine gets nothing that `.dockerignore` holds back, and no FIFO is
ever opened. Owners, times and all of a mode but who may run it are the same for everybody: the content alone decides
what is built, and a file that only its owner could read can be read by the user that a container runs as.
"""

from __future__ import annotations

import os
import tarfile
from typing import TYPE_CHECKING

from hotdash.errors import BuildError
from hotdash.functions.ignore import DOCKERIGNORE
from hotdash.functions.sources import SourceDigest, SourceEntry, SourceKind, open_folder, read_source

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

_TIME = 946_684_800  # the year 2000 begins: one time for all, and one that every archive format can hold
_BLOCK_BYTES = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK_BYTES)
_HIDDEN = b"\nDockerfile\n.dockerignore\n"


def context_of(
    folder: Path, entries: Sequence[SourceEntry], *, written: str | None, extra: bytes, content: str
) -> Generator[bytes]:
    """The tar, in pieces.

    Args:
        folder: The function's folder.
        entries: What is in it.
        written: The Dockerfile that hotdash wrote; it is added, and (by `.dockerignore`) kept out of what COPY copies.
            None where the folder has its own.
        extra: As given to `hash_sources`.
        content: What `hash_sources` said.

    Raises:
        BuildError: The sources have changed since; trying again helps.
    """
    digest = SourceDigest(extra)
    ignore = b""
    descriptor = open_folder(folder)
    try:
        for entry in entries:
            digest.begin(entry)
            if written is not None and entry.path == DOCKERIGNORE and entry.kind is SourceKind.FILE:
                ignore = b"".join(read_source(descriptor, entry))
                digest.update(ignore)
                continue
            yield _head(entry)
            if entry.kind is SourceKind.FILE:
                for chunk in read_source(descriptor, entry):
                    digest.update(chunk)
                    yield chunk
                yield _padding(entry.size)
    finally:
        os.close(descriptor)
    if digest.hexdigest() != content:
        raise BuildError("the sources changed while they were read: try again, or save again")
    if written is not None:
        yield _whole("Dockerfile", written.encode())
        yield _whole(DOCKERIGNORE, ignore + _HIDDEN)
    yield _END


def _head(entry: SourceEntry) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.mtime = _TIME
    match entry.kind:
        case SourceKind.DIR:
            info.type, info.mode = tarfile.DIRTYPE, 0o755
        case SourceKind.LINK:
            info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, entry.target or ""
        case SourceKind.FILE:
            info.size, info.mode = entry.size, 0o755 if entry.executable else 0o644
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")  # GNU's: names of any bytes and length


def _whole(name: str, data: bytes) -> bytes:
    entry = SourceEntry(kind=SourceKind.FILE, path=name, size=len(data))
    return _head(entry) + data + _padding(len(data))


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK_BYTES)
