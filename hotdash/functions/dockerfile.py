"""Reads from a Dockerfile the one thing the process driver needs: the command that it ends in. Runs in any thread.

Rules: https://docs.docker.com/reference/dockerfile/ (escape directive, comments, continuation lines, heredocs, stages).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(.*?)\s*")
_HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_][A-Za-z0-9_]*)\2")
_HEREDOC_WORD = re.compile(r"(?:^|\s)\d*<<-?[\"']?[A-Za-z_]")  # a word of its own, unlike the one in `$((1<<n))`
_BUILDKIT_FLAGS = {
    "RUN": frozenset({"--mount", "--network", "--security"}),
    "COPY": frozenset({"--link", "--chmod", "--parents", "--exclude"}),
    "ADD": frozenset({"--link", "--chmod", "--exclude", "--checksum", "--keep-git-dir", "--unpack"}),
}
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)


class DockerCommand(Struct, frozen=True, kw_only=True):
    """The ENTRYPOINT and CMD of a Dockerfile's last stage.

    Args:
        entrypoint: Its words in exec form; None where there is none.
        cmd: The same of CMD.
        shell_entrypoint: Whether ENTRYPOINT is in shell form, which only a shell in the image can run.
        shell_cmd: The same of CMD.
    """

    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    shell_entrypoint: bool = False
    shell_cmd: bool = False


class _Stage(Struct):
    """One stage so far: words in exec form, none where there is no such instruction, None for the shell form."""

    entrypoint: tuple[str, ...] | None = ()
    cmd: tuple[str, ...] | None = ()
    cmd_is_inherited: bool = False


def parse_dockerfile(text: str) -> DockerCommand:
    """Finds what a container of the last stage runs.

    The last ENTRYPOINT and CMD of the stage count, else those of the named stage that it is built from.
    Never fails: what is no Dockerfile has no command.
    """
    stage = _Stage()
    named: dict[str, _Stage] = {}
    for instruction, arguments in _instructions(text):
        if instruction == "FROM":
            match = _FROM.match(arguments)
            base = named.get(match.group(1).lower()) if match else None
            stage = _Stage(base.entrypoint, base.cmd, cmd_is_inherited=True) if base else _Stage()
            if match and match.group(2):
                named[match.group(2).lower()] = stage
        elif instruction == "ENTRYPOINT":
            stage.entrypoint = _exec_form(arguments)
            if stage.cmd_is_inherited:  # Docker drops it: it was meant for another entry point
                stage.cmd = ()
        elif instruction == "CMD":
            stage.cmd, stage.cmd_is_inherited = _exec_form(arguments), False
    return DockerCommand(
        entrypoint=stage.entrypoint or None,
        cmd=stage.cmd or None,
        shell_entrypoint=stage.entrypoint is None,
        shell_cmd=stage.cmd is None,
    )


def needs_buildkit(text: str) -> str:
    """What in a Dockerfile the engine's own builder does not know, in words; empty where it knows all.

    Flags of RUN, COPY and ADD that only BuildKit has, and heredocs. A `# syntax=` line is a wish; see `wants_syntax`.
    """
    for instruction, arguments in _instructions(text):
        flags = _BUILDKIT_FLAGS.get(instruction, frozenset())
        for word in arguments.split():
            if not word.startswith("--"):
                break
            flag = word.partition("=")[0]
            if flag in flags:
                return f"{instruction} {flag}"
        if instruction in _BUILDKIT_FLAGS and _HEREDOC_WORD.search(arguments):
            return f"a heredoc in {instruction}"
    return ""


def wants_syntax(text: str) -> str:
    """The frontend that the `# syntax=` directive at the very top asks for; empty if there is none."""
    for line in text.removeprefix("\ufeff").splitlines():
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        if directive.group(1).lower() == "syntax":
            return directive.group(2)
    return ""


def base_images(text: str) -> tuple[str, ...]:
    """The images that a Dockerfile is built from, each once, in order.

    Left out are its own stages, `scratch`, and what only the build can tell: names with variables, other platforms.
    """
    found: dict[str, None] = {}
    stages = {"scratch"}
    for instruction, arguments in _instructions(text):
        if instruction == "FROM" and (match := _FROM.match(arguments)):
            name, stage = match.groups()
            if name.lower() not in stages and "$" not in name and not arguments.startswith("--"):
                found[name] = None
            if stage:
                stages.add(stage.lower())
    return tuple(found)


def _exec_form(arguments: str) -> tuple[str, ...] | None:
    """The words of `["a", "b"]`; None for the shell form, which is all else."""
    try:
        words = json.loads(arguments)
    except ValueError:
        return None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return tuple(words)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction in capitals, and its arguments with continuation lines joined."""
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines)
    at = 0
    while at < len(lines):
        logical, at = _logical_line(lines, at, escape)
        instruction, _, arguments = logical.strip().partition(" ")
        instruction = instruction.upper()
        if instruction in {"RUN", "COPY", "ADD"}:
            for dash, _, name in _HEREDOC.findall(arguments):
                at = _behind_heredoc(lines, at, name, strip=bool(dash))
        if instruction:
            yield instruction, arguments.strip()


def _escape(lines: list[str]) -> str:
    """The escape character: a backslash, or what the `# escape=` directive at the very top says."""
    for line in lines:
        directive = _DIRECTIVE.fullmatch(line.strip())
        if directive is None:
            break
        if directive.group(1).lower() == "escape" and directive.group(2) in {"\\", "`"}:
            return directive.group(2)
    return "\\"


def _logical_line(lines: list[str], at: int, escape: str) -> tuple[str, int]:
    """The line at `at` with those that continue it, and the place behind. Comments and blank lines do not end one."""
    joined = ""
    while at < len(lines):
        line = lines[at].replace("\t", " ").rstrip()
        at += 1
        if line.lstrip().startswith("#") or (joined and not line):
            continue
        if not line.endswith(escape):
            return joined + line, at
        joined += line.removesuffix(escape)
    return joined, at


def _behind_heredoc(lines: list[str], at: int, name: str, *, strip: bool) -> int:
    while at < len(lines):
        line = lines[at].lstrip("\t") if strip else lines[at]
        at += 1
        if line == name:
            break
    return at
