"""`examine`: looks at this machine for `hotdash doctor`. Runs in the main thread.

It starts a guardian, the programs that tell their versions, and perhaps a tunnel; nothing of that is left.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash import doctor
from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hotdash.doctor import Check

_VERSION_S = 5.0  # more than any program takes to tell its version
_INOTIFY = Path("/proc/sys/fs/inotify")
_PROGRAMS = (
    # its name, what asks it for its version, who needs it
    ("python3", "--version", "functions in Python"),
    ("node", "--version", "functions in JavaScript"),
    ("sh", "", "functions in shell, and `build` commands,"),  # a shell need not know any such option
)


def examine(environment: Mapping[str, str]) -> list[Check]:
    """Looks at everything, in the order in which it is shown.

    Args:
        environment: The process's own.
    """
    path = environment.get("PATH", os.defpath)
    return [
        *_hotdash(),
        *_drivers(environment),
        *(_program(*program, path=path) for program in _PROGRAMS),
        *_limits(),
        *_files(),
        _terminal(environment),
    ]


def _hotdash() -> Iterator[Check]:
    yield doctor.check_hotdash(version("hotdash"))
    yield doctor.check_python(sys.version_info[:3], sys.executable)
    yield doctor.check_platform(platform.system(), platform.release(), platform.machine(), os.cpu_count() or 1)


def _drivers(environment: Mapping[str, str]) -> Iterator[Check]:
    yield doctor.check_process(
        system=platform.system(), fault=_guardian_fault(), has_pidfd=_has_pidfd(), has_proc=_has_proc()
    )
    yield from _docker(environment)


def _docker(environment: Mapping[str, str]) -> Iterator[Check]:
    from hotdash.drivers.docker.endpoint import find_engine  # noqa: PLC0415  drivers are imported when used
    from hotdash.drivers.docker.images.buildkit import find_client  # noqa: PLC0415  as above

    try:
        engine = find_engine(environ=environment)
        try:
            yield doctor.check_docker(engine.info(), location=engine.location, found_by=engine.found_by, fault="")
        finally:
            engine.close()
    except NoDriver as error:
        yield doctor.check_docker(None, location="", found_by="", fault=str(error))
    else:
        yield doctor.check_buildkit(*find_client(environment))


def _guardian_fault() -> str:
    """Why a guardian does not start here; empty if it does."""
    from hotdash.drivers.process import ProcessDriver  # noqa: PLC0415  drivers are imported when used

    driver = ProcessDriver()
    try:
        driver.guardian.ensure()
    except OSError as error:
        return str(error)
    finally:
        with suppress(OSError):  # it could not make the folder that it would remove
            driver.close()
    return ""


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _has_proc() -> bool:
    try:
        return bool(Path("/proc/self/stat").read_bytes() and Path("/proc/self/syscall").read_bytes())
    except OSError:
        return False


def _program(name: str, option: str, used_for: str, *, path: str) -> Check:
    found = shutil.which(name, path=path)
    told = _version([found, option]) if found and option else ""
    return doctor.check_program(name, path=found, version=told, used_for=used_for)


def _version(command: Sequence[str]) -> str | None:
    """The first line that a program answers; None if it does not."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_VERSION_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip().partition("\n")[0][:60] or None


def _limits() -> Iterator[Check]:
    import psutil  # noqa: PLC0415  slow to import, and for doctor alone

    soft, hard = map(_limit, resource.getrlimit(resource.RLIMIT_NOFILE))
    yield doctor.check_open_files(soft, hard)
    running = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            running += process.uids().real == os.getuid()
    yield doctor.check_processes(_limit(resource.getrlimit(resource.RLIMIT_NPROC)[0]), running)
    yield doctor.check_inotify(
        system=platform.system(), watches=_inotify("max_user_watches"), instances=_inotify("max_user_instances")
    )
    memory = psutil.virtual_memory()
    yield doctor.check_memory(memory.available, memory.total)


def _limit(value: int) -> int | None:
    return None if value == resource.RLIM_INFINITY else value


def _inotify(name: str) -> int | None:
    try:
        return int((_INOTIFY / name).read_text())
    except (OSError, ValueError):
        return None


def _files() -> Iterator[Check]:
    import platformdirs  # noqa: PLC0415  as above

    from hotdash.store.logfile import default_path  # noqa: PLC0415  as above

    yield _config()
    cache = Path(platformdirs.user_cache_dir("hotdash", appauthor=False))
    yield doctor.check_cache(cache, is_writable=is_writable(cache), size_bytes=size_bytes(cache))
    log = default_path()
    yield doctor.check_log(log, is_writable=is_writable(log), size_bytes=size_bytes(log))
    yield _history()


def _config() -> Check:
    from hotdash.dashboard.taste import taste_of  # noqa: PLC0415  it knows keys and themes, and takes Textual with it
    from hotdash.settings import load_settings  # noqa: PLC0415  as above

    loaded = load_settings()
    faults = [str(fault) for fault in taste_of(loaded).faults]
    return doctor.check_config(loaded.path, is_there=loaded.is_there, faults=faults)


def _history() -> Check:
    from hotdash.store.history import default_path  # noqa: PLC0415  SQLite is for doctor alone
    from hotdash.store.history.database import counted  # noqa: PLC0415  as above
    from hotdash.store.history.faults import HistoryFault  # noqa: PLC0415  as above

    path = default_path()
    tasks, fault = 0, ""
    if size := size_bytes(path):
        try:
            tasks = counted(path)
        except HistoryFault as error:
            fault = str(error)
    return doctor.check_history(path, is_writable=is_writable(path), size_bytes=size, tasks=tasks, fault=fault)


def is_writable(path: Path) -> bool:
    """Whether a file or folder can be written, or made where it is not there yet."""
    for place in (path, *path.parents):
        if os.path.lexists(place):
            return os.access(place, os.W_OK) and (place == path or place.is_dir())
    return False


def size_bytes(path: Path) -> int | None:
    """What a file, or all files below a folder, take; None if it is not there. Links are not followed."""
    try:
        if not path.is_dir():
            return path.stat().st_size
    except OSError:
        return None
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):  # gone since
                total += (Path(folder) / name).lstat().st_size
    return total


def _terminal(environment: Mapping[str, str]) -> Check:
    columns, lines = 0, 0
    is_terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))
    if is_terminal:
        with suppress(OSError):
            columns, lines = os.get_terminal_size(sys.stdout.fileno())
    return doctor.check_terminal(is_terminal=is_terminal, columns=columns, lines=lines, environment=environment)
