"""What `hotdash doctor` says: checks, each with its remedy. Pure functions; the main thread calls them.

Each check is made of what was looked at (`hotdash.examination` looks), so that what is said of a machine without
pidfds, say, is tested on one that has them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hotdash.drivers.docker.endpoint import EngineInfo

MIN_PYTHON = (3, 11)
FDS_PER_CONTAINER = 6  # three pipes, the pidfd, what wakes its reader, and a share of its image's lock
FDS_OWN = 64  # hotdash itself, with a screen and a watcher
ENOUGH_FILES = 1_024
ENOUGH_PROCESSES = 200  # that may still be started
ENOUGH_MEMORY_BYTES = 512 * 2**20
ENOUGH_WATCHES = 8_192  # folders; an editor takes thousands of them
ENOUGH_INSTANCES = 64  # programs that watch
WANTED_WATCHES = 65_536
WANTED_INSTANCES = 256
_CGROUPS = "enable the kernel's memory, swap and pids controllers (cgroup_enable=memory swapaccount=1)"
SMALLEST = (80, 24)  # columns and lines that every terminal has; from 100 the panes stand side by side


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"  # works, but less well or not for all
    MISSING = "missing"


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Args:
        group: The heading that it stands under.
        name: What was looked at.
        state: How it is.
        found: What is there, in words.
        remedy: What to do about it; empty if nothing need be done.
        needed: Whether no function can run while it is missing.
    """

    group: str
    name: str
    state: CheckState
    found: str
    remedy: str = ""
    needed: bool = False


def can_run(checks: Sequence[Check]) -> bool:
    """Whether a driver can run functions here."""
    return not any(check.needed and check.state is CheckState.MISSING for check in checks)


# ---- hotdash itself


def check_hotdash(version: str) -> Check:
    """The version that runs."""
    return Check(group="hotdash", name="hotdash", state=CheckState.OK, found=version)


def check_python(version: Sequence[int], executable: str) -> Check:
    """The Python that hotdash runs on, `version` as in `sys.version_info`."""
    good = tuple(version[:2]) >= MIN_PYTHON
    return Check(
        group="hotdash",
        name="Python",
        state=CheckState.OK if good else CheckState.WARN,
        found=f"{'.'.join(map(str, version[:3]))} ({executable})",
        remedy="" if good else f"install Python {'.'.join(map(str, MIN_PYTHON))} or newer, and hotdash with it",
    )


def check_platform(system: str, release: str, machine: str, cpus: int) -> Check:
    """The system, named as `platform.system()` does."""
    good = system in {"Linux", "Darwin"}
    return Check(
        group="hotdash",
        name="platform",
        state=CheckState.OK if good else CheckState.WARN,
        found=f"{'macOS, Darwin' if system == 'Darwin' else system} {release}, {machine}, {cpus} CPUs",
        remedy="" if good else "run hotdash on Linux or macOS; on Windows, inside WSL",
    )


# ---- drivers


def check_process(*, system: str, fault: str, has_pidfd: bool, has_proc: bool) -> Check:
    """The process driver.

    Args:
        system: As `platform.system()` names it.
        fault: Why its guardian did not start; empty if it did.
        has_pidfd: Whether the end of a process can be waited for by a descriptor.
        has_proc: Whether /proc tells what a process does.
    """
    if fault:
        found = f"its guardian, without which nothing is started, could not be: {fault}"
        remedy = "see that there is memory, a free process, and a folder for temporary files (TMPDIR) to write to"
        return Check(group="drivers", name="process", state=CheckState.MISSING, found=found, remedy=remedy, needed=True)
    parts, remedies = ["its guardian starts"], []
    if system == "Linux":
        parts.append("pidfds work" if has_pidfd else "no pidfds: ends of processes are looked for, 20 times a second")
        parts.append("/proc can be read" if has_proc else "/proc cannot be read: a new revision proves itself by time")
        if not has_pidfd:
            remedies.append("use Linux 5.3 or newer")
        if not has_proc:
            remedies.append("mount /proc, and permit /proc/PID/syscall")
    return Check(
        group="drivers",
        name="process",
        state=CheckState.WARN if remedies else CheckState.OK,
        found="; ".join(parts),
        remedy="; ".join(remedies),
        needed=True,
    )


def check_docker(info: EngineInfo | None, *, location: str, found_by: str, fault: str) -> Check:
    """The docker driver: the engine that it would use, and what limits that.

    Args:
        info: What the engine says of itself; None if none answers.
        location: Its address.
        found_by: What named it, `DOCKER_HOST` or another.
        fault: What `find_engine` or the engine said instead: what was met, a colon, and what to do.
    """
    if info is None:
        found, _, remedy = fault.rpartition(": ")
        return Check(group="drivers", name="docker", state=CheckState.MISSING, found=found or fault, remedy=remedy)
    size = f"{info.cpus} CPUs, {_size(info.memory_bytes)}"
    parts = [
        f"engine {info.version} (API {info.api_version}) at {location} ({found_by})",
        f"{info.system or info.os}, {info.architecture}, {size}",
        *(("rootless",) if info.rootless else ()),
        *info.limits,
    ]
    remedies = []
    if info.os != "linux":
        remedies.append("let it run Linux containers: hotdash's are no others")
    if info.limits:
        cgroups = "use cgroups version 2, with its controllers delegated to you" if info.rootless else _CGROUPS
        remedies.append(f"{cgroups}, or functions are not held to their limits")
    return Check(
        group="drivers",
        name="docker",
        state=CheckState.WARN if remedies else CheckState.OK,
        found="; ".join(parts),
        remedy="; ".join(remedies),
    )


def check_buildkit(client: str, words: str) -> Check:
    """What builds Dockerfiles that need BuildKit.

    Args:
        client: Path of the `docker` command that can; empty if none can.
        words: What in it builds, or why none can.
    """
    remedy = "" if client else "install docker-buildx, if a Dockerfile has RUN --mount, COPY --chmod or a heredoc"
    return Check(
        group="drivers",
        name="BuildKit",
        state=CheckState.OK if client else CheckState.WARN,
        found=f"{words} ({client})" if client and client not in words else words,
        remedy=remedy,
    )


# ---- runtimes


def check_program(name: str, *, path: str | None, version: str | None, used_for: str) -> Check:
    """A program that functions run on.

    Args:
        name: As it is looked for in PATH.
        path: Where it is; None if it is not.
        version: What it says of itself; empty where it is not asked, None if it gave no answer.
        used_for: What needs it.
    """
    state, found, remedy = CheckState.OK, f"{version} ({path})" if version else f"{path}", ""
    if path is None:
        state, found, remedy = CheckState.MISSING, "not in PATH", f"install it: {used_for} need it"
    elif version is None:
        state, found = CheckState.WARN, f"{path} does not tell its version"
        remedy = f"try `{name} --version`: {used_for} need it"
    return Check(group="runtimes", name=name, state=state, found=found, remedy=remedy)


# ---- limits


def check_open_files(soft: int | None, hard: int | None) -> Check:
    """How many files hotdash may have open; None where there is no limit."""
    if soft is None:
        return Check(group="limits", name="open files", state=CheckState.OK, found="no limit")
    good = soft >= ENOUGH_FILES
    containers = max(0, soft - FDS_OWN) // FDS_PER_CONTAINER
    wanted = 4 * ENOUGH_FILES if hard is None else min(4 * ENOUGH_FILES, hard)
    return Check(
        group="limits",
        name="open files",
        state=CheckState.OK if good else CheckState.WARN,
        found=f"{soft:,}, enough for about {containers:,} containers at once",
        remedy="" if good else f"raise it: ulimit -n {wanted}",
    )


def check_processes(limit: int | None, running: int) -> Check:
    """How many processes the user may have, and has; `limit` is None where there is none."""
    if limit is None:
        return Check(group="limits", name="processes", state=CheckState.OK, found=f"no limit; {running:,} run")
    good = limit - running >= ENOUGH_PROCESSES
    return Check(
        group="limits",
        name="processes",
        state=CheckState.OK if good else CheckState.WARN,
        found=f"{limit:,} allowed; {running:,} run",
        remedy="" if good else "end some, or raise the limit (ulimit -u)",
    )


def check_inotify(*, system: str, watches: int | None, instances: int | None) -> Check:
    """What the watcher of sources may use; None where that cannot be read."""
    state, remedy = CheckState.OK, ""
    if system != "Linux":
        found = "not needed on this system"
    elif watches is None or instances is None:
        state, found = CheckState.WARN, "the limits of inotify cannot be read"
        remedy = "if saving a file does not make it live, press d to deploy"
    else:
        found = f"{watches:,} folders may be watched, by {instances:,} programs"
        wanted = [f"fs.inotify.max_user_watches={WANTED_WATCHES}"] if watches < ENOUGH_WATCHES else []
        wanted += [f"fs.inotify.max_user_instances={WANTED_INSTANCES}"] if instances < ENOUGH_INSTANCES else []
        if wanted:
            state, remedy = CheckState.WARN, f"raise it: sudo sysctl {' '.join(wanted)}"
    return Check(group="limits", name="watching", state=state, found=found, remedy=remedy)


def check_memory(available_bytes: int, total_bytes: int) -> Check:
    """The memory that functions can have."""
    good = available_bytes >= ENOUGH_MEMORY_BYTES
    return Check(
        group="limits",
        name="memory",
        state=CheckState.OK if good else CheckState.WARN,
        found=f"{_size(available_bytes)} available of {_size(total_bytes)}",
        remedy="" if good else "end what you do not need: a function may use 128 MB unless its file says otherwise",
    )


# ---- files


def check_cache(path: Path, *, is_writable: bool, size_bytes: int | None) -> Check:
    """The folder of images; `size_bytes` is None while there is none."""
    holds = "not made yet" if size_bytes is None else _size(size_bytes)
    return Check(
        group="files",
        name="cache",
        state=CheckState.OK if is_writable else CheckState.MISSING,
        found=f"{path} ({holds})" if is_writable else f"{path} cannot be written, and no function be built",
        remedy="" if is_writable else "check its owner and mode, or set XDG_CACHE_HOME to a folder of yours",
        needed=True,
    )


def check_log(path: Path, *, is_writable: bool, size_bytes: int | None) -> Check:
    """The log file; `size_bytes` is None while there is none."""
    holds = "not made yet" if size_bytes is None else _size(size_bytes)
    return Check(
        group="files",
        name="log",
        state=CheckState.OK if is_writable else CheckState.WARN,
        found=f"{path} ({holds})" if is_writable else f"{path} cannot be written: nothing is logged",
        remedy="" if is_writable else "check its owner and mode, or set XDG_STATE_HOME to a folder of yours",
    )


def check_config(path: Path, *, is_there: bool, faults: Sequence[str]) -> Check:
    """The user's settings.

    Args:
        path: The file.
        is_there: Whether there is one.
        faults: What is wrong in it, each with its line.
    """
    found = f"{path} ({'read' if is_there else 'not there: the defaults serve'})"
    if faults:
        found = "; ".join(faults)
    state = CheckState.WARN if faults else CheckState.OK
    remedy = "mend these lines; until then the defaults serve in their place" if faults else ""
    return Check(group="files", name="config", state=state, found=found, remedy=remedy)


def check_history(path: Path, *, is_writable: bool, size_bytes: int | None, tasks: int, fault: str) -> Check:
    """The history of tasks.

    Args:
        path: Its database.
        is_writable: Whether that can be written, or made.
        size_bytes: Its size; None while it is not there.
        tasks: How many tasks it holds.
        fault: Why it cannot be read; empty if it can.
    """
    holds = "not made yet" if size_bytes is None else f"{tasks:,} tasks, {_size(size_bytes)}"
    state, found, remedy = CheckState.OK, f"{path} ({holds})", ""
    if fault:
        state, found, remedy = CheckState.WARN, fault, "move the file away: hotdash then begins a new one"
    elif not is_writable:
        state, found = CheckState.WARN, f"{path} cannot be written: no history is kept"
        remedy = "check its owner and mode, or set XDG_STATE_HOME to a folder of yours"
    return Check(group="files", name="history", state=state, found=found, remedy=remedy)


# ---- the terminal


def check_terminal(*, is_terminal: bool, columns: int, lines: int, environment: Mapping[str, str]) -> Check:
    """Where the dashboard would be shown.

    Args:
        is_terminal: Whether stdin and stdout are one.
        columns: Its width.
        lines: Its height.
        environment: For TERM, COLORTERM and NO_COLOR.
    """
    state, remedy = CheckState.OK, ""
    term = environment.get("TERM", "")
    if not is_terminal:
        state, found = CheckState.WARN, "none here: input or output is redirected"
        remedy = "the dashboard needs one; hotdash invoke does not"
    elif term in {"", "dumb"}:
        state, found = CheckState.WARN, f"TERM is {term or 'not set'}: the screen cannot be drawn"
        remedy = "use another terminal, or set TERM to what it is, such as xterm-256color"
    else:
        found = f"{columns} columns, {lines} lines, {_colours(term, environment)}"
        if columns < SMALLEST[0] or lines < SMALLEST[1]:
            state, remedy = CheckState.WARN, f"make it larger: {SMALLEST[0]} by {SMALLEST[1]}, better 100 by 30"
    return Check(group="terminal", name="terminal", state=state, found=found, remedy=remedy)


def _colours(term: str, environment: Mapping[str, str]) -> str:
    if environment.get("NO_COLOR"):
        return "no colours, as NO_COLOR asks"
    if environment.get("COLORTERM") in {"truecolor", "24bit"}:
        return "16 million colours"
    return "256 colours" if "256color" in term else "few colours"


# ---- what is printed


def fields(checks: Sequence[Check]) -> dict[str, Any]:
    """All of it as JSON can hold it."""
    return {"can_run": can_run(checks), "checks": [asdict(check) for check in checks]}


def text(checks: Sequence[Check]) -> str:
    """All of it for a person: aligned, and safe for a terminal."""
    state_width = max(len(state) for state in CheckState)
    name_width = max(len(check.name) for check in checks)
    lines, group = list[str](), ""
    for check in checks:
        if check.group != group:
            group = check.group
            lines.append(group)
        lines.append(f"  {check.state:<{state_width}}  {check.name:<{name_width}}  {plain(check.found)}")
        if check.remedy:
            lines.append(f"  {'':<{state_width}}  {'':<{name_width}}  what to do: {plain(check.remedy)}")
    can = "Functions can run here." if can_run(checks) else "Functions cannot run here: no driver can."
    return "\n".join([*lines, "", can])


def _size(count: int) -> str:
    import humanize  # noqa: PLC0415  for doctor alone

    return humanize.naturalsize(count)
