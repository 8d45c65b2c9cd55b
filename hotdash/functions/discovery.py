"""Finds the functions below a folder and reads them all; one broken file never hides the others. Runs in any thread.

Faults name files as the caller named the folder: `load_functions("demo")` tells of `demo/greet/func.yaml`.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from hotdash.errors import Fault, FunctionFileError
from hotdash.functions.app_file import APP_FILE, App, read_app_file
from hotdash.functions.document import Node
from hotdash.functions.file import FUNCTION_FILES, FunctionFile, read_function_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hotdash.functions.spec import FunctionSpec

CACHE_TAG = (
    "CACHEDIR.TAG"  # https://bford.info/cachedir/: marks hotdash's own cache, and others', as not to be searched
)
_SKIPPED = frozenset({"node_modules", "__pycache__"})  # hidden folders, `.venv` among them, are skipped by their dot


_PARAMETER = re.compile(r"(?<=/)([:*])[^/]*")  # `:x` and `:y` at one place are one route


class _Scan(Struct, frozen=True):
    """What a search found, in the order of paths, with the folders' names as the caller wrote them."""

    folders: list[Path] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def load_functions(folder: str | Path) -> list[FunctionSpec]:
    """Loads `folder` itself if it is a function, else every function below it.

    A function is not looked for inside another one, in hidden folders, `node_modules` or caches, nor through links to
    folders.

    Returns:
        The functions, sorted by key; empty if there are none.

    Raises:
        FunctionFileError: Some files are broken, or two functions have one key, or one route of an app; `.loaded` has
            the others. Of two, the first by path is loaded. A broken `app.yaml` holds back the functions
            below it: they would run with the wrong environment.
    """
    root = Path(folder)
    scan = _scan(root)
    faults, files = list(scan.faults), list[FunctionFile]()
    apps: dict[Path, App | FunctionFileError] = {}
    for found in scan.folders:
        try:
            files.append(_read(found, root=root, apps=apps))
        except FunctionFileError as error:
            faults += [fault for fault in error.errors if fault not in faults]
    files, twice = _unique(files, root=root)
    faults += twice
    loaded = sorted((file.spec for file in files), key=lambda spec: spec.key)
    if faults:
        raise FunctionFileError(sorted(faults, key=lambda fault: (fault.file, fault.line or 0)), loaded)
    return loaded


def load_function(folder: Path, *, root: Path) -> FunctionSpec:
    """Loads the one function in `folder`.

    Args:
        folder: The function's folder, `root` or below it.
        root: The folder that hotdash was given: `app.yaml` is looked for up to it (where it is the function itself, in
            the one above, too), and it names the app otherwise.

    Raises:
        FunctionFileError: Its file or its `app.yaml` is broken or missing.
    """
    root, folder = Path(root), Path(folder)
    if folder.resolve().is_relative_to(root.resolve()):  # one may be absolute, the other as the user wrote it
        folder = root / folder.resolve().relative_to(root.resolve())
    return _read(folder, root=root, apps={}).spec


def function_folders(folder: str | Path) -> list[Path]:
    """The folders that `load_functions` would load, each as `folder` and its path below it, sorted.

    Raises:
        FunctionFileError: `folder` is missing, no folder or unreadable; unreadable ones below it are passed over.
    """
    scan = _scan(Path(folder))
    if any(fault.file == str(Path(folder)) for fault in scan.faults):
        raise FunctionFileError(scan.faults)
    return scan.folders


def function_file(folder: Path) -> Path | None:
    """The function file in `folder`, or None; the first in the order of `FUNCTION_FILES` if there are several."""
    return next((folder / name for name in FUNCTION_FILES if os.path.lexists(folder / name)), None)


def _scan(root: Path) -> _Scan:
    scan = _Scan()
    cache = _own_cache()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as listing:
                entries = {entry.name: entry for entry in listing}
        except OSError as error:
            if folder is root or error.errno != errno.ENOENT:  # one that vanished just now is no fault
                scan.faults.append(_folder_fault(folder, error))
            continue
        if not entries.keys().isdisjoint(FUNCTION_FILES):
            scan.folders.append(folder)
        elif folder is root or (CACHE_TAG not in entries and folder.resolve() != cache):
            waiting += [folder / entry.name for entry in entries.values() if _is_searched(entry)]
    scan.folders.sort()
    return scan


def _is_searched(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False)


def _own_cache() -> Path:
    import platformdirs  # noqa: PLC0415  only needed here, and not for the first paint

    return platformdirs.user_cache_path("hotdash").resolve()


def _folder_fault(folder: Path, error: OSError) -> Fault:
    found = {
        errno.ENOENT: "no such folder",
        errno.ENOTDIR: "a file",
    }.get(error.errno or 0, f"a folder that cannot be read ({error.strerror})")
    return Fault(file=str(folder), line=None, key="", found=found, allowed="a folder of functions")


def _read(folder: Path, *, root: Path, apps: dict[Path, App | FunctionFileError]) -> FunctionFile:
    """Reads the function in `folder`, with its app."""
    present = [name for name in FUNCTION_FILES if os.path.lexists(folder / name)]
    if len(present) != 1:
        found = " and ".join(present) or "no function file"
        allowed = f"one of {', '.join(FUNCTION_FILES)}"
        raise FunctionFileError([Fault(file=str(folder), line=None, key="", found=found, allowed=allowed)])
    app, app_error = App(name=""), None
    try:
        app = _app_of(folder, root=root, apps=apps)
    except FunctionFileError as error:
        app_error = error
    shown = str(folder / present[0])
    try:
        file = read_function_file(folder.resolve() / present[0], file=shown, app=app)
    except FunctionFileError as error:
        raise FunctionFileError([*(app_error.errors if app_error else ()), *error.errors]) from error
    if app_error is not None:
        raise app_error
    return file


def _app_of(folder: Path, *, root: Path, apps: dict[Path, App | FunctionFileError]) -> App:
    """The app whose `app.yaml` is nearest above the function, up to the root; else the root's folder is the app.

    Where the root is the function itself, the folder above it counts, too: it is the same app from wherever one calls.
    """
    places = [place for place in (folder, *folder.parents) if place.is_relative_to(root)]
    if folder == root:
        places.append(_above(root))
    for place in places:
        if place not in apps and os.path.lexists(place / APP_FILE):
            try:
                apps[place] = read_app_file(place.resolve() / APP_FILE, file=str(place / APP_FILE))
            except FunctionFileError as error:
                apps[place] = error
        app = apps.get(place)
        if isinstance(app, FunctionFileError):
            raise app
        if app is not None:
            return app
    return App(name=root.resolve().name or "app")


def _above(folder: Path) -> Path:
    """The folder above, as the caller would name it: `demo` of `demo/greet`, `..` of `.` and of links."""
    return folder.parent if folder.parent.resolve() == folder.resolve().parent else folder / ".."


def _unique(files: Sequence[FunctionFile], *, root: Path) -> tuple[list[FunctionFile], list[Fault]]:
    """Keeps the first of the functions that share a key, or a route within an app, and finds fault with the others."""
    by_key: dict[str, FunctionFile] = {}
    by_route: dict[tuple[str, str], FunctionFile] = {}
    faults: list[Fault] = []
    for file in files:
        spec, route = file.spec, (file.spec.app, _PARAMETER.sub(r"\1", file.spec.path))
        if spec.key in by_key:
            holder, key, text, line, allowed = by_key[spec.key], "name", spec.key, file.name_line, "a name of its own"
        elif route in by_route:
            holder, key, text, line = by_route[route], "path", spec.path, file.path_line
            allowed = "a route of its own within its app"
        else:
            by_key[spec.key] = by_route[route] = file
            continue
        found = f"{Node(value=text, text=text, line=0).describe()}, which {_shown(holder.spec.file, root)} has already"
        faults.append(Fault(file=_shown(spec.file, root), line=line, key=key, found=found, allowed=allowed))
    return list(by_key.values()), faults


def _shown(file: Path, root: Path) -> str:
    """A file as the caller named it."""
    return str(root / file.relative_to(root.resolve()))
