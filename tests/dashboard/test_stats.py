"""The Stats pane, why tasks wait, and who measures when."""

from __future__ import annotations

from math import isnan, nan
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, drive, measured_script, task_id, until
from real_tools import DO_AS_TOLD, function, real_runtime
from real_tools import until as wait_until

from hotdash import events as ev
from hotdash.dashboard.lines import unstyled, width_of
from hotdash.dashboard.plots import columns_of, plot
from hotdash.dashboard.sampler import IDLE_S, Sampler
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.stats_lines import stats_lines
from hotdash.dashboard.why_lines import why_lines, why_waits_lines
from hotdash.dashboard.widgets.text_view import TextView
from hotdash.runtime.snapshot import RuntimeSnapshot
from hotdash.store import Measure, Store, Usage
from hotdash.task import TaskStatus

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp


def test_a_plot_shows_zero_a_gap_and_anything_more_apart() -> None:
    assert plot([0, 0.001, 8, nan], width=4, height=1) == ["▁▂█ "]
    assert plot([16, 8, 2], width=3, height=2) == ["█  ", "██▂"]
    assert plot([], width=5, height=2) == ["     ", "     "]


def test_a_plot_keeps_the_peaks_of_what_it_joins() -> None:
    values = [0.0] * 900
    values[450] = 7.0
    assert max(value for value in columns_of(values, 50) if value is not None) == 7.0
    rows = plot(values, width=50, height=2)
    assert [len(row) for row in rows] == [50, 50]
    assert rows[0].strip() == "█"


def stats_rows(app: HotdashApp) -> list[str]:
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return [unstyled(line).rstrip() for line in screen.stats.lines]


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (60, 20)])
def test_the_stats_tab_plots_the_function_or_the_container_and_fits(size: tuple[int, int]) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        await until(pilot, lambda: stats_rows(app))
        heads = [row.split()[0] for row in stats_rows(app)[:18:3]]
        assert heads == ["calls/s", "run", "queue", "busy", "CPU", "memory"]
        assert "p95 " in stats_rows(app)[3]
        assert "25% of a core" in stats_rows(app)[12]
        assert any(row.startswith("1 cold start  40 ms in all, 40 ms each") for row in stats_rows(app))
        assert max(map(width_of, screen.stats.lines[:19])) <= screen.stats.room
        await pilot.press("1", "j")
        await until(pilot, lambda: screen.scope.container_id == "c-aaaaaa")
        heads = [row.split()[0] for row in stats_rows(app)[:12:3]]
        assert heads == ["calls/s", "run", "CPU", "memory"]

    drive(measured_script(), steps, size=size)


def _uses(app: HotdashApp) -> list[str]:
    """What is told below the plots of the use."""
    rows = stats_rows(app)
    axis = next(at for at, row in enumerate(rows) if row.startswith("15 min ago"))
    return [row for row in rows[axis + 2 : axis + 4] if "process" in row or "received" in row]


@pytest.mark.parametrize("size", [(160, 45), (60, 20)])
@pytest.mark.parametrize("has_network", [True, False])
def test_processes_and_network_are_told_where_the_driver_knows_them(size: tuple[int, int], has_network: bool) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        await until(pilot, lambda: stats_rows(app))
        heads = [row[:35].rstrip() for row in stats_rows(app) if row.startswith("network")]
        assert heads == ["network  in 2.5 KB/s  out 1.0 KB/s"][:has_network]
        received = "671 KB received, 299 KB sent"
        assert _uses(app) == ["3 processes now", f"{received}, by all its containers so far"][: 1 + has_network]
        assert max(map(width_of, screen.stats.lines[:24])) <= screen.stats.room
        await pilot.press("1", "j")
        await until(pilot, lambda: screen.scope.container_id == "c-aaaaaa")
        assert _uses(app) == ["3 processes now", f"{received}, since it started"][: 1 + has_network]
        await pilot.press("v")
        inspected = app.screen.query_one("#inspect", TextView).text
        assert "uses          25% of a core, 49 MB, 3 processes" in inspected
        assert (f"traffic       {received}" in inspected) is has_network

    drive(measured_script(has_network=has_network), steps, size=size)


def test_a_functions_network_is_all_its_containers_those_that_have_ended_too() -> None:
    clock = Clock()
    script = Script(clock)
    script.function("greet", max_concurrency=2)
    script.container("greet", "c-a")
    script.container("greet", "c-b")

    def rates(container_id: str = "") -> tuple[float, float, float]:
        series = script.store.series(clock(), "greet", container_id)
        assert series is not None
        return tuple(series.values[measure][-1] for measure in (Measure.RECEIVED, Measure.SENT, Measure.PIDS))

    first = Usage(0, 0, pids=2, received_bytes=100, sent_bytes=10)
    script.store.sample(clock(), {"c-a": first, "c-b": Usage(0, 0, pids=1)})
    assert rates() == (0, 0, 3), "what it did before anybody looked is no rate"
    assert [isnan(value) for value in rates("c-b")] == [True, True, False]
    clock.at += 2
    script.store.sample(clock(), {"c-a": Usage(0, 0, pids=2, received_bytes=500, sent_bytes=30), "c-b": first})
    assert rates() == (200, 10, 4)
    assert rates("c-a") == (200, 10, 2)
    for key in ("c-a", "c-b"):
        script.feed(ev.ContainerStopped, "greet", container_id=key, revision=1, reason="idle")
    clock.at += 2
    script.store.sample(clock(), {})
    assert rates() == (0, 0, 0)
    series = script.store.series(clock(), "greet")
    assert series is not None
    assert (series.received_bytes, series.sent_bytes) == (600, 40)


def test_a_containers_row_tells_what_it_uses() -> None:
    script = measured_script()

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = app.screen_stack[0]
        assert isinstance(screen, MainScreen)

        def row() -> str:
            (item,) = (item for item in screen.functions.items if item.key[0] == "container")
            return str(screen.functions.row_of(item))

        await until(pilot, lambda: "49 MB" in row())
        script.store.sample(script.clock(), {"c-aaaaaa": Usage(cpu_s=1.0, memory_bytes=130 * 2**20)})
        await until(pilot, lambda: "130MB" in row())

    drive(script, steps)


def test_a_function_that_has_not_run_says_so_and_the_decisions_are_told() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign", *"jjjjjj")
        await until(pilot, lambda: any("max_concurrency 2 reached" in row for row in stats_rows(app)))
        await pilot.press("g")
        await until(pilot, lambda: any("crash has nothing to plot yet" in row for row in stats_rows(app)))

    drive(busy_script(Clock()), steps)


def test_why_tells_the_last_decisions_with_their_ages_and_of_a_waiting_task_those_since() -> None:
    script = Script(Clock())
    script.function("greet")
    for at, reason in enumerate(("nothing waits", "starting 1: 1 task waits", "max_concurrency 1 reached: 1 busy")):
        if at == 2:
            script.queue("greet", task_id(1))
            script.queue("greet", task_id(2))
        script.feed(ev.ScalingDecided, "greet", reason=reason)
        script.clock.at += 10  # type: ignore[attr-defined]
    view = script.store.snapshot().functions["greet"]
    told = [unstyled(line).strip() for line in why_lines(view, now_s=script.clock())]
    assert told[1:] == [
        "10 s ago  max_concurrency 1 reached: 1 busy",
        "20 s ago  starting 1: 1 task waits",
        "30 s ago  nothing waits",
    ]
    told = [unstyled(line).strip() for line in why_waits_lines(view.queued[1], view, now_s=script.clock())]
    assert told[1:] == ["1 task before it", "Why: the last decisions about containers", *told[3:]]
    assert [row.split("  ")[1] for row in told[3:]] == [
        "max_concurrency 1 reached: 1 busy",
        "starting 1: 1 task waits",
    ]


class CountedRuntime:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def snapshot(self) -> RuntimeSnapshot:
        self.asked += 1
        return RuntimeSnapshot(functions={}, memory_mb=0, memory_used_mb=0)


def test_the_sampler_rests_where_nothing_happens() -> None:
    clock = Clock()
    script, runtime = Script(clock), CountedRuntime()
    sampler = Sampler(store=script.store, snapshot=runtime.snapshot, now_s=clock)
    script.function("greet")
    for _ in range(60):
        clock.at += 1
        sampler.look()
    assert runtime.asked == 1, "no container: nothing to measure after the first look"
    script.container("greet", "c-a")
    for _ in range(60):
        clock.at += 1
        sampler.look()
    assert runtime.asked == 1 + 60 // IDLE_S, "an idle container: its memory, now and then"


def test_a_real_containers_use_gets_into_the_series(tmp_path: Path) -> None:
    spec = function(tmp_path / "works", DO_AS_TOLD)
    with real_runtime(tmp_path) as runtime:
        store = Store()
        runtime.subscribe(store)
        runtime.deploy(spec)
        sampler = Sampler(store=store, snapshot=runtime.snapshot, now_s=runtime.clock.now)
        sampler.start()
        try:
            result = runtime.submit("works", b"answer(b'ok')").result(20)
            assert result.body == b"ok"

            def memory() -> float:
                series = store.series(runtime.clock.now(), "works", result.container_id)
                return 0.0 if series is None else series.values[Measure.MEMORY][-1]

            wait_until(lambda: memory() > 2**20, "the container's memory")
        finally:
            sampler.close()


def test_a_store_measures_functions_and_containers_apart() -> None:
    clock = Clock()
    script = Script(clock)
    store = script.store
    script.function("greet", max_concurrency=2)
    assert not store.sample(clock(), {}), "nothing runs"
    script.container("greet", "c-a")
    script.container("greet", "c-b")
    store.sample(clock(), {"c-a": Usage(1.0, 100), "c-b": Usage(0.0, 50)})
    clock.at += 0.5
    for number in range(6):
        script.queue("greet", task_id(number))
        script.start("greet", task_id(number), "c-a")
        script.end(task_id(number), run_s=0.1 * (number + 1))
    script.queue("greet", task_id(7))
    script.start("greet", task_id(7), "c-b")
    script.queue("greet", task_id(8))
    clock.at += 1.5
    assert store.sample(clock(), {"c-a": Usage(2.0, 120), "c-b": Usage(0.5, 50)})
    whole, one, other = (store.series(clock(), "greet", key) for key in ("", "c-a", "c-b"))
    assert whole is not None
    assert one is not None
    assert other is not None
    newest = {measure: values[-1] for measure, values in whole.values.items()}
    assert newest[Measure.CALLS] == 3
    assert newest[Measure.P50] == pytest.approx(0.4)
    assert newest[Measure.P99] == pytest.approx(0.6)
    assert (newest[Measure.HOT], newest[Measure.QUEUE]) == (2, 1)
    assert newest[Measure.BUSY] == pytest.approx(2.1 / 2.0), "what ended ran for 2.1 s of the 2"
    assert newest[Measure.CPU] == 0.75
    assert newest[Measure.MEMORY] == 170
    assert (one.values[Measure.CALLS][-1], other.values[Measure.CALLS][-1]) == (3, 0)
    assert (one.values[Measure.CPU][-1], other.values[Measure.CPU][-1]) == (0.5, 0.25)
    assert (whole.starts, whole.first_runs) == (2, 1)
    assert whole.starts_s == pytest.approx(0.08)
    assert whole.first_runs_s == pytest.approx(0.1)
    assert store.series(clock(), "greet", "c-none") is None
    assert store.series(clock(), "none") is None


def test_a_call_without_success_says_nothing_of_what_a_cold_start_costs() -> None:
    script = Script(Clock())
    script.function("greet", max_concurrency=3)
    for number, status in enumerate((TaskStatus.TIMEOUT, TaskStatus.ERROR, TaskStatus.SUCCESS)):
        script.container("greet", f"c-{number}")
        script.queue("greet", task_id(number))
        script.start("greet", task_id(number), f"c-{number}")
        script.end(task_id(number), status=status, run_s=0.02 if status is TaskStatus.SUCCESS else 5.0, idle=False)
    series = script.store.series(script.clock(), "greet")
    assert series is not None
    assert (series.starts, series.first_runs, series.first_runs_s) == (3, 1, 0.02)
    view = script.store.snapshot().functions["greet"]
    shown = "\n".join(map(unstyled, stats_lines(view, series, container_id="", width=60, now_s=script.clock())))
    assert "a first call with success ran 20 ms on average" in shown
