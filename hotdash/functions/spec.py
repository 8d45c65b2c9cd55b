"""`FunctionSpec`: what a function file says, checked and complete. A leaf of frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_COLD_CONCURRENCY = 8  # R10: where the function file sets no max_concurrency


class Format(StrEnum):
    """How a task travels through a container (the design's section 4)."""

    DEFAULT = "default"
    HTTP = "http"
    JSON = "json"
    HTTP_STREAM = "http-stream"

    @property
    def is_hot(self) -> bool:
        """Whether the format is streamable, so that its containers are hot (R2)."""
        return self is not Format.DEFAULT

    @property
    def is_text(self) -> bool:
        """Whether a payload travels as text, so that bytes which are none cannot."""
        return self is Format.JSON

    @property
    def listens(self) -> bool:
        """Whether its containers are spoken to on a socket that they listen on, and not on stdin and stdout."""
        return self is Format.HTTP_STREAM


class FunctionType(StrEnum):
    """Whether the gateway answers at the end of the call or at once."""

    SYNC = "sync"
    ASYNC = "async"


def _empty() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTest:
    """One entry of `tests`: `stdin` goes in, `stdout` and `stderr` are expected where not None; `env` are headers."""

    name: str
    stdin: str = ""
    stdout: str | None = None
    stderr: str | None = None
    env: Mapping[str, str] = field(default_factory=_empty)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """A function as its file describes it (the design's section 3; defaults are the contract's).

    Args:
        name: The image's name, `iron/hello`.
        folder: Absolute path of the function's folder.
        file: Absolute path of its function file.
        app: The app it belongs to.
        memory_mb: Megabytes (10⁶ bytes would be pedantry: 2²⁰ here, as the engine counts).
        max_concurrency: Most containers at once. For a cold function whose file sets none, 8 (R10).
        warnings: What is odd but not wrong, `FILE:LINE: KEY: …` each.
    """

    name: str
    folder: Path
    file: Path
    app: str = "app"
    version: str = "0.0.1"
    path: str = "/"
    type: FunctionType = FunctionType.SYNC
    format: Format = Format.DEFAULT
    memory_mb: int = 128
    timeout_s: float = 30.0
    idle_timeout_s: float = 30.0
    max_concurrency: int = 1
    min_warm: int = 0
    init_timeout_s: float = 10.0
    wait_timeout_s: float = 10.0
    build_timeout_s: float = 300.0
    drain_timeout_s: float = 30.0
    prove_s: float = 0.1
    max_queue: int = 1000
    config: Mapping[str, str] = field(default_factory=_empty)
    headers: Mapping[str, str] = field(default_factory=_empty)
    build: tuple[str, ...] = ()
    runtime: str | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    image: str | None = None
    network: str | None = None
    base_image: str | None = None
    writable: bool = False
    tests: tuple[FunctionTest, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What the function is known by everywhere: the last part of its name."""
        return self.name.rsplit("/", 1)[-1]
