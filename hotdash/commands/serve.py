"""`hotdash serve`: functions behind HTTP, without a screen. Runs in the main thread."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from hotdash.commands.exits import FAILED, INTERRUPTED, fail, say
from hotdash.commands.options import driver_option, folder_argument, http_option, memory_option
from hotdash.commands.running import opened_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

    from hotdash.drivers.opening import OpenedDriver
    from hotdash.event_lines import EventLines
    from hotdash.gateway.address import Address
    from hotdash.gateway.server import Gateway
    from hotdash.redeploy.deployer import Deployer
    from hotdash.runtime.runtime import Runtime

_CLOSE_S = 10.0  # so long calls that run and wait may take, once it is told to end
_STEP_S = 0.2  # a signal that comes in the instant before a wait does not end it: none is longer than this
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@folder_argument
@http_option(default="127.0.0.1:8080")
@driver_option
@memory_option
@click.option("--no-watch", is_flag=True, help="Do not deploy on save.")
@click.option("--poll", is_flag=True, help="Look for changes twice a second: for network and container mounts.")
def serve(
    folder: Path, address: Address, driver: str | None, memory_mb: int | None, *, no_watch: bool, poll: bool
) -> None:
    """Serves the functions in DIR over HTTP, without a screen, until SIGTERM or ctrl-c.

    ANY /r/APP/PATH calls a function; GET /tasks/ID, /metrics and /health tell. What happens is told as JSON lines on
    standard output. Exit codes: 0 ended by SIGTERM, 1 it cannot listen or standard output is gone, 2 usage, 3 no
    driver, 130 interrupted.
    """
    from hotdash.event_lines import EventLines  # noqa: PLC0415  not for `--help`

    if sys.stdout is None:
        fail(FAILED, "events cannot be written to standard output: it is closed")
    end = End()

    def leave() -> None:
        end.ask(FAILED)  # first: standard error may take nothing either
        if lines.fault:
            say(f"events cannot be written to standard output: {lines.fault}")

    lines = EventLines(sys.stdout, on_gone=leave)
    lines.start()
    try:
        with (
            end.heeding_signals(),
            opened_runtime(driver, memory_mb=memory_mb, close_s=_CLOSE_S, heeds_signals=False) as (runtime, opened),
        ):
            end.may_wait()
            runtime.subscribe(lines)
            with _open(runtime, folder, address, watch=not no_watch, poll=poll) as parts:
                gateway, deployer = parts
                if end.wait(until=lambda: deployer.has_read):
                    lines.say("Serving", **_words(gateway, opened, folder))
                    end.wait(Notices(lines, deployer))
    except KeyboardInterrupt:
        if not end.is_asked:
            raise
    finally:
        lines.close()
    raise click.exceptions.Exit(end.code)


class End:
    """When it is to end, and with which code. Signals and threads ask; the main thread waits."""

    def __init__(self) -> None:
        self.code = 0
        self._asked = threading.Event()
        self._is_waiting = False

    @property
    def is_asked(self) -> bool:
        """Whether it is to end."""
        return self._asked.is_set()

    def may_wait(self) -> None:
        """From now on signals ask alone: `wait` is to come. Before, they interrupt what takes long: an engine, say."""
        self._is_waiting = True

    def ask(self, code: int) -> None:
        """Asks for the end; the first word stands."""
        if not self._asked.is_set():
            self.code = code
            self._asked.set()

    def wait(self, look: Callable[[], object] = lambda: None, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Waits until it is asked for, and looks at something meanwhile; or until something else is so.

        Returns:
            Whether that is so, and the end was not asked for.
        """
        while not self._asked.is_set():
            look()
            if until():
                return True
            self._asked.wait(_STEP_S)
        return False

    @contextmanager
    def heeding_signals(self) -> Iterator[None]:
        """Signals ask for the end, and a second one changes nothing: it ends within seconds anyway."""

        def heed(number: int, _frame: FrameType | None) -> None:
            is_first = not self.is_asked
            self.ask(INTERRUPTED if number == signal.SIGINT else 0)
            if is_first and not self._is_waiting:
                raise KeyboardInterrupt

        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, heed)
        yield


class Notices:
    """Tells what is wrong outside any deployed function, a broken function file say, as it comes up."""

    def __init__(self, lines: EventLines, deployer: Deployer) -> None:
        self._lines = lines
        self._deployer = deployer
        self._told: tuple[str, ...] = ()

    def __call__(self) -> None:
        """Looks."""
        notices = self._deployer.notices()
        for notice in notices:
            if notice not in self._told:
                self._lines.say("Notice", text=notice)
        self._told = notices


@contextmanager
def _open(
    runtime: Runtime, folder: Path, address: Address, *, watch: bool, poll: bool
) -> Iterator[tuple[Gateway, Deployer]]:
    """The gateway, the log file and the deployer; at the end calls have their answers before the gateway goes."""
    from hotdash.gateway.server import Gateway  # noqa: PLC0415  not for `--help`
    from hotdash.redeploy.deployer import Deployer  # noqa: PLC0415
    from hotdash.store.logfile import LogFile  # noqa: PLC0415

    deployer = Deployer(runtime=runtime, folder=folder.resolve(), watch=watch, polls=poll or None)
    gateway = Gateway(runtime=runtime, address=address, is_ready=lambda: deployer.has_read)
    log_file = LogFile(on_error=say)
    runtime.subscribe(log_file)
    try:
        gateway.start()
        deployer.start()
        yield gateway, deployer
    finally:
        gateway.stop_taking()
        runtime.close(_CLOSE_S)
        deployer.close()
        gateway.close()
        log_file.close()


def _words(gateway: Gateway, opened: OpenedDriver, folder: Path) -> dict[str, str]:
    return {"url": gateway.url, "driver": opened.driver.name, "folder": str(folder.resolve())}
