"""Filters and searches of the panes of text: what is marked, hidden, gone to, and told."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, drive, until
from deploy_story import deploys_script
from test_dashboard_keys import board, toasts
from test_deploys_tab import open_deploys, rows
from test_log_keys import note, typed

from hotdash.dashboard.action import Pane
from hotdash.dashboard.actions import footer_actions
from hotdash.dashboard.body_lines import body_lines
from hotdash.dashboard.filters import parse_filter
from hotdash.dashboard.json_lines import ITEMS_SHOWN, json_lines
from hotdash.dashboard.lines import text, unstyled
from hotdash.dashboard.text_rows import TextRows

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp
    from hotdash.dashboard.widgets.text_view import TextView

DEEP = {"a": {"b": {"c": {"d": {"needle": 1}}}}, "z": {"y": {"x": {"w": {"hay": 2}}}}}


def answered(body: bytes, task: str = "ab" * 12) -> Script:
    """`greet` has answered this."""
    script = Script(Clock())
    script.function("greet")
    script.container("greet", "c-aaaaaa")
    script.queue("greet", task, b"asked")
    script.start("greet", task, "c-aaaaaa")
    script.end(task, body=body)
    return script


async def open_run(pilot: Pilot[None]) -> TextView:
    """The Run tab, with the focus."""
    await pilot.press("greater_than_sign", "3")
    view = board(pilot.app).run_view  # type: ignore[arg-type]
    await until(pilot, lambda: view.has_focus and "Answer" in view.text)
    return view


def seen(view: TextView) -> list[str]:
    """The rows that one sees."""
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def reversed_words(view: TextView) -> list[str]:
    """What is marked in the rows that one sees."""
    segments = [segment for y in range(view.size.height) for segment in view.render_line(y)]
    return [segment.text for segment in segments if segment.style is not None and segment.style.reverse]


# --- Run --------------------------------------------------------------------------------------------------------------


def test_slash_in_run_marks_matches_among_all_lines_n_goes_round_them_and_escape_ends_it() -> None:
    body = "\n".join(f"row {at}" + (" odd" if at % 50 == 49 else "") for at in range(200)).encode()

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        view = await open_run(pilot)
        await typed(pilot, "odd")
        await until(pilot, lambda: note(app) == "1/4 matches, all lines /odd")
        assert view.has_focus
        assert "  row 49 odd" in seen(view), "the first one has come into sight"
        assert reversed_words(view) == ["odd"]
        for key, number, row in (("n", 2, "row 99 odd"), ("N", 1, "row 49 odd"), ("N", 4, "row 199 odd")):
            await pilot.press(key)
            assert note(app).startswith(f"{number}/4 matches")
            assert f"  {row}" in seen(view)
        await pilot.press("escape")
        await until(pilot, lambda: note(app) == "" and view.has_focus)
        assert reversed_words(view) == []
        await pilot.press("n")
        assert "nothing is searched for: / does" in toasts(app)

    drive(answered(body), steps)


def test_ampersand_in_run_hides_all_but_the_matches_and_an_inverted_filter_does_so_by_itself() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        view = await open_run(pilot)
        await typed(pilot, "two|four")
        await pilot.press("ampersand")
        await until(pilot, lambda: view.text == "  two\n  four")
        assert note(app) == "1/2 matches /two|four"
        await pilot.press("ampersand")
        await until(pilot, lambda: "  three" in view.text)
        assert note(app) == "1/2 matches, all lines /two|four"
        await typed(pilot, "!o")
        await until(pilot, lambda: "  two" not in view.text)
        assert "  three" in view.text
        assert note(app) == "/!o"
        await pilot.press("n")
        assert "no line matches" in toasts(app)

    drive(answered(b"one\ntwo\nthree\nfour"), steps)


def test_a_search_in_run_unfolds_the_json_that_has_a_match_and_folds_it_again_after() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        view = await open_run(pilot)
        assert "needle" not in view.text
        await typed(pilot, "needle")
        await until(pilot, lambda: '"needle": 1' in view.text)
        assert "hay" not in view.text
        assert note(app) == "1/1 match, all lines /needle"
        await pilot.press("escape")
        await until(pilot, lambda: "needle" not in view.text)

    drive(answered(json.dumps(DEEP).encode()), steps)


def test_another_task_is_searched_for_the_same_from_its_own_first_match() -> None:
    script = answered(b"plain")
    script.queue("greet", "cd" * 12, b"asked")
    script.start("greet", "cd" * 12, "c-aaaaaa")
    script.end("cd" * 12, body=b"a plain one")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        view = await open_run(pilot)
        await typed(pilot, "plain")
        await until(pilot, lambda: note(app).startswith("1/1 match"))
        await pilot.press("2", "j", "3")
        await until(pilot, lambda: view.has_focus and view.text.endswith("  plain"))
        await until(pilot, lambda: note(app).startswith("1 match"))
        await pilot.press("n")
        assert note(app).startswith("1/1 match")

    drive(script, steps)


@pytest.mark.parametrize(
    ("depth", "pattern", "has", "has_not"),
    [
        (0, "needle", ['"needle": 1', '"z": { ▸ 1 key }'], ["hay"]),
        (0, "!needle", ["{ ▸ 2 keys }"], ["needle", "hay"]),
        (1, '"b"', ['"b": { ▸ 1 key }'], ['"c"', "hay"]),
        (9, "nowhere", ['"needle": 1', '"hay": 2'], ["▸"]),
    ],
)
def test_json_is_unfolded_where_it_matches(depth: int, pattern: str, has: list[str], has_not: list[str]) -> None:
    shown = "\n".join(map(unstyled, json_lines(DEEP, depth=depth, found=parse_filter(pattern))))
    assert all(words in shown for words in has)
    assert not any(words in shown for words in has_not)


def test_items_beyond_those_that_are_shown_are_shown_where_they_match() -> None:
    value = [f"item {at}" for at in range(ITEMS_SHOWN + 50)]
    shown = [unstyled(line).strip() for line in json_lines(value, depth=1, found=parse_filter("item 120"))]
    assert shown[ITEMS_SHOWN + 1 :] == ["… 20 more; y copies all", '"item 120",', "… 29 more; y copies all", "]"]


def test_a_long_body_is_searched_without_being_drawn() -> None:
    """Its lines are laid out once for a question; of them, only the seen ones become strips."""
    body = json.dumps([{"name": f"n{at}", "tags": ["a", "b"]} for at in range(4_000)]).encode()
    found = parse_filter("n3999")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        view = await open_run(pilot)
        await typed(pilot, "n3999")
        await until(pilot, lambda: '"name": "n3999"' in "\n".join(seen(view)))
        assert len(view._strips) <= 2 * view.size.height

    drive(answered(body), steps)
    first = body_lines(body, {}, depth=3, found=found)
    began_s = time.perf_counter()
    assert body_lines(body, {}, depth=3, found=found) is first
    assert time.perf_counter() - began_s < 1.0


def test_where_the_tabs_leave_no_room_the_panes_foot_tells_of_the_search() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        view = await open_run(pilot)
        await typed(pilot, "[/foo]|one")
        await until(pilot, lambda: view.has_focus)
        box = board(app).boxes[3]
        told = "matches, all lines /\\[/foo]|one"
        await until(
            pilot, lambda: str(box.border_subtitle).startswith("1/") and str(box.border_subtitle).endswith(told)
        )
        await pilot.press("escape")
        await until(pilot, lambda: not box.border_subtitle)

    drive(answered(b"one"), steps, size=(100, 30))


# --- rows -------------------------------------------------------------------------------------------------------------


def test_rows_belong_to_the_lines_that_wrapping_cut_them_from() -> None:
    cut = TextRows(hang=2)
    cut.arrange([text("short"), text("long " * 10), text("end")], width=20, found=None, is_hiding=False)
    assert [cut.at(row) for row in range(-1, len(cut) + 1)] == [None, (0, 0), (1, 0), (1, 1), (1, 2), (2, 0), None]
    assert [cut.row_of(place) for place in range(3)] == [0, 1, 4]
    cut.arrange([text("short"), text("long " * 10), text("end")], width=20, found=parse_filter("d$"), is_hiding=True)
    assert ([*map(unstyled, cut.shown)], cut.hits, len(cut)) == (["end"], [0], 1)


# --- the other panes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("^r2", ["r2"]),
        ("live", ["r3"]),
        ("SyntaxError", ["-"]),
        ("old\\.bin", ["-", "r2"]),
        ("!kept", ["-", "r3"]),
    ],
)
def test_slash_in_deploys_keeps_rows_by_revision_state_cause_and_file(pattern: str, kept: list[str]) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = await open_deploys(pilot, "greet")
        assert len(rows(screen)) == 4
        await typed(pilot, pattern)
        await until(pilot, lambda: [row.split()[0] for row in rows(screen)] == kept)
        assert screen.deploys.table.has_focus
        assert note(app).endswith(f"/{pattern}")
        await pilot.press("escape")
        await until(pilot, lambda: len(rows(screen)) == 4)

    drive(deploys_script(Clock()), steps)


def test_n_in_deploys_goes_among_the_matches_in_what_is_told_of_the_selected_one() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = await open_deploys(pilot, "greet")
        await typed(pilot, "syntaxerror")
        await until(pilot, lambda: note(app) == "1 deploy /syntaxerror")
        await pilot.press("n", "n")
        assert note(app) == "2/2 matches /syntaxerror"
        assert "SyntaxError" in reversed_words(screen.deploys.detail)
        await typed(pilot, "nothing like it")
        await until(pilot, lambda: rows(screen) == [])
        assert "no deploy matches the filter" in screen.deploys.table.render_line(1).text
        assert screen.deploys.detail.text == ""

    drive(deploys_script(Clock()), steps)


def test_stats_says_what_to_do_instead_and_neither_its_footer_nor_its_tab_offers_a_filter() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press(*["greater_than_sign"] * 3, "3")
        assert board(app).focused_pane is Pane.STATS
        for key in ("slash", "n", "N"):
            app._notifications.clear()
            controls.script.clock.at += 10  # type: ignore[attr-defined]  # long enough for it to be said again
            await pilot.press(key)
            assert [told.split(":")[0] for told in toasts(app)] == ["Stats draws all of what is selected"]
        await pilot.press("ampersand")
        assert "Logs and Run can show all lines, or only those that match" in toasts(app)
        assert not {"filter", "next_match", "toggle_hiding"} & {action.id for action in footer_actions(Pane.STATS)}

    drive(answered(b"ok"), steps)
