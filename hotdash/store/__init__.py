"""What the screen reads: events folded into immutable snapshots, and bounded rings of lines and ended tasks."""

from hotdash.store.deploys import BuildLine, DeployStep, DeployView
from hotdash.store.rings import LineBatch, LineRing
from hotdash.store.snapshot import ContainerView, DeployEnd, Figures, FunctionView, Snapshot, TaskView
from hotdash.store.store import Store

__all__ = [
    "BuildLine",
    "ContainerView",
    "DeployEnd",
    "DeployStep",
    "DeployView",
    "Figures",
    "FunctionView",
    "LineBatch",
    "LineRing",
    "Snapshot",
    "Store",
    "TaskView",
]
