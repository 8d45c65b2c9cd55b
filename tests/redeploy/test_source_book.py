"""`SourceBook`: which files changed since what is live, and by how many lines. Beside it `Ignoring` and `Backlog`."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hotdash.functions.spec import FunctionSpec
from hotdash.redeploy import backlog as backlog_module
from hotdash.redeploy import sources as sources_module
from hotdash.redeploy.backlog import Backlog
from hotdash.redeploy.ignoring import Ignoring
from hotdash.redeploy.sources import SourceBook, count_lines


@dataclass
class Work:
    """A function's folder, and the book on it; `live` is what was built last."""

    folder: Path
    book: SourceBook = field(default_factory=SourceBook)
    live: str = ""

    @property
    def spec(self) -> FunctionSpec:
        return FunctionSpec(name="t/f", folder=self.folder, file=self.folder / "func.yaml")

    def write(self, **files: str | bytes) -> None:
        for name, content in files.items():
            path = self.folder / name.replace("_", ".")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def look(self, *names: str) -> list[tuple[str, str, int | None, int | None]]:
        """What changed, told of these paths, or of the whole folder."""
        paths = [self.folder / name for name in names] or [self.folder]
        changes, count = self.book.look(self.spec, paths, live_image=self.live)
        assert count >= len(changes)
        return [(change.path, change.kind, change.plus, change.minus) for change in changes]

    def go_live(self, image_id: str) -> None:
        self.live = image_id
        self.book.went_live("f", image_id)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    (tmp_path / "f").mkdir()
    work = Work(tmp_path / "f")
    work.write(func_yaml="name: t/f\n", func_py="one\ntwo\nthree\n")
    assert work.look() == [], "at first there is nothing to compare with"
    work.go_live("i1")
    return work


@pytest.mark.parametrize("names", [(), ("func.py", "new.py", "func.yaml")], ids=["the folder", "each file"])
def test_added_modified_and_removed_files_with_their_lines(work, names):
    work.write(func_py="one\n2\n2b\nthree\n", new_py="a\nb\n")
    (work.folder / "func.yaml").unlink()
    assert work.look(*names) == [
        ("func.py", "modified", 2, 1),
        ("func.yaml", "removed", 0, 1),
        ("new.py", "added", 2, 0),
    ]


def test_touched_is_not_changed_and_no_file_is_read_twice(work, monkeypatch):
    (work.folder / "func.py").touch()
    assert work.look() == []
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read again"))
    assert work.look() == []


def test_what_failed_counts_until_something_is_live(work):
    work.write(func_py="one\n")
    assert work.look("func.py") == [("func.py", "modified", 0, 2)]
    work.write(new_py="x\n")
    assert work.look("new.py") == [("func.py", "modified", 0, 2), ("new.py", "added", 1, 0)]
    work.go_live("i2")
    assert work.look() == []


def test_after_a_rollback_changes_are_told_against_what_serves(work):
    work.write(func_py="one\n")
    work.look()
    work.go_live("i2")
    work.live = "i1"
    assert work.look() == [("func.py", "modified", 0, 2)]
    work.live = "never seen"
    assert work.look() == []


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"x" * (sources_module.FILE_BYTES + 1)])
def test_of_what_is_no_short_text_no_lines_are_counted(work, content):
    work.write(func_py=content)
    assert work.look("func.py") == [("func.py", "modified", None, None)]


def test_texts_beyond_the_bound_are_not_kept(work, monkeypatch):
    monkeypatch.setattr(sources_module, "FUNCTION_BYTES", 20)
    work.write(z_py="x\n" * 20)
    work.look()
    work.go_live("i2")
    work.write(z_py="y\n" * 20)
    assert work.look() == [("z.py", "modified", None, None)]


def test_ignored_files_and_broken_folders_tell_nothing(work):
    work.write(_dockerignore="*.log\n")
    assert (work.folder / ".dockerignore").exists()
    work.look()
    work.go_live("i2")
    work.write(out_log="x")
    assert work.look("out.log") == []
    (work.folder / "out").symlink_to("/etc/passwd")
    assert work.look() == [], "the build tells of links that lead out"


def test_a_link_and_an_executable_bit_are_changes(work):
    (work.folder / "link").symlink_to("func.py")
    work.look()
    work.go_live("i2")
    (work.folder / "link").unlink()
    (work.folder / "link").symlink_to("func.yaml")
    (work.folder / "func.py").chmod(0o755)
    assert [change[:2] for change in work.look("link", "func.py")] == [("func.py", "modified"), ("link", "modified")]


def test_a_function_that_is_gone_is_forgotten(work):
    work.book.forget("f")
    work.write(func_py="other\n")
    assert work.look() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", "a b c"),
        ("a b c", ""),
        ("a b c", "a b c"),
        ("a b c d", "a c b d"),
        ("a a a b", "a b a a"),
        ("x y z a b c", "a b c x y z"),
    ],
)
def test_lines_are_counted_as_diff_does(tmp_path, old, new):
    for name, text in (("old", old), ("new", new)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in text.split()))
    command = ["diff", "-d", "old", "new"]
    told = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True).stdout.splitlines()
    plus, minus = (sum(line.startswith(mark) for line in told) for mark in "><")
    assert count_lines(old.split(), new.split()) == (plus, minus)


def test_many_lines_are_counted_without_looking_at_their_order():
    old = [f"old {number}" for number in range(3_000)] + ["same"]
    new = ["same", *(f"new {number}" for number in range(2_000))]
    assert count_lines(old, new) == (2_000, 3_000)


# what is ignored -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("a/func.py", False),
        ("a/out/x.log", True),
        ("a/out", True),
        ("a/out/keep.log", False),
        ("a/.dockerignore", False),
        ("a/__pycache__/x.pyc", True),
        ("a/.venv/bin/python", False),
        ("b/out/x.log", False),
        ("b/.venv/bin/python", True),
        ("__pycache__", True),
        ("own/images/x", True),
        ("", False),
    ],
)
def test_each_functions_own_rules_say_what_is_ignored(tmp_path, path, ignored):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/.dockerignore").write_text("out\n!out/keep.log\n!.venv\n")
    ignoring = Ignoring(root=tmp_path, outputs=[tmp_path / "own"])
    ignoring.know([tmp_path / "a", tmp_path / "b"])
    assert ignoring(tmp_path / path) is ignored


def test_a_folder_in_which_something_is_kept_is_looked_into_and_rules_are_read_again(tmp_path):
    (tmp_path / "a/out").mkdir(parents=True)
    rules = tmp_path / "a/.dockerignore"
    rules.write_text("out\n!out/keep.log\n")
    ignoring = Ignoring(root=tmp_path)
    ignoring.know([tmp_path / "a"])
    assert not ignoring(tmp_path / "a/out")
    rules.write_text("out\n")
    assert ignoring(tmp_path / "a/out")
    rules.write_text("[")
    assert not ignoring(tmp_path / "a/out"), "broken: the build says so"
    ignoring.know([])
    assert not ignoring(tmp_path / "a/out")


# what waits ----------------------------------------------------------------------------------------------------------


def test_a_flood_that_waits_is_its_folder_and_its_count_goes_on(monkeypatch):
    monkeypatch.setattr(backlog_module, "PATHS_KEPT", 3)
    folder = Path("/f")
    waits = Backlog()
    assert waits.add("f", folder, {folder / str(number) for number in range(3)})
    assert not waits.add("f", folder, {folder / "1"}), "the same again is nothing new"
    assert waits.waiting("f").paths == ("0", "1", "2")
    waits.add("f", folder, {folder / "3"})
    assert (waits.waiting("f").paths, waits.waiting("f").count) == ((".",), 4)
    assert waits.take("f") == {folder}
    assert waits.functions == ()
    assert waits.waiting("f").count == 0
