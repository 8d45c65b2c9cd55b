"""Which driver is opened, and what is said about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hotdash.drivers.opening import choose_driver, open_driver
from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    place = f"unix://{tmp_path}/no.sock"
    monkeypatch.setenv("DOCKER_HOST", place)
    return place


def test_auto_takes_docker_where_an_engine_answers(docker_host, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    opened = choose_driver("auto")
    opened.driver.close()
    assert (opened.driver.name, opened.note, opened.reason) == ("docker", docker_host, "")


def test_auto_takes_process_where_none_does_and_says_why(no_engine):
    opened = choose_driver("auto")
    opened.driver.close()
    assert opened.driver.name == "process"
    assert opened.note == "isolates nothing; no Docker engine"
    assert no_engine in opened.reason


def test_docker_is_refused_where_no_engine_answers(no_engine):
    with pytest.raises(NoDriver, match="--driver process") as caught:
        open_driver("docker")
    assert no_engine in str(caught.value)


def test_process_asks_no_engine(no_engine):
    opened = choose_driver("process")
    opened.driver.close()
    assert (opened.driver.name, opened.note, opened.reason) == ("process", "isolates nothing", "")


@pytest.mark.parametrize("name", ["auto", "docker", "process"])
def test_a_cache_folder_that_cannot_be_made_is_named(name, docker_host, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("DOCKER_HOST", docker_host)
    with pytest.raises(NoDriver, match="set XDG_CACHE_HOME"):
        open_driver(name)


def test_a_driver_that_there_is_not_is_an_error_that_names_those_there_are():
    with pytest.raises(NoDriver, match="auto, process, docker"):
        open_driver("podman")
