"""The Deploys tab and its keys, on fake controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, drive, until
from deploy_story import EDITED, DeployScript, deploys_script
from test_dashboard_keys import board, to_function, toasts

from hotdash import events as ev
from hotdash.dashboard.actions import Pane
from hotdash.dashboard.deploy_lines import deploy_cells, detail_lines, rollback_target, waiting_line, what_changed
from hotdash.dashboard.lines import unstyled
from hotdash.dashboard.screens.confirm import ConfirmScreen
from hotdash.states import Occasion, Origin, SourceChange

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp
    from hotdash.dashboard.screens.main import MainScreen
    from hotdash.store import DeployView


async def open_deploys(pilot: Pilot[None], name: str) -> MainScreen:
    """The Deploys tab of a function, with the focus."""
    await to_function(pilot, name)
    await pilot.press("3", "less_than_sign")
    screen = board(pilot.app)  # type: ignore[arg-type]
    assert screen.focused_pane is Pane.DEPLOYS
    return screen


def rows(screen: MainScreen) -> list[str]:
    return [" ".join(str(screen.deploys.table.row_of(item)).split()) for item in screen.deploys.table.items]


def fall(script: DeployScript, *, task_id: str = "", function: str = "greet") -> None:
    """r2 is live, dies (in a call), and what r1 was serves again, as r3."""
    script.function(function, revision=0)
    script.deploy(function, 1)
    script.deploy(function, 2, EDITED)
    script.fall(function, task_id)


def greet(script: Script) -> list[DeployView]:
    return list(script.store.snapshot().functions["greet"].deploys)


def test_the_list_has_every_revision_the_newest_first_and_what_became_of_it() -> None:
    script = deploys_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = await open_deploys(pilot, "greet")
        assert [row.split()[:3] for row in rows(screen)] == [
            ["-", "✗", "build"],
            ["r3", "●", "live"],
            ["r2", "○", "kept"],
            ["r1", "○", "kept"],
        ]
        assert "▲ It failed while it built; r3 serves" in screen.deploys.detail.text
        await pilot.press("j", "j")
        assert screen.deploys.selected is not None
        assert screen.deploys.selected.revision == 2
        await until(pilot, lambda: screen.deploys.detail.text.startswith("r2 ○ kept"))
        assert "+ lib/words.py +40" in screen.deploys.detail.text
        assert "quiet 100 ms  build 1.2 s  start 40 ms  swap 200 µs  in all 1.3 s" in screen.deploys.detail.text

    drive(script, steps)


def test_a_build_is_seen_as_it_runs_and_the_newest_stays_selected() -> None:
    script = deploys_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = await open_deploys(pilot, "greet")
        script.build("greet", EDITED, output=("compiling",))
        script.pass_s(1.0)
        await until(pilot, lambda: "◐ building" in rows(screen)[0])
        await until(pilot, lambda: screen.deploys.detail.text.endswith("│ compiling"))
        await pilot.press("j", "j")
        script.feed(ev.BuildOutput, "greet", text="still compiling")
        script.pass_s(1.0)
        await until(pilot, lambda: screen.snapshot.version == script.store.version)
        assert screen.deploys.selected is not None
        assert screen.deploys.selected.revision == 3, "who looks at another one goes on doing so"
        script.feed(ev.BuildEnded, "greet", image_id="4" * 64, build_s=2.0)
        script.go_live("greet", 4, "4" * 64)
        await until(pilot, lambda: rows(screen)[0].startswith("r4 ● live"))
        await until(pilot, lambda: "greet: r4 is live" in toasts(app))

    drive(script, steps)


def test_u_goes_back_to_the_revision_before_and_in_deploys_to_the_selected_one() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("u")
        assert controls.calls == [("rollback", "greet", "2")]
        await open_deploys(pilot, "greet")
        await pilot.press("G", "u")
        assert controls.calls[1:] == [("rollback", "greet", "1")]
        assert not isinstance(app.screen, ConfirmScreen), "nothing is lost"

    drive(deploys_script(Clock()), steps)


def test_a_rollback_is_told_once_it_is_live() -> None:
    script = deploys_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("u")
        script.feed(ev.RollbackStarted, "greet", revision=2)
        script.go_live("greet", 4, "2" * 64, origin=Origin.ROLLBACK, again=2)
        await until(pilot, lambda: "greet: r4 is live, r2 again" in toasts(app))

    drive(script, steps)


@pytest.mark.parametrize(("answer", "rolled"), [("y", [("rollback", "greet", "2")]), ("n", [])])
def test_u_asks_while_a_deploy_is_under_way(answer: str, rolled: list[tuple[str, ...]]) -> None:
    script = deploys_script(Clock())
    script.build("greet")

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press(answer)
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))
        assert controls.calls == rolled

    drive(script, steps)


def test_u_says_why_there_is_nothing_to_go_back_to() -> None:
    script = deploys_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "report")
        await pilot.press("u")
        await until(pilot, lambda: "report: there is no earlier revision to go back to" in toasts(app))
        await open_deploys(pilot, "greet")
        await pilot.press("u")
        await until(pilot, lambda: "greet: this one was never live" in toasts(app))
        await pilot.press("j", "u")
        await until(pilot, lambda: "greet: r3 is live" in toasts(app))
        assert controls.calls == []

    drive(script, steps)


def test_capital_w_holds_the_selected_function_and_lets_it_go() -> None:
    script = deploys_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await to_function(pilot, "greet")
        await pilot.press("W")
        await until(pilot, lambda: "greet is not deployed on save: d deploys it" in toasts(app))
        await to_function(pilot, "report")
        await pilot.press("W")
        await until(pilot, lambda: "report is deployed on save again" in toasts(app))
        assert controls.calls == [("hold", "greet", "True"), ("hold", "report", "False")]

    drive(script, steps)


def test_changes_that_wait_are_on_the_row_in_the_header_and_in_the_tab() -> None:
    script = deploys_script(Clock())

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        controls.is_watching = False
        screen = await open_deploys(pilot, "report")
        waits = "3 changes wait: a.py, b.py and 1 more; d deploys"
        assert waits in " ".join(str(screen.functions.row_of(item)) for item in screen.functions.items)
        assert screen.deploys.detail.text.startswith(f"! {waits}")
        await until(pilot, lambda: unstyled(screen.header.line_for(158)).endswith("○ not watching, 3 changes wait"))
        await pilot.press("d")
        assert controls.calls == [("redeploy", "report")]

    drive(script, steps)


def test_y_copies_what_is_told_and_tab_goes_from_the_list_to_the_text() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await open_deploys(pilot, "greet")
        await pilot.press("y")
        assert "SyntaxError: invalid syntax" in app.clipboard
        await pilot.press("tab")
        assert board(app).deploys.detail.has_focus
        assert board(app).focused_pane is Pane.DEPLOYS
        await pilot.press("3")
        assert board(app).logs.has_focus, "3 again opens the next tab"

    drive(deploys_script(Clock()), steps)


def test_tabs_go_round_both_ways() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        seen, tabs = [], list(screen.views)
        for key in ">>>>><<<<":
            await pilot.press({">": "greater_than_sign", "<": "less_than_sign"}[key])
            seen.append(screen.tab)
        assert seen == [*tabs[1:], tabs[0], *tabs[:0:-1]]
        assert [pane for pane, view in screen.views.items() if view.display] == [Pane.RUN]

    drive(deploys_script(Clock()), steps)


CALL = "21c45b" + "0" * 18


def rows_below(screen: MainScreen, name: str) -> list[str]:
    """What stands below a function's row."""
    items = [item for item in screen.functions.items if item.key[:2] == ("trouble", name)]
    return [str(screen.functions.row_of(item)).strip() for item in items]


def test_a_call_that_ends_new_code_is_told_as_that_and_what_runs_then_everywhere() -> None:
    script = DeployScript(Clock())
    script.function("greet", revision=0)
    script.deploy("greet", 1)
    script.deploy("greet", 2, EDITED)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        script.fall("greet", CALL)
        script.pass_s(1.0)
        told = "greet: r2 died in call t-21c45b; r1's code serves again, as r3; d deploys r2's again"
        await until(pilot, lambda: told in toasts(app))
        assert not [toast for toast in toasts(app) if "r3 is live" in toast or "still" in toast]
        assert rows_below(screen, "greet") == [
            "└ r2 died in call t-21c45b: exit code 7: b",
            "└ runs r1's code; on disk: r2's; d deploys it",
        ]
        assert screen.trouble.text.splitlines() == [
            "▲ r2 died in call t-21c45b, before its first answer; r1's code serves again, as r3",
            "  the container exited with code 7 before it answered",
            *("  its last stderr:", "  │ a", "  │ b"),
            "  d deploys r2's code again; then it stays, however its calls end",
        ]
        await pilot.press("d")
        assert controls.calls == [("redeploy", "greet")]
        script.deploy("greet", 4, image_id="2" * 64)
        await until(pilot, lambda: rows_below(screen, "greet") == [])

    drive(script, steps)


def test_after_a_roll_back_the_row_says_what_is_on_disk_until_that_runs() -> None:
    script = DeployScript(Clock())
    script.function("greet", revision=0)
    script.deploy("greet", 1)
    script.deploy("greet", 2, EDITED)

    def told() -> str:
        return unstyled(waiting_line(script.store.snapshot().functions["greet"]))

    assert told() == ""
    script.go_live("greet", 3, "1" * 64, origin=Origin.ROLLBACK, again=1)
    assert told() == "runs r1's code; on disk: r2's; d deploys it"
    script.go_live("greet", 4, "2" * 64, origin=Origin.ROLLBACK, again=2)
    assert told() == "", "forward again: that is what is on disk"
    script.go_live("greet", 5, "1" * 64, origin=Origin.ROLLBACK, again=3)
    assert told() == "runs r1's code; on disk: r2's; d deploys it"
    script.feed(ev.ChangesWait, "greet", held=False, paths=("func.py",), count=1)
    assert told() == "1 change waits: func.py; d deploys"
    script.feed(ev.ChangesWait, "greet", held=False)
    script.fail("greet")
    assert told() == "", "what is on disk cannot be deployed, and that is told"
    script.feed(ev.DeployStarted, "greet")
    script.feed(ev.DeployUnchanged, "greet", revision=5)
    assert told() == "", "it was edited back to what runs"


@pytest.mark.parametrize("broken", ["a build", "the file"])
def test_a_repair_that_brings_back_what_is_live_is_confirmed(broken: str) -> None:
    script = DeployScript(Clock())
    script.function("greet", revision=0)
    script.deploy("greet", 1)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        screen = board(app)
        script.feed(ev.DeployStarted, "greet")
        script.feed(ev.DeployUnchanged, "greet", revision=1)
        if broken == "a build":
            script.fail("greet")
        else:
            script.feed(ev.FunctionFaulty, "greet", faults=("func.yaml:2: timeout: found -1, allowed more than 0",))
        script.pass_s(1.0)
        await until(pilot, lambda: len(rows_below(screen, "greet")) == 1)
        assert "greet: r1 is live, as before" not in toasts(app), "a save that changed nothing is not told of"
        script.feed(ev.FunctionFaulty, "greet", faults=())
        script.pass_s(1.0)
        await until(pilot, lambda: screen.snapshot.version == script.store.version)
        script.feed(ev.DeployStarted, "greet")
        script.feed(ev.DeployUnchanged, "greet", revision=1)
        script.pass_s(1.0)
        await until(pilot, lambda: "greet: r1 is live, as before" in toasts(app))

    drive(script, steps)


# the words alone -----------------------------------------------------------------------------------------------------


def test_what_is_not_hotdashs_own_is_shown_clean() -> None:
    script = deploys_script(Clock())
    view = script.store.snapshot().functions["thumbnail"]
    shown = "\n".join(unstyled(line) for line in detail_lines(view, view.deploys[-1], now_s=script.clock()))
    assert "│ red [/foo] [@click=app.quit]" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("task", "told"),
    [
        ("", "▲ r2 died before its first answer; r3 serves"),
        ("21c45b" + "0" * 18, "▲ r2 died in call t-21c45b, before its first answer; r3 serves"),
    ],
)
def test_a_deploy_that_died_and_what_serves_instead(task: str, told: str) -> None:
    script = DeployScript(Clock())
    fall(script, task_id=task)
    view = script.store.snapshot().functions["greet"]
    died, restored = view.deploys[1:]
    assert "died" in unstyled(deploy_cells(died, now_s=script.clock())[1])
    assert unstyled(what_changed(restored)) == "restored: r1 again"
    shown = [unstyled(line) for line in detail_lines(view, died, now_s=script.clock())]
    assert told in shown
    assert "! runs r1's code; on disk: r2's; d deploys it" in shown
    assert shown[shown.index("  its last stderr:") + 1 :][:2] == ["  │ a", "  │ b"]


def test_many_changes_are_cut_and_counted() -> None:
    script = DeployScript(Clock())
    script.function("greet", revision=0)
    changes = tuple(SourceChange(path=f"f{number:03}", kind="added", plus=1, minus=0) for number in range(200))
    script.deploy("greet", 2, Occasion(changes=changes, changed=501))
    view = script.store.snapshot().functions["greet"]
    shown = [unstyled(line) for line in detail_lines(view, view.deploys[-1], now_s=script.clock())]
    assert "501 files changed" in shown
    assert "  and 451 more" in shown
    assert unstyled(what_changed(view.deploys[-1])) == "f000 +1  f001 +1  and 499 more"


def test_one_whose_revision_has_left_is_not_rolled_back_to() -> None:
    script = DeployScript(Clock())
    script.function("greet", revision=0)
    for revision in range(1, 6):
        script.deploy("greet", revision)
    first, *_ = greet(script)
    view = script.store.snapshot().functions["greet"]
    assert rollback_target(view, first) == (0, "greet: r1 is not kept any more")
    assert rollback_target(view, None) == (4, "")


def test_a_held_function_without_changes_says_so() -> None:
    script = deploys_script(Clock())
    script.feed(ev.ChangesWait, "greet", held=True)
    view = script.store.snapshot().functions["greet"]
    assert unstyled(waiting_line(view)) == "saves wait until d deploys them, or W lets go"
    assert waiting_line(script.store.snapshot().functions["thumbnail"]) == ()
