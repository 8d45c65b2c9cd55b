"""The Run pane's words: where the time went, JSON folded and coloured, and what is no text by its kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, Script, busy_script, drive, task_id, until
from msgspec.structs import replace
from test_dashboard_keys import board, to_function

from hotdash.dashboard.body_lines import body_lines
from hotdash.dashboard.json_lines import ITEMS_SHOWN, json_lines
from hotdash.dashboard.lines import Tone, unstyled
from hotdash.dashboard.run_lines import run_lines
from hotdash.dashboard.time_bar import BAR_CELLS, bar_cells, time_lines
from hotdash.dashboard.widgets.run_view import RunView
from hotdash.store.history import PastContents

if TYPE_CHECKING:
    from dashboard_fake import FakeControls
    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp
    from hotdash.dashboard.lines import Line

NESTED = {"a": {"b": {"c": [1, "x", None, True]}}, "empty": {}}


def words_of(lines: list[Line]) -> list[str]:
    return [unstyled(line) for line in lines]


def test_json_is_folded_below_a_depth_by_size_and_unfolded_is_the_same_json() -> None:
    assert words_of(json_lines(NESTED, depth=0)) == ["  { ▸ 2 keys }"]
    assert words_of(json_lines(NESTED, depth=2)) == [
        "  {",
        '    "a": {',
        '      "b": { ▸ 1 key }',
        "    },",
        '    "empty": {}',
        "  }",
    ]
    assert json.loads("\n".join(words_of(json_lines(NESTED, depth=9)))) == NESTED


def test_json_is_coloured_by_what_it_is() -> None:
    tones = {content: tone for line in json_lines(NESTED, depth=9) for content, tone in line}
    assert (tones['"a"'], tones['"x"'], tones["1"], tones["null"], tones["true"]) == (
        Tone.ACCENT,
        Tone.SUCCESS,
        Tone.WARNING,
        Tone.MUTED,
        Tone.WARNING,
    )


def test_a_long_list_is_shown_to_a_bound_and_says_how_many_more_there_are() -> None:
    rows = words_of(json_lines(list(range(ITEMS_SHOWN + 5)), depth=1))
    assert len(rows) == ITEMS_SHOWN + 3
    assert rows[-2].strip() == "… 5 more; y copies all"


def test_what_a_function_puts_into_json_cannot_reach_the_terminal() -> None:
    shown = "".join(words_of(json_lines({"\x1b[2J\u202e": "\x9b1m"}, depth=1)))
    assert shown.replace("<U+202E>", "").isprintable()


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\x80\0\0\1\xe0\xff", {}, "PNG image, 640 by 480  25 B"),
        (b"\xff\xd8\xff\xe0", {"Content-Type": "text/html"}, "JPEG image  4 B"),
        (b"RIFF\xff\0\0\0WEBP", {}, "WebP image  12 B"),
        (b"\xfe\xfe\0", {"content-type": "application/x-thing; q=1"}, "binary, application/x-thing  3 B"),
        (b"\xfe\xfe\0", {}, "binary  3 B"),
        (b"[1]", {"Content-Type": "application/json; charset=utf-8"}, "["),
        (b'"s"', {"Content-Type": "application/problem+json"}, '"s"'),
        (b"{}", {"Content-Type": "text/html"}, "{}"),
        (b"{oops", {}, "{oops"),
        (b"[" * 5_000, {}, "[["),
    ],
)
def test_a_body_is_shown_by_what_it_is(body: bytes, headers: dict[str, str], said: str) -> None:
    assert words_of(body_lines(body, headers, depth=3))[0].strip().startswith(said)


def test_a_binary_bodys_first_bytes_are_shown_in_hex_and_as_signs() -> None:
    rows = words_of(body_lines(b"\xfe\x00AB" * 40, {}, depth=3))
    assert rows[1].split()[:4] == ["fe", "00", "41", "42"]
    assert rows[1].endswith("··AB··AB··AB··AB")
    assert (len(rows), rows[-1].strip()) == (6, "…")


@pytest.mark.parametrize(
    ("seconds", "cells"),
    [([0, 0, 0], [0, 0, 0]), ([1, 0, 1], [20, 0, 20]), ([1e-6, 1e-6, 5], [1, 1, 38]), ([0, 3, 1], [0, 30, 10])],
)
def test_each_part_of_the_time_has_its_share_of_the_bar_and_one_cell_at_least(seconds, cells) -> None:
    assert bar_cells(seconds, BAR_CELLS) == cells


def first_task_of_a_new_container() -> Script:
    """A task queued at 0 s, its container starting at 1 s, that runs from 3 s to 3.5 s."""
    script = Script(Clock())
    clock = script.clock
    script.function("greet")
    script.queue("greet", task_id(1))
    clock.at += 1.0  # type: ignore[attr-defined]
    script.container("greet", "c-1", idle=False)
    clock.at += 2.0  # type: ignore[attr-defined]
    script.start("greet", task_id(1), "c-1")
    clock.at += 0.5  # type: ignore[attr-defined]
    return script


@pytest.mark.parametrize("size", [(100, 30), (61, 20)])
def test_the_bar_takes_one_row_however_narrow_the_pane_and_is_made_anew_when_it_changes(size: tuple[int, int]) -> None:
    script = first_task_of_a_new_container()
    script.end(task_id(1))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("3", "greater_than_sign")
        run = app.screen.query_one(RunView)

        def bar() -> list[str]:
            return [row for row in run.text.splitlines() if row and set(row) <= set("░▒█")]

        await until(pilot, lambda: [len(row) for row in bar()] == [BAR_CELLS])
        await pilot.resize_terminal(*size)
        await until(pilot, lambda: [len(row) for row in bar()] == [min(BAR_CELLS, run.room)])

    drive(script, steps)


def test_the_wait_for_a_container_to_start_is_told_apart_from_the_wait_in_the_queue() -> None:
    script = first_task_of_a_new_container()
    [task] = script.store.snapshot().functions["greet"].running
    bar, legend = words_of(time_lines(task, script.clock()))
    assert legend.split("   ")[:3] == ["░ queued 1.0 s", "▒ starting 2.0 s", "█ running 500 ms"]
    assert (bar.count("░"), bar.count("▒"), bar.count("█")) == (11, 24, 5)
    script.end(task_id(1))
    script.queue("greet", task_id(2))
    script.start("greet", task_id(2), "c-1")
    [task] = script.store.snapshot().functions["greet"].running
    assert task.starting_s == 0.0, "the container was there already"


def test_of_a_past_task_it_is_told_when_it_ended_and_what_was_not_kept() -> None:
    task = busy_script(Clock()).store.snapshot().functions["greet"].ended[-1]
    past = PastContents(
        place=1, task=replace(task, payload=b""), lines=(), payload_bytes=3_000_000, body_bytes=900, ended_time_s=0.0
    )
    shown = "\n".join(words_of(run_lines(past.task, function=None, now_s=0.0, past=past)))
    assert ", from the history" in shown
    assert "Request  2.9 MB" in shown
    assert "too large for the history: not kept" in shown
    assert "… the history kept the first 27 B" in shown


def test_arrows_fold_and_unfold_json_in_the_run_pane() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: object) -> None:
        await to_function(pilot, "greet")
        await pilot.press("greater_than_sign", "3")
        view = board(app).run_view
        assert '"greeting": "Hello' in view.text
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: "▸ 1 key" in view.text and '"greeting"' not in view.text)
        await pilot.press("right")
        await until(pilot, lambda: '"greeting": "Hello' in view.text)

    drive(busy_script(Clock()), steps)
