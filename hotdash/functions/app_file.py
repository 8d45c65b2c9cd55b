"""Reads `app.yaml`: what all functions below one folder share. Runs in any thread."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.errors import FunctionFileError
from hotdash.functions.document import Unparsable
from hotdash.functions.file import read_document, strings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

APP_FILE = "app.yaml"


def _empty() -> Mapping[str, str]:
    return MappingProxyType({})


class App(Struct, frozen=True, kw_only=True):
    """The functions below one folder.

    Args:
        name: `name` of its `app.yaml`, else the folder's name.
        config: Environment that goes under each function's own.
        warnings: What is odd in its file, `FILE:LINE: KEY: …` each.
    """

    name: str
    config: Mapping[str, str] = field(default_factory=_empty)
    warnings: tuple[str, ...] = ()


def read_app_file(path: Path, *, file: str) -> App:
    """Reads an `app.yaml`.

    Args:
        path: Absolute path of the file.
        file: How faults name it.

    Raises:
        FunctionFileError: With every fault of the file, in the order of its lines.
    """
    from hotdash.functions import schema  # noqa: PLC0415  pydantic takes 65 ms

    try:
        root, faults = read_document(path, file=file)
    except Unparsable as error:
        raise FunctionFileError([error.fault]) from error
    model, wrong = schema.validate(schema.AppModel, root, file=file)
    faults += wrong
    if faults or model is None:
        raise FunctionFileError(sorted(faults, key=lambda fault: fault.line or 0))
    return App(
        name=model.name or path.parent.name,
        config=strings(root, "config"),
        warnings=tuple(schema.unknown_keys(schema.AppModel, root, file=file)),
    )
