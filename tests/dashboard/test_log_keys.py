"""What the keys of the log do: marks, search, errors, clearing, freezing, copying, saving, selecting with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, busy_script, drive, task_id, until
from made_lines import stderr_line
from textual.widgets import Input

from hotdash.dashboard.clipboard import clipboard_command
from hotdash.dashboard.error_lines import ErrorSense
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.screens.save import SaveScreen
from hotdash.events import StderrLine
from hotdash.task import Attribution, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp

FIRST, SECOND = task_id(1), task_id(2)


def two_functions() -> Script:
    """`greet` has run a task and `report` runs one; each has a container that also says something of its own."""
    script = Script(Clock())
    for name, container, task in (("greet", "c-aaaaaa", FIRST), ("report", "c-bbbbbb", SECOND)):
        script.function(name)
        script.container(name, container)
        script.line(name, container, f"{name} is warm")
        script.queue(name, task)
        script.start(name, task, container)
        script.clock.at += 1.5  # type: ignore[attr-defined]
        script.line(name, container, f"{name} reads its request", task)
        script.line(name, container, f"{name} took {task}", task, Attribution.BY_ID)
    script.end(FIRST)
    return script


def many_lines(count: int = 200) -> Script:
    """Each tenth line is an error."""
    script = Script(Clock())
    script.function("greet")
    script.container("greet", "c-aaaaaa")
    for at in range(count):
        script.line("greet", "c-aaaaaa", f"ERROR {at}" if at % 10 == 9 else f"line {at}")
    return script


def board(app: HotdashApp) -> MainScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, MainScreen)
    return screen


def rows(app: HotdashApp) -> list[str]:
    """What the log shows, without empty rows."""
    logs = board(app).logs
    return [row for y in range(logs.size.height) if (row := logs.render_line(y).text.rstrip())]


def note(app: HotdashApp) -> str:
    """What is told of the log: beside the tabs, or below it where that has no room."""
    return f"{board(app).boxes[3].border_subtitle or ''}  {unstyled(board(app).tabs.note)}".strip()


def header(app: HotdashApp) -> str:
    return board(app).header.render_line(0).text.rstrip()


def toasts(app: HotdashApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def typed(pilot: Pilot[None], pattern: str) -> None:
    await pilot.press("slash", *pattern, "enter")


# --- marks ------------------------------------------------------------------------------------------------------------


def test_what_is_marked_is_merged_with_its_functions_and_signs_and_escape_unmarks() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.press("space", "j", "j", "space")
        await until(pilot, lambda: len(rows(app)) == 6)
        first, second = f"t-{FIRST[:6]}", f"t-{SECOND[:6]}"
        assert rows(app) == [
            "greet  c-aaaaaa │ greet is warm",
            f"greet  {first} │ greet reads its request",
            f"greet  {first}#│ greet took {FIRST}",
            "report c-bbbbbb │ report is warm",
            f"report {second} │ report reads its request",
            f"report {second}#│ report took {SECOND}",
        ]
        shown = [screen.functions.render_line(y).text for y in (1, 3)]
        assert [row[:2] for row in shown] == [" ◆", "▌◆"]
        assert screen.boxes[3].border_title == "3 2 marked: greet, report"
        await pilot.press("escape")
        assert not screen.marks
        assert rows(app)[0] == "c-bbbbbb │ report is warm"
        assert screen.functions.render_line(3).text[:2] == "▌▾"

    drive(two_functions(), steps)


def test_a_marked_task_and_a_marked_container_have_their_own_lines_alone() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("2", "space", "1", "j", "j", "j", "space")
        await until(pilot, lambda: len(rows(app)) == 5)
        assert [row.split("│ ")[1] for row in rows(app)] == [
            "greet reads its request",
            f"greet took {FIRST}",
            "report is warm",
            "report reads its request",
            f"report took {SECOND}",
        ]
        await pilot.press("space")
        await until(pilot, lambda: len(rows(app)) == 2)

    drive(two_functions(), steps)


# --- times, search, errors --------------------------------------------------------------------------------------------


def test_times_count_from_the_start_of_the_lines_task() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("t", "t")
        assert rows(app)[:2] == ["             c-aaaaaa │ greet is warm", rows(app)[1]]
        assert rows(app)[1].startswith("    +1.500 s t-")
        await pilot.press("t")
        assert rows(app)[0] == "c-aaaaaa │ greet is warm"

    drive(two_functions(), steps)


def test_a_filter_becomes_a_search_with_its_matches_marked_counted_and_gone_to() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = board(app).logs
        await pilot.press("3")
        await typed(pilot, "line 1[05]$")
        assert [row.split("│ ")[1] for row in rows(app)] == ["line 10", "line 15"]
        assert note(app) == "2 matches /line 1[05]$  following"
        await pilot.press("ampersand")
        assert len(logs.buffer.shown) == 200
        assert note(app).startswith("2 matches, all lines /line 1[05]$")
        for key, line, where in (("n", 15, "2/2"), ("n", 10, "1/2"), ("N", 15, "2/2"), ("N", 10, "1/2")):
            await pilot.press(key)
            here = [row for row in rows(app) if "▶" in row]
            assert here == [f"c-aaaaaa▶│ line {line}"]
            assert where in note(app)
        row = next(y for y in range(logs.size.height) if logs.render_line(y).text.startswith("c-aaaaaa▶"))
        reversed_text = [piece.text for piece in logs.render_line(row) if piece.style and piece.style.reverse]
        assert reversed_text == ["line 10"]
        assert not logs.follow
        await pilot.press("ampersand", "slash", "escape")
        assert logs.buffer.filter is None
        await pilot.press("n")
        assert toasts(app)[-1] == "nothing is searched for: / does"

    drive(many_lines(), steps)


def test_an_inverted_filter_hides_its_matches_in_either_form() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("3")
        await typed(pilot, "!line")
        assert len(board(app).logs.buffer.shown) == 20
        await pilot.press("ampersand", "n")
        assert len(board(app).logs.buffer.shown) == 20
        assert toasts(app)[-1] == "no line matches"

    drive(many_lines(), steps)


def test_errors_alone_and_one_after_the_other() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = board(app).logs
        await pilot.press("3", "g")
        await until(pilot, lambda: logs.scroll_offset.y == 0)
        for expected in ("ERROR 9", "ERROR 19", "ERROR 29"):
            await pilot.press("right_square_bracket")
            assert [row.split("│ ")[1] for row in rows(app) if "▶" in row] == [expected]
        await pilot.press("exclamation_mark")
        assert [row.split("│ ")[1] for row in rows(app)] == [f"ERROR {at}" for at in range(9, 200, 10)]
        assert "errors only" in note(app)
        await pilot.press("exclamation_mark")
        assert len(logs.buffer.shown) == 200

    drive(many_lines(), steps)


def told_errors(texts: Sequence[str]) -> list[bool]:
    sense = ErrorSense()
    return [sense.is_error(stderr_line(at, words)) for at, words in enumerate(texts)]


@pytest.mark.parametrize(
    "words",
    [
        "ERROR no such order",
        "2026-01-01 12:00:00 [ERROR] main: failed",
        "\x1b[31mKeyError\x1b[0m: 'name'",
        "TypeError: Cannot read properties of undefined",
        'Exception in thread "main" java.lang.IllegalStateException',
        "panic: runtime error: index out of range",
        '{"level":"error","msg":"x"}',
        "time=x level=fatal msg=y",
        "Segmentation fault (core dumped)",
    ],
)
def test_these_lines_tell_of_an_error(words: str) -> None:
    assert told_errors([words]) == [True]


@pytest.mark.parametrize("words", ["0 errors", "no error handling needed here", "INFO all is well", "", "errorless"])
def test_these_do_not(words: str) -> None:
    assert told_errors([words]) == [False]


def test_a_traceback_is_one_error_of_several_lines() -> None:
    lines = ["fine", "Traceback (most recent call last):", '  File "f.py", line 1', "    x()", "Oops", "fine"]
    assert told_errors(lines) == [False, True, True, True, True, False]


# --- clearing, freezing, holding --------------------------------------------------------------------------------------


def test_c_hides_what_is_there_and_again_brings_it_back() -> None:
    script = many_lines(20)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("3", "c")
        assert rows(app) == [" nothing new since it was cleared; c brings the older lines back"]
        assert "cleared" in note(app)
        script.line("greet", "c-aaaaaa", "new")
        script.clock.at += 1  # type: ignore[attr-defined]
        await until(pilot, lambda: rows(app) == ["c-aaaaaa │ new"])
        await pilot.press("c", "c")
        assert len(rows(app)) == 21

    drive(script, steps)


def test_p_freezes_the_screen_and_lets_it_go_on() -> None:
    script = many_lines(20)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("p")
        assert "frozen" in note(app)
        assert header(app).endswith("■ frozen  ● watching")
        script.line("greet", "c-aaaaaa", "new")
        script.function("later")
        script.clock.at += 5  # type: ignore[attr-defined]
        looks: list[int] = []
        timer = app.screen.set_interval(0.06, lambda: looks.append(1))
        await until(pilot, lambda: len(looks) > 5)
        timer.stop()
        assert len(rows(app)) == 20
        assert "later" not in board(app).snapshot.functions
        await pilot.press("p")
        await until(pilot, lambda: len(rows(app)) == 21 and "later" in board(app).snapshot.functions)
        assert "following" in note(app)
        assert "frozen" not in header(app)

    drive(script, steps)


def test_a_flood_never_takes_the_lines_from_under_a_reader_and_tells_what_it_lost() -> None:
    script = many_lines(50)

    def flood(count: int) -> None:
        for at in range(count):
            script.line("greet", "c-aaaaaa", f"flood {at}")
        script.clock.at += 1  # type: ignore[attr-defined]

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = board(app).logs
        await pilot.press("3", "g")
        await until(pilot, lambda: logs.scroll_offset.y == 0 and not logs.follow)
        seen = rows(app)
        for _ in range(3):
            before = logs.unseen
            flood(9_000)
            await until(pilot, lambda before=before: logs.unseen == before + 9_000)
            assert rows(app) == seen
        assert note(app) == "▼ 27,000 new"
        await pilot.press("G")
        await until(pilot, lambda: rows(app)[-1].endswith("flood 8999"))
        told = [entry for entry in logs.buffer.shown if not isinstance(entry, StderrLine)]
        assert [entry.count for entry in told] == [27_000 - 9_000 - 10_000]

    drive(script, steps)


# --- copying and saving -----------------------------------------------------------------------------------------------


def test_the_mouse_selects_lines_without_their_wrapping_and_copies_them() -> None:
    script = Script(Clock())
    script.function("greet")
    script.container("greet", "c-aaaaaa")
    long = "words " * 30 + "end"
    script.line("greet", "c-aaaaaa", "first")
    script.line("greet", "c-aaaaaa", long)
    script.line("greet", "c-aaaaaa", "日本語 last")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        logs = board(app).logs
        last = len(rows(app)) - 1
        # The widget's own coordinates; a cell of padding stands at its left.
        await pilot.mouse_down(logs, offset=(1 + 11, 0))
        await pilot.hover(logs, offset=(1 + 11 + 6, last))
        assert any(piece.style and piece.style.reverse for piece in logs.render_line(1))
        script.line("greet", "c-aaaaaa", "while it is selected")
        script.clock.at += 1  # type: ignore[attr-defined]
        await pilot.mouse_up(logs, offset=(1 + 11 + 6, last))
        await until(pilot, lambda: app.clipboard)
        assert app.clipboard.splitlines() == ["first", *(f"c-aaaaaa │ {words}" for words in (long, "日本語"))]
        await until(pilot, lambda: logs.unseen == 1)
        await pilot.click(logs, offset=(3, 0))
        await until(pilot, lambda: rows(app)[-1].endswith("while it is selected"))

    drive(script, steps)


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (60, 20)])
def test_what_hides_lines_is_told_whole_at_every_size(size: tuple[int, int]) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.press("j", "3", "slash", *"nix", "enter", "ampersand", "exclamation_mark", "f")

        def told() -> str:
            return screen.tabs.render_line(0).text + str(screen.boxes[3].border_subtitle or "")

        for words in ("errors only  0 matches, all lines /nix", "Deploys "):
            await until(pilot, lambda words=words: words in told())  # type: ignore[misc]
            assert "…" not in told()
        assert (" stays " if size[0] == 100 else "not following") in told()
        await pilot.press("exclamation_mark", "ampersand", "slash", "escape", "f")
        await until(pilot, lambda: told().strip().endswith("Deploys  follows" if size[0] == 100 else " following"))

    drive(busy_script(Clock()), steps, size=size)


def test_errors_only_does_not_deny_the_tasks_that_failed_without_a_word() -> None:
    script = Script(Clock())
    for name in ("calm", "flaky"):
        script.function(name)
        script.container(name, f"c-{name}")
        script.line(name, f"c-{name}", "warm")
    for number, status in enumerate((TaskStatus.ERROR, TaskStatus.TIMEOUT, TaskStatus.CANCELLED, TaskStatus.SUCCESS)):
        script.queue("flaky", task_id(number))
        script.start("flaky", task_id(number), "c-flaky")
        script.end(task_id(number), status=status)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        def said() -> str:
            return "".join(map(unstyled, board(app).logs.empty)).strip()

        await pilot.press("exclamation_mark")
        assert said() == "no stderr line tells of an error"
        await pilot.press("j", "j")
        await until(pilot, lambda: "2 tasks failed" in said())
        assert said() == "no stderr line tells of an error; 2 tasks failed, see 2 Tasks"
        await pilot.press("j")
        await until(pilot, lambda: board(app).scope.container_id == "c-flaky")
        assert said().endswith("2 tasks failed, see 2 Tasks")
        await pilot.press("2", "G")
        await until(pilot, lambda: board(app).scope.task_id == task_id(0))
        assert said() == "no stderr line tells of an error; the task failed, see Run"

    drive(script, steps)


def test_s_asks_for_a_name_and_replaces_a_file_only_when_that_is_said_twice(tmp_path: Path) -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        target = tmp_path / "there.log"
        target.write_text("precious")
        await pilot.press("3", "s")
        await until(pilot, lambda: isinstance(app.screen, SaveScreen))
        name = app.screen.query_one(Input)
        assert name.value.startswith("greet-")
        name.value = str(tmp_path / "no" / "folder.log")
        await pilot.press("enter")
        assert "No such file" in str(app.screen._fault.render())  # type: ignore[attr-defined]
        name.value = str(target)
        await pilot.press("enter")
        assert target.read_text() == "precious"
        assert "enter again replaces it" in str(app.screen._fault.render())  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))
        saved = target.read_text().splitlines()
        assert [line.split(" ", 1)[1] for line in saved] == [
            "greet c-aaaaaa - container greet is warm",
            f"greet c-aaaaaa {FIRST} in-task greet reads its request",
            f"greet c-aaaaaa {FIRST} by-id greet took {FIRST}",
        ]
        assert target.stat().st_mode & 0o777 == 0o600
        assert toasts(app)[-1] == f"saved {target}"

    script = two_functions()
    drive(script, steps)


def program(folder: Path, name: str, does: str) -> None:
    """A program of this name, in shell."""
    (folder / name).write_text(f"#!/bin/sh\n{does}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ({}, "sent greet to the terminal: it is in the clipboard if that takes OSC 52"),
        ({"xclip": "cat > kept"}, "copied greet to the clipboard (xclip)"),
        ({"xclip": "exit 1"}, "sent greet to the terminal: it is in the clipboard if that takes OSC 52"),
        ({"tmux": 'test "$2" = -w && cat > kept'}, "copied greet to tmux's buffer (prefix ] pastes it)"),
        ({"tmux": 'test "$2" = - && cat > kept'}, "copied greet to tmux's buffer (prefix ] pastes it)"),
        (
            {"tmux": "cat > /dev/null", "xclip": "cat > kept"},
            "copied greet to the clipboard (xclip) and tmux's buffer (prefix ] pastes it)",
        ),
    ],
    ids=["none", "a desktop", "a desktop that fails", "tmux", "an old tmux", "both"],
)
def test_y_says_where_the_copy_went_and_claims_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], told: str
) -> None:
    for name, does in programs.items():
        program(tmp_path, name, does.replace("kept", str(tmp_path / "kept")))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if programs else str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0" if "xclip" in programs else "")
    monkeypatch.setenv("TMUX", "/tmp/tmux" if "tmux" in programs else "")
    for other in ("WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(other, raising=False)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("y")
        await until(pilot, lambda: toasts(app))
        assert toasts(app) == [told]
        assert app.clipboard == "greet"
        if any("kept" in does for does in programs.values()):
            assert (tmp_path / "kept").read_text() == "greet"

    drive(two_functions(), steps)


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, "linux", "wl-copy"),
        ({"DISPLAY": ":0"}, "linux", "xclip"),
        ({}, "darwin", "pbcopy"),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", "clip.exe"),
        ({}, "linux", None),
    ],
)
def test_the_desktops_own_program_is_found(
    tmp_path: Path, environment: dict[str, str], platform: str, expected: str | None
) -> None:
    for name in ("wl-copy", "xclip", "xsel", "pbcopy", "clip.exe"):
        (tmp_path / name).touch(mode=0o755)
    command = clipboard_command({**environment, "PATH": str(tmp_path)}, platform=platform)
    assert (command[0] if command else None) == expected


# --- sorting ----------------------------------------------------------------------------------------------------------


def heading(app: HotdashApp, table: str) -> str:
    return app.screen.query_one(f"#{table}").render_line(0).text  # type: ignore[no-any-return]


def test_o_sorts_the_functions_by_one_column_after_the_other_and_the_cursor_stays() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        names = ["crash", "greet", "hello-sh", "node-echo", "report", "thumbnail"]
        troubled = ["crash", "node-echo", "thumbnail", "greet", "hello-sh", "report"]
        hottest = ["greet", "report", "crash", "hello-sh", "node-echo", "thumbnail"]
        queued = ["report", "crash", "greet", "hello-sh", "node-echo", "thumbnail"]
        await pilot.press("j")
        for column, expected in (("FUNCTION", names), ("STATE", troubled), ("HOT", hottest), ("QUEU", queued)):
            assert f"{column}▾" in heading(app, "functions")
            assert [item.key[1] for item in screen.functions.items if item.key[0] == "function"] == expected
            assert screen.functions.selected == ("greet", "")
            await pilot.press("o")
        assert "FUNCTION▾" in heading(app, "functions")

    drive(busy_script(Clock()), steps)


def test_o_sorts_the_tasks_by_how_long_they_ran_and_waited_and_how_they_ended() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        await pilot.press("j", "2", "o")
        assert "RAN▾" in heading(app, "tasks")
        ran = [item.subject.result.run_s for item in screen.tasks.items]  # type: ignore[attr-defined]
        assert ran == sorted(ran, reverse=True)
        assert "by ran" in str(screen.boxes[2].border_title)
        await pilot.press("o")
        assert "WAITED▾" in heading(app, "tasks")
        await pilot.press("o")
        assert screen.tasks.items[0].subject.result.status == "error"  # type: ignore[attr-defined]
        await pilot.press("o")
        assert "STATE▾" in heading(app, "tasks")

    drive(busy_script(Clock()), steps)
