"""What the screen reads: events folded into immutable snapshots, and bounded rings of lines and ended tasks."""

from hotdash.store.rings import LineBatch, LineRing
from hotdash.store.sampling import Usage
from hotdash.store.series import Measure, SeriesView
from hotdash.store.snapshot import ContainerView, Decision, DeployEnd, Figures, FunctionView, Snapshot, TaskView
from hotdash.store.store import Store

__all__ = [
    "ContainerView",
    "Decision",
    "DeployEnd",
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
