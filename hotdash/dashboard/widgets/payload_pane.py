"""`PayloadPane`: where a payload and its headers are edited. What stands here is what `enter` sends.

The editors are made when the pane is first opened: they cost more than all else on the screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from hotdash.dashboard.finding import Finding
from hotdash.dashboard.invoker import parse_headers
from hotdash.dashboard.lines import Line, Tone
from hotdash.dashboard.payload_words import is_json, verdict, why_kept
from hotdash.dashboard.widgets.text_view import TextView
from hotdash.store.payloads import Payload

if TYPE_CHECKING:
    from textual import events
    from textual.widgets import TextArea

    from hotdash.dashboard.filters import Filter
    from hotdash.dashboard.widgets.editor_find import EditorFind
    from hotdash.dashboard.widgets.json_area import JsonArea


class PayloadPane(Vertical, can_focus=True):
    """Edits one function's payload at a time. With the focus on the pane itself, keys act; in an editor they are typed.

    Attributes:
        function: Whose payload it is; empty before the first.
        fault: What is wrong with the headers; empty if nothing is.
    """

    class Edited(Message):
        """The user has changed the payload or a header, and both can be sent."""

        def __init__(self, function: str, payload: Payload) -> None:
            self.function = function
            self.payload = payload
            super().__init__()

    def __init__(self, *, widget_id: str | None = None) -> None:
        super().__init__(id=widget_id)
        self.function = ""
        self.fault = ""
        self._payload = Payload()  # as it is, its edits included
        self._original = Payload()  # as it was shown
        self._shown = ""
        self._kept = ""
        self._said: Line = ()
        self._note = TextView(widget_id="payload-note")
        self._note.can_focus = False
        self._body: JsonArea | None = None
        self._headers: JsonArea | None = None
        self._find: EditorFind | None = None
        self._is_editing = False

    def prepare(self) -> None:
        """Makes the editors, once."""
        if self._body is not None:
            return
        from hotdash.dashboard.widgets.editor_find import EditorFind  # noqa: PLC0415  as below
        from hotdash.dashboard.widgets.json_area import JsonArea  # noqa: PLC0415  slow to import, for this tab alone

        self._body = JsonArea("", id="payload", tab_behavior="focus", highlight_cursor_line=False, compact=True)
        self._headers = JsonArea("", id="headers", tab_behavior="focus", highlight_cursor_line=False, compact=True)
        self._headers.placeholder = "Name: value"
        self._find = EditorFind((self._body, self._headers))
        label = Static("Headers, a `Name: value` a line", classes="payload-label", markup=False)
        self.mount(self._note, self._body, label, self._headers)
        self._fill()

    def show(self, function: str, payload: Payload) -> None:
        """Shows a function's payload, unless that is what is being edited."""
        if function != self.function or payload != self._payload:
            self.function, self._payload, self._original = function, payload, payload
            self._fill()

    def replace(self, payload: Payload) -> None:
        """Puts a preset or a file in place of what stands here, as if it had been typed."""
        self.show(self.function, payload)
        self.post_message(self.Edited(self.function, payload))

    def tell(self, said: Line) -> None:
        """What became of the last call from here, below what the payload is."""
        self._said = said
        self._show_note()

    def edit(self) -> None:
        """The focus goes to the payload, all of it selected: what is typed replaces it."""
        self.prepare()
        if self._body is not None:
            self.screen.set_focus(self._body)  # at once: the next key may have come already
            self._body.select_all()

    # --- what is looked for -------------------------------------------------------------------------------------------

    @property
    def finding(self) -> Finding:
        """How the search stands."""
        return Finding() if self._find is None else self._find.finding

    def set_filter(self, found: Filter | None) -> None:
        """Marks another filter's matches, and selects the first from the cursor on; none if None."""
        if self._find is not None:
            self._find.set_filter(found)
            self._find.go(1, from_here=True)

    def go_to_match(self, direction: int) -> bool:
        """Selects the next match, or the one before; False if there is none."""
        if self._find is None or not self._find.go(direction):
            return False
        if self.has_focus_within and not self.has_focus:
            self._find.area.focus()
        return True

    def focus_found(self) -> None:
        """Back from where one types what is looked for: to the match, or to the pane if one came from there.

        In the pane itself keys act: who goes among matches with `n` must not type it over them.
        """
        target = self if self._find is None or not self._is_editing else self._find.area
        self.screen.set_focus(target)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The search goes on from where one is."""
        self._is_editing = self._find is not None and self._find.be_at(event.widget)

    def on_focus(self) -> None:
        """Keys act, and are not typed."""
        self._is_editing = False

    # --- what is edited -----------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        self._kept = why_kept(self._payload.body)
        self._shown = "" if self._kept else self._payload.body.decode()
        if self._body is None or self._headers is None:
            return
        self._body.placeholder = self._kept or "the payload; empty for none"
        self._body.load_text(self._shown)
        self._headers.load_text("\n".join(f"{name}: {value}" for name, value in self._payload.headers.items()))
        self.fault = ""
        self._colour()
        self._show_note()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Takes what was typed, if both parts can be sent."""
        event.stop()
        if self._body is None or self._headers is None:
            return
        typed = self._body.text
        try:
            headers = parse_headers(self._headers.text)
        except ValueError as error:
            self.fault = str(error)
            self._show_note()
            return
        self.fault = ""
        # What was not touched goes as it came: a text area knows no lone CR, and no binary.
        is_untouched = typed == self._shown.replace("\r\n", "\n")
        body = self._original.body if is_untouched else typed.encode("utf-8", "surrogateescape")
        fresh = Payload(body=body, headers=headers)
        if fresh != self._payload:
            self._payload = fresh
            self.post_message(self.Edited(self.function, fresh))
        self._colour()
        self._show_note()

    def _colour(self) -> None:
        """JSON in colours; anything else plain."""
        if self._body is not None:
            self._body.is_json = is_json(self._body.text, self._payload.headers)

    def _show_note(self) -> None:
        if self._body is None:
            return
        line: Line = ((self.fault, Tone.ERROR),) if self.fault else self._verdict()
        self._note.show((line, self._said) if self._said else (line,))

    def _verdict(self) -> Line:
        text = self._body.text if self._body is not None else ""
        return verdict(text, self._payload.headers, kept=self._kept)

    def on_resize(self, _event: events.Resize) -> None:
        """Few lines leave the headers fewer."""
        self.set_class(self.size.height < _LOW, "-low")


_LOW = 14  # lines
