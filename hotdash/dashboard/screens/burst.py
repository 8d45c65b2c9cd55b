"""`BurstScreen`: asks how many calls, and how many of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from hotdash.dashboard.burst import BURST_MOST
from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.dashboard.titles import title_of
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

ASKED_ABOVE = 100  # calls
_BETWEEN = frozenset({"space", "comma"})  # `50 8` is two numbers


class BurstAnswer(Struct, frozen=True, kw_only=True):
    """How many calls, and how many of them at once."""

    calls: int = 20
    at_once: int = 8


class NumberInput(Input):
    """A line that takes digits. Any other character it refuses, aloud: left out in silence, `50 8` became 508."""

    class Refused(Message):
        """A character was typed that is no digit."""

        def __init__(self, character: str) -> None:
            self.character = character
            super().__init__()

    def __init__(self, number: int, *, widget_id: str) -> None:
        super().__init__(str(number), restrict="[0-9]*", max_length=len(str(BURST_MOST)), id=widget_id)

    def on_key(self, event: events.Key) -> None:
        """Digits are typed; what stands between numbers goes to the next one; all else is refused."""
        if event.is_printable and event.character is not None and not event.character.isdigit():
            event.stop()
            event.prevent_default()
            if event.key in _BETWEEN:
                self.screen.focus_next()
            else:
                self.post_message(self.Refused(event.character))


class BurstScreen(ModalScreen[BurstAnswer | None]):
    """Gives the numbers, or None.

    Args:
        function: Whose burst it is.
        initial: What stands there at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, *, function: str, initial: BurstAnswer) -> None:
        super().__init__()
        self._function = plain(function)
        self._calls = NumberInput(initial.calls, widget_id="burst")
        self._at_once = NumberInput(initial.at_once, widget_id="burst-at-once")
        self._fault = Static("", classes="dialog-fault", markup=False)

    def compose(self) -> ComposeResult:
        """The numbers above what is wrong with them above the keys."""
        with Vertical(classes="dialog dialog--small") as dialog:
            dialog.border_title = f"Burst: {title_of(self._function)}"
            yield Horizontal(Label("Calls", classes="dialog-name"), self._calls, classes="dialog-row")
            yield Horizontal(Label("At most at once", classes="dialog-name"), self._at_once, classes="dialog-row")
            yield self._fault
            yield Static("enter  send    tab  the other one    esc  back", classes="dialog-keys", markup=False)

    def on_number_input_refused(self, message: NumberInput.Refused) -> None:
        """Says why nothing was typed."""
        self._fault.update(f"digits alone, not {plain(message.character)!r}; tab or space goes to the other number")

    def on_input_changed(self) -> None:
        """What was wrong may be so no more."""
        self._fault.update("")

    def on_input_submitted(self) -> None:
        """Gives the numbers, if they are any; many calls only once the user has said yes."""
        answer = BurstAnswer(calls=_number(self._calls), at_once=_number(self._at_once))
        for what, number in (("calls", answer.calls), ("at most at once", answer.at_once)):
            if not 1 <= number <= BURST_MOST:
                self._fault.update(f"{what}: a number from 1 to {BURST_MOST:,}")
                return
        if answer.calls <= ASKED_ABOVE:
            self.dismiss(answer)
            return

        def send(is_yes: bool | None) -> None:
            if is_yes:
                self.dismiss(answer)

        question = f"Send {answer.calls:,} calls to {self._function}, at most {answer.at_once:,} at once?"
        self.app.push_screen(ConfirmScreen(question=question, yes="send", no="back"), send)

    def action_back(self) -> None:
        """No call."""
        self.dismiss(None)


def _number(line: Input) -> int:
    return int(line.value) if line.value.isdecimal() else 0
