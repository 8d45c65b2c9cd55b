"""Paths of images shown as those of sources, and where an error stands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from hotdash.dashboard.editors import editor_command
from hotdash.dashboard.source_paths import as_source, place_of

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "/images/greet-403358f27327/93fd8e5ab4115d28"
HOME = f"/home/me/.cache/hotdash{IMAGE}"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (f'  File "{HOME}/func.py", line 30, in <module>', '  File "greet/func.py", line 30, in <module>'),
        (f"    at greet ({HOME}/lib/a.js:3:5)", "    at greet (greet/lib/a.js:3:5)"),
        (f"file://{HOME}/func.js:3", "greet/func.js:3"),
        (f"PYTHONPATH={HOME}/lib", "PYTHONPATH=greet/lib"),
        (f'File "\x1b[35m{HOME}/func.py\x1b[0m"', 'File "\x1b[35mgreet/func.py\x1b[0m"'),
        (f'File "/home/my own/.cache{IMAGE}/func.py"', 'File "greet/func.py"'),
        (f"{HOME}/a.py and {HOME}/b.py", "greet/a.py and greet/b.py"),
        ("/c/images/my.fn-2-403358f27327/tmp-0123456789ab/x.c:3: error", "my.fn-2/x.c:3: error"),
        ("GET /images/greet-1/cat.png", "GET /images/greet-1/cat.png"),
        (f"{IMAGE}/func.py", "greet/func.py"),
        ("/srv/images/greet-403358f27327/93fd8e5ab4115d28x/y", "/srv/images/greet-403358f27327/93fd8e5ab4115d28x/y"),
    ],
)
def test_a_path_of_an_image_is_shown_as_that_of_its_source(printed: str, shown: str) -> None:
    assert as_source(printed) == shown


@pytest.mark.parametrize("piece", ["/", "/images/", '"/', f"/a{IMAGE}", "/images/g-"])
def test_a_long_line_takes_no_more_time_than_its_length_needs(piece: str) -> None:
    def took_s(size: int) -> float:
        line = (piece * size)[:size] + IMAGE + "/"
        began_s = time.process_time()
        as_source(line)
        return time.process_time() - began_s

    assert took_s(64 * 2**10) < 0.5 + 100 * took_s(8 * 2**10)
    assert took_s(64 * 2**10) < 2.0, "its square would take minutes"


TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "greet/func.py", line 5, in <module>',
    '  File "/usr/lib/python3.11/json/decoder.py", line 337, in decode',
    "json.decoder.JSONDecodeError: Expecting value",
)


@pytest.mark.parametrize(
    ("printed", "place"),
    [
        (TRACEBACK, ("func.py", 5)),
        (('File "greet/func.py", line 5', 'File "/function/lib/deep.py", line 8'), ("lib/deep.py", 8)),
        (("greet/func.js:3", "    at f (greet/func.js:30:5)", "    at node:internal:1:1"), ("func.js", 3)),
        (("/work/greet/func.yaml:7: found a tab, allowed spaces to indent with",), ("func.yaml", 7)),
        (("/tmp/build/lib/deep.py:2: error",), ("lib/deep.py", 2)),
        (('File "greet/../../etc/func.pyc", line 1', 'File "gone.py", line 2'), None),
        (("at 12:30:59 nothing:5 happened",), None),
        ((), None),
    ],
)
def test_the_place_of_an_error_in_the_sources(
    tmp_path: Path, printed: tuple[str, ...], place: tuple[str, int] | None
) -> None:
    (tmp_path / "lib").mkdir()
    for name in ("func.py", "func.js", "func.yaml", "lib/deep.py"):
        (tmp_path / name).touch()
    found = place_of(printed, tmp_path)
    assert (None if found is None else (str(found.path.relative_to(tmp_path)), found.line)) == place


@pytest.mark.parametrize(
    ("editor", "command"),
    [
        *((name, [name, "+30", "f.py"]) for name in ("vi", "vim", "nvim", "nano", "emacs", "micro", "hx", "kak")),
        ("/usr/bin/nvim -p", ["/usr/bin/nvim", "-p", "+30", "f.py"]),
        ("code --wait", ["code", "--wait", "--goto", "f.py:30"]),
        ("subl -w", ["subl", "-w", "f.py:30"]),
        ("zed", ["zed", "f.py:30"]),
        ("my-own", ["my-own", "f.py"]),
    ],
)
def test_an_editor_is_told_the_line_as_it_wants_it(editor: str, command: list[str]) -> None:
    assert editor_command(editor, "f.py", 30) == command
    assert editor_command(editor, "f.py")[-1] == "f.py"


@pytest.mark.parametrize("editor", ["", "  ", "vi 'x"])
def test_an_editor_that_is_no_command_is_refused(editor: str) -> None:
    with pytest.raises(ValueError, match=r"empty|quotation"):
        editor_command(editor, "f.py", 3)
