"""Whose containers are removed: one's own at the end, a dead owner's at the start, nobody else's ever (M13)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import docker.errors
import pytest
from docker_parts import BUSYBOX

from hotdash.drivers.docker import owner
from hotdash.drivers.docker.owner import LOCK, MACHINE, OWNER, USER, Owner, forget, is_orphan

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


def test_a_machine_and_a_user_without_a_name_have_one_all_the_same(tmp_path, monkeypatch):
    def nobody() -> str:
        raise KeyError("no such user")

    monkeypatch.setattr(owner.getpass, "getuser", nobody)
    monkeypatch.setattr(owner.Path, "read_text", lambda *args, **keys: "")
    labels = Owner(tmp_path).labels
    assert labels[MACHINE]
    assert labels[USER]
