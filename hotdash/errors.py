"""One tree of errors. A leaf: imports nothing of hotdash; runs in any thread.

A failing *function* is a result (`hotdash.task.TaskResult`), never an exception. What is raised from here means that
the platform, the caller's input or a function's sources are at fault. Each message names the place and the remedy.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.functions.spec import FunctionSpec


class HotdashError(Exception):
    """The root of all errors that hotdash raises."""


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong in a function's folder.

    Args:
        file: The file (or folder) at fault, as the user named it.
        line: Its line, from 1; None where a whole file or folder is at fault.
        key: The key at fault, `config.LIMIT` for a nested one; empty where none is.
        found: What is there.
        allowed: What may be there, or what to do.
    """

    file: str
    line: int | None
    key: str
    found: str
    allowed: str

    def __str__(self) -> str:
        """`FILE:LINE: KEY: found …, allowed …` (the design's section 9)."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key} found {self.found}, allowed {self.allowed}"


class FunctionFileError(HotdashError):
    """Function files that cannot be used.

    Attributes:
        errors: One fault each, in the order of files and lines.
        loaded: The functions whose files are good; the command line and the screen go on with these.
    """

    def __init__(self, errors: Sequence[Fault], loaded: Sequence[FunctionSpec] = ()) -> None:
        self.errors: tuple[Fault, ...] = tuple(errors)
        self.loaded: tuple[FunctionSpec, ...] = tuple(loaded)
        super().__init__("\n".join(str(fault) for fault in self.errors))


class InvalidRequest(HotdashError):
    """A submitted payload, header, method or time limit that cannot be sent (M11)."""


class UnknownFunction(HotdashError):
    """No function with this key is deployed."""


class QueueFull(HotdashError):
    """The function's queue holds `max_queue` waiting tasks already (M11)."""


class RuntimeClosed(HotdashError):
    """The runtime is closing or closed and takes no more tasks (M13)."""


class NoDriver(HotdashError):
    """The driver asked for cannot run here; the message says what was tried and what to do."""


class GatewayError(HotdashError):
    """The HTTP gateway cannot listen where it is to; the message says why and what to do."""


class BuildError(HotdashError):
    """A function's image could not be built.

    Attributes:
        log: The build's output, a line each.
    """

    def __init__(self, message: str, *, log: Sequence[str] = ()) -> None:
        self.log: tuple[str, ...] = tuple(log)
        super().__init__(message)


class BuildCancelled(BuildError):
    """A newer change of the sources, or the close of the runtime, ended this build."""


class SourcesChanged(BuildError):
    """A source changed while the build read it: trying again helps."""


class NeedsDocker(BuildError):
    """The function can only run in a Docker container (`image:`, or an entry point that only its Dockerfile knows)."""


class NeedsRuntime(BuildError):
    """The program that runs the function (`node`, say) is not installed."""


class StartError(HotdashError):
    """A container could not be started, or the first of a new revision did not prove itself."""


class ProtocolError(HotdashError):
    """A container's bytes are not an answer in its format (M2)."""


class ContainerGone(HotdashError):
    """A write to a container that no longer reads."""


def report(error: BaseException) -> None:
    """Tells of an error that ends here, at the top of the current thread: by `threading.excepthook`, never silently."""
    here = threading.current_thread()
    threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, here)))
