from __future__ import annotations

import pytest
from dashboard_fake import Clock, Script, busy_script, task_id
from rich.cells import cell_len

from hotdash import events as ev
from hotdash.dashboard import words
from hotdash.dashboard.lines import Column, Tone, fit, fit_columns, text, unstyled, width_of, wrap_cuts
from hotdash.dashboard.presentation import (
    HeaderFacts,
    container_cells,
    function_cells,
    header_line,
    preview,
    task_cells,
    troubles,
    warnings,
    why_queued,
)
from hotdash.dashboard.run_lines import run_lines
from hotdash.dashboard.trouble import trouble_lines
from hotdash.states import FunctionState
from hotdash.store import Figures
from hotdash.task import TaskStatus

FAULT = "/work/functions/greet/func.yaml:3: memory: found 'x', allowed a whole number"
NO_FIGURES = Figures(calls_per_s=0.0, p50_s=None, p95_s=None, depths=())


def words_of(cells: tuple[object, ...]) -> list[str]:
    return [unstyled(cell).strip() for cell in cells]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (0.0004, "400 µs"),
        (0.0042, "4.2 ms"),
        (0.0421, "42 ms"),
        (0.9999, "1.0 s"),
        (1.24, "1.2 s"),
        (34, "34 s"),
        (119.4, "119 s"),
        (300, "5 min"),
        (7200, "2 h"),
        (-1, "0 s"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1229, "1.2 KB"), (20480, "20 KB"), (5 * 2**20, "5.0 MB"), (18 * 2**20, "18 MB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert words.size(count) == shown


@pytest.mark.parametrize(
    ("megabytes", "shown"),
    [(0.4, "<1 MB"), (18, "18 MB"), (99.6, "100MB"), (999, "999MB"), (1000, "1.0GB"), (99 * 1024, "99.0GB")],
)
def test_memory_is_told_in_a_few_cells(megabytes: float, shown: str) -> None:
    assert words.memory(int(megabytes * 2**20)) == shown


def test_sparkline_is_blank_for_zeros_and_the_newest_is_at_the_right() -> None:
    assert words.sparkline((0, 0, 0), 4) == "    "
    assert words.sparkline((0, 0, 1, 8), 4) == "▁▁▂█"
    assert words.sparkline(tuple(range(30)), 10)[-1] == "█"
    assert len(words.sparkline((3,), 10)) == 10


def test_fit_pads_and_cuts_by_cells() -> None:
    assert unstyled(fit(text("ab"), 4)) == "ab  "
    assert unstyled(fit(text("ab"), 4, right=True)) == "  ab"
    assert unstyled(fit(text("abcdef"), 4)) == "abc…"
    assert width_of(fit(text("日本語"), 4)) == 4
    assert fit(text("ab"), 0) == ()


def test_columns_go_in_the_order_of_their_rank() -> None:
    columns = (
        Column(title="A", width=5, stretch=True),
        Column(title="B", width=5, keep=1),
        Column(title="C", width=5, keep=2),
    )
    assert fit_columns(columns, 30, gap=1) == (18, 5, 5)
    assert fit_columns(columns, 12, gap=1) == (6, 0, 5)
    assert fit_columns(columns, 6, gap=1) == (6, 0, 0)


def test_wrapping_prefers_spaces_and_loses_nothing() -> None:
    words_ = "the quick brown fox jumps over the lazy dog"
    cuts = wrap_cuts(words_, 12)
    rows = [words_[start:end] for start, end in zip([0, *cuts], [*cuts, len(words_)], strict=True)]
    assert "".join(rows) == words_
    assert all(len(row.rstrip()) <= 12 for row in rows)
    assert rows[0] == "the quick "
    assert wrap_cuts("x" * 25, 10) == [10, 20]
    assert wrap_cuts("日" * 10, 10) == [10]
    assert wrap_cuts("short", 10) == []


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("a line ⏎ with a mark", ["a line ⏎ ", "with a ", "mark"]),
        ("ééééé ééééé", ["ééééé ", "ééééé"]),
        ("日本語 日本語日本語日本語", ["日本語 ", "日本語日", "本語日本", "語"]),
        ("é" * 20, ["é" * 9, "é" * 9, "éé"]),
        ("é a  " + " " * 12 + "b", ["é a       ", "       b"]),
    ],
)
def test_wrapping_prefers_spaces_among_wide_characters_too(content: str, rows: list[str]) -> None:
    cells = [at for char in content for at in (char, "")[: cell_len(char)]]
    cuts = wrap_cuts(content, 9)
    parts = ["".join(cells[start:end]) for start, end in zip([0, *cuts], [*cuts, len(cells)], strict=True)]
    assert parts == rows


def test_the_panel_splits_a_cause_into_the_lines_that_it_quotes() -> None:
    script = Script(Clock())
    script.function("greet", revision=2)
    reason = "the container exited with code 1 before it answered; its last stderr: a ⏎ SyntaxError: invalid"
    script.feed(ev.DeployFailed, "greet", reason=reason)
    lines = [unstyled(line) for line in trouble_lines(script.store.snapshot().functions["greet"], now_s=0.0)]
    assert lines == [
        "▲ The last deploy failed; r2 still serves",
        "  the container exited with code 1 before it answered",
        "  its last stderr:",
        "  │ a",
        "  │ SyntaxError: invalid",
    ]


def test_a_function_has_a_mark_and_a_word() -> None:
    script = busy_script(Clock())
    views = script.store.snapshot().functions
    cells = {key: words_of(function_cells(view, now_s=1010, depths=(), is_open=True)) for key, view in views.items()}
    assert cells["greet"][:6] == ["▾ ● greet", "ready", "http", "r3", "2/4 hot", "0"]
    assert cells["hello-sh"][:5] == ["○ hello-sh", "ready", "default", "r1", "0/8 cold"]
    assert cells["crash"][:2] == ["✗ crash", "failing"]
    assert cells["node-echo"][:4] == ["▲ node-echo", "needs runtime", "http", "-"]
    assert cells["report"][5] == "12"
    assert cells["thumbnail"][0] == "○ thumbnail !"


def test_a_build_tells_for_how_long() -> None:
    script = Script(clock := Clock())
    script.function("greet")
    script.feed(ev.BuildStarted, "greet")
    cells = function_cells(script.store.snapshot().functions["greet"], now_s=clock.at + 2.1, depths=(), is_open=True)
    assert words_of(cells)[:2] == ["◐ greet", "building 2.1 s"]


def test_a_new_revision_is_marked_for_a_while() -> None:
    script = Script(clock := Clock())
    script.function("greet", revision=4)
    view = script.store.snapshot().functions["greet"]
    assert function_cells(view, now_s=clock.at + 1, depths=(), is_open=True)[3] == text("r4", Tone.ACCENT)
    assert function_cells(view, now_s=clock.at + 9, depths=(), is_open=True)[3] == text("r4", Tone.MUTED)


def test_a_container_tells_its_task_and_since_when() -> None:
    script = busy_script(clock := Clock())
    containers = script.store.snapshot().functions["report"].containers
    cells = words_of(container_cells(containers[0], now_s=clock.at + 7))
    assert cells == ["● c-91d0aa", "busy 7 s", words.short_id(task_id(21)), "r2", "0 uses", "", "pid 4311"]


def test_troubles_tell_what_still_serves() -> None:
    script = busy_script(Clock())
    script.feed(ev.FunctionFaulty, "greet", faults=(FAULT,))
    views = script.store.snapshot().functions
    assert troubles(views["greet"])[0] == ("func.yaml:3: memory: found 'x', allowed a whole number; r3 still serves"), (
        "what is wrong comes first: a row may be cut"
    )
    assert troubles(views["thumbnail"]) == (
        "deploy: exited with code 1: pip install --target lib pillow; r5 still serves",
    )
    assert troubles(views["report"]) == ()
    lines = [unstyled(line) for line in trouble_lines(views["thumbnail"], now_s=0.0)]
    assert lines[0] == "▲ The last deploy failed; r5 still serves"
    assert "  │ ERROR: no matching distribution found for pillow==99" in lines


def test_a_function_files_warnings_are_shown_as_warnings() -> None:
    script = Script(Clock())
    folder = "/work/functions/greet"
    told = (f"{folder}/func.yaml:3: memroy: unknown key, did you mean memory?", f"{folder}/func.yaml:9: x: unknown key")
    script.function("greet", warnings=told)
    view = script.store.snapshot().functions["greet"]
    assert troubles(view) == ()
    assert warnings(view) == ("warning (and 1 more): func.yaml:3: memroy: unknown key, did you mean memory?",)
    cells = function_cells(view, now_s=0.0, depths=(), is_open=True)
    assert words_of(cells)[0] == "○ greet ?"
    assert cells[0][-1][1] is Tone.WARNING
    panel = trouble_lines(view, now_s=0.0)
    assert [unstyled(line) for line in panel] == [
        "? 2 warnings about the function file",
        "  greet/func.yaml:3: memroy: unknown key, did you mean memory?",
        "  greet/func.yaml:9: x: unknown key",
    ]
    script.feed(ev.FunctionFaulty, "greet", faults=(FAULT,))
    view = script.store.snapshot().functions["greet"]
    assert warnings(view) == ()
    assert words_of(function_cells(view, now_s=0.0, depths=(), is_open=True))[0] == "○ greet !"


def test_tasks_tell_why_they_wait_and_how_they_ended() -> None:
    script = busy_script(clock := Clock())
    clock.at += 3
    report, greet = (script.store.snapshot().functions[key] for key in ("report", "greet"))
    queued = words_of(task_cells(report.queued[0], function=report, now_s=clock.at, is_named=True, called="14:03:41"))
    assert queued[1:] == ["report", "○ queued", "14:03:41", "3.0 s", "", "", "2/2 busy (max_concurrency)"]
    running = words_of(task_cells(report.running[0], function=report, now_s=clock.at, is_named=False))
    assert running[1:] == ["● running", "", "0 s", "3.0 s", "c-91d0aa", "← 2026-Q3"]  # what it was asked, no answer yet
    failed = next(task for task in greet.ended if task.result is not None and task.result.status is TaskStatus.ERROR)
    ended = words_of(task_cells(failed, function=greet, now_s=clock.at, is_named=False))
    assert ended[1:] == [
        "✗ error",
        "",
        "400 µs",
        "12 ms",
        "c-03bc9e",
        "500 Internal Server Error",
    ]


def test_before_the_first_build_a_task_waits_for_it() -> None:
    script = Script(Clock())
    script.function("greet", revision=0, state=FunctionState.BUILDING)
    assert why_queued(script.store.snapshot().functions["greet"]) == "waits for the first build"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"", ""),
        (b"hello\nworld", "hello world"),
        (b"\xff\xfe\x00", "3 B, binary"),
        (b"a\x00b", "3 B, binary"),
        ("é".encode() * 150, "é" * 100),
    ],
)
def test_previews(body: bytes, shown: str) -> None:
    assert preview(body) == shown


def test_the_header_leaves_out_what_has_no_room_and_always_fills_its_width() -> None:
    script = busy_script(Clock())
    facts = HeaderFacts(
        driver_name="process",
        driver_note="isolates nothing; no engine answered",
        watching=False,
        snapshot=script.store.snapshot(),
        figures=NO_FIGURES,
    )
    wide, narrow = unstyled(header_line(facts, 172)), unstyled(header_line(facts, 58))
    assert "6 functions" in wide
    assert "4 hot  2 idle  2 busy" in wide
    assert "calls/s" in wide
    assert "2 broken" in wide
    assert "process, isolates nothing; no engine answered" in wide
    assert narrow.startswith("process │ 12 queued │ 2 broken ")
    assert unstyled(header_line(facts, 76)).startswith("process, isolates nothing │ 4 hot │ 12 queued │ 2 broken ")
    assert "calls/s" not in narrow
    assert wide.endswith("○ not watching")
    assert narrow.endswith("○ not watching")
    assert (len(wide), len(narrow)) == (172, 58)


def test_a_run_tells_request_answer_and_error() -> None:
    script = busy_script(Clock())
    greet = script.store.snapshot().functions["greet"]
    failed = next(task for task in greet.ended if task.result is not None and task.result.status is TaskStatus.ERROR)
    lines = [unstyled(line) for line in run_lines(failed, function=greet, now_s=1_000.0)]
    assert lines[0] == f"{words.short_id(failed.id)}  ✗ error  500"
    assert "  Content-Type: application/json" in lines
    assert '    "name": "Ada"' in lines
    assert "  the function answered 500 Internal Server Error" in lines
    assert "  KeyError: 'name'" in lines
    assert "Answer  20 B" in lines


def test_what_a_function_answers_is_never_markup_or_control() -> None:
    script = Script(Clock())
    script.function("evil[/b]")
    script.container("evil[/b]", "c-000001")
    script.queue("evil[/b]", "aa" * 12, b"\x1b[2J[bold]")
    script.start("evil[/b]", "aa" * 12, "c-000001")
    script.end("aa" * 12, body=b"\xff\x00", headers={"X\x1b[31m": "[@click=app.quit]"})
    view = script.store.snapshot().functions["evil[/b]"]
    shown = "\n".join(unstyled(line) for line in run_lines(view.ended[0], function=view, now_s=0.0))
    assert "\x1b" not in shown
    assert "[@click=app.quit]" in shown
    assert "binary  2 B" in shown
