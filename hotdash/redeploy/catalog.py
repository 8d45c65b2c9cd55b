"""`Catalog`: what the folder of functions holds at one moment, and what follows from a change of it. No thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.errors import Fault, FunctionFileError
from hotdash.functions.app_file import APP_FILE
from hotdash.functions.discovery import load_functions
from hotdash.functions.file import FUNCTION_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.functions.spec import FunctionSpec


class Catalog(Struct, frozen=True, kw_only=True):
    """The functions whose files are good, by key, and the faults of the others."""

    specs: dict[str, FunctionSpec] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Catalog:
        """Reads all function files below `folder` (or its own)."""
        try:
            return cls(specs={spec.key: spec for spec in load_functions(folder)})
        except FunctionFileError as error:
            return cls(specs={spec.key: spec for spec in error.loaded}, faults=error.errors)


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done after a change.

    Args:
        deploy: Functions that are new, or whose folder or settings changed, or whose file was broken until now.
        remove: Keys of functions whose folders are gone.
        faulty: By key, what is wrong with the file of a function that is deployed; empty where it is mended.
        notices: What is wrong elsewhere, a line each.
    """

    deploy: tuple[FunctionSpec, ...]
    remove: tuple[str, ...]
    faulty: dict[str, tuple[str, ...]]
    notices: tuple[str, ...]


def plan(
    *, known: dict[str, FunctionSpec], now: Catalog, changed: Iterable[Path], faulty_before: Iterable[str] = ()
) -> Plan:
    """What follows from a change.

    Args:
        known: The functions that are deployed, or asked to be, as they were then.
        now: The folder as it is now.
        changed: Absolute paths that may have changed; of a folder, all below it may have.
        faulty_before: Keys whose files were broken until now.
    """
    paths = tuple(changed)
    faulty: dict[str, tuple[str, ...]] = {}
    placed: set[Fault] = set()
    for key, spec in known.items():
        faults = tuple(fault for fault in now.faults if _concerns(fault, spec))
        placed.update(faults)
        if faults or key in set(faulty_before):
            faulty[key] = tuple(map(str, faults))
    broken = {key for key, faults in faulty.items() if faults}
    deploy = tuple(
        spec
        for key, spec in now.specs.items()
        if key not in broken
        # What was saved while its file was broken has not been deployed: another's name, say, which has gone since.
        and (key in faulty or known.get(key) != spec or any(touches(path, spec) for path in paths))
    )
    remove = tuple(sorted(key for key in known if key not in now.specs and key not in broken))
    notices = tuple(str(fault) for fault in now.faults if fault not in placed)
    return Plan(deploy=deploy, remove=remove, faulty=faulty, notices=notices)


def touches(path: Path, spec: FunctionSpec) -> bool:
    """Whether a change at `path` may have changed the function's sources."""
    return path.is_relative_to(spec.folder) or spec.folder.is_relative_to(path)


def is_mere_source(path: Path, known: Iterable[FunctionSpec]) -> bool:
    """Whether a change at `path` cannot have changed what any function file says: it lies in a function's folder."""
    folder = next((spec.folder for spec in known if spec.folder in path.parents), None)
    return folder is not None and (path.parent != folder or path.name not in {*FUNCTION_FILES, APP_FILE})


def _concerns(fault: Fault, spec: FunctionSpec) -> bool:
    """Whether a fault is in this function's folder, or in the app file above it."""
    place = Path(fault.file).absolute()
    place = place.parent.resolve() / place.name
    if place.is_relative_to(spec.folder):
        return True
    return place.name == APP_FILE and spec.folder.is_relative_to(place.parent)
