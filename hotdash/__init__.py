"""hotdash: a dashboard and hot-container runtime for developing functions on a laptop.

specs = hotdash.load_functions("sample_functions")
with hotdash.Runtime(driver=hotdash.open_driver("process")) as runtime:
runtime.deploy(specs[0])
result = runtime.submit(specs[0].key, b"world").result(timeout=10)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hotdash.drivers.opening import open_driver
    from hotdash.errors import (
        BuildCancelled,
        BuildError,
        FunctionFileError,
        HotdashError,
        InvalidRequest,
        NoDriver,
        QueueFull,
        RuntimeClosed,
        StartError,
        UnknownFunction,
    )
    from hotdash.events import Event
    from hotdash.functions.discovery import load_functions
    from hotdash.functions.spec import Format, FunctionSpec
    from hotdash.runtime.revision import Deployment
    from hotdash.runtime.runtime import Runtime
    from hotdash.states import ContainerState, FunctionState
    from hotdash.task import Task, TaskResult, TaskStatus

__all__ = [
    "BuildCancelled",
    "BuildError",
    "ContainerState",
    "Deployment",
    "Event",
    "Format",
    "FunctionFileError",
    "FunctionSpec",
    "FunctionState",
    "HotdashError",
    "InvalidRequest",
    "NoDriver",
    "QueueFull",
    "Runtime",
    "RuntimeClosed",
    "StartError",
    "Task",
    "TaskResult",
    "TaskStatus",
    "UnknownFunction",
    "load_functions",
    "open_driver",
]

# Where each name is. Imported when it is asked for: the command line is itself a module of this package, and is to
# paint before it has loaded what only runs functions.
_HOMES = {
    "hotdash.drivers.opening": ("open_driver",),
    "hotdash.events": ("Event",),
    "hotdash.states": ("ContainerState", "FunctionState"),
    "hotdash.functions.discovery": ("load_functions",),
    "hotdash.functions.spec": ("Format", "FunctionSpec"),
    "hotdash.runtime.revision": ("Deployment",),
    "hotdash.runtime.runtime": ("Runtime",),
    "hotdash.task": ("Task", "TaskResult", "TaskStatus"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Imports a name of the public ones when it is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME_OF.get(name, "hotdash.errors")), name)
    globals()[name] = found
    return found
