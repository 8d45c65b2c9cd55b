"""What a function file and an app file may say, as pydantic models. Runs in any thread; imported when a file is read.

The models check plain values; each field's description is what a fault calls *allowed*. Where a value must become a
string as it was written, the model only checks it, and `file` takes the text from the file's tree.
"""

from __future__ import annotations

import difflib
import re
import shlex
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from hotdash.errors import Fault
from hotdash.functions.document import SURROGATE, Node, key_of
from hotdash.functions.spec import Format, FunctionType

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

Model = TypeVar("Model", bound=BaseModel)

MAX_SECONDS = 1_000_000  # 11 days: poll takes no more than 24, in milliseconds

_NAME_PART = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_NAME = re.compile(rf"(?:{_NAME_PART}(?::[0-9]+)?/)?(?:{_NAME_PART}/)*{_NAME_PART}")
_APP = re.compile(_NAME_PART)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_BAD_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")  # as `check_value` of the protocols has it
_GO_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s|us|µs|ns))+")
_GO_UNIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|µs|ns)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

NAME_ALLOWED = "letters, digits, `.`, `_` and `-`, in parts split by `/`, such as iron/hello"
_COMMAND_ALLOWED = "a command (its quotes closed) or a list of its words"


def _wrong(found: str = "") -> PydanticCustomError:
    """An error whose `found`, if any, replaces the value as a fault shows it."""
    return PydanticCustomError("hotdash", "wrong", {"found": found})


def _seconds(value: object) -> object:
    """IronFunctions reads `timeout` as a Go duration (`30s`, `1m30s`): those become seconds."""
    if isinstance(value, str) and _GO_DURATION.fullmatch(value):
        return sum(float(figure) * _UNIT_S[unit] for figure, unit in _GO_UNIT.findall(value))
    return value


def _format(value: object) -> object:
    """Empty is `default`, as IronFunctions has it (R2)."""
    return Format.DEFAULT if value == "" else value


def _command(value: object) -> tuple[str, ...] | None:
    """A command line split as a shell would, or the words as they are; None if there are none."""
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise _wrong(f"{Node(value=value, text=value, line=0).describe()} ({error})") from error
    elif isinstance(value, list):
        words = [_word(word) for word in value]
    else:
        raise _wrong()
    if any("\0" in word for word in words):
        raise _wrong("a NUL character")
    return tuple(words) or None


def _word(value: object) -> str:
    if value is None or isinstance(value, (dict, list)):
        raise _wrong("a list that holds more than words")
    return str(value)


def _name(value: str) -> str:
    if not is_name(strip_tag(value)):
        raise _wrong()
    return value


def is_name(name: str) -> bool:
    """Whether `name` (without a tag) can name a function and its image."""
    return _NAME.fullmatch(name) is not None


def strip_tag(name: str) -> str:
    """`iron/hello:0.0.1` without its tag; a registry's port stays."""
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


def _app_name(value: str) -> str:
    if not _APP.fullmatch(value):
        raise _wrong()
    return value


def _route(value: str) -> str:
    if not value.startswith("/") or re.search(r"[\s?#\x00-\x1f\x7f]", value):
        raise _wrong()
    return value


def _one_word(value: str) -> str:
    if not value or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise _wrong()
    return value


def _scalar(value: object) -> object:
    if isinstance(value, (dict, list)):
        raise _wrong()
    return value


def _without_nul(value: object) -> object:
    if isinstance(value, str) and "\0" in value:
        raise _wrong("a NUL character")
    return _scalar(value)


def _something(value: object) -> object:
    if value is None:
        raise _wrong()
    return value


def _header_value(value: object) -> object:
    if isinstance(value, str) and (bad := _BAD_IN_HEADER.search(value)):
        found = bad.group()
        known = {"\r": "a CR", "\n": "a line break", "\0": "a NUL character"}
        other = f'"{found}" (outside latin-1)' if found > "\xff" else "a control character"
        raise _wrong(known.get(found, other))
    return _scalar(value)


Seconds = Annotated[float, BeforeValidator(_seconds), Field(le=MAX_SECONDS, allow_inf_nan=False)]
Command = Annotated[tuple[str, ...] | None, BeforeValidator(_command)]
Word = Annotated[str, AfterValidator(_one_word)]
Variables = dict[str, Annotated[Any, AfterValidator(_without_nul)]]
Headers = dict[str, Annotated[Any, AfterValidator(_header_value)]]
Scalar = Annotated[Any, AfterValidator(_without_nul)]
ShellCommand = Annotated[Any, AfterValidator(_without_nul), AfterValidator(_something)]


class TestModel(BaseModel):
    """An entry of `tests`, under IronFunctions' names; `in`, `out` and `err` may be anything and become text."""

    __test__ = False  # pytest takes a class for tests by its name
    model_config = ConfigDict(strict=True, frozen=True)

    name: Scalar = Field(None, description="the test's name")
    stdin: Any = Field(None, alias="in")
    stdout: Any = Field(None, alias="out")
    stderr: Any = Field(None, alias="err")
    env: Variables | None = Field(None, description="names and their values")


class FunctionModel(BaseModel):
    """A function file (the design's section 3). A description is what a fault calls allowed."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: Annotated[str, AfterValidator(_name)] | None = Field(None, description=NAME_ALLOWED)
    version: Scalar = Field(None, description="a version, such as 0.0.1")
    path: Annotated[str, AfterValidator(_route)] | None = Field(
        None, description="a route that starts with /, without spaces, `?` and `#`"
    )
    type: FunctionType = Field(FunctionType.SYNC, strict=False, description="sync or async")
    format: Annotated[Format, BeforeValidator(_format)] = Field(
        Format.DEFAULT, strict=False, description="default, http, json or http-stream"
    )
    memory: int = Field(128, ge=6, description="a whole number of megabytes, 6 or more")
    timeout: Seconds = Field(30.0, gt=0, description=f"seconds, above 0, at most {MAX_SECONDS}")
    idle_timeout: Seconds = Field(30.0, ge=0, description=f"seconds, 0 to {MAX_SECONDS}")
    max_concurrency: int | None = Field(None, ge=1, description="a whole number, 1 or more")
    min_warm: int = Field(0, ge=0, description="a whole number, 0 or more")
    init_timeout: Seconds = Field(10.0, gt=0, description=f"seconds, above 0, at most {MAX_SECONDS}")
    wait_timeout: Seconds = Field(10.0, ge=0, description=f"seconds, 0 to {MAX_SECONDS}")
    build_timeout: Seconds = Field(300.0, gt=0, description=f"seconds, above 0, at most {MAX_SECONDS}")
    drain_timeout: Seconds | None = Field(None, ge=0, description=f"seconds, 0 to {MAX_SECONDS}")
    prove_s: Seconds = Field(0.1, ge=0, description=f"seconds, 0 to {MAX_SECONDS}")
    max_queue: int = Field(1000, ge=1, description="a whole number, 1 or more")
    config: Variables = Field({}, description="names and their values, one text or number each")
    headers: Headers = Field({}, description="names and their values, one line each")
    build: list[ShellCommand] = Field([], description="a list of shell commands")
    runtime: Word | None = Field(None, description="a runtime's name, such as python or node")
    entrypoint: Command = Field(None, description=_COMMAND_ALLOWED)
    cmd: Command = Field(None, description=_COMMAND_ALLOWED)
    image: Word | None = Field(None, description="an image's name, such as iron/hello:0.0.1")
    network: Word | None = Field(None, description="none or the name of a Docker network")
    base_image: Word | None = Field(None, description="an image's name, such as python:3.12-slim")
    writable: bool = Field(default=False, description="true or false")
    tests: list[TestModel] = Field([], description="a list of tests, each with name, in, out, err, env")


class AppModel(BaseModel):
    """An `app.yaml`."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: Annotated[str, AfterValidator(_app_name)] | None = Field(
        None, description="letters, digits, `.`, `_` and `-`"
    )
    config: Variables = Field({}, description="names and their values, one text or number each")


def validate(model: type[Model], root: Node, *, file: str) -> tuple[Model | None, list[Fault]]:
    """Checks a file's tree.

    Args:
        model: What it may say.
        root: The tree; a key without a value counts as not written, as it does for IronFunctions.
        file: How faults name the file.

    Returns:
        The checked values, or None and the faults, one a key.
    """
    no_text = dict(_no_text(root, ()))
    faults = [_text_fault(path, node, file=file) for path, node in no_text.items()]
    faults += _name_faults(root, model, file=file, told=no_text)
    plain = {key: node.plain for key, node in _entries(root).items() if node.value is not None}
    try:
        checked = model.model_validate(_as_text(plain) if no_text else plain)
    except ValidationError as error:
        seen = set(no_text)
        for problem in error.errors(include_url=False):
            path, node = root.at(problem["loc"])
            if path not in seen:
                seen.add(path)
                found = str(problem.get("ctx", {}).get("found") or node.describe())
                place = key_of(path)
                faults.append(Fault(file=file, line=node.line, key=place, found=found, allowed=_allowed(model, path)))
        return None, faults
    return (None, faults) if faults else (checked, faults)


def unknown_keys(model: type[BaseModel], root: Node, *, file: str) -> list[str]:
    """A warning for each key that nobody reads, with the key that was perhaps meant."""
    warnings = _unknown(model, root, (), file=file)
    tests = _entries(root).get("tests")
    if model is FunctionModel and tests is not None and isinstance(tests.value, list):
        for index, test in enumerate(tests.value):
            warnings += _unknown(TestModel, test, ("tests", index), file=file)
    return warnings


def _unknown(model: type[BaseModel], node: Node, path: tuple[str | int, ...], *, file: str) -> list[str]:
    known = [field.alias or name for name, field in model.model_fields.items()]
    warnings = []
    for key, value in _entries(node).items():
        if key not in known:
            close = difflib.get_close_matches(key.lower(), known, n=1)
            hint = f", did you mean {close[0]}?" if close else ""
            warnings.append(f"{file}:{value.line}: {key_of((*path, key))}: unknown key, ignored{hint}")
    return warnings


def _no_text(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """Where keys and values stand that UTF-8 cannot write: escapes can name half a surrogate pair, whatever the key.

    Nobody could print them, nor hand them to a process or an engine.
    """
    last = path[-1] if path else ""
    if SURROGATE.search(node.text) or (isinstance(last, str) and SURROGATE.search(last)):
        yield path, node
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            yield from _no_text(value, (*path, key))
    elif isinstance(node.value, list):
        for index, value in enumerate(node.value):
            yield from _no_text(value, (*path, index))


def _as_text(plain: object) -> object:
    """Values without what is told of already: pydantic cannot say what is wrong with them otherwise."""
    if isinstance(plain, dict):
        return {key: _as_text(value) for key, value in plain.items() if not SURROGATE.search(key)}
    if isinstance(plain, list):
        return [_as_text(value) for value in plain]
    return SURROGATE.sub("?", plain) if isinstance(plain, str) else plain


def _text_fault(path: tuple[str | int, ...], node: Node, *, file: str) -> Fault:
    half = SURROGATE.search(node.text) or SURROGATE.search(str(path[-1]))
    assert half is not None  # noqa: S101  for mypy: `_no_text` found it
    found = f"the character U+{ord(half.group()):04X}, which UTF-8 does not have"
    return Fault(file=file, line=node.line, key=key_of(path), found=found, allowed="UTF-8 text")


def _name_faults(
    root: Node, model: type[BaseModel], *, file: str, told: Container[tuple[str | int, ...]]
) -> list[Fault]:
    """Names of variables and headers that no environment and no answer can carry; without those told of already."""
    faults = []
    for section in ("config", "headers"):
        if section not in model.model_fields or section not in _entries(root):
            continue
        for key, node in _entries(_entries(root)[section]).items():
            if (section, key) in told:
                continue
            if section == "headers" and not _HEADER_NAME.fullmatch(key):
                allowed = "a header's name: letters, digits and `-`"
            elif section == "config" and (not key or "=" in key or "\0" in key):
                allowed = "a variable's name, without `=`"
            else:
                continue
            found = f"the name {Node(value=key, text=key, line=0).describe()}"
            faults.append(Fault(file=file, line=node.line, key=section, found=found, allowed=allowed))
    return faults


_INNER_ALLOWED = {
    "config": "a text, a number, true or false",
    "env": "a text, a number, true or false",
    "headers": "a text in one line, a number, true or false",
    "build": "a shell command",
    "tests": "a mapping with name, in, out, err, env",
}


def _allowed(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    """The description of the field that `path` names, or of what the field holds."""
    match path:
        case ("tests", _, str(key)):
            return TestModel.model_fields[key].description or ""
        case (_, _, *_):
            return _INNER_ALLOWED["env" if "env" in path else str(path[0])]
        case (str(key),):
            return model.model_fields[key].description or ""
        case _:
            return "a mapping of keys to values"


def _entries(node: Node) -> dict[str, Node]:
    return node.value if isinstance(node.value, dict) else {}
