"""`RotatingLines`: batches of lines to a file of bounded size. Not locked: its one owner's thread writes and closes."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from io import TextIOWrapper

_CHUNK_CHARACTERS = 256 * 2**10  # one write; far below the size at which a file is full, which is looked at between


class RotatingLines:
    """A file and, once it was full, the one before it (`.1`). Made when the first line comes.

    Args:
        path: The file. Its folder is made if need be. Both are the user's alone: what functions print may be secret.
        max_bytes: The size that neither of the two files exceeds.
    """

    def __init__(self, *, path: Path, max_bytes: int) -> None:
        self.path = path
        self._handler = _Handler(path, maxBytes=max_bytes, backupCount=1, encoding="utf-8", delay=True)

    def write(self, lines: Sequence[str]) -> None:
        """Appends lines, which have no line ends yet.

        Raises:
            OSError: The file cannot be written; the lines, or some of them, are lost. The next call tries anew.
        """
        if not lines:
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handler.reopen_if_moved()
            chunk: list[str] = []
            size = 0
            for line in lines:
                chunk.append(line)
                size += len(line) + 1
                if size >= _CHUNK_CHARACTERS:
                    self._write_chunk(chunk)
                    chunk, size = [], 0
            if chunk:
                self._write_chunk(chunk)
        except OSError:
            self._handler.discard()
            raise

    def _write_chunk(self, chunk: Sequence[str]) -> None:
        self._handler.handle(logging.makeLogRecord({"msg": "\n".join(chunk)}))

    def close(self) -> None:
        """Closes the file; all that was written is in it."""
        self._handler.close()


class _Handler(RotatingFileHandler):
    """The standard handler, but its errors reach the caller instead of the terminal, and its files are private."""

    def _open(self) -> TextIOWrapper:
        return open(self.baseFilename, "a", encoding=self.encoding, opener=_open_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802  logging's name and signature
        error = sys.exception()
        if error is not None:
            raise error

    def reopen_if_moved(self) -> None:
        """Follows the path, not the file: another hotdash may have rotated it, or the user removed it."""
        stream: TextIOWrapper | None = self.stream  # None until the first line; typeshed does not know
        if stream is None:
            return
        try:
            moved = not os.path.samestat(os.fstat(stream.fileno()), Path(self.baseFilename).stat())
        except FileNotFoundError:
            moved = True
        if moved:
            self.discard()

    def discard(self) -> None:
        """Lets go of the file and of what could not be written to it."""
        stream: TextIOWrapper | None = self.stream
        self.stream = None
        if stream is not None:
            with contextlib.suppress(OSError):  # the same error again, which the caller has
                stream.close()


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
