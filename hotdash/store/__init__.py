"""What the screen reads: events folded into immutable snapshots, and bounded rings of lines and ended tasks."""

from hotdash.store.rings import LineBatch, LineRing
from hotdash.store.snapshot import ContainerView, Figures, FunctionView, Snapshot, TaskView
from hotdash.store.store import Store

__all__ = ["ContainerView", "Figures", "FunctionView", "LineBatch", "LineRing", "Snapshot", "Store", "TaskView"]
