"""`KeyTurns`: a key acts only once the one before it has. The screen's thread.

Textual gives a key to the focused widget, which types it if it is a letter; if nobody wants it, it goes up from widget
to widget, through a queue at each, to the app, which runs its action. So of keys that come in one go (a slow line, a
paste, a script) a letter is typed before the backspace that came first, and after `i`, which moves the focus, letters
are still taken for commands. Here a `Turn` follows each key through the same queues: when it has come to the app, the
key before it has been dealt with, and the next one goes on its way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App
    from textual.events import Event
    from textual.message_pump import MessagePump

_ROUNDS = 3  # a key's action may send messages itself, which go the same way, and they others: a field's `Submitted`
_LOOK_S = 0.1
_LOOKS = 5  # after which a turn is lost: a widget that is removed takes what waits in its queue with it


class Turn(Message):
    """Goes behind a key."""


class KeyTurns:
    """Holds keys back while one is on its way.

    Args:
        app: Whose keys.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._waiting: deque[Event] = deque()
        self._turn: Turn | None = None  # under way
        self._target: MessagePump = app  # where it began
        self._rounds = 0  # that are left
        self._looking: asyncio.TimerHandle | None = None

    def add(self, event: Event) -> None:
        """A key, or a paste, that the terminal has sent."""
        self._waiting.append(event)

    def take(self) -> Event | None:
        """The next of them, if there is one and it is its turn."""
        return self._waiting.popleft() if self._waiting and self._turn is None else None

    def follow(self, target: MessagePump) -> None:
        """Sends a turn after the key that was just given to a widget."""
        self._rounds = _ROUNDS - 1
        self._send(target)
        self._look_later(_LOOKS)

    def came(self, turn: Turn) -> None:
        """A turn has come to the app."""
        if turn is not self._turn or not self._app.screen_stack:  # it was given up; the app has been left
            return
        screen = self._app.screen
        if self._target is not self._app and not _is_within(self._target, screen):
            # The key has opened another screen, or closed one: the next is for what has the focus there.
            self._send(screen)
            return
        if self._target is not self._app and self._rounds:
            self._rounds -= 1
            self._send(self._target)
            return
        self._turn = None
        if self._looking is not None:
            self._looking.cancel()

    def _look_later(self, looks: int) -> None:
        """Counts looks and not time: while an action holds the loop, nothing comes, and nothing is lost."""
        loop = asyncio.get_running_loop()
        if looks:
            self._looking = loop.call_later(_LOOK_S, self._look_later, looks - 1)
        else:
            self._send(self._app)

    def _send(self, target: MessagePump) -> None:
        self._turn, self._target = Turn(), target
        if not target.post_message(self._turn):  # it is being removed
            self._target = self._app
            self._app.post_message(self._turn)


def _is_within(pump: MessagePump, screen: MessagePump) -> bool:
    """Whether a widget is of this screen."""
    above: MessagePump | None = pump
    while above is not None and above is not screen:
        above = above._parent
    return above is screen
