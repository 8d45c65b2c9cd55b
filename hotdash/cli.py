"""The command line, and the composition root: the only place that wires parts together. Runs in the main thread."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from hotdash.drivers.opening import DRIVER_NAMES
from hotdash.errors import FunctionFileError, HotdashError, InvalidRequest, NeedsDocker, NeedsRuntime, NoDriver
from hotdash.sanitize import plain
from hotdash.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, NoReturn

    from textual.app import App

    from hotdash.backstage import Backstage
    from hotdash.drivers.opening import OpenedDriver
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

# The contract's exit codes (the design's section 9).
FAILED = 1
USAGE = 2
NO_DRIVER = 3
TIMED_OUT = 124
INTERRUPTED = 130

_EXITS = {"success": 0, "error": FAILED, "timeout": TIMED_OUT, "cancelled": INTERRUPTED}
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
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help", "--version"}):
            args = ["dashboard", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Ctrl-C at any moment has the contract's exit code; click's own would be 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _fail(INTERRUPTED, "interrupted")


def _driver_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--driver", type=click.Choice(DRIVER_NAMES), help="What runs functions; by default the config's, else auto."
    )(command)


def _memory_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--memory",
        "memory_mb",
        type=click.IntRange(min=6),
        metavar="MB",
        help="What all containers together may ask for; by default half of what the machine has available.",
    )(command)


@click.group(cls=DashboardByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hotdash", prog_name="hotdash")
def main() -> None:
    """Develop functions in hot containers: see them, invoke them; save, and they are live.

    `hotdash [DIR]` opens the dashboard on the functions in DIR (the current folder by default); for its options see
    `hotdash dashboard --help`.
    """


@main.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@_driver_option
@_memory_option
@click.option("--no-watch", is_flag=True, help="Let changes wait until d or w asks for them.")
@click.option("--poll", is_flag=True, help="Look for changes twice a second: for network and container mounts.")
def dashboard(folder: Path, driver: str | None, memory_mb: int | None, *, no_watch: bool, poll: bool) -> None:
    """The dashboard on the functions in DIR."""
    if not folder.is_dir():
        _fail(
            USAGE, f"{folder}: found {'a file' if folder.exists() else 'no such folder'}, allowed a folder of functions"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        _fail(USAGE, "the dashboard needs a terminal; to call a function without one: hotdash invoke DIR NAME")
    gc.disable()  # until all is open: what is imported and made until then stays, and is looked at in vain
    from hotdash.backstage import Backstage, Plan  # noqa: PLC0415
    from hotdash.clock import SystemClock  # noqa: PLC0415
    from hotdash.dashboard.app import HotdashApp  # noqa: PLC0415  Textual is for the dashboard alone
    from hotdash.dashboard.live import LiveControls  # noqa: PLC0415
    from hotdash.dashboard.taste import taste_of  # noqa: PLC0415
    from hotdash.store import Store  # noqa: PLC0415
    from hotdash.store.history import History, HistoryLimits  # noqa: PLC0415
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
    )
    store, clock = Store(lines_kept=limits.log_lines), SystemClock()
    controls = LiveControls(folder=folder, now_s=clock.now, watching=plan.is_watching)
    history: History | None = None
    if limits.history_mb:
        history = History(root=folder, on_fault=controls.note, limits=HistoryLimits.of(limits))
    book = PayloadBook(path=loaded.path.with_name("payloads.json"), on_fault=controls.note)
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

    app = HotdashApp(store, controls, archive=history, book=book, taste=taste_of(loaded), on_painted=begin)
    tell, threading.excepthook = threading.excepthook, controls.tell_of_fault  # a traceback would cross the screen
    try:
        asyncio.run(_show(app, backstage))
    finally:
        threading.excepthook = tell
        _close(backstage, book, history)
    with _explained():
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
    """Runs the screen until it is left, or a signal (a closed terminal's, too) ends it as `q` would, unasked.

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
    await app.run_async()
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


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("name", metavar="NAME")
@click.option("-d", "--data", help="The payload; with neither this nor --file, standard input is.")
@click.option("--file", "file", type=click.Path(path_type=Path), help="A file with the payload.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'K: V'", help="A header; may be given many times.")
@click.option(
    "--timeout", "timeout_s", type=float, help="Seconds until this call times out, its wait in the queue included."
)
@click.option("--count", type=click.IntRange(min=1), default=1, help="So many calls; prints a summary.")
@click.option("--concurrency", type=click.IntRange(min=1), default=1, help="At most so many of them at once.")
@click.option("--json", "as_json", is_flag=True, help="Print everything about the result as JSON.")
@_driver_option
@_memory_option
def invoke(  # noqa: PLR0917  click passes every option by name
    folder: Path,
    name: str,
    data: str | None,
    file: Path | None,
    headers: tuple[str, ...],
    timeout_s: float | None,
    count: int,
    concurrency: int,
    driver: str | None,
    memory_mb: int | None,
    *,
    as_json: bool,
) -> None:
    """Calls function NAME of DIR once, or --count times.

    The answer's body goes to standard output, the function's stderr to standard error.
    Exit codes: 0 success, 1 the function failed, 2 usage or a bad function file, 3 no driver, 124 timeout,
    130 interrupted.
    """
    import json  # noqa: PLC0415

    from hotdash.invocation import call_many, call_once  # noqa: PLC0415
    from hotdash.report import result_fields, summary_fields, summary_text  # noqa: PLC0415

    payload = _payload(data, file)
    named_headers = dict(map(_header, headers))
    spec = _find(folder, name)
    loaded = load_settings()
    for fault in loaded.faults:
        _say(str(fault))
    driver, memory_mb = driver or loaded.settings.driver, memory_mb or loaded.settings.limits.memory_mb
    with _runtime(driver, memory_mb=memory_mb, close_s=1.0) as (runtime, _):
        runtime.deploy(spec)
        if count > 1:
            results, took_s = call_many(
                runtime,
                spec.key,
                payload,
                headers=named_headers,
                timeout_s=timeout_s,
                count=count,
                concurrency=concurrency,
            )
            fields = summary_fields(results, took_s=took_s, concurrency=concurrency)
            click.echo(json.dumps(fields) if as_json else summary_text(fields))
            raise click.exceptions.Exit(max(_EXITS[result.status] for result in results))
        result = call_once(runtime, spec.key, payload, headers=named_headers, timeout_s=timeout_s)
    if as_json:
        click.echo(json.dumps(result_fields(result)))
    else:
        sys.stdout.buffer.write(result.body)
        if result.error:
            _say(f"{spec.key}: {result.status}: {result.error}")
    raise click.exceptions.Exit(_EXITS[result.status])


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def doctor(*, as_json: bool) -> None:
    """What is found here: versions, drivers, limits, folders; and what to do about what is missing.

    Exit codes: 0 functions can run, 3 no driver can.
    """
    import json  # noqa: PLC0415

    from hotdash.doctor import can_run, fields, text  # noqa: PLC0415  not for `--help`
    from hotdash.examination import examine  # noqa: PLC0415

    checks = examine(os.environ)
    click.echo(json.dumps(fields(checks)) if as_json else text(checks))
    raise click.exceptions.Exit(0 if can_run(checks) else NO_DRIVER)


@contextmanager
def _runtime(driver: str, *, memory_mb: int | None, close_s: float) -> Iterator[tuple[Runtime, OpenedDriver]]:
    """A runtime on that driver, closed at the end; errors of the platform become messages and exit codes.

    SIGTERM and SIGHUP end the program as Ctrl-C does, so that it closes well (M13).
    """
    from hotdash.drivers.opening import choose_driver  # noqa: PLC0415  not for `--help`
    from hotdash.runtime.runtime import Runtime  # noqa: PLC0415

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup, as its user wants
            signal.signal(number, _interrupt)
    with _explained():
        opened = choose_driver(driver)
        runtime = Runtime(driver=opened.driver, memory_mb=memory_mb)
        try:
            yield runtime, opened
        finally:
            runtime.close(close_s)


@contextmanager
def _explained() -> Iterator[None]:
    """Makes messages and exit codes of the platform's errors."""
    try:
        yield
    except (NoDriver, NeedsDocker, NeedsRuntime) as error:
        _fail(NO_DRIVER, str(error))
    except InvalidRequest as error:
        _fail(USAGE, str(error))
    except HotdashError as error:
        _fail(FAILED, str(error))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _find(folder: Path, name: str) -> FunctionSpec:
    """The function that the user names, by its key or by its folder's name."""
    from hotdash.functions.discovery import load_functions  # noqa: PLC0415  not for `--help`

    faults: tuple[str, ...] = ()
    try:
        specs = load_functions(folder)
    except FunctionFileError as error:
        specs, faults = list(error.loaded), tuple(map(str, error.errors))
    by_folder = [spec for spec in specs if name in {spec.name, spec.folder.name}]
    for spec in [spec for spec in specs if spec.key == name] or by_folder:
        for warning in spec.warnings:
            _say(warning)
        return spec
    for fault in faults:
        _say(fault)
    known = ", ".join(spec.key for spec in specs) or "none"
    return _fail(USAGE, f"{folder}: no function {name!r}; there is {known}")


def _payload(data: str | None, file: Path | None) -> bytes:
    if data is not None and file is not None:
        _fail(USAGE, "--data and --file: found both, allowed one")
    if data is not None:
        return os.fsencode(data)  # as it was typed, though that may be no text
    if file is not None:
        try:
            return file.read_bytes()
        except OSError as error:
            _fail(USAGE, f"--file {file}: {error.strerror}")
    if sys.stdin is None or sys.stdin.isatty():  # nobody who calls from a prompt means to type the payload
        return b""
    return sys.stdin.buffer.read()


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        _fail(USAGE, f"-H: found {text!r}, allowed 'Name: value'")
    return name.strip(), value.strip()


def _say(text: str) -> None:
    click.echo(f"hotdash: {plain(text) if sys.stderr.isatty() else text}", err=True)


def _fail(code: int, text: str) -> NoReturn:
    for line in text.splitlines():
        _say(line)
    raise click.exceptions.Exit(code)
