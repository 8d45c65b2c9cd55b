"""What is no source, in a table made from Docker's documented rules and its matcher's own cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdash.errors import BuildError
from hotdash.functions import IgnoreRules

if TYPE_CHECKING:
    from pathlib import Path

TABLE = [
    # The documentation's own examples.
    (
        ["# comment", "*/temp*"],
        ["somedir/temporary.txt", "somedir/temp", "somedir/temp/x"],
        ["temp", "a/b/temp", "comment"],
    ),
    (["*/*/temp*"], ["somedir/subdir/temporary.txt"], ["somedir/temporary.txt", "temp"]),
    (["temp?"], ["tempa", "tempb", "tempb/x"], ["temp", "tempab", "a/tempa"]),
    (["**/*.go"], ["a.go", "b/a.go", "b/c/a.go"], ["a.goo", "go"]),
    (["*.md", "!README.md"], ["a.md"], ["README.md", "docs/a.md"]),
    (["*.md", "!README*.md", "README-secret.md"], ["a.md", "README-secret.md"], ["README.md", "README-1.md"]),
    (["*.md", "README-secret.md", "!README*.md"], ["a.md"], ["README.md", "README-secret.md"]),
    (["*", "!func.py", "!lib"], ["a.py", "x/func.py"], ["func.py", "lib", "lib/a/b.py"]),
    (["/foo/bar"], ["foo/bar", "foo/bar/x"], ["foo", "bar", "x/foo/bar"]),
    # Where git's rules differ: anchored, `*` stops at `/`, what is in an ignored folder can come back.
    (["foo"], ["foo", "foo/x/y"], ["a/foo"]),
    (["docs", "!docs/README.md"], ["docs", "docs/a.md"], ["docs/README.md"]),
    (["docs/", "!docs/README.md"], ["docs", "docs/a.md"], ["docs/README.md"]),
    (["docs/*", "!docs/README.md"], ["docs/a.md"], ["docs", "docs/README.md"]),
    (["a/*.txt"], ["a/file.txt"], ["a/dir/file.txt"]),
    (["**", "!util/web"], ["util", "a"], ["util/web", "util/web/foo"]),
    (["**", "!util/web", "util/web/foo"], ["util/web/foo"], ["util/web/a"]),
    (["!a.go", "*.go"], ["a.go"], []),
    # Cleaning.
    (["  foo  ", "./bar/../baz//x/", " # no comment"], ["foo", "baz/x", "# no comment"], ["bar", "baz"]),
    (["", "   ", "#", "a", "! a "], [], ["a", "#"]),
    (["/", "../up", "."], [], ["a", "up"]),
    # `**`, as the engine has it.
    (["**/dir"], ["dir", "dir/file", "a/dir"], ["adir", "dirs"]),
    (["**file"], ["file", "dir/file", "myfile"], ["files"]),
    (["dir/**"], ["dir/file", "dir/a/file"], ["dir", "dirs/file"]),
    (["abc/**"], ["abc/def", "abc/def/ghi"], ["abc"]),
    (["**/dir2/*"], ["a/dir2/file", "dir2/file"], ["dir2", "a/dir2"]),
    (["a**/*.txt"], ["a/f.txt", "a/b/f.txt", "a/b/c/f.txt"], ["b/f.txt"]),
    (["**/**/*.txt"], ["f.txt", "a/f.txt", "a/b/f.txt"], ["f.txt2"]),
    (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
    (["**/.foo"], [".foo", "a/.foo"], ["bar.foo"]),
    # Characters.
    (["a[b-d]e"], ["ace"], ["ae", "aae"]),
    (["a[^b-d]e"], ["aze"], ["ace"]),
    (["[!a]x"], ["!x", "ax"], ["bx"]),
    ([r"[\]a]", r"x[\-z]"], ["]", "a", "x-", "xz"], ["b", "xy"]),
    (["[[]x"], ["[x"], ["x"]),
    ([r"a\*b"], ["a*b"], ["ab", "axb"]),
    (["abc.def", "a.|)$(}+{bc", "a^b"], ["abc.def", "a.|)$(}+{bc", "a^b"], ["abcZdef"]),
    (["a?b"], ["a☺b"], ["a/b"]),
    (["dist/*.whl"], ["dist/p.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl"], []),
    ([".*"], [".foo"], ["foo"]),
]


@pytest.mark.parametrize(("patterns", "ignored", "kept"), TABLE)
def test_dockers_rules(patterns: list[str], ignored: list[str], kept: list[str]) -> None:
    rules = IgnoreRules(patterns)
    assert [path for path in ignored if not rules.ignores(path, False)] == []
    assert [path for path in kept if rules.ignores(path, False)] == []


@pytest.mark.parametrize(
    "pattern", ["!", "[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[z-a]", "a\\", "[a\\"]
)
def test_a_pattern_that_docker_refuses_names_its_line(pattern: str) -> None:
    with pytest.raises(BuildError, match=r"^\.dockerignore:2: .* is no pattern: "):
        IgnoreRules(["# x", pattern])


@pytest.mark.parametrize(
    "path",
    [
        *(".git", ".git/HEAD", "lib/.git", ".venv/bin/python", "__pycache__/a.pyc", "a/__pycache__", ".DS_Store"),
        *(".mypy_cache/x", ".pytest_cache", ".func.py.swp", "func.py.swo", "x.swx", "4913", "func.py~", ".#func.py"),
        *("#func.py#", "func.py.tmp", "func.py___jb_tmp___", "func.py___jb_old___", ".goutputstream-AB12"),
    ],
)
def test_defaults_are_ignored(path: str) -> None:
    assert IgnoreRules().ignores(path, False)
    assert IgnoreRules(["**", "!**/*"]).ignores(path, False)


@pytest.mark.parametrize(
    "path", ["node_modules/a/index.js", "func.py", ".env", "a49131", "swp", "#notes", ".gitignore"]
)
def test_what_a_function_needs_is_not_ignored(path: str) -> None:
    assert not IgnoreRules().ignores(path, False)


@pytest.mark.parametrize("path", ["Dockerfile", ".dockerignore", "func.yaml", "func.yml", "func.json"])
def test_what_decides_the_build_is_always_kept(path: str) -> None:
    rules = IgnoreRules(["**"])
    assert not rules.ignores(path, False)
    assert rules.ignores(f"lib/{path}", False)
    assert rules.ignores(path, True)


def test_a_default_comes_back_by_its_name() -> None:
    rules = IgnoreRules(["!.venv", "!keep.tmp"])
    assert not rules.ignores(".venv/bin/python", False)
    assert not rules.ignores("keep.tmp", False)
    assert rules.ignores("other.tmp", False)
    assert rules.ignores("lib/.venv", True)


@pytest.mark.parametrize(
    ("patterns", "folder", "kept"),
    [
        (["docs"], "docs", False),
        (["docs", "!docs/a.md"], "docs", True),
        (["docs", "!docs/a/b"], "docs/a", True),
        (["docs", "!docs/a/b"], "docs/c", False),
        (["**", "!*/keep"], "docs", True),
        (["**", "!**/keep"], "docs/a/b", True),
        (["**", "!docs"], "docs/a", True),
        (["**", "!lib"], "docs", False),
        (["**", "!**/*.py"], ".git", False),
        (["!.venv/x"], ".venv", True),
    ],
)
def test_an_ignored_folder_is_searched_only_for_exceptions(patterns: list[str], folder: str, kept: bool) -> None:
    assert IgnoreRules(patterns).may_keep_below(folder) is kept


def test_the_folders_own_file_is_read(tmp_path: Path) -> None:
    assert not IgnoreRules.for_folder(tmp_path).ignores("a.md", False)
    (tmp_path / ".dockerignore").write_bytes(b"\xef\xbb\xbf*.md\r\n!b.md\r\n\xff\n")
    rules = IgnoreRules.for_folder(tmp_path)
    assert rules.ignores("a.md", False)
    assert not rules.ignores("b.md", False)
    assert rules.ignores("\udcff", False)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").mkdir()
    with pytest.raises(BuildError, match=r"\.dockerignore cannot be read: Is a directory"):
        IgnoreRules.for_folder(tmp_path)
