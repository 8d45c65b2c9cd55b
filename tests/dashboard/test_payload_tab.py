"""The Payload tab: what is typed is sent, checked, kept by name and after a restart, or comes from a file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, until
from test_dashboard_keys import board, edit, toasts
from textual.widgets import Input, Static, TextArea

from hotdash.dashboard.actions import Pane
from hotdash.dashboard.app import HotdashApp
from hotdash.dashboard.lines import Tone, unstyled
from hotdash.dashboard.payload_words import verdict
from hotdash.dashboard.screens.ask import AskScreen, ChooseScreen
from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.dashboard.widgets.json_area import JsonArea, tokens
from hotdash.functions.spec import FunctionTest
from hotdash.store.payloads import PayloadBook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from textual.pilot import Pilot

    Steps = Callable[[HotdashApp, Pilot[None], FakeControls], Awaitable[None]]


def show(tmp_path: Path, steps: Steps, *, has_book: bool = True) -> FakeControls:
    """Runs a screen with two functions, and payloads kept in a folder; ends it, and has them written."""
    script = Script(Clock())
    script.function("greet", tests=(FunctionTest(name="Ada", stdin="Ada"),))
    script.function("other")
    controls = FakeControls(script=script)

    async def run() -> None:
        book = PayloadBook(path=tmp_path / "payloads.json", on_fault=pytest.fail) if has_book else None
        app = HotdashApp(script.store, controls, book=book)
        async with app.run_test(size=(160, 45), notifications=True) as pilot:
            await pilot.pause()
            await steps(app, pilot, controls)
        assert book is None or book.close(10)

    asyncio.run(run())
    return controls


def note(app: HotdashApp) -> str:
    return board(app).payload.query_one("#payload-note").text  # type: ignore[attr-defined]


def test_what_is_typed_is_what_enter_sends_even_without_sending_it_first(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press(*"Zoe", "escape")
        await until(pilot, lambda: board(app).functions.has_focus)
        await pilot.press("enter")
        assert controls.submitted == [("greet", b"Zoe", {})]

    show(tmp_path, steps)


def test_f5_stays_and_tells_what_became_of_the_call(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press("f5")
        controls.script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: "queued" in note(app))
        assert board(app).focused_pane is Pane.PAYLOAD
        assert controls.submitted == [("greet", b"Ada", {})]

    show(tmp_path, steps)


def test_keys_that_act_elsewhere_are_typed_here_and_each_function_has_its_own(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press(*"q?dKxw1", "greater_than_sign")
        assert app.screen.query_one("#payload", TextArea).text == "q?dKxw1>"
        assert controls.calls == []
        await pilot.press("escape", "j", "i")
        await until(pilot, lambda: board(app).payload.function == "other")
        assert app.screen.query_one("#payload", TextArea).text == ""
        await pilot.press("escape", "k", "i")
        await until(pilot, lambda: app.screen.query_one("#payload", TextArea).text == "q?dKxw1>")

    show(tmp_path, steps)


def test_json_that_is_none_is_told_by_line_and_column_and_can_be_sent_all_the_same(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press(*'{"a": 1,', "enter", *"oops}")
        await until(pilot, lambda: "no JSON line 2, column 1" in note(app))
        await pilot.press(*["backspace"] * 5, *'"b": 2}')
        await until(pilot, lambda: "✓ JSON" in note(app))
        await pilot.press("ctrl+s")
        assert controls.submitted == [("greet", b'{"a": 1,\n"b": 2}', {})]

    show(tmp_path, steps)


def test_the_last_payload_is_there_after_a_restart_with_its_headers(tmp_path: Path) -> None:
    async def first(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press(*"Zoe", "tab", *"X-A: b", "ctrl+s")
        await until(pilot, lambda: controls.submitted)

    async def second(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("enter")
        assert controls.submitted == [("greet", b"Zoe", {"X-A": "b"})]

    show(tmp_path, first)
    show(tmp_path, second)


async def keep_as(app: HotdashApp, pilot: Pilot[None], name: str) -> None:
    await pilot.press("ctrl+t")
    await until(pilot, lambda: isinstance(app.screen, AskScreen))
    await pilot.press(*name, "enter")


def test_presets_are_kept_picked_after_a_restart_and_removed(tmp_path: Path) -> None:
    async def first(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press(*"Zoe")
        await keep_as(app, pilot, "")
        assert isinstance(app.screen, AskScreen), "without a name nothing is kept"
        await pilot.press(*"zoe", "enter")
        await until(pilot, lambda: any("kept as zoe" in toast for toast in toasts(app)))

    async def second(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        for moves, expected in (((), b"Zoe"), (("j",), b"Ada")):
            await pilot.press("ctrl+r")
            await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
            await pilot.press(*moves, "enter")
            await until(pilot, lambda: board(app).payload.has_focus_within)
            await pilot.press("ctrl+s")
            await until(pilot, lambda: controls.submitted)
            assert controls.submitted.pop() == ("greet", expected, {})
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, ChooseScreen))
        ways = app.screen.query_one(".dialog-keys", Static)
        await until(pilot, lambda: "x  remove" in str(ways.render()))
        await pilot.press("j")
        await until(pilot, lambda: "stands in its file: not removed here" in str(ways.render()))
        await pilot.press("x")
        assert isinstance(app.screen, ChooseScreen), "a test of the function's file cannot be removed here"
        await pilot.press("k", "x")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: board(app).book.presets("/work/functions/greet") == {})  # type: ignore[union-attr]

    show(tmp_path, first)
    show(tmp_path, second)
    assert PayloadBook(path=tmp_path / "payloads.json", on_fault=pytest.fail).presets("/work/functions/greet") == {}


def test_a_file_becomes_the_payload_and_a_bad_path_says_why_not(tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text('{"from": "a file"}')

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        app.screen.query_one(Input).value = str(tmp_path / "none")
        await pilot.press("enter")
        assert isinstance(app.screen, AskScreen)
        app.screen.query_one(Input).value = str(tmp_path / "in.json")
        await pilot.press("enter")
        await until(pilot, lambda: board(app).payload.has_focus_within)
        assert app.screen.query_one("#payload", TextArea).text == '{"from": "a file"}'
        await pilot.press("ctrl+s")
        assert controls.submitted == [("greet", b'{"from": "a file"}', {})]

    show(tmp_path, steps)


@pytest.mark.parametrize(("key", "said"), [("ctrl+t", "presets are not kept"), ("ctrl+r", "presets are not kept")])
def test_without_a_book_the_keys_say_so(tmp_path: Path, key: str, said: str) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press(key)
        assert toasts(app) == [said]

    show(tmp_path, steps, has_book=False)


@pytest.mark.parametrize(
    ("text", "headers", "kept", "said"),
    [
        ("", {}, "", "empty"),
        ("Ada", {}, "", "3 B"),
        ("[1]", {}, "", "✓ JSON  3 B"),
        ("[1", {}, "", "✗ no JSON line 1, column 3: Expecting ',' delimiter"),
        ("Ada", {"content-TYPE": "application/json"}, "", "✗ no JSON line 1, column 1: Expecting value"),
        ("{", {"Content-Type": "text/plain"}, "", "1 B"),
        ("[" * 100_000, {}, "", "✗ no JSON maximum recursion depth exceeded while decoding a JSON array"),
        ("", {}, "binary, 3 B", "binary, 3 B"),
    ],
)
def test_the_verdict(text: str, headers: dict[str, str], kept: str, said: str) -> None:
    assert unstyled(verdict(text, headers, kept=kept)).startswith(said)


def test_json_is_coloured_by_what_it_is() -> None:
    line = '  "a\\"b": ["c: 1", -2.5e3, true, null], "open'
    found = [(line[start:end], tone) for start, end, tone in tokens(line)]
    assert found == [
        ('"a\\"b"', Tone.ACCENT),
        ('"c: 1"', Tone.SUCCESS),
        ("-2.5e3", Tone.WARNING),
        ("true", Tone.WARNING),
        ("null", Tone.WARNING),
        ('"open', Tone.SUCCESS),
    ]


# --- find -------------------------------------------------------------------------------------------------------------


async def find(pilot: Pilot[None], *typed: str) -> JsonArea:
    """The payload, with a search on."""
    await edit(pilot)
    screen = board(pilot.app)  # type: ignore[arg-type]
    body, headers = screen.query_one("#payload", JsonArea), screen.query_one("#headers", JsonArea)
    body.text = '{"name": "Ada", "x": 1}\n{"name": "Zoe"}'
    headers.text = "X-Name: b"
    body.move_cursor((0, 3))
    await pilot.press("ctrl+f", *typed)
    await until(pilot, lambda: screen.finding.found is not None)
    return body


def tab_note(app: HotdashApp) -> str:
    return unstyled(board(app).tabs.note).strip()


def test_ctrl_f_finds_from_the_cursor_on_and_f3_goes_round_the_payload_and_the_headers(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        body = await find(pilot, *"name")
        headers = board(app).query_one("#headers", JsonArea)
        await until(pilot, lambda: body.selected_text == "name" and body.selection.start == (1, 2))
        assert tab_note(app) == "2/3 matches /name"
        await pilot.press("f3")
        assert (tab_note(app), headers.selected_text) == ("3/3 matches /name", "Name")
        await pilot.press("enter")
        await until(pilot, lambda: headers.has_focus)
        await pilot.press("f3")
        await until(pilot, lambda: body.has_focus)
        assert (tab_note(app), body.selection.start) == ("1/3 matches /name", (0, 2))
        for number, key in ((3, "f2"), (2, "shift+f3"), (1, "f2")):
            await pilot.press(key)
            assert tab_note(app) == f"{number}/3 matches /name"
        marked = [segment.text for segment in body.render_line(1) if segment.style and segment.style.reverse]
        assert marked == ["name"], "the others are marked, too"
        await pilot.press("escape")
        await until(pilot, lambda: tab_note(app) == "" and body.has_focus)
        assert not [segment for segment in body.render_line(1) if segment.style and segment.style.reverse]
        await pilot.press("escape")
        await until(pilot, lambda: board(app).functions.has_focus)

    show(tmp_path, steps)


def test_what_is_typed_replaces_the_match_and_all_keys_but_those_of_finding_are_typed_as_before(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        body = await find(pilot, *"Ada", "enter")
        await until(pilot, lambda: body.has_focus and body.selected_text == "Ada")
        await pilot.press("slash", "n", "exclamation_mark", "N", "o", "space", "q")
        assert body.text.startswith('{"name": "/n!No q"')
        await pilot.press("f3")
        assert "nothing matches" in toasts(app)
        await pilot.press("ctrl+s")
        assert controls.submitted == [("greet", body.text.encode(), {"X-Name": "b"})]

    show(tmp_path, steps)


@pytest.mark.parametrize(("typed", "matches"), [("!", 0), ("x|z", 3), ("(", None), ("[0-9]", 1)])
def test_a_search_is_a_regular_expression_that_inverts_nothing(tmp_path: Path, typed: str, matches: int | None) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await find(pilot, *"Zoe")
        await pilot.press(*["backspace"] * 3, *typed)
        await pilot.pause()
        if matches is None:
            assert board(app).finding.found is None, "the last good one was the empty one"
        else:
            await until(pilot, lambda: board(app).finding.hits == matches)
            assert not board(app).finding.found.inverted

    show(tmp_path, steps)


def test_a_search_from_the_pane_itself_goes_back_there_so_that_n_is_not_typed_over_a_match(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        body = await find(pilot, *"x")
        text = body.text
        await pilot.press("escape", "escape", "3", "greater_than_sign", "greater_than_sign")
        await until(pilot, lambda: board(app).payload.has_focus)
        await pilot.press("slash", *"name", "enter", "n", "n")
        await until(pilot, lambda: tab_note(app) == "1/3 matches /name")
        assert board(app).payload.has_focus
        assert body.text == text
        await pilot.press("N")
        assert tab_note(app) == "3/3 matches /name"
        await pilot.press("escape")
        await until(pilot, lambda: tab_note(app) == "" and board(app).payload.has_focus)

    show(tmp_path, steps)


def test_without_a_search_f3_says_which_key_begins_one(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await edit(pilot)
        await pilot.press("f3")
        assert "nothing is searched for: ctrl+f does" in toasts(app)
        await pilot.press("escape", "ctrl+f", *"other", "enter")
        await until(pilot, lambda: {item.key[1] for item in board(app).functions.items} == {"other"})

    show(tmp_path, steps)
