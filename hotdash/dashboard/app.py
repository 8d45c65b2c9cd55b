"""`HotdashApp`: the dashboard. It runs in the main thread, never blocks it, and on exit simply returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.events import Key, Paste
from textual.theme import BUILTIN_THEMES

from hotdash.dashboard.key_turns import KeyTurns, Turn
from hotdash.dashboard.keys import name_of
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.taste import Taste
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from textual.events import Event
    from textual.screen import Screen

    from hotdash.dashboard.ports import Controls
    from hotdash.store import Store
    from hotdash.store.history import History
    from hotdash.store.kept_theme import KeptTheme
    from hotdash.store.payloads import PayloadBook

_WIDE = 100  # cells: fewer, and the panes stand one above the other
_HIGH = 28  # lines


class HotdashApp(App[None]):
    """Shows a store, and makes things happen through controls.

    Args:
        store: What is shown; fed by someone else, from another thread.
        controls: What keys act on.
        on_painted: Called once, in the screen's thread, when the first picture stands: what is dear begins then.
        archive: The history; None where none is kept.
        book: Remembers payloads and presets; None where nothing does.
        taste: Theme, layout, limits and keys; the usual if None.
        kept_theme: Remembers the theme chosen here, for when the taste names none; None where nothing does.
    """

    CSS_PATH = Path(__file__).with_name("dashboard.tcss")
    TITLE = "hotdash"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = True

    def __init__(
        self,
        store: Store,
        controls: Controls,
        *,
        archive: History | None = None,
        book: PayloadBook | None = None,
        taste: Taste | None = None,
        kept_theme: KeptTheme | None = None,
        on_painted: Callable[[], object] | None = None,
    ) -> None:
        self._main: MainScreen | None = None
        self._taste = taste if taste is not None else Taste()  # before Textual asks for the style sheet's variables
        super().__init__()
        self._on_painted = on_painted
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (_HIGH, "-high")]
        self._store = store
        self._controls = controls
        self._archive = archive
        self._book = book
        self._kept_theme = kept_theme
        theme = self._taste.theme or (kept_theme.name if kept_theme is not None else None)
        if theme in BUILTIN_THEMES:
            self.theme = theme
        self._theme_told = self.theme
        self.set_keymap(self._taste.keys.keymap)
        self._turns = KeyTurns(self)

    def get_default_screen(self) -> Screen[None]:
        """The board, below everything."""
        self._main = MainScreen(
            store=self._store,
            controls=self._controls,
            taste=self._taste,
            book=self._book,
            archive=self._archive,
        )
        # Textual adds these when it tells the screen its size, and then styles all of it once more.
        width, height = self.size
        self._main.add_class("-wide" if width >= _WIDE else "-narrow", "-high" if height >= _HIGH else "-short")
        return self._main

    def on_ready(self) -> None:
        """The first picture stands."""
        if self._on_painted is not None:
            self._on_painted()

    async def on_event(self, event: Event) -> None:
        """Gives each key its turn; all else is Textual's."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self._turns.add(event)
            await self._deal()
        else:
            await super().on_event(event)

    async def on_turn(self, message: Turn) -> None:
        """All that the last key did is done."""
        message.stop()
        self._turns.came(message)
        await self._deal()

    async def _deal(self) -> None:
        while (event := self._turns.take()) is not None:
            target = self.focused or self.screen
            await super().on_event(event)
            if event.is_forwarded:
                self._turns.follow(target)

    def watch_theme(self, name: str) -> None:
        """Another theme was chosen: it is kept, unless the settings name one."""
        if self._main is None or name == self._theme_told:
            return
        self._theme_told = name
        mine, file = self._taste.theme, plain(str(self._taste.path or "config.toml"))
        if mine is not None:
            self._main.tell(f'theme {name}, until you quit: {file} says theme = "{mine}"')
        elif self._kept_theme is not None:
            self._kept_theme.keep(name)
            self._main.tell(f"theme {name}, from now on; a theme in {file} would go before it")

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The layout, for the style sheet."""
        return self._taste.css_variables

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002  Textual's signature
        """Every action of the table, and the theme."""
        for action in self._taste.keys.actions:
            if action.in_palette:
                description = f"{action.description} · {name_of(action)}"
                yield SystemCommand(f"{action.label}  ({action.shown})", description, self._runner(action.id))
        yield SystemCommand("theme", "Choose another theme", self.action_change_theme)
        if self._main is not None:
            file = plain(str(self._taste.path or "config.toml"))
            yield SystemCommand("config, remap keys", f"What may stand in {file}", self._main.show_settings_help)

    def _runner(self, action_id: str) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            if self._main is not None:
                await self._main.run_action(action_id)

        return run

    async def action_quit(self) -> None:
        """Textual's own way out asks, too."""
        if self._main is not None:
            self._main.action_quit()
