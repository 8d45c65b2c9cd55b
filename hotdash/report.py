"""What `hotdash invoke` prints: one result, or the summary of many. Pure functions; the main thread calls them."""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Any

from hotdash.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.task import TaskResult


def result_fields(result: TaskResult) -> dict[str, Any]:
    """A result as JSON can hold it: `body` where it is UTF-8 text, else `body_base64`."""
    try:
        body = {"body": result.body.decode()}
    except UnicodeDecodeError:
        body = {"body_base64": base64.b64encode(result.body).decode()}
    return {
        "task_id": result.task_id,
        "function": result.function,
        "status": result.status.value,
        "status_code": result.status_code,
        "headers": dict(result.headers),
        **body,
        "error": result.error,
        "stderr": result.stderr,
        "stderr_dropped": result.stderr_dropped,
        "queued_s": round(result.queued_s, 6),
        "run_s": round(result.run_s, 6),
        "container_id": result.container_id,
        "revision": result.revision,
    }


def summary_fields(results: Sequence[TaskResult], *, took_s: float, concurrency: int) -> dict[str, Any]:
    """Many results in figures: how many of each status, causes of errors, times in seconds.

    Args:
        results: At least one.
        took_s: Seconds from the first submit to the last answer.
        concurrency: How many were under way at once, at most.
    """
    runs = sorted(result.run_s for result in results)
    waits = sorted(result.queued_s for result in results)
    return {
        "calls": len(results),
        "concurrency": concurrency,
        "took_s": round(took_s, 6),
        "calls_per_s": round(len(results) / took_s, 1),
        "status": dict(Counter(result.status.value for result in results).most_common()),
        "errors": dict(Counter(result.error for result in results if result.error).most_common()),
        "containers": len({result.container_id for result in results if result.container_id}),
        "run_s": {name: round(quantile(runs, share), 6) for name, share in _SHARES.items()},
        "queued_s": {name: round(quantile(waits, share), 6) for name, share in _SHARES.items()},
    }


def summary_text(fields: dict[str, Any]) -> str:
    """`summary_fields` for a person."""
    head = (
        f"{fields['calls']} calls, {fields['concurrency']} at once, on {fields['containers']} containers: "
        f"{fields['took_s']:.3f} s, {fields['calls_per_s']:g} calls/s"
    )
    lines = [head, "  " + "  ".join(f"{name} {count}" for name, count in fields["status"].items())]
    for label, key in (("run", "run_s"), ("queued", "queued_s")):
        lines.append(f"  {label:<7}" + "  ".join(f"{name} {1000 * s:.2f} ms" for name, s in fields[key].items()))
    lines += [f"  {count} of: {cause}" for cause, count in fields["errors"].items()]
    return "\n".join(lines)


_SHARES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "max": 1.0}
