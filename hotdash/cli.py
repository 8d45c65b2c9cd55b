"""The command line: the dashboard, and which other commands there are. Runs in the main thread.

With `hotdash.commands` it is the composition root: nothing else wires parts together.
"""

from __future__ import annotations

import asyncio
import gc
import os
import select
import shutil
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from hotdash.commands.exits import FAILED, INTERRUPTED, USAGE, explained, fail
from hotdash.commands.options import driver_option, folder_argument, http_option, memory_option
from hotdash.settings import load_settings

if TYPE_CHECKING:
    from types import FrameType

    from textual.app import App

    from hotdash.backstage import Backstage
    from hotdash.gateway.address import Address

# Each is a module of `hotdash.commands`, imported when it is called for: none of them is for the dashboard.
_COMMANDS = ("invoke", "serve", "test", "init", "doctor")

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STUCK_S = 5.0  # so long a screen that was told to end may take
_GONE_S = 1.0  # so often whether the terminal is still there is looked at
_QUIT_S = 2.0  # leaving the screen: the user was asked if tasks ran, so they get no more than this


class Closeable(Protocol):
    """What is closed at the end."""

    def close(self) -> object:
        """Ends it."""
        ...


class DashboardByDefault(click.Group):
    """`hotdash DIR` is `hotdash dashboard DIR`: the first word is a command only if there is one of that name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the command in where the user left it out."""
        if not args or (args[0] not in self.list_commands(ctx) and args[0] not in {"-h", "--help", "--version"}):
            args = ["dashboard", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """In the order of the README."""
        return [*self.commands, *_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(f"hotdash.commands.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101  for mypy
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Ctrl-C at any moment has the contract's exit code; click's own would be 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            fail(INTERRUPTED, "interrupted")


@click.group(cls=DashboardByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hotdash", prog_name="hotdash")
def main() -> None:
    """Develop functions in hot containers: see them, invoke them; save, and they are live.

    `hotdash [DIR]` opens the dashboard on the functions in DIR (the current folder by default); for its options see
    `hotdash dashboard --help`. Keys, theme and limits are yours to set in config.toml: `?` on the screen and
    `hotdash doctor` name its folder.
    """
    if sys.stderr is None:  # who closed it before the start wants to hear nothing
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  until the end


@main.command()
@folder_argument
@driver_option
@memory_option
@http_option(default=None)
@click.option("--no-watch", is_flag=True, help="Let changes wait until d or w asks for them.")
@click.option("--poll", is_flag=True, help="Look for changes twice a second: for network and container mounts.")
def dashboard(
    folder: Path, driver: str | None, memory_mb: int | None, address: Address | None, *, no_watch: bool, poll: bool
) -> None:
    """The dashboard on the functions in DIR."""
    if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):  # the last is what Textual draws on
        fail(USAGE, "the dashboard needs a terminal; to call a function without one: hotdash invoke DIR NAME")
    gc.disable()  # until all is open: what is imported and made until then stays, and is looked at in vain
    from hotdash.backstage import Backstage, Plan  # noqa: PLC0415
    from hotdash.clock import SystemClock  # noqa: PLC0415
    from hotdash.dashboard.app import HotdashApp  # noqa: PLC0415  Textual is for the dashboard alone
    from hotdash.dashboard.live import LiveControls  # noqa: PLC0415
    from hotdash.dashboard.taste import taste_of  # noqa: PLC0415
    from hotdash.store import Store  # noqa: PLC0415
    from hotdash.store.history import History, HistoryLimits  # noqa: PLC0415
    from hotdash.store.kept_theme import KeptTheme  # noqa: PLC0415
    from hotdash.store.payloads import PayloadBook  # noqa: PLC0415

    folder = folder.resolve()
    loaded = load_settings()
    limits = loaded.settings.limits
    plan = Plan(
        folder=folder,
        driver=driver or loaded.settings.driver,
        memory_mb=memory_mb or limits.memory_mb,
        is_watching=loaded.settings.watch and not no_watch,
        polls=poll or None,
        http=address,
    )
    store, clock = Store(lines_kept=limits.log_lines), SystemClock()
    controls = LiveControls(folder=folder, now_s=clock.now, watching=plan.is_watching)
    history: History | None = None
    if limits.history_mb:
        history = History(root=folder, on_fault=controls.note, limits=HistoryLimits.of(limits))
    book = PayloadBook(path=loaded.path.with_name("payloads.json"), on_fault=controls.note)
    theme = KeptTheme(path=loaded.path.with_name("theme"), on_fault=controls.note)
    backstage = Backstage(
        plan=plan,
        store=store,
        controls=controls,
        history=history,
        clock=clock,
    )

    def begin() -> None:
        loop = asyncio.get_running_loop()

        def leave() -> None:
            with suppress(RuntimeError):  # the screen was left meanwhile
                loop.call_soon_threadsafe(partial(app.exit, return_code=FAILED))

        backstage.open(on_failed=leave)

    app = HotdashApp(
        store,
        controls,
        archive=history,
        book=book,
        taste=taste_of(loaded),
        kept_theme=theme,
        on_painted=begin,
    )
    tell, threading.excepthook = threading.excepthook, controls.tell_of_fault  # a traceback would cross the screen
    try:
        asyncio.run(_show(app, backstage))
    finally:
        threading.excepthook = tell
        _close(backstage, book, theme, history)
    with explained():
        if backstage.error is not None:
            raise backstage.error
    raise click.exceptions.Exit(app.return_code or 0)


def _close(backstage: Backstage, *parts: Closeable | None) -> None:
    """Closes what is behind the screen, then these in their order."""
    for number in _ENDS:  # it is ending; a second signal must not keep it from ending well
        signal.signal(number, signal.SIG_IGN)
    backstage.close(_QUIT_S)
    for part in parts:
        if part is not None:
            part.close()


async def _show(app: App[None], backstage: Backstage) -> None:
    """Runs the screen until it is left, or a signal (a closed terminal's, too) ends it as `q` would, unasked, with 130.

    A screen that does not end is ended: a thread (`end`, a timer) gives it some seconds, then closes the runtime and
    leaves: it is stuck where the terminal has gone away while an editor had it. The timer is not taken back: whatever
    is stuck after the screen is ended likewise, and what is not has ended by then.
    """
    loop = asyncio.get_running_loop()

    def force() -> None:
        try:
            backstage.close_runtime(0)
        finally:
            os._exit(INTERRUPTED)

    forced = threading.Timer(_STUCK_S, force)
    forced.name, forced.daemon = "end", True

    def end(_number: int, _frame: FrameType | None) -> None:
        with suppress(RuntimeError):  # a second signal: the timer runs already
            forced.start()
        with suppress(RuntimeError):  # the loop has just closed
            loop.call_soon_threadsafe(lambda: app.exit(return_code=INTERRUPTED))

    for number in _ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    looking = loop.create_task(_terminal_gone(sys.stdin.fileno()))
    looking.add_done_callback(lambda task: None if task.cancelled() else end(signal.SIGHUP, None))
    # A terminal may tell no size (0 by 0, as `expect` leaves it). Textual then takes 80 by 25 for its first picture and
    # 80 by 24 from its driver a moment later, of which each brings back the other, and it paints without end.
    columns, lines = shutil.get_terminal_size()  # as its driver looks it up
    await app.run_async(size=(columns, lines))
    looking.cancel()


async def _terminal_gone(fd: int) -> None:
    """Returns once the terminal has hung up.

    Whoever ignores SIGHUP (`nohup`), or has no controlling terminal, is not told of it; Textual would read the end of
    its input for ever, as fast as it can.
    """
    looked = select.poll()
    looked.register(fd, 0)  # what is asked for is a hang-up alone, which is always told
    while not looked.poll(0):  # noqa: ASYNC110  no event of asyncio tells of a hang-up alone
        await asyncio.sleep(_GONE_S)
