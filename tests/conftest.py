"""What all tests share. `HOTDASH_REQUIRE_NODE` makes a missing node a failure; `.ci/run` sets it.

No test uses the Docker engine of whoever runs it: the Docker tests have their own (see `docker_tools`). None reads that
person's settings, history, payloads or cache, nor leaves anything there: the home is a temporary one, for child
processes, too.
"""

from __future__ import annotations

import os
import shutil
import signal
import site
import tempfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


_HOME = pytest.StashKey[str]()
# Where platformdirs looks before it looks below the home.
_PLACES = [f"XDG_{kind}_HOME" for kind in ("CONFIG", "STATE", "CACHE", "DATA")] + ["XDG_CONFIG_DIRS", "XDG_DATA_DIRS"]


def pytest_configure(config: pytest.Config) -> None:
    """What the tests' own surroundings must not bring in.

    Signals that whoever started the tests ignores (`nohup`, a shell's `&`) would be ignored by hotdash, too.
    """
    os.environ["DOCKER_HOST"] = "unix:///there-is-no-engine"
    os.environ["PYTHONUSERBASE"] = site.getuserbase()  # Python itself finds it by the home
    os.environ["HOME"] = config.stash[_HOME] = tempfile.mkdtemp(prefix="hotdash-tests-home-")
    for name in _PLACES:
        os.environ.pop(name, None)
    for ended_by, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(ended_by) is signal.SIG_IGN:
            signal.signal(ended_by, usual)


def pytest_unconfigure(config: pytest.Config) -> None:
    """The temporary home goes with the tests; no other."""
    if (home := config.stash.get(_HOME, None)) is not None:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def node() -> str:
    """The path of node; a test that needs one asks for it. Without node it skips, or in CI fails."""
    found = shutil.which("node")
    if found is None and os.environ.get("HOTDASH_REQUIRE_NODE"):
        pytest.fail("node is not installed, and here it must be: HOTDASH_REQUIRE_NODE is set")
    if found is None:
        pytest.skip("node is not installed")
    return found


@pytest.fixture(scope="session", autouse=True)
def _no_images_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At the end the tests' engine has no image that these tests have built: hotdash itself keeps the last ones."""
    yield
    if os.environ.get("HOTDASH_TEST_DOCKER_HOST"):
        from docker_tools import remove_images_of  # docker is heavy, and tests without an engine do without

        remove_images_of(tmp_path_factory.getbasetemp())
