"""What a function's sources are, and their hash."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from hotdash.errors import BuildError
from hotdash.functions import (
    IgnoreRules,
    SourceEntry,
    SourceKind,
    hash_sources,
    open_folder,
    read_source,
    walk_sources,
)


def put(folder: Path, name: str, content: str = "x", mode: int = 0o644) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    file.chmod(mode)
    return file


def digest(folder: Path, extra: bytes = b"") -> str:
    return hash_sources(folder, walk_sources(folder), extra=extra)


def paths(folder: Path) -> list[str]:
    return [entry.path for entry in walk_sources(folder)]


def test_entries_are_sorted_and_tell_what_they_are(tmp_path: Path) -> None:
    put(tmp_path, "func.py", "hello")
    put(tmp_path, "lib/run", mode=0o755)
    put(tmp_path, "lib-a")
    (tmp_path / "empty").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("lib/run")
    found = walk_sources(tmp_path)
    assert [(entry.kind, entry.path, entry.size, entry.target, entry.executable) for entry in found] == [
        (SourceKind.DIR, "empty", 0, None, True),
        (SourceKind.FILE, "func.py", 5, None, False),
        (SourceKind.DIR, "lib", 0, None, True),
        (SourceKind.FILE, "lib/run", 1, None, True),
        (SourceKind.FILE, "lib-a", 1, None, False),
        (SourceKind.LINK, "link", 0, "lib/run", False),
    ]


def test_what_is_ignored_is_left_out(tmp_path: Path) -> None:
    for name in ("func.py", "docs/a.md", "docs/keep/b.md", ".git/HEAD", "node_modules/a/x.js", ".venv/x", "func.py~"):
        put(tmp_path, name)
    put(tmp_path, ".dockerignore", "docs\n!docs/keep\n")
    assert paths(tmp_path) == [
        *(".dockerignore", "docs", "docs/keep", "docs/keep/b.md", "func.py"),
        *("node_modules", "node_modules/a", "node_modules/a/x.js"),
    ]
    assert [entry.path for entry in walk_sources(tmp_path, rules=IgnoreRules(["*", "!func.py"]))] == [
        *(".dockerignore", "func.py")
    ]


@pytest.mark.parametrize(
    ("place", "target"),
    [("a", "b"), ("a", "nowhere"), ("lib/a", "../b"), ("lib/a", ".."), ("a", "./lib/../b"), ("a", "a"), ("a", ".")],
)
def test_links_inside_stay_links(tmp_path: Path, place: str, target: str) -> None:
    put(tmp_path, "b")
    put(tmp_path, "lib/x")
    (tmp_path / place).symlink_to(target)
    assert SourceEntry(kind=SourceKind.LINK, path=place, target=target) in walk_sources(tmp_path)


def test_links_that_lead_out_are_all_named(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    put(folder, "lib/x")
    put(tmp_path, "f-beside")
    for place, target in {
        "up": "..",
        "beside": "../f-beside",
        "lib/deep": "../../f-beside",
        "absolute": str(folder / "lib"),
        "lib/top": "..",
        "round": "lib/top/../f-beside",  # its text stays inside; by way of lib/top it does not
    }.items():
        (folder / place).symlink_to(target)
    with pytest.raises(BuildError) as caught:
        walk_sources(folder)
    assert str(caught.value) == (
        f"links lead out of {folder}: absolute -> {folder}/lib, beside -> ../f-beside, lib/deep -> ../../f-beside, "
        "round -> lib/top/../f-beside, up -> ..; put what they point to into the folder"
    )


def test_links_out_of_ignored_places_harm_nothing(tmp_path: Path) -> None:
    for place in (".venv/bin/python", "node_modules/.bin/tsc", "lib/node_modules/.bin/x"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).symlink_to("/usr/bin/env")
    (tmp_path / "node_modules" / ".bin" / "good").symlink_to("../x.js")
    put(tmp_path, "node_modules/x.js")
    warnings: list[str] = []
    found = walk_sources(tmp_path, warnings=warnings)
    assert [entry.path for entry in found if entry.kind is SourceKind.LINK] == ["node_modules/.bin/good"]
    assert warnings == [
        "lib/node_modules/.bin/x: skipped, the link leads out of the folder (/usr/bin/env)",
        "node_modules/.bin/tsc: skipped, the link leads out of the folder (/usr/bin/env)",
    ]


def test_a_linked_folder_is_not_entered(tmp_path: Path) -> None:
    put(tmp_path, "lib/x")
    (tmp_path / "again").symlink_to("lib")
    (tmp_path / "loop").symlink_to(".")
    assert paths(tmp_path) == ["again", "lib", "lib/x", "loop"]


def test_pipes_and_sockets_are_skipped_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "func.py")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        warnings = ["before"]
        assert [entry.path for entry in walk_sources(tmp_path, warnings=warnings)] == ["func.py"]
    assert warnings == [
        "before",
        "pipe: skipped, a FIFO cannot be copied",
        "sock: skipped, a socket cannot be copied",
    ]


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="missing cannot be read: No such file or directory"):
        walk_sources(tmp_path / "missing")
    with pytest.raises(BuildError, match="missing cannot be read: No such file or directory"):
        hash_sources(tmp_path / "missing", [], extra=b"")
    tmp_path.joinpath(*["d"] * 120).mkdir(parents=True)
    with pytest.raises(BuildError, match="is more than 100 folders deep"):
        walk_sources(tmp_path)


def test_any_name_a_file_may_have_will_do(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff\n b")
    put(tmp_path, name)
    assert paths(tmp_path) == [name]
    assert len(digest(tmp_path)) == 64


def test_the_same_content_has_the_same_hash_anywhere(tmp_path: Path) -> None:
    for name in ("one", "two"):
        put(tmp_path / name, "func.py", "hello")
        put(tmp_path / name, "lib/x", mode=0o755)
        (tmp_path / name / "link").symlink_to("func.py")
    os.utime(tmp_path / "two" / "func.py", (1, 1))
    (tmp_path / "two" / "func.py").chmod(0o600)
    put(tmp_path / "two", "func.py.swp")
    put(tmp_path / "two", "func.yaml", "memory: 64")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")


def test_every_change_that_counts_changes_the_hash(tmp_path: Path) -> None:
    put(tmp_path, "func.py", "hello")
    (tmp_path / "link").symlink_to("func.py")
    seen = [digest(tmp_path), digest(tmp_path, extra=b"make")]
    put(tmp_path, "func.py", "hullo")
    seen.append(digest(tmp_path))
    (tmp_path / "func.py").chmod(0o755)
    seen.append(digest(tmp_path))
    (tmp_path / "func.py").rename(tmp_path / "main.py")
    seen.append(digest(tmp_path))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("main.py")
    seen.append(digest(tmp_path))
    (tmp_path / "empty").mkdir()
    seen.append(digest(tmp_path))
    put(tmp_path, "lib/func.yaml")
    seen.append(digest(tmp_path))
    assert len(set(seen)) == len(seen)


def test_content_cannot_pass_for_another_file(tmp_path: Path) -> None:
    put(tmp_path / "one", "a", "file 1\nb-x")
    put(tmp_path / "two", "a", "")
    put(tmp_path / "two", "b", "x")
    assert digest(tmp_path / "one") != digest(tmp_path / "two")


def test_a_file_that_changed_since_it_was_found_is_told(tmp_path: Path) -> None:
    put(tmp_path, "lib/a", "hello")
    put(tmp_path, "b", "hello")
    entries = walk_sources(tmp_path)
    put(tmp_path, "b", "hello again")
    with pytest.raises(BuildError, match=r"^b changed while it was read: try again, or save it again$"):
        hash_sources(tmp_path, entries, extra=b"")
    (tmp_path / "b").unlink()
    with pytest.raises(BuildError, match=r"^b changed while it was read \(No such file or directory\): try again"):
        hash_sources(tmp_path, entries, extra=b"")
    (tmp_path / "b").mkdir()
    with pytest.raises(BuildError, match=r"^b changed while it was read"):
        hash_sources(tmp_path, entries, extra=b"")
    (tmp_path / "b").rmdir()
    os.mkfifo(tmp_path / "b")
    with pytest.raises(BuildError, match=r"^b changed while it was read"):
        hash_sources(tmp_path, entries, extra=b"")


def test_a_file_that_is_written_while_it_is_read_is_told(tmp_path: Path) -> None:
    file = put(tmp_path, "a", "hello")
    (entry,) = walk_sources(tmp_path)
    folder = open_folder(tmp_path)
    try:
        reading = read_source(folder, entry)
        assert next(reading) == b"hello"
        file.write_text("other")
        os.utime(file, (1, 1))
        with pytest.raises(BuildError, match=r"^a changed while it was read"):
            next(reading)
    finally:
        os.close(folder)


def test_a_link_put_in_the_way_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    put(folder, "lib/a", "hello")
    put(folder, "b", "hello")
    put(tmp_path, "elsewhere/a", "stolen"[:5])
    entries = walk_sources(folder)
    (folder / "lib" / "a").unlink()
    (folder / "lib").rmdir()
    (folder / "lib").symlink_to(tmp_path / "elsewhere")
    inner = [entry for entry in entries if entry.path == "lib/a"]
    with pytest.raises(BuildError, match=r"^lib/a changed while it was read"):
        hash_sources(folder, inner, extra=b"")
    (folder / "b").unlink()
    (folder / "b").symlink_to(tmp_path / "elsewhere" / "a")
    with pytest.raises(BuildError, match=r"^b changed while it was read"):
        hash_sources(folder, [entry for entry in entries if entry.path == "b"], extra=b"")


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    put(tmp_path, "a/b/c/d", "hello")
    put(tmp_path, "bad", "x")
    before = len(list(Path("/dev/fd").iterdir()))
    entries = walk_sources(tmp_path)
    hash_sources(tmp_path, entries, extra=b"")
    put(tmp_path, "a/b/c/d", "longer")
    with pytest.raises(BuildError):
        hash_sources(tmp_path, entries, extra=b"")
    (tmp_path / "out").symlink_to("..")
    with pytest.raises(BuildError):
        walk_sources(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before
