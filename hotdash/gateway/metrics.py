"""`Metrics`: what `/metrics` tells Prometheus. The runtime's event thread counts; the gateway's collects.

How many wait and run is asked of the runtime at each look; what has ended is counted as it ends.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client import Counter as CounterMetric
from prometheus_client.core import GaugeMetricFamily

from hotdash.events import TaskEnded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.events import Event
    from hotdash.runtime.runtime import Runtime

CONTENT_TYPE = CONTENT_TYPE_LATEST
_LABELS = ("app", "function")
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """See the module's docstring. A listener of the runtime's events."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._apps: dict[str, str] = {}
        self._registry = CollectorRegistry()
        self._registry.register(_Now(runtime))
        self._ended = CounterMetric(
            "hotdash_tasks", "Tasks that have ended, by how.", (*_LABELS, "status"), registry=self._registry
        )
        self._run_s = Histogram(
            "hotdash_task_run_seconds",
            "From a task's dispatch to its end.",
            _LABELS,
            registry=self._registry,
            buckets=_BUCKETS_S,
        )
        self._queued_s = Histogram(
            "hotdash_task_queued_seconds",
            "From a task's submit to its dispatch.",
            _LABELS,
            registry=self._registry,
            buckets=_BUCKETS_S,
        )

    def text(self) -> bytes:
        """All of it, in Prometheus' words."""
        return generate_latest(self._registry)

    def __call__(self, event: Event) -> None:
        """In the runtime's event thread."""
        if not isinstance(event, TaskEnded):
            return
        result = event.result
        app = self._app_of(result.function)
        self._ended.labels(app, result.function, result.status.value).inc()
        self._queued_s.labels(app, result.function).observe(result.queued_s)
        if result.container_id:
            self._run_s.labels(app, result.function).observe(result.run_s)

    def _app_of(self, function: str) -> str:
        if function not in self._apps:
            self._apps.update((spec.key, spec.app) for spec in self._runtime.specs())
        return self._apps.get(function, "")


class _Now:
    """What is asked of the runtime at each look."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges."""
        snapshot = self._runtime.snapshot()
        apps = {spec.key: spec.app for spec in self._runtime.specs()}
        queued = GaugeMetricFamily("hotdash_tasks_queued", "Tasks that wait.", labels=_LABELS)
        running = GaugeMetricFamily("hotdash_tasks_running", "Tasks that run.", labels=_LABELS)
        containers = GaugeMetricFamily("hotdash_containers", "Containers, by state.", labels=(*_LABELS, "state"))
        revision = GaugeMetricFamily("hotdash_revision", "The live revision, 0 for none.", labels=_LABELS)
        for key, function in snapshot.functions.items():
            labels = (apps.get(key, ""), key)
            queued.add_metric(labels, function.queue_depth)
            running.add_metric(labels, function.running)
            revision.add_metric(labels, function.revision)
            for state, count in Counter(container.state.value for container in function.containers).items():
                containers.add_metric((*labels, state), count)
        memory = GaugeMetricFamily(
            "hotdash_memory_megabytes", "What containers may ask for in all, and ask for now.", labels=("kind",)
        )
        memory.add_metric(("limit",), snapshot.memory_mb)
        memory.add_metric(("used",), snapshot.memory_used_mb)
        return queued, running, containers, revision, memory
