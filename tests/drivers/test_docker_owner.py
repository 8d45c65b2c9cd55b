"""Whose containers are removed: one's own at the end, a dead owner's at the start, nobody else's ever (M13)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors
import pytest
from docker_parts import BUSYBOX

from hotdash.drivers.docker import owner
from hotdash.drivers.docker.owner import LOCK, MACHINE, OWNER, USER, Owner, forget, is_orphan
from hotdash.drivers.docker.removal import remove_orphans
from hotdash.drivers.docker.sockets import Sockets, folder_of

if TYPE_CHECKING:
    from docker_parts import DockerYard

HOTDASH = Path(__file__).with_name("docker_hotdash.py")


def is_there(yard: DockerYard, engine_id: str) -> bool:
    try:
        return bool(yard.client.inspect_container(engine_id))
    except docker.errors.NotFound:
        return False


@pytest.fixture
def dead(yard: DockerYard) -> str:
    """The container of a hotdash that was killed, which lives on."""
    with subprocess.Popen([sys.executable, HOTDASH, yard.owners.parent], stdout=subprocess.PIPE, text=True) as hotdash:
        assert hotdash.stdout is not None
        engine_id = hotdash.stdout.readline().strip()
        assert engine_id, "it did not start"
        hotdash.kill()
    assert yard.client.inspect_container(engine_id)["State"]["Running"]
    return engine_id


def test_closing_the_driver_leaves_nothing(yard):
    running = yard.start("sleep", "600", image=BUSYBOX)
    ended = yard.start("true", image=BUSYBOX)
    yard.driver.close()
    assert not is_there(yard, running.engine_id)
    assert not is_there(yard, ended.engine_id)
    assert list(yard.owners.iterdir()) == []
    running.close()


def test_the_containers_of_a_killed_hotdash_are_removed_by_the_next(yard, dead):
    alive = yard.start("sleep", "600", image=BUSYBOX)
    another = yard.another_driver()
    another.close()
    assert another.orphans_removed == 1
    assert not is_there(yard, dead)
    assert is_there(yard, alive.engine_id), "its owner lives"
    assert [path.name for path in yard.owners.iterdir()] == [f"{yard.driver.owner.token}.lock"]


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({MACHINE: "another"}, id="of another machine"),
        pytest.param({USER: "another"}, id="of another user"),
        pytest.param({LOCK: "/no/such/file"}, id="of whom nothing is known"),
        pytest.param(None, id="not of hotdash"),
    ],
)
def test_a_stranger_s_container_is_left_alone(yard, changed):
    stranger = Owner(yard.owners)
    labels = stranger.labels
    stranger.close(leaves_some=True)
    assert is_orphan(labels)
    container = yard.client.create_container(BUSYBOX, "true", labels={} if changed is None else labels | changed)["Id"]
    another = yard.another_driver()
    another.close()
    assert another.orphans_removed == 0
    assert is_there(yard, container)
    yard.client.remove_container(container)


def test_a_lock_is_held_until_its_owner_ends_and_is_gone_if_nothing_is_left(tmp_path):
    first, second = Owner(tmp_path), Owner(tmp_path)
    assert first.labels[OWNER] != second.labels[OWNER]
    assert not is_orphan(first.labels)
    first.close(leaves_some=False)
    assert not is_orphan(first.labels), "who left nothing has no orphans"
    second.close(leaves_some=True)
    assert is_orphan(second.labels)
    forget(second.labels)
    assert list(tmp_path.iterdir()) == []


def test_a_dead_owner_without_a_container_leaves_neither_lock_nor_folder(tmp_path, tmp_path_factory, monkeypatch):
    """But nothing is done to one who lives, has a container left (or may have), or had them on another engine."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("s")))
    here = "unix:///engine.sock"
    dead, living, left, unsure = (Owner(tmp_path, engine=here) for _ in range(4))
    elsewhere, older = Owner(tmp_path, engine="tcp://far:2375"), Owner(tmp_path)
    labels = {one: one.labels for one in (dead, living, left, unsure, elsewhere, older)}
    for one in labels:
        Sockets(one.token).make("c-1")
    unsure.close(leaves_some=True)
    for one in (dead, left, elsewhere, older):
        os.close(one._fd)  # as a kill does
    assert remove_orphans(_Stubborn(labels[left]), owners=tmp_path, engine=here) == 0
    kept = (living, left, unsure, elsewhere, older)
    assert {str(path) for path in tmp_path.iterdir()} == {labels[one][LOCK] for one in kept}
    assert [one for one in labels if folder_of(one.token).exists()] == list(kept)
    living.close(leaves_some=False)


class _Stubborn:
    """An engine's client, with one container that it does not remove."""

    def __init__(self, labels: dict[str, str]) -> None:
        self._labels = labels

    def containers(self, **_asked: object) -> list[dict[str, object]]:
        return [{"Id": "1", "Labels": self._labels}]

    def remove_container(self, _id: str, **_how: object) -> None:
        raise docker.errors.DockerException("it does not answer")


def test_a_machine_and_a_user_without_a_name_have_one_all_the_same(tmp_path, monkeypatch):
    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(owner.getpass, "getuser", nobody)
    monkeypatch.setattr(owner.Path, "read_text", lambda *args, **keys: "")
    labels = Owner(tmp_path).labels
    assert labels[MACHINE]
    assert labels[USER]
