"""What the screen reads: events folded into immutable snapshots, and bounded rings of lines and ended tasks."""

from hotdash.store.deploys import BuildLine, DeployStep, DeployView
from hotdash.store.rings import LineBatch, LineRing
from hotdash.store.sampling import Usage
from hotdash.store.series import Measure, SeriesView
from hotdash.store.snapshot import ContainerView, Decision, DeployEnd, Fallen, Figures, FunctionView, Snapshot, TaskView
from hotdash.store.store import Store

__all__ = [
    "BuildLine",
    "ContainerView",
    "Decision",
    "DeployEnd",
    "DeployStep",
    "DeployView",
    "Fallen",
    "Figures",
    "FunctionView",
    "LineBatch",
    "LineRing",
    "Measure",
    "SeriesView",
    "Snapshot",
    "Store",
    "TaskView",
    "Usage",
]
