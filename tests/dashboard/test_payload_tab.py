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
from hotdash.dashboard.widgets.json_area import tokens
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
