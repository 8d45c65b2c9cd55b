"""What all tests share. `HOTDASH_REQUIRE_NODE` makes a missing node a failure; `.ci/run` sets it.

No test uses the Docker engine of whoever runs it: the Docker tests have their own (see `docker_tools`).
"""

import os
import shutil
import signal

import pytest


def pytest_configure() -> None:
    """What the tests' own surroundings must not bring in.

    Signals that whoever started the tests ignores (`nohup`, a shell's `&`) would be ignored by hotdash, too.
    """
    os.environ["DOCKER_HOST"] = "unix:///there-is-no-engine"
    for ended_by, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(ended_by) is signal.SIG_IGN:
            signal.signal(ended_by, usual)


@pytest.fixture(scope="session")
def node() -> str:
    """The path of node; a test that needs one asks for it. Without node it skips, or in CI fails."""
    found = shutil.which("node")
    if found is None and os.environ.get("HOTDASH_REQUIRE_NODE"):
        pytest.fail("node is not installed, and here it must be: HOTDASH_REQUIRE_NODE is set")
    if found is None:
        pytest.skip("node is not installed")
    return found
