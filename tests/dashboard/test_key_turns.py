"""Keys that come in one go act in their order, each on what the one before it left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, Script, busy_script, drive, until
from textual.app import App
from textual.events import Key
from textual.keys import _character_to_key
from textual.message_pump import MessagePump
from textual.widgets import Input, TextArea

from hotdash.dashboard.key_turns import KeyTurns, Turn
from hotdash.functions.spec import FunctionTest

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message import Message

    from hotdash.dashboard.app import HotdashApp


def press(app: App[None], *keys: str) -> None:
    """All at once, as they come from a slow line."""
    for key in keys:
        app.post_message(Key(_character_to_key(key), key) if len(key) == 1 else Key(key, None))


def filter_text(app: HotdashApp) -> str:
    return next((field.value for field in app.screen_stack[0].query("#functions-filter Input").results(Input)), "")


def payload_text(app: HotdashApp) -> str:
    return next((area.text for area in app.screen_stack[0].query("#payload").results(TextArea)), "")


BACK_5 = ["backspace"] * 5


@pytest.mark.parametrize(
    ("keys", "value", "wanted"),
    [
        pytest.param([*"/remap", *BACK_5, *"key"], filter_text, "key", id="typed and taken back in a filter"),
        pytest.param([*"iHello", *BACK_5[:2], "X"], payload_text, "HelX", id="letters after the key to an editor"),
        pytest.param([*"?", "escape", *"/a"], filter_text, "a", id="a screen opened and closed between"),
        pytest.param(["escape", *"/ab", "enter", *"/c"], filter_text, "c", id="a filter kept, and opened again"),
    ],
)
def test_keys_in_one_go_act_in_their_order(keys: list[str], value: Callable[[HotdashApp], str], wanted: str) -> None:
    script = busy_script() if value is filter_text else Script(Clock())
    script.function("greet", tests=(FunctionTest(name="hello", stdin="Ada"),))

    async def steps(app: HotdashApp, pilot, _controls) -> None:
        press(app, *keys)
        await until(pilot, lambda: value(app) == wanted)

    drive(script, steps)


class Gone(MessagePump):
    """A widget that is removed with all that waits in its queue."""

    def post_message(self, _message: Message) -> bool:
        return True


def test_a_key_whose_widget_has_gone_with_its_turn_holds_up_no_other() -> None:
    class Typing(App[None]):
        def __init__(self) -> None:
            super().__init__()
            self.turns = KeyTurns(self)

        async def on_turn(self, turn: Turn) -> None:
            self.turns.came(turn)

    async def run() -> None:
        app = Typing()
        async with app.run_test() as pilot:
            keys = [Key(name, name) for name in "ab"]
            for key in keys:
                app.turns.add(key)
            assert app.turns.take() is keys[0]
            app.turns.follow(Gone())
            assert app.turns.take() is None, "the second waits"
            taken: list[object] = []
            await until(pilot, lambda: taken.append(app.turns.take()) or taken[-1] is keys[1])

    asyncio.run(run())
