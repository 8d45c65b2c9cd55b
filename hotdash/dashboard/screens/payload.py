"""`PayloadScreen`: edits a payload and its headers before the call. `BurstScreen`: asks how many calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from hotdash.dashboard import words
from hotdash.dashboard.invoker import BURST_MOST, Payload, parse_headers
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from textual.app import ComposeResult


_EDITED_BYTES = 64 * 1024  # a text area takes seconds for megabytes


class PayloadScreen(ModalScreen[Payload | None]):
    """Gives the payload to invoke with, or None if the user went back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5", "send", show=False, priority=True),
        Binding("escape", "back", show=False, priority=True),
    ]

    def __init__(self, *, function: str, payload: Payload) -> None:
        super().__init__()
        self._function = function
        self._payload = payload
        self._kept = _why_kept(payload.body)
        self._shown = "" if self._kept else payload.body.decode()
        self._fault = Static("", classes="dialog-fault", markup=False)

    def compose(self) -> ComposeResult:
        """Payload above headers above keys."""
        headers = "\n".join(f"{name}: {value}" for name, value in self._payload.headers.items())
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = f"Invoke {plain(self._function)}".replace("[", r"\[")
            yield Static("Payload", classes="dialog-label", markup=False)
            body = TextArea(self._shown, id="payload", soft_wrap=True, tab_behavior="focus")
            body.placeholder = self._kept
            yield body
            yield Static("Headers, a `Name: value` a line", classes="dialog-label", markup=False)
            yield TextArea(headers, id="headers", tab_behavior="focus")
            yield self._fault
            yield Static("ctrl+s  invoke     esc  back     tab  headers", classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        """The payload first, all of it selected: what is typed replaces it."""
        body = self.query_one("#payload", TextArea)
        body.focus()
        body.select_all()

    def action_send(self) -> None:
        """Gives the payload, unless a header is wrong: then says so."""
        typed = self.query_one("#payload", TextArea).text
        try:
            headers = parse_headers(self.query_one("#headers", TextArea).text)
        except ValueError as error:
            self._fault.update(str(error))
            return
        # What was not touched goes as it came: a text area knows no lone CR, and no binary.
        body = (
            self._payload.body
            if typed == self._shown.replace("\r\n", "\n")
            else typed.encode("utf-8", "surrogateescape")
        )
        self.dismiss(Payload(body=body, headers=headers))

    def action_back(self) -> None:
        """No call."""
        self.dismiss(None)


def _why_kept(body: bytes) -> str:
    """Why a payload is not put into the editor, but sent as it is unless something is typed; empty if it is."""
    size = words.size(len(body))
    if len(body) > _EDITED_BYTES:
        return f"{size} from the last call, kept as it is; type to replace"
    if words.start_of(body, len(body)) is None:
        return f"binary, {size}: sent as it is unless you type here"
    return ""


class BurstScreen(ModalScreen[int | None]):
    """Gives a number of calls, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", show=False)]

    def __init__(self, *, function: str) -> None:
        super().__init__()
        self._function = function

    def compose(self) -> ComposeResult:
        """The number above the keys."""
        with Vertical(classes="dialog dialog--small") as dialog:
            dialog.border_title = f"Burst: {plain(self._function)}".replace("[", r"\[")
            yield Static("How many calls at once?", classes="dialog-text", markup=False)
            yield Input("20", type="integer", max_length=len(str(BURST_MOST)), id="burst")
            yield Static("enter  invoke     esc  back", classes="dialog-keys", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Gives the number, between 1 and `BURST_MOST`."""
        if event.value.strip().isdigit():
            self.dismiss(max(1, min(BURST_MOST, int(event.value))))

    def action_back(self) -> None:
        """No call."""
        self.dismiss(None)
