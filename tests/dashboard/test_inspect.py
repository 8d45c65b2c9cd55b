"""Looking into functions and containers: what is told, what is masked, and the shell's conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from dashboard_fake import Clock, FakeControls, Script, drive, until

from hotdash import events as ev
from hotdash.dashboard.inspect_lines import MASK, looks_secret
from hotdash.dashboard.screens.inspection import InspectScreen
from hotdash.dashboard.screens.main import MainScreen
from hotdash.dashboard.widgets.text_view import TextView
from hotdash.drivers.inside import Inside

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from hotdash.dashboard.app import HotdashApp


def script_with_config() -> Script:
    script = Script(Clock())
    config = {"DB_PASSWORD": "hunter2", "GREETING": "[bold]hi\x1b[2J", "DB_URL": "postgres://me:pw@db/x"}
    script.function("greet", config=config, memory_mb=64, max_concurrency=3)
    script.container("greet", "c-aaaaaa")
    return script


def controls_for(script: Script) -> FakeControls:
    inside = Inside(
        shell_command=("/bin/sh", "-i"),
        folder="/images/greet/ab12",
        shell_environment={},
        command=("python3", "func.py", "two words"),
        environment={"HOME": "/run/c/home", "API_TOKEN": "t0ps3cret"},
        mounts=("none: nothing is isolated",),
    )
    return FakeControls(script=script, insides={"c-aaaaaa": inside})


def shown(app: HotdashApp) -> str:
    return app.screen.query_one("#inspect", TextView).text


def test_v_tells_what_is_wrong_in_the_file_and_that_the_rest_is_of_the_one_before() -> None:
    script = script_with_config()
    fault = "func.yaml:3: memory: found 'lots', allowed a whole number of MB from 6"
    script.feed(ev.FunctionFaulty, "greet", faults=(fault,))

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, InspectScreen))
        assert f"Broken file\n  {fault}\n  what is told here is of the file as it last was whole" in shown(app)
        assert "64 MB a container" in shown(app)

    drive(script, steps)


def test_v_inspects_the_function_with_its_secrets_masked_until_m() -> None:
    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, InspectScreen))
        for words in ("demo/greet", "r1", "abab", f"DB_PASSWORD={MASK}", f"DB_URL={MASK}", "GREETING=[bold]hi"):
            assert words in shown(app)
        for words in ("64 MB a container", "at most 3 containers", "python3 func.py 'two words'"):
            assert words in shown(app)
        assert "hunter2" not in shown(app)
        assert "\x1b" not in shown(app)
        await pilot.press("m")
        assert "DB_PASSWORD=hunter2" in shown(app)
        assert "DB_URL=postgres://me:pw@db/x" in shown(app)
        await pilot.press("m", "y")
        assert "hunter2" not in app.clipboard
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MainScreen))

    script = script_with_config()
    drive(script, steps, controls=controls_for(script))


def test_v_on_a_container_tells_its_environment_command_and_mounts() -> None:
    script = script_with_config()

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press("j", "v")
        await until(pilot, lambda: isinstance(app.screen, InspectScreen))
        wanted = (
            "c-aaaaaa",
            "pid           4242",
            "python3 func.py 'two words'",
            "in /images/greet/ab12",
            "HOME=/run/c/home",
            f"API_TOKEN={MASK}",
            "none: nothing is isolated",
        )
        for words in wanted:
            assert words in shown(app)

    drive(script, steps, controls=controls_for(script))


@pytest.mark.parametrize("name", ["DB_PASSWORD", "apiKey", "API_KEY", "AUTH", "SESSION_SECRET", "key", "GITHUB_TOKEN"])
def test_names_of_secrets(name: str) -> None:
    assert looks_secret(name, "x")
    assert not looks_secret(name, "")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("HOME", "/root", False),
        ("KEYBOARD", "de", False),
        ("GREETING", "Hello", False),
        ("URL", "https://me:pw@host/", True),
        ("X", "ghp_0123456789abcdefghij", True),
        ("PEM", "-----BEGIN RSA PRIVATE KEY-----\nabc", True),
    ],
)
def test_values_of_secrets(name: str, value: str, expected: bool) -> None:
    assert looks_secret(name, value) is expected


@pytest.mark.parametrize(
    ("keys", "has_inside", "told"),
    [
        (("E",), True, "this terminal cannot be lent to another program"),  # the only container is meant
        (("j", "E"), True, "this terminal cannot be lent to another program"),
        (("j", "E"), False, "c-aaaaaa has ended, or its driver has no shell to offer"),
    ],
)
def test_a_shell_that_cannot_be_says_why(keys: tuple[str, ...], has_inside: bool, told: str) -> None:
    script = script_with_config()
    controls = controls_for(script) if has_inside else FakeControls(script=script)

    async def steps(app: HotdashApp, pilot: Pilot[None], controls: FakeControls) -> None:
        await pilot.press(*keys)
        assert [notification.message for notification in app._notifications] == [told]

    drive(script, steps, controls=controls)
