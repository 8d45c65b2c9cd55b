"""A function that ends after each answer serves all the same: no call of it is lost, and nothing loops hot (M4, M5)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from real_tools import HTTP, function, real_runtime

from hotdash import events as ev
from hotdash.states import FunctionState
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.task import TaskResult

CALLERS = 4
ENDS = ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(3)"]  # at once, at once, and slowly


def call_all(tmp_path: Path, how: str, *, max_concurrency: int, calls: int) -> None:
    results: dict[bytes, TaskResult] = {}
    starts: list[ev.Event] = []
    states: set[FunctionState] = set()

    def listen(event: ev.Event) -> None:
        if isinstance(event, ev.ContainerStarting):
            starts.append(event)
        elif isinstance(event, ev.FunctionChanged):
            states.add(event.state)

    with real_runtime(tmp_path) as runtime:
        runtime.subscribe(listen)
        code = f"{HTTP}\nfor headers, body in requests():\n    answer(body)\n    {how}\n"
        runtime.deploy(function(tmp_path / "f", code, max_concurrency=max_concurrency))

        def call(number: int) -> None:
            for count in range(calls // CALLERS):
                payload = f"{number} {count}".encode()
                results[payload] = runtime.submit("f", payload).result(60)

        callers = [threading.Thread(target=call, args=(number,)) for number in range(CALLERS)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert runtime.flush_events()
    assert len(results) == calls
    assert [result for result in results.values() if result.status is not TaskStatus.SUCCESS] == []
    assert all(result.body == payload for payload, result in results.items())
    assert len(starts) <= calls + max_concurrency, "each has answered one, or was started for a call that then ended"
    assert states == {FunctionState.BUILDING, FunctionState.READY}


@pytest.mark.parametrize(("how", "max_concurrency"), [(ENDS[0], 1), (ENDS[1], 4), (ENDS[2], 2)])
def test_a_function_that_ends_after_each_answer_loses_no_call(tmp_path, how, max_concurrency):
    call_all(tmp_path, how, max_concurrency=max_concurrency, calls=40)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("max_concurrency", [1, 2, 4])
@pytest.mark.parametrize("how", ENDS)
def test_a_function_that_ends_after_each_answer_loses_none_of_many_calls(tmp_path, how, max_concurrency):
    call_all(tmp_path, how, max_concurrency=max_concurrency, calls=1_000)
