"""What the process driver runs for a function, and which it cannot run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdash.errors import BuildError, NeedsDocker, NeedsRuntime
from hotdash.functions import FunctionSpec, resolve_entrypoint
from hotdash.functions.dockerfile import DockerCommand, parse_dockerfile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "hello"
    folder.mkdir()
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> str:
    """A PATH with `python3`, `node` and `ruby` that nobody may run in earnest."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python3", "node", "ruby"):
        (folder / name).write_text("not a program")
        (folder / name).chmod(0o755)
    return f"relative:{tmp_path}/none:{folder}:"


def spec(home: Path, **values: object) -> FunctionSpec:
    return FunctionSpec(name="hello", folder=home, file=home / "func.yaml", **values)  # type: ignore[arg-type]


def put(home: Path, *names: str, mode: int = 0o644) -> None:
    for name in names:
        (home / name).parent.mkdir(exist_ok=True, parents=True)
        (home / name).touch()
        (home / name).chmod(mode)


@pytest.mark.parametrize(
    ("files", "values", "words"),
    [
        (["func.py"], {}, ("python3", "func.py")),
        (["func.js"], {}, ("node", "func.js")),
        (["func.sh"], {}, ("/bin/sh", "func.sh")),
        (["func.sh", "func.js", "func.py"], {}, ("python3", "func.py")),
        (["func.sh", "func.js", "func.py"], {"runtime": "node"}, ("node", "func.js")),
        (["func.sh", "func.py"], {"runtime": "shell"}, ("/bin/sh", "func.sh")),
        (["main.py"], {"runtime": "python3.11"}, ("python3", "main.py")),
        (["main.py"], {"runtime": "python:3.12-slim"}, ("python3", "main.py")),
        (["func.py"], {"cmd": ("-v",)}, ("python3", "func.py", "-v")),
        (["func.py"], {"entrypoint": ("ruby", "x.rb")}, ("ruby", "x.rb")),
        (["func.py"], {"entrypoint": ("ruby",), "cmd": ("x.rb",)}, ("ruby", "x.rb")),
        ([], {"entrypoint": ("node", "x.js"), "image": "a/b"}, ("node", "x.js")),
        ([], {"entrypoint": ("/bin/sh", "-c", "cat")}, ("/bin/sh", "-c", "cat")),
    ],
)
def test_the_file_or_the_sources_say_what_runs(
    home: Path, programs: str, files: list[str], values: dict[str, object], words: tuple[str, ...]
) -> None:
    put(home, *files)
    assert resolve_entrypoint(spec(home, **values), path=programs) == words


@pytest.mark.parametrize(
    ("dockerfile", "cmd", "words"),
    [
        ('ENTRYPOINT ["ruby", "a.rb"]', None, ("ruby", "a.rb")),
        ('ENTRYPOINT ["ruby"]\nCMD ["a.rb"]', None, ("ruby", "a.rb")),
        ('ENTRYPOINT ["ruby"]\nCMD ["a.rb"]', ("b.rb",), ("ruby", "b.rb")),
        ('ENTRYPOINT ["ruby"]\nCMD a.rb', ("b.rb",), ("ruby", "b.rb")),
        ('CMD ["ruby", "a.rb"]', None, ("ruby", "a.rb")),
        ('CMD ["ruby", "a.rb"]', ("-v",), ("python3", "func.py", "-v")),
        ("ENTRYPOINT ruby a.rb", None, ("python3", "func.py")),
        ('ENTRYPOINT ruby a.rb\nCMD ["x"]', None, ("python3", "func.py")),
        ('ENTRYPOINT ["ruby"]\nCMD a.rb', None, ("python3", "func.py")),
        ("RUN make", None, ("python3", "func.py")),
    ],
)
def test_the_dockerfile_comes_before_the_sources(
    home: Path, programs: str, dockerfile: str, cmd: tuple[str, ...] | None, words: tuple[str, ...]
) -> None:
    put(home, "func.py")
    (home / "Dockerfile").write_text(f"FROM x\n{dockerfile}\n")
    assert resolve_entrypoint(spec(home, cmd=cmd), path=programs) == words


@pytest.mark.parametrize(
    ("files", "values", "told"),
    [
        ([], {}, "hello does not say what to run (there is no func.py or func.js or func.sh)"),
        (["func.py"], {"image": "iron/hello"}, "hello runs the image iron/hello"),
        (["func.rb"], {"runtime": "ruby"}, "hello does not say what to run (the runtime ruby is built into an image)"),
        (["func.py"], {"runtime": "go"}, "hello does not say what to run (the runtime go is built into an image)"),
        (["a.py", "b.py"], {"runtime": "python"}, "hello does not say what to run (there is no func.py)"),
    ],
)
def test_some_functions_need_docker(
    home: Path, programs: str, files: list[str], values: dict[str, object], told: str
) -> None:
    put(home, *files)
    with pytest.raises(NeedsDocker) as caught:
        resolve_entrypoint(spec(home, **values), path=programs)
    assert str(caught.value) == f"{told}: run it with --driver docker, or set entrypoint in its function file"


@pytest.mark.parametrize("program", ["/function/bin/x", "./func"])
def test_a_program_that_only_the_image_has_needs_docker(home: Path, programs: str, program: str) -> None:
    put(home, "func.py")
    (home / "Dockerfile").write_text(f'FROM x\nENTRYPOINT ["{program}"]\n')
    with pytest.raises(NeedsDocker, match=f"hello runs {program} of its Dockerfile, which is not here"):
        resolve_entrypoint(spec(home), path=programs)


@pytest.mark.parametrize("path", ["", "/nowhere", "."])
def test_a_runtime_that_is_not_installed_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(home)
    put(home, "func.js")
    put(home, "node", mode=0o755)
    with pytest.raises(NeedsRuntime, match=r"^node is not installed, and hello runs on it: install it, or run it with"):
        resolve_entrypoint(spec(home), path=path)
    (home / "Dockerfile").write_text('FROM x\nENTRYPOINT ["java"]\n')
    with pytest.raises(NeedsRuntime, match=r"^java is not installed"):
        resolve_entrypoint(spec(home), path=path)


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("./missing", "the entrypoint ./missing of hello is not there: make it in `build`, or name another"),
        ("./plain", "the entrypoint ./plain of hello may not be run: chmod +x ./plain"),
        ("./lib", "the entrypoint ./lib of hello is not there: make it in `build`, or name another"),
        ("../bin/node", "the entrypoint ../bin/node of hello leads out of its folder"),
        ("/no/such", "the entrypoint /no/such of hello is not there: make it in `build`, or name another"),
        ("", "the entrypoint of hello names no program"),
    ],
)
def test_an_entrypoint_that_cannot_run_is_told(home: Path, programs: str, program: str, told: str) -> None:
    put(home, "plain", "lib/x")
    with pytest.raises(BuildError) as caught:
        resolve_entrypoint(spec(home, entrypoint=(program,)), path=programs)
    assert type(caught.value) is BuildError
    assert str(caught.value) == told


def test_the_built_copy_is_where_files_are_looked_for(home: Path, tmp_path: Path, programs: str) -> None:
    function = spec(home, entrypoint=("./func", "-v"))
    put(tmp_path / "copy", "func", mode=0o755)
    assert resolve_entrypoint(function, path=programs, folder=tmp_path / "copy") == ("./func", "-v")
    with pytest.raises(BuildError, match="is not there"):
        resolve_entrypoint(function, path=programs)


def test_a_dockerfile_that_is_none_is_told(home: Path, programs: str) -> None:
    (home / "Dockerfile").mkdir()
    with pytest.raises(BuildError, match="Dockerfile cannot be read: Is a directory"):
        resolve_entrypoint(spec(home), path=programs)


DOCKERFILES = [
    ("", DockerCommand()),
    ('ENTRYPOINT ["a"]\nENTRYPOINT ["b"]\nCMD ["c"]\nCMD ["d", "e"]', DockerCommand(entrypoint=("b",), cmd=("d", "e"))),
    ('entrypoint ["a"]\n  Cmd\t[ "b" ]', DockerCommand(entrypoint=("a",), cmd=("b",))),
    ('ENTRYPOINT ["a", \\\n  # a comment\n\n  "b"]', DockerCommand(entrypoint=("a", "b"))),
    ('# escape=`\nENTRYPOINT ["a", `\n "b\\\\c"]', DockerCommand(entrypoint=("a", "b\\c"))),
    ('# syntax=docker/dockerfile:1\n# escape=`\nCMD ["a", `\n "b"]', DockerCommand(cmd=("a", "b"))),
    ('FROM x\n# escape=`\nCMD ["a", \\\n "b"]', DockerCommand(cmd=("a", "b"))),
    ('FROM x\nENTRYPOINT ["a"]\nFROM y\nCMD ["b"]', DockerCommand(cmd=("b",))),
    ('FROM x AS base\nENTRYPOINT ["a"]\nCMD ["b"]\nFROM base', DockerCommand(entrypoint=("a",), cmd=("b",))),
    ('FROM x AS base\nCMD ["b"]\nFROM --platform=p Base\nENTRYPOINT ["a"]', DockerCommand(entrypoint=("a",))),
    ("ENTRYPOINT a b", DockerCommand(shell_entrypoint=True)),
    ("ENTRYPOINT ['a']", DockerCommand(shell_entrypoint=True)),
    ("CMD [1]", DockerCommand(shell_cmd=True)),
    ('ENTRYPOINT ["a"]\nCMD []', DockerCommand(entrypoint=("a",))),
    ('CMD ["a"]\nHEALTHCHECK CMD ["b"]\nONBUILD CMD ["c"]', DockerCommand(cmd=("a",))),
    ('CMD ["a"]\nRUN <<EOF\nCMD ["b"]\nEOF\nRUN <<-"X"\nCMD ["c"]\n\tX\n', DockerCommand(cmd=("a",))),
    ('CMD ["a"]\nRUN x && \\\n CMD ["b"]', DockerCommand(cmd=("a",))),
    ('# CMD ["a"]', DockerCommand()),
    ('\ufeffCMD ["a"]\r\n', DockerCommand(cmd=("a",))),
    ("\0\ufffd FROM", DockerCommand()),
]


@pytest.mark.parametrize(("text", "command"), DOCKERFILES)
def test_a_dockerfiles_last_command_counts(text: str, command: DockerCommand) -> None:
    assert parse_dockerfile(text) == command
