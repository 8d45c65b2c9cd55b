"""The Dockerfile that is written for a function without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdash.errors import BuildError
from hotdash.functions import FunctionSpec
from hotdash.functions.written import write_dockerfile

if TYPE_CHECKING:
    from pathlib import Path


def base(tmp_path: Path, *, files: tuple[str, ...] = (), environ: dict[str, str] | None = None, **keys: object) -> str:
    """What the function's Dockerfile is written to be built from."""
    for name in files:
        (tmp_path / name).touch()
    spec = FunctionSpec(name="hello", folder=tmp_path, file=tmp_path / "func.yaml", **keys)  # type: ignore[arg-type]
    first, *rest = write_dockerfile(spec, environ=environ or {}).splitlines()
    assert rest[:2] == ["WORKDIR /function", "COPY . ."]
    return first.removeprefix("FROM ")


@pytest.mark.parametrize(
    ("files", "keys", "image"),
    [
        (("func.py",), {}, "python:3.12-slim"),
        (("func.js",), {}, "node:20-slim"),
        (("func.sh",), {}, "busybox:stable"),
        (("func.py", "func.js"), {"runtime": "node"}, "node:20-slim"),
        ((), {"runtime": "python"}, "python:3.12-slim"),
        ((), {"runtime": "python3"}, "python:3.12-slim"),
        ((), {"runtime": "python3.11"}, "python:3.11-slim"),
        ((), {"runtime": "python:3.11-alpine"}, "python:3.11-alpine"),
        ((), {"runtime": "NodeJS"}, "node:20-slim"),
        ((), {"runtime": "node18"}, "node:18-slim"),
        ((), {"runtime": "bash"}, "busybox:stable"),
        ((), {"entrypoint": ("/usr/bin/python3", "x.py")}, "python:3.12-slim"),
        ((), {"entrypoint": ("sh", "-c", "cat")}, "busybox:stable"),
        (("func.py",), {"base_image": "my/base:1"}, "my/base:1"),
        ((), {"runtime": "ruby", "base_image": "host:5000/ruby@sha256:0"}, "host:5000/ruby@sha256:0"),
    ],
)
def test_the_runtime_decides_the_base(tmp_path: Path, files: tuple[str, ...], keys: dict[str, object], image: str):
    assert base(tmp_path, files=files, **keys) == image


def test_the_environment_sets_the_base_of_a_runtime(tmp_path: Path):
    environ = {"HOTDASH_BASE_PYTHON": "mine:1", "HOTDASH_BASE_NODE": ""}
    assert base(tmp_path, files=("func.py",), environ=environ) == "mine:1"
    assert base(tmp_path, environ=environ, runtime="python3.11") == "mine:1"
    assert base(tmp_path, environ=environ, runtime="node") == "node:20-slim"
    assert base(tmp_path, environ=environ, runtime="python", base_image="other:2") == "other:2"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {},
            "has no Dockerfile, and nothing names its runtime: write a Dockerfile, set base_image, or set runtime",
        ),
        ({"runtime": "ruby"}, "hello has no Dockerfile, and the runtime ruby is not known: write a Dockerfile"),
        ({"entrypoint": ("./hello",)}, "nothing names its runtime"),
        ({"base_image": "a\nRUN rm"}, r"base_image: found 'a\\nRUN rm', allowed the name of an image"),
        ({"runtime": "python:3 x"}, r"runtime: found 'python:3 x', allowed the name of an image"),
    ],
)
def test_what_names_no_base_is_told(tmp_path: Path, keys: dict[str, object], told: str):
    with pytest.raises(BuildError, match=told):
        base(tmp_path, **keys)


def test_build_commands_are_run_as_they_are_written(tmp_path: Path):
    spec = FunctionSpec(name="hello", folder=tmp_path, file=tmp_path / "f", runtime="sh", build=('a "b" \\\n$c', "é"))
    assert write_dockerfile(spec, environ={}).splitlines()[3:] == [
        'RUN ["/bin/sh", "-ec", "a \\"b\\" \\\\\\n$c"]',
        'RUN ["/bin/sh", "-ec", "\\u00e9"]',
    ]
