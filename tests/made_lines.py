"""Lines of stderr as the runtime tells of them, for tests of those who listen."""

from __future__ import annotations

from hotdash.events import StderrLine
from hotdash.task import Attribution


def stderr_line(
    number: int, text: str | None = None, *, task_id: str = "", attribution: Attribution = Attribution.CONTAINER
) -> StderrLine:
    """Line `number` of one container; without a text it says its number."""
    return StderrLine(
        seq=number,
        at_s=0.0,
        time_s=1.0,
        function="f",
        container_id="c-1",
        revision=1,
        task_id=task_id,
        attribution=attribution,
        text=f"line {number}" if text is None else text,
    )
