"""hotdash: a dashboard and hot-container runtime for developing functions on a laptop.

specs = hotdash.load_functions("sample_functions")
with hotdash.Runtime(driver=hotdash.open_driver("process")) as runtime:
runtime.deploy(specs[0])
result = runtime.submit(specs[0].key, b"world").result(timeout=10)
"""

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
from hotdash.events import ContainerState, Event, FunctionState
from hotdash.functions.discovery import load_functions
from hotdash.functions.spec import Format, FunctionSpec
from hotdash.runtime.revision import Deployment
from hotdash.runtime.runtime import Runtime
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
