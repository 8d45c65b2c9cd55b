"""From records and what their containers use to a second of their series. Runs under the store's lock."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from hotdash.states import ContainerState
from hotdash.store.series import Measure, SeriesView, percentiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hotdash.store.records import ContainerRecord, FunctionRecord


USED = frozenset({Measure.CPU, Measure.MEMORY, Measure.PIDS, Measure.RECEIVED, Measure.SENT})


class Usage(NamedTuple):
    """What a container uses: CPU seconds since its start, resident bytes, processes, bytes over its network."""

    cpu_s: float
    memory_bytes: int
    pids: int | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None


def sample_function(record: FunctionRecord, now_s: float, usage: Mapping[str, Usage]) -> bool:
    """Puts a second's values into the function's series, and into its containers'.

    Returns:
        Whether anything is there: a container, or a task.
    """
    is_there = bool(record.containers or record.queued or record.running)
    if not is_there and record.calls == record.sampled_calls and record.series.is_quiet:
        record.sampled_s = now_s
        return False
    took_s = max(now_s - record.sampled_s, 1e-3) if record.sampled_s else 1.0
    runs: dict[str, list[float]] = {}
    for at_s, run_s, container_id in reversed(record.rates):
        if at_s < record.sampled_s:
            break
        runs.setdefault(container_id, []).append(run_s)
    together: dict[Measure, float] = {Measure.CPU: 0.0, Measure.MEMORY: 0.0}
    if not record.containers:
        together[Measure.PIDS] = 0.0
    for container in record.containers.values():
        used = usage.get(container.id)
        if used is not None:
            _count_network(record, container, used)
        sample = _sample_container(container, now_s, took_s, used, runs.get(container.id, []))
        for measure in USED & sample.keys():
            together[measure] = together.get(measure, 0.0) + sample[measure]
    if record.received_bytes is not None:
        together = {Measure.RECEIVED: 0.0, Measure.SENT: 0.0} | together
    seconds = range(int(record.sampled_s) + 1, int(now_s) + 1)
    record.series.put(
        now_s,
        {
            Measure.CALLS: (record.calls - record.sampled_calls) / took_s,
            **percentiles([run_s for of_one in runs.values() for run_s in of_one]),
            Measure.QUEUE: max(
                [len(record.queued), *(record.depths.get(second, 0) for second in seconds[-2:])],
            ),
            Measure.HOT: len(record.containers),
            Measure.BUSY: max(
                sum(one.state is ContainerState.BUSY for one in record.containers.values()),
                # Short tasks run between two looks: what they ran, for each second that passed.
                sum(min(run_s, took_s) for of_one in runs.values() for run_s in of_one) / took_s,
            ),
            **together,
        },
    )
    record.sampled_s, record.sampled_calls = now_s, record.calls
    return is_there


def memory_of(records: Iterable[FunctionRecord]) -> Mapping[str, int]:
    """What each of their containers used when it was last sampled."""
    containers = (container for record in records for container in record.containers.values())
    return MappingProxyType({one.id: one.memory_bytes for one in containers if one.memory_bytes is not None})


def series_of(record: FunctionRecord, container_id: str, now_s: float) -> SeriesView | None:
    """The last 15 minutes of a function, or of a container of it; None if there is no such one."""
    if container_id and container_id not in record.containers:
        return None
    subject = record.containers[container_id] if container_id else record
    return SeriesView(
        values=subject.series.until(now_s),
        received_bytes=subject.received_bytes,
        sent_bytes=subject.sent_bytes,
        starts=record.starts,
        starts_s=record.starts_s,
        first_runs=record.first_runs,
        first_runs_s=record.first_runs_s,
    )


def _sample_container(
    container: ContainerRecord, now_s: float, took_s: float, used: Usage | None, runs: list[float]
) -> Mapping[Measure, float]:
    """Puts a second's values into a container's series, and returns them."""
    sample = {
        Measure.CALLS: (container.tasks_served - container.sampled_served) / took_s,
        **percentiles(runs),
        Measure.HOT: 1.0,
        Measure.BUSY: float(container.state is ContainerState.BUSY),
    }
    if used is not None:
        sample[Measure.CPU] = _rate(container.sampled_cpu_s, used.cpu_s, took_s)
        sample[Measure.MEMORY] = float(used.memory_bytes)
        if used.pids is not None:
            sample[Measure.PIDS] = float(used.pids)
        if used.received_bytes is not None and used.sent_bytes is not None:
            sample[Measure.RECEIVED] = _rate(container.received_bytes, used.received_bytes, took_s)
            sample[Measure.SENT] = _rate(container.sent_bytes, used.sent_bytes, took_s)
        container.sampled_cpu_s, container.memory_bytes = used.cpu_s, used.memory_bytes
        container.received_bytes, container.sent_bytes = used.received_bytes, used.sent_bytes
    container.series.put(now_s, sample)
    container.sampled_served = container.tasks_served
    return sample


def _count_network(record: FunctionRecord, container: ContainerRecord, used: Usage) -> None:
    """Adds what a container received and sent since it was last sampled to what its function did in all."""
    if used.received_bytes is None or used.sent_bytes is None:
        return
    received = max(0, used.received_bytes - (container.received_bytes or 0))
    sent = max(0, used.sent_bytes - (container.sent_bytes or 0))
    record.received_bytes = (record.received_bytes or 0) + received
    record.sent_bytes = (record.sent_bytes or 0) + sent


def _rate(before: float | None, now: float, took_s: float) -> float:
    """What a count grew by in a second; 0 where it was not looked at before."""
    return 0.0 if before is None else max(0.0, now - before) / took_s
