"""The folders in which containers of the docker driver listen: who sees them, and that none is left."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from docker_parts import PYTHON, GivenImages, LeanEngine
from fake_engine import fake_engine

from hotdash.drivers.base import ContainerSpec, Image
from hotdash.drivers.docker.driver import DockerDriver
from hotdash.drivers.docker.endpoint import find_engine
from hotdash.drivers.docker.sockets import Sockets, folder_of, forget_sockets
from hotdash.errors import StartError

if TYPE_CHECKING:
    from docker_parts import DockerYard

TOKEN = "0123456789abcdef"
LISTENS = """
import os, socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.environ["FN_LISTENER"].removeprefix("unix:"))
os.chmod(os.environ["FN_LISTENER"].removeprefix("unix:"), 0o666)
listener.listen()
time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path_factory, monkeypatch):
    folder = str(tmp_path_factory.mktemp("s"))
    monkeypatch.setattr("tempfile.tempdir", folder)


def test_a_containers_folder_is_open_to_whoever_runs_in_it_behind_one_that_is_ours_alone():
    sockets = Sockets(TOKEN)
    folder = sockets.make("c-1")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o777
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    (folder / "file").write_text("")
    other = sockets.make("c-2")
    sockets.remove("c-1")
    assert (folder.exists(), other.exists()) == (False, True)
    sockets.close()
    assert not folder_of(TOKEN).exists()


def test_a_dead_owners_folder_is_removed_and_no_other_whatever_the_label_says():
    Sockets(TOKEN).make("c-1")
    other = folder_of(TOKEN).parent / "hotdash-other"
    other.mkdir()
    for label in ("", "other", "../other", f"{TOKEN}/..", TOKEN.upper()):
        forget_sockets(label)
    assert folder_of(TOKEN).exists()
    forget_sockets(TOKEN)
    assert not folder_of(TOKEN).exists()
    assert other.exists()


@pytest.mark.parametrize("is_dead", [False, True])
def test_what_a_container_made_and_we_may_not_remove_is_told(monkeypatch, is_dead):
    """Its folders are its user's, and what is in them root's alone to remove: as here, where nobody may."""
    told = []
    monkeypatch.setattr("threading.excepthook", lambda args: told.append(str(args.exc_value)))
    sockets = Sockets(TOKEN)
    (sockets.make("c-1") / "made").mkdir()
    rmdir = os.rmdir

    def refusing(path: Any, **where: Any) -> None:
        if str(path).endswith("made"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rmdir(path, **where)

    with monkeypatch.context() as refused:
        refused.setattr(os, "rmdir", refusing)
        sockets.remove("c-1")
        forget_sockets(TOKEN) if is_dead else sockets.close()
    assert told == [f"{folder_of(TOKEN)} holds files that a container made as another user: remove it as root"]
    sockets.close()
    assert (folder_of(TOKEN).exists(), len(told)) == (False, 1)


def test_a_start_for_which_no_descriptor_is_free_asks_nothing_of_the_engine(tmp_path_factory, monkeypatch):
    def no_eventfd(*_args: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    folder = tmp_path_factory.mktemp("e")
    with fake_engine(folder / "s") as engine:
        engine.answers["GET /containers/json"] = lambda call: call.send([])
        found = LeanEngine(find_engine(environ={"DOCKER_HOST": engine.host}))
        driver = DockerDriver(engine=found, images=GivenImages(), owners=folder / "owners")
        image = Image(id=PYTHON, function="f", folder=None, entrypoint=("true",))
        spec = ContainerSpec(
            id="c-1", function="f", app="app", revision=1, image=image, environment={}, memory_mb=64, listens=True
        )
        with monkeypatch.context() as full:
            full.setattr(os, "eventfd", no_eventfd)
            with pytest.raises(StartError, match=r"c-1 could not be started: .*Too many open files"):
                driver.start(spec)
        assert not [asked for asked in engine.asked if asked.startswith("POST")]
        assert list(folder_of(driver.owner.token).iterdir()) == []
        driver.close()


def start(yard: DockerYard, **keys: Any) -> Any:
    return yard.start("python3", "-I", "-S", "-c", LISTENS, image=PYTHON, listens=True, **keys)


def test_a_container_listens_in_its_folder_which_goes_with_it(yard):
    container = start(yard)
    folder = folder_of(yard.driver.owner.token)
    while not container.is_ready():
        assert container.wait(0.01) is None
    (socket,) = (folder / container.id).iterdir()
    assert stat.S_ISSOCK(socket.stat().st_mode)
    container.kill()
    while container.wait_stderr():
        container.take_stderr()
    container.close()
    assert list(folder.iterdir()) == []
    yard.driver.close()
    assert not folder.exists()


def test_an_engine_elsewhere_cannot_run_it_and_that_is_told(yard):
    yard.driver._engine.is_local = False
    with pytest.raises(StartError, match="its Docker engine is on another: use the format http or json"):
        start(yard)
    assert not folder_of(yard.driver.owner.token).exists()


def test_a_start_that_fails_leaves_no_folder(yard):
    with pytest.raises(StartError):
        yard.start("true", image="hotdash-tests/there-is-no-such-image:1", listens=True)
    assert list(folder_of(yard.driver.owner.token).iterdir()) == []
