"""`PayloadBook`: what functions were last invoked with, and named presets, in a file beside the settings.

The screen's thread calls it; writing is done by a thread of its own (`payloads`, made when there is something to write,
ended when it is written, joined by `close`), so that no key waits for a disk. Several hotdashes may use one file: what
is changed is put into what is there at that moment.
"""

from __future__ import annotations

import base64
import fcntl
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

KEPT_BYTES = 256 * 2**10  # a larger payload is not remembered; the history may have it
_VERSION = 1


class Payload(Struct, frozen=True, kw_only=True):
    """What a function is invoked with."""

    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class PayloadBook:
    """Remembers payloads by the function's folder.

    `_lock` guards the changes that wait to be written; what is read belongs to the thread that calls.

    Args:
        path: The file; made when there is something to keep. It is the user's alone.
        on_fault: Called with a text for the user when the file cannot be read or written, once; any thread.
    """

    def __init__(self, *, path: Path, on_fault: Callable[[str], object]) -> None:
        self._path = path
        self._on_fault = on_fault
        self._told = False
        self._lock = threading.Lock()
        self._changes: dict[tuple[str, str], Payload | None] = {}
        self._thread: threading.Thread | None = None
        self._is_ours = True
        try:
            self._functions = self._read()
        except (OSError, ValueError) as error:
            self._functions = {}
            self._is_ours = False
            self._tell(f"it is left alone, and payloads are not kept: {_why(error)}")

    def last(self, folder: str) -> Payload | None:
        """What a function was last invoked with, in this run or before."""
        return self._functions.get(folder, {}).get("")

    def presets(self, folder: str) -> Mapping[str, Payload]:
        """A function's presets by name."""
        return {name: kept for name, kept in sorted(self._functions.get(folder, {}).items()) if name}

    def keep_last(self, folder: str, payload: Payload) -> None:
        """Remembers what a function was invoked with, unless it is large."""
        if len(payload.body) <= KEPT_BYTES and payload != self.last(folder):
            self._change(folder, "", payload)

    def keep(self, folder: str, name: str, payload: Payload) -> None:
        """Keeps a preset, in place of one of the same name.

        Raises:
            ValueError: It is too large, or has no name; the message says so.
        """
        if not name.strip():
            raise ValueError("a preset needs a name")
        if len(payload.body) > KEPT_BYTES:
            raise ValueError(f"a preset may have {KEPT_BYTES // 1024} KB, this has {len(payload.body) // 1024} KB")
        self._change(folder, name.strip(), payload)

    def remove(self, folder: str, name: str) -> None:
        """Removes a preset."""
        self._change(folder, name, None)

    def close(self, timeout_s: float = 2.0) -> bool:
        """Writes what waits.

        Returns:
            False if the disk has not taken it within `timeout_s` seconds.
        """
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _change(self, folder: str, name: str, payload: Payload | None) -> None:
        _apply(self._functions, {(folder, name): payload})
        if not self._is_ours:
            return
        with self._lock:
            self._changes[folder, name] = payload
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="payloads", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                changes, self._changes = self._changes, {}
                if not changes:
                    self._thread = None
                    return
            try:
                self._write(changes)
            except (OSError, ValueError) as error:
                self._tell(f"payloads are not kept: {_why(error)}")

    def _write(self, changes: Mapping[tuple[str, str], Payload | None]) -> None:
        """Puts changes into the file as it is now: whole, or not at all."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        import json  # noqa: PLC0415  not before there is something to read or write

        with self._alone():
            functions = self._read()
            _apply(functions, changes)
            fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            try:
                with open(fresh, "w", encoding="utf-8", opener=_private) as file:
                    json.dump({"version": _VERSION, "functions": _as_json(functions)}, file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(self._path)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with open(self._path.with_name(f".{self._path.name}.lock"), "w", opener=_private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, dict[str, Payload]]:
        """The file's payloads by folder and name, the last one's name being empty.

        Raises:
            OSError: It cannot be read.
            ValueError: It is not what hotdash writes.
        """
        try:
            text = self._path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        import json  # noqa: PLC0415  as above

        try:
            written = json.loads(text)
            if written["version"] != _VERSION:
                raise ValueError("it is of another version of hotdash")
            return {
                folder: {name: _payload(kept) for name, kept in names.items()}
                for folder, names in written["functions"].items()
            }
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("it is not as hotdash writes it") from error

    def _tell(self, said: str) -> None:
        if not self._told:
            self._told = True
            self._on_fault(f"{self._path}: {said}")


def _apply(functions: dict[str, dict[str, Payload]], changes: Mapping[tuple[str, str], Payload | None]) -> None:
    for (folder, name), payload in changes.items():
        if payload is None:
            functions.get(folder, {}).pop(name, None)
        else:
            functions.setdefault(folder, {})[name] = payload


def _as_json(functions: Mapping[str, Mapping[str, Payload]]) -> dict[str, Any]:
    return {folder: {name: _fields(kept) for name, kept in names.items()} for folder, names in functions.items()}


def _fields(payload: Payload) -> dict[str, Any]:
    """A payload as a person can read it in the file, where it is text."""
    headers = dict(payload.headers)
    try:
        return {"text": payload.body.decode(), "headers": headers}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload.body).decode(), "headers": headers}


def _payload(fields: Mapping[str, Any]) -> Payload:
    """The payload of such fields.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: They are none.
    """
    body = fields["text"].encode() if "text" in fields else base64.b64decode(fields["base64"])
    headers = fields["headers"]
    if not all(isinstance(part, str) for pair in headers.items() for part in pair):
        raise ValueError("a header is no text")
    return Payload(body=body, headers=headers)


def _why(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
