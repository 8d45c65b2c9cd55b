"""Which functions are found below a folder, and what is told of those that are not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hotdash.errors import FunctionFileError
from hotdash.functions import function_file, function_folders, load_function, load_functions


def function(folder: Path, text: str = "{}", name: str = "func.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder


def names(folder: Path) -> list[str]:
    return [str(found.relative_to(folder)) for found in function_folders(folder)]


def told(folder: Path) -> list[str]:
    with pytest.raises(FunctionFileError) as caught:
        load_functions(folder)
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.errors]


def test_functions_come_sorted_by_key(tmp_path: Path) -> None:
    function(tmp_path / "a", "name: iron/zebra")
    function(tmp_path / "b" / "deep" / "er", "{}", "func.json")
    function(tmp_path / "c", "name: apple", "func.yml")
    assert [spec.key for spec in load_functions(tmp_path)] == ["apple", "er", "zebra"]
    assert names(tmp_path) == ["a", "b/deep/er", "c"]
    assert [spec.key for spec in load_functions(str(tmp_path))] == ["apple", "er", "zebra"]


def test_a_folder_that_is_a_function_is_the_only_one(tmp_path: Path) -> None:
    function(tmp_path)
    function(tmp_path / "inside")
    assert names(tmp_path) == ["."]
    (spec,) = load_functions(tmp_path)
    assert (spec.folder, spec.file, spec.app) == (tmp_path, tmp_path / "func.yaml", tmp_path.name)


def test_some_places_are_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    function(tmp_path / "good" / "x")
    for place in (
        "good/x/inner",
        ".hidden/x",
        "node_modules/x",
        ".venv/x",
        "__pycache__/x",
        "cache/hotdash/x",
        "tag/x",
    ):
        function(tmp_path / place)
    (tmp_path / "tag" / "CACHEDIR.TAG").touch()
    outside = function(tmp_path.parent / f"{tmp_path.name}-outside")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "loop").symlink_to(tmp_path)
    assert names(tmp_path) == ["good/x"]


def test_a_link_or_a_hidden_folder_may_be_given_itself(tmp_path: Path) -> None:
    function(tmp_path / ".real" / "greet")
    (tmp_path / "link").symlink_to(tmp_path / ".real")
    assert load_functions(tmp_path / ".real")[0].folder == tmp_path / ".real" / "greet"
    assert load_functions(tmp_path / "link")[0].folder == tmp_path / ".real" / "greet"


def test_a_linked_function_file_counts(tmp_path: Path) -> None:
    (tmp_path / "shared.yaml").write_text("memory: 64")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "func.yaml").symlink_to("../shared.yaml")
    assert load_functions(tmp_path)[0].memory_mb == 64


def test_an_empty_folder_has_no_functions(tmp_path: Path) -> None:
    assert load_functions(tmp_path) == []
    assert function_folders(tmp_path) == []
    assert function_file(tmp_path) is None


def test_paths_are_told_as_the_caller_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function(tmp_path / "demo" / "greet", "memory: 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FunctionFileError) as caught:
        load_functions("demo")
    assert caught.value.errors[0].file == "demo/greet/func.yaml"
    monkeypatch.chdir(tmp_path / "demo")
    with pytest.raises(FunctionFileError) as caught:
        load_functions(".")
    assert caught.value.errors[0].file == "greet/func.yaml"
    with pytest.raises(FunctionFileError) as caught:
        load_function(tmp_path / "demo" / "greet", root=Path("../demo"))
    assert caught.value.errors[0].file == "../demo/greet/func.yaml"


def test_the_app_of_a_relative_root_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function(tmp_path / "demo" / "greet")
    monkeypatch.chdir(tmp_path / "demo")
    (spec,) = load_functions(".")
    assert (spec.app, spec.folder) == ("demo", tmp_path / "demo" / "greet")
    monkeypatch.chdir(tmp_path / "demo" / "greet")
    (spec,) = load_functions(".")
    assert (spec.app, spec.key) == ("greet", "greet")


def test_one_broken_file_hides_no_other(tmp_path: Path) -> None:
    function(tmp_path / "bad", "memory: 1")
    function(tmp_path / "good")
    function(tmp_path / "worse", "memory: [\n")
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    assert [spec.key for spec in caught.value.loaded] == ["good"]
    assert [Path(fault.file).parent.name for fault in caught.value.errors] == ["bad", "worse"]
    assert str(caught.value) == "\n".join(str(fault) for fault in caught.value.errors)


def test_no_such_folder_and_a_file_are_faults(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, found in (("missing", "no such folder"), ("file", "a file")):
        place = tmp_path / name
        for act in (load_functions, function_folders):
            with pytest.raises(FunctionFileError) as caught:
                act(place)
            assert str(caught.value) == f"{place}: found {found}, allowed a folder of functions"


def test_two_function_files_in_one_folder_are_a_fault(tmp_path: Path) -> None:
    function(tmp_path / "a")
    function(tmp_path / "a", "{}", "func.json")
    assert told(tmp_path) == ["a: found func.yaml and func.json, allowed one of func.yaml, func.yml, func.json"]


def test_a_key_belongs_to_the_first_that_has_it(tmp_path: Path) -> None:
    function(tmp_path / "a", "\nname: iron/greet")
    function(tmp_path / "b", "\n\nname: other/greet")
    function(tmp_path / "c" / "greet")
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    assert [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.errors] == [
        'b/func.yaml:3: name: found "greet", which a/func.yaml has already, allowed a name of its own',
        'c/greet/func.yaml: name: found "greet", which a/func.yaml has already, allowed a name of its own',
    ]
    assert [spec.name for spec in caught.value.loaded] == ["iron/greet"]


def test_a_route_belongs_to_the_first_of_an_app_that_has_it(tmp_path: Path) -> None:
    function(tmp_path / "a", "\npath: /p/:x")
    function(tmp_path / "b", "\n\npath: /p/:y")
    function(tmp_path / "c", "\npath: /p/*y")
    function(tmp_path / "d", "\npath: /e")
    function(tmp_path / "e")
    function(tmp_path / "f", "\nname: a\npath: /f")  # no function, since its name is taken: nor has it the route
    function(tmp_path / "g", "\npath: /f")
    function(tmp_path / "other" / "h", "\npath: /f")
    (tmp_path / "other" / "app.yaml").write_text("name: other\n")
    with pytest.raises(FunctionFileError) as caught:
        load_functions(tmp_path)
    allowed = "allowed a route of its own within its app"
    assert [str(fault).replace(f"{tmp_path}/", "") for fault in caught.value.errors] == [
        f'b/func.yaml:3: path: found "/p/:y", which a/func.yaml has already, {allowed}',
        f'e/func.yaml: path: found "/e", which d/func.yaml has already, {allowed}',
        'f/func.yaml:2: name: found "a", which a/func.yaml has already, allowed a name of its own',
    ]
    assert [spec.key for spec in caught.value.loaded] == ["a", "c", "d", "g", "h"]


def test_a_folder_that_cannot_be_read_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    function(tmp_path / "good")
    (tmp_path / "locked").mkdir()
    (tmp_path / "gone").mkdir()
    refused = {
        tmp_path / "locked": PermissionError(errno.EACCES, "Permission denied"),
        tmp_path / "gone": FileNotFoundError(errno.ENOENT, "x"),
    }
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if path in refused:
            raise refused[path]
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert told(tmp_path) == [
        "locked: found a folder that cannot be read (Permission denied), allowed a folder of functions"
    ]
    assert names(tmp_path) == ["good"]


def test_one_function_is_loaded_alone(tmp_path: Path) -> None:
    function(tmp_path / "a", "memory: 64")
    function(tmp_path / "b", "memory: 1")
    assert load_function(tmp_path / "a", root=tmp_path).memory_mb == 64
    with pytest.raises(FunctionFileError, match="found no function file, allowed one of func"):
        load_function(tmp_path / "c", root=tmp_path)
    assert function_file(tmp_path / "a") == tmp_path / "a" / "func.yaml"


def test_a_tree_of_any_depth_is_searched(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 300)
    function(deep)
    assert len(function_folders(tmp_path)) == 1
