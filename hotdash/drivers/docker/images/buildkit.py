"""`BuildKit`: builds what the engine's own builder cannot, by the user's `docker` command. In the thread that builds.

BuildKit speaks gRPC over a hijacked connection, which no library for Python does; the command does, by its part buildx,
and those before 23.0 by themselves. It gets the same tar as the engine does, and is killed, with all it started, where
the build is ended.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hotdash.drivers.base import Exit
from hotdash.drivers.docker.wire import TICK_S
from hotdash.drivers.process.group import ProcessGroup
from hotdash.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hotdash.drivers.build_output import BuildOutput
    from hotdash.drivers.process.guardian import Guardian
    from hotdash.drivers.process.surroundings import RunFolder

_VERSION_S = 10.0
_BUILTIN_BEFORE = 23  # the first whose command needs buildx for BuildKit
_READ_BYTES = 64 * 2**10
_STEP = re.compile(r"#(\d+) \[(?:\S+ )?(\d+)/(\d+)\] (.*)")
_SAID = re.compile(r"#\d+ \d+\.\d+ (.*)")
_ERROR = re.compile(r"#(\d+) ERROR: (.*)")
_EXITED = re.compile(r"(?:exit code: |did not complete successfully: exit code: )(\d+)")


def find_client(environ: Mapping[str, str]) -> tuple[str, str]:
    """Looks for a `docker` command that can build with BuildKit.

    Args:
        environ: For PATH; the command gets all of it.

    Returns:
        Its path, empty if none can; and in words what builds, or why none can.
    """
    path = shutil.which("docker", path=environ.get("PATH", os.defpath))
    if path is None:
        return "", "there is no docker command in PATH"
    if buildx := _answer([path, "buildx", "version"], environ):
        return path, " ".join(buildx.split()[:2])
    version = _answer([path, "--version"], environ)
    if (match := re.search(r"version (\d+)", version)) and int(match.group(1)) < _BUILTIN_BEFORE:
        return path, f"the BuildKit of {path}"
    return "", f"{path} has no buildx"


def build(
    context: Iterable[bytes],
    *,
    what: str,
    why: str,
    environ: Mapping[str, str],
    run: RunFolder,
    guardian: Guardian,
    output: BuildOutput,
    check: Callable[[], None],
) -> str:
    """Builds, and returns the image's id.

    Args:
        context: The tar.
        what: What is built, for messages.
        why: What in the Dockerfile needs BuildKit.
        environ: The command's environment, with DOCKER_HOST for the engine.
        run: Where its files are meanwhile.
        guardian: Kills it if hotdash dies.
        output: Takes what it prints.
        check: Called ten times a second; ends the build by raising.

    Raises:
        BuildError: It failed, or there is no such command.
        OSError: No temporary file can be made.
    """
    client, found = find_client(environ)
    if not client:
        raise BuildError(
            f"{what}: its Dockerfile needs BuildKit ({why}), and {found}: install docker-buildx, "
            "or write the Dockerfile without it",
            log=output.log,
        )
    around = run.make("build")
    try:
        id_file = around.folder / "id"
        with tempfile.TemporaryFile(dir=around.folder) as tar:
            for piece in context:
                check()
                tar.write(piece)
            tar.seek(0)
            args = [client, "build", "--progress", "plain", "--iidfile", str(id_file), "-"]
            command = _Run(what, output=output)
            environ = {**environ, "DOCKER_BUILDKIT": "1"}
            ended = command.command(args, environ=environ, tar=tar.fileno(), guardian=guardian, check=check)
        if ended.code != 0:
            raise command.failure(ended)
        try:
            return id_file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise BuildError(f"{what}: {client} has built, but does not say what: {error}", log=output.log) from error
    finally:
        around.remove()


def _answer(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            command, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=_VERSION_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


class _Run:
    """The command from its start to its end, and what its lines tell of steps."""

    def __init__(self, what: str, *, output: BuildOutput) -> None:
        self._what = what
        self._output = output
        self._steps: dict[str, str] = {}
        self._said = ""
        self._failed: tuple[str, str] | None = None
        self._rest = b""

    def command(
        self, args: list[str], *, environ: Mapping[str, str], tar: int, guardian: Guardian, check: Callable[[], None]
    ) -> Exit:
        read_end, write_end = os.pipe()
        try:
            try:
                group = ProcessGroup.spawn(
                    args,
                    folder=Path("/"),
                    environment=environ,
                    guardian=guardian,
                    stdin=tar,
                    stdout=write_end,
                    stderr=write_end,
                )
            finally:
                os.close(write_end)
            try:
                self._follow(read_end, check)
                return group.wait(None) or Exit()
            finally:
                group.kill()
                group.wait(None)
                group.close()
        finally:
            os.close(read_end)

    def failure(self, ended: Exit) -> BuildError:
        """The error for a command that ended so."""
        number, message = self._failed or ("", self._output.said)
        step = self._steps.get(number)
        where = f"{self._what}: {step}," if step else f"{self._what}: the build"
        if "no space left on device" in message.lower():
            why = f"failed: the engine's disk is full ({message[:1000]}): make room there (docker system prune)"
        elif exited := _EXITED.search(message):
            why = f"exited with code {exited.group(1)}: {self._said[:1000] or 'it printed nothing'}"
        else:
            why = f"failed: {message[:1000] or f'docker build {ended}'}"
        return BuildError(f"{where} {why}", log=self._output.log)

    def _follow(self, pipe: int, check: Callable[[], None]) -> None:
        while True:
            check()
            if not select.select([pipe], [], [], TICK_S)[0]:
                continue
            data = os.read(pipe, _READ_BYTES)
            if not data:
                self._output.flush()
                return
            self._output.feed(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._rest = self._rest[:_READ_BYTES]
            for line in lines:
                self._line(line.decode("utf-8", "replace").rstrip())

    def _line(self, text: str) -> None:
        if step := _STEP.match(text):
            number, at, count, instruction = step.groups()
            shown = instruction if len(instruction) <= 200 else f"{instruction[:200]}…"
            if number not in self._steps:  # one that takes long is named again
                self._output.step(int(at), int(count), shown)
            self._steps[number] = f"step {at} of {count}, `{shown}`"
        elif failed := _ERROR.match(text):
            self._failed = failed.group(1), failed.group(2)
        elif (said := _SAID.match(text)) and not self._failed:
            self._said = said.group(1)
