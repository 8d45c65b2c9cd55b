"""Reads a function file (`func.yaml`, `func.yml`, `func.json`) into a `FunctionSpec`. Runs in any thread.

Every fault of a file is told at once; ruamel.yaml and pydantic are imported with the first file, not with hotdash
(together they take longer than the dashboard's first paint may wait).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.errors import Fault, FunctionFileError
from hotdash.functions.document import Node, Unparsable, read_text
from hotdash.functions.spec import DEFAULT_COLD_CONCURRENCY, FunctionSpec, FunctionTest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hotdash.functions.app_file import App
    from hotdash.functions.schema import FunctionModel

FUNCTION_FILES = ("func.yaml", "func.yml", "func.json")


class FunctionFile(Struct, frozen=True, kw_only=True):
    """A good function file: what it describes, and the lines of its name and its path (None where they follow)."""

    spec: FunctionSpec
    name_line: int | None
    path_line: int | None


def read_document(path: Path, *, file: str) -> tuple[Node, list[Fault]]:
    """Reads a YAML or JSON file whose top is a mapping.

    Args:
        path: Where it is; `.json` is JSON, all else YAML.
        file: How faults name it.

    Returns:
        Its tree, and the faults that did not keep it from being read.

    Raises:
        Unparsable: It cannot be read at all.
    """
    text = read_text(path, file=file)
    if path.suffix == ".json":
        from hotdash.functions.json_source import parse_json as parse  # noqa: PLC0415  as below
    else:
        from hotdash.functions.yaml_source import parse_yaml as parse  # noqa: PLC0415  ruamel.yaml takes 30 ms
    root, faults = parse(text, file=file)
    if not isinstance(root.value, dict):
        allowed = "a mapping of keys to values"
        raise Unparsable(Fault(file=file, line=root.line, key="", found=root.describe(), allowed=allowed))
    return root, faults


def read_function_file(path: Path, *, file: str, app: App) -> FunctionFile:
    """Reads one function file.

    Args:
        path: Absolute path of the file.
        file: How faults name it.
        app: The app that the function belongs to.

    Raises:
        FunctionFileError: With every fault of the file, in the order of its lines.
    """
    from hotdash.functions import schema  # noqa: PLC0415  pydantic takes 65 ms

    try:
        root, faults = read_document(path, file=file)
    except Unparsable as error:
        raise FunctionFileError([error.fault]) from error
    model, wrong = schema.validate(schema.FunctionModel, root, file=file)
    faults += wrong
    name, name_fault = _name(root, path, file=file)
    if name_fault is not None:
        faults.append(name_fault)
    if model is not None:
        faults += _limit_faults(model, root, file=file)
    if faults or model is None:
        raise FunctionFileError(sorted(faults, key=lambda fault: fault.line or 0))
    warnings = (
        *app.warnings,
        *schema.unknown_keys(schema.FunctionModel, root, file=file),
        *_odd(model, root, file=file),
    )
    lines = [None if node is root else node.line for node in (root.at((key,))[1] for key in ("name", "path"))]
    spec = _spec(model, root, name=name, path=path, app=app, warnings=warnings)
    return FunctionFile(spec=spec, name_line=lines[0], path_line=lines[1])


def _name(root: Node, path: Path, *, file: str) -> tuple[str, Fault | None]:
    """The function's name without a tag; the folder's where the file gives none."""
    from hotdash.functions import schema  # noqa: PLC0415  see above

    written = root.at(("name",))[1]
    if written is not root and written.value is not None:
        return schema.strip_tag(written.text), None
    name = path.parent.name
    if not schema.is_name(name):
        found = f"nothing, and the folder's name {name!r} will not do"
        return name, Fault(file=file, line=None, key="name", found=found, allowed=schema.NAME_ALLOWED)
    return name, None


def _limit_faults(model: FunctionModel, root: Node, *, file: str) -> list[Fault]:
    limit = _max_concurrency(model)
    if model.min_warm <= limit:
        return []
    node = root.at(("min_warm",))[1]
    allowed = f"at most max_concurrency, which is {limit}"
    return [Fault(file=file, line=node.line, key="min_warm", found=node.describe(), allowed=allowed)]


def _odd(model: FunctionModel, root: Node, *, file: str) -> list[str]:
    """What is no fault, but will not do what its writer expects."""
    warnings = []
    if model.name is not None and ":" in model.name.rpartition("/")[2]:
        line = root.at(("name",))[1].line
        warnings.append(f"{file}:{line}: name: the tag is not part of a name, ignored; write it as version")
    if model.min_warm and not model.format.is_hot:
        line = root.at(("min_warm",))[1].line
        warnings.append(f"{file}:{line}: min_warm: nothing is kept warm in format default, ignored")
    return warnings


def _max_concurrency(model: FunctionModel) -> int:
    if model.max_concurrency is not None:
        return model.max_concurrency
    return 1 if model.format.is_hot else DEFAULT_COLD_CONCURRENCY


def _spec(
    model: FunctionModel, root: Node, *, name: str, path: Path, app: App, warnings: tuple[str, ...]
) -> FunctionSpec:
    key = name.rsplit("/", 1)[-1]
    return FunctionSpec(
        name=name,
        folder=path.parent,
        file=path,
        app=app.name,
        version=root.at(("version",))[1].as_string if model.version is not None else "0.0.1",
        path=model.path or f"/{key}",
        type=model.type,
        format=model.format,
        memory_mb=model.memory,
        timeout_s=model.timeout,
        idle_timeout_s=model.idle_timeout,
        max_concurrency=_max_concurrency(model),
        min_warm=model.min_warm,
        init_timeout_s=model.init_timeout,
        wait_timeout_s=model.wait_timeout,
        build_timeout_s=model.build_timeout,
        drain_timeout_s=model.timeout if model.drain_timeout is None else model.drain_timeout,
        prove_s=model.prove_s,
        max_queue=model.max_queue,
        config=MappingProxyType({**app.config, **strings(root, "config")}),
        headers=strings(root, "headers"),
        build=tuple(node.as_string for node in _items(root, "build")),
        runtime=model.runtime,
        entrypoint=_words(root, "entrypoint", model.entrypoint),
        cmd=_words(root, "cmd", model.cmd),
        image=model.image,
        network=model.network,
        base_image=model.base_image,
        writable=model.writable,
        tests=tuple(_test(node, number) for number, node in enumerate(_items(root, "tests"), start=1)),
        warnings=warnings,
    )


def strings(node: Node, key: str) -> Mapping[str, str]:
    """The mapping under `key`, its scalars as strings as they were written; empty where there is none."""
    path, section = node.at((key,))
    entries = section.value if path and isinstance(section.value, dict) else {}
    return MappingProxyType({name: value.as_string for name, value in entries.items()})


def _items(node: Node, key: str) -> list[Node]:
    path, section = node.at((key,))
    return section.value if path and isinstance(section.value, list) else []


def _words(node: Node, key: str, words: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """A command's words; those of a list as they were written (`true` is a program, too)."""
    return tuple(item.as_string for item in _items(node, key)) or words


def _test(node: Node, number: int) -> FunctionTest:
    texts = {
        key: None if value.value is None else value.as_string
        for key, value in (node.value if isinstance(node.value, dict) else {}).items()
    }
    return FunctionTest(
        name=texts.get("name") or f"test {number}",
        stdin=texts.get("in") or "",
        stdout=texts.get("out"),
        stderr=texts.get("err"),
        env=strings(node, "env"),
    )
