"""A parsed file as a tree that remembers where each value stands and how it was written. Runs in any thread.

The parsers (`yaml_source`, `json_source`) make it, the schema checks its plain values, and faults are told from it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MAX_FILE_BYTES = 256 * 2**10  # a function file is a page of text; parsing a megabyte would hold up every other one
MAX_DEPTH = 32
MAX_VALUES = 20_000  # aliases can make a page of YAML grow without end

SURROGATE = re.compile("[\ud800-\udfff]")  # half of a pair: no character, and nothing that UTF-8 can write

_SHOWN_CHARS = 60


class Node(Struct, frozen=True, kw_only=True):
    """One value of a file.

    Args:
        value: None, a bool, an int, a float or a str; a dict of nodes or a list of nodes.
        text: A scalar as it was written, without its quotes; empty for a dict or list.
        line: Where its key stands (or, in a list, it itself), from 1.
    """

    value: bool | int | float | str | dict[str, Node] | list[Node] | None
    text: str
    line: int

    @property
    def plain(self) -> object:
        """The value as dicts, lists and scalars without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain for node in self.value]
        return self.value

    @property
    def is_scalar(self) -> bool:
        """Whether it is neither a mapping nor a list."""
        return not isinstance(self.value, (dict, list))

    @property
    def as_string(self) -> str:
        """A scalar as it was written (`1.10` stays `1.10`); null as ""; a mapping or list as compact JSON."""
        if self.value is None:
            return ""
        if self.is_scalar:
            return self.text
        return json.dumps(self.plain, separators=(",", ":"), ensure_ascii=False)

    def describe(self) -> str:
        """What a fault says was found."""
        if isinstance(self.value, dict):
            return "a mapping"
        if isinstance(self.value, list):
            return "a list"
        if self.value is None:
            return "nothing"
        shown = escaped(json.dumps(self.text, ensure_ascii=False)) if isinstance(self.value, str) else self.text
        return shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}…"

    def at(self, path: Sequence[str | int]) -> tuple[tuple[str | int, ...], Node]:
        """Follows `path` as far as it leads.

        Returns:
            The part of the path that exists, and the node there.
        """
        node, walked = self, 0
        for part in path:
            inner: Node | None = None
            if isinstance(node.value, dict) and isinstance(part, str):
                inner = node.value.get(part)
            elif isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
                inner = node.value[part]
            if inner is None:
                break
            node = inner
            walked += 1
        return tuple(path[:walked]), node


class Unparsable(Exception):
    """A file that is no document at all; `fault` says why. For use inside this package."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


def key_of(path: Sequence[str | int]) -> str:
    """A path as faults show it: `config.LIMIT`, `tests[0].in`."""
    shown = ""
    for part in path:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}" if shown else part
    return escaped(shown)


def escaped(text: str) -> str:
    """Text that UTF-8 can write: half of a surrogate pair as an escape, as the file has it."""
    return text.encode(errors="backslashreplace").decode()


def read_text(path: Path, *, file: str) -> str:
    """Reads a small text file, whatever lies there.

    Args:
        path: Where it is.
        file: How faults name it.

    Raises:
        Unparsable: It cannot be read, is no regular file, too big or not UTF-8.
    """
    data = _read_bytes(path, file=file)
    if len(data) > MAX_FILE_BYTES:
        raise Unparsable(_whole(file, f"more than {MAX_FILE_BYTES // 1024} KiB", "a smaller file"))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{data[error.start]:02x}, which is not UTF-8"
        raise Unparsable(Fault(file=file, line=line, key="", found=found, allowed="UTF-8 text")) from error


def _read_bytes(path: Path, *, file: str) -> bytes:
    """At most one byte more than `MAX_FILE_BYTES`; opens without waiting, since a FIFO must not hold us up."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unparsable(_whole(file, _unreadable(error, path), "a file that can be read")) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unparsable(_whole(file, "something that is not a regular file", "a file that can be read"))
        data = b""
        while len(data) <= MAX_FILE_BYTES and (chunk := os.read(descriptor, MAX_FILE_BYTES + 1)):
            data += chunk
    except OSError as error:
        raise Unparsable(_whole(file, _unreadable(error, path), "a file that can be read")) from error
    else:
        return data
    finally:
        os.close(descriptor)


def _unreadable(error: OSError, path: Path) -> str:
    if error.errno == errno.ENOENT:
        return "a link that leads nowhere" if path.is_symlink() else "no such file"
    return f"a file that cannot be read ({error.strerror})"


def _whole(file: str, found: str, allowed: str) -> Fault:
    return Fault(file=file, line=None, key="", found=found, allowed=allowed)
