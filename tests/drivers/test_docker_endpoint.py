"""Where the engine is: what names it, and what is said where none answers."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from descriptors import open_descriptors
from fake_engine import INFO, VERSION, fake_engine
from real_tools import until

from hotdash.drivers.docker import endpoint
from hotdash.drivers.docker.endpoint import find_engine
from hotdash.drivers.docker.places import TlsFiles, find_place, parse_place
from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_engine import FakeEngine


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for sockets, whose path must be short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path_factory.mktemp("e") / "s") as engine:
        yield engine


def context(home: Path, name: str, host: str | None, *, current: bool = True, **more: object) -> None:
    """A docker context as the client writes it."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts" / "meta" / digest
    folder.mkdir(parents=True)
    endpoints = {} if host is None else {"docker": {"Host": host, **more}}
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": endpoints}))
    if current:
        (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))


def test_an_engine_that_answers_tells_what_it_is(engine: endpoint.Engine):
    info = engine.info()
    assert (info.os, engine.found_by) == ("linux", "DOCKER_HOST")
    assert info.version
    assert info.memory_bytes > 2**20
    client = engine.connect(timeout_s=5, pool_size=2)
    assert client.version()["Version"] == info.version
    client.close()


def test_docker_host_comes_first(tmp_path: Path):
    context(tmp_path, "far", "tcp://far:1")
    environ = {"HOME": str(tmp_path), "DOCKER_HOST": "unix:///x/y.sock", "DOCKER_CONTEXT": "far"}
    place = find_place(environ)
    assert (place.location, place.found_by, place.path) == ("unix:///x/y.sock", "DOCKER_HOST", "/x/y.sock")


def test_then_the_context_that_is_named_then_the_current_one(tmp_path: Path):
    context(tmp_path, "near", "unix:///near.sock", current=False)
    context(tmp_path, "far", "tcp://far")
    environ = {"HOME": str(tmp_path)}
    place = find_place(environ)
    assert (place.host, place.port, place.found_by) == ("far", 2375, "the current docker context 'far'")
    place = find_place(environ | {"DOCKER_CONTEXT": "near"})
    assert (place.path, place.found_by) == ("/near.sock", "DOCKER_CONTEXT 'near'")
    place = find_place(environ | {"DOCKER_CONTEXT": "default"})
    assert place.location == "unix:///var/run/docker.sock"
    place = find_place({"DOCKER_CONFIG": str(tmp_path / ".docker"), "HOME": "/nowhere"})
    assert place.host == "far"


def test_without_a_name_it_is_the_default_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hotdash.drivers.docker.places.DEFAULT_SOCKET", tmp_path / "default.sock")
    environ = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    assert find_place(environ).location == f"unix://{tmp_path}/default.sock"
    (tmp_path / ".docker" / "run").mkdir(parents=True)
    (tmp_path / ".docker" / "run" / "docker.sock").touch()
    assert find_place(environ).found_by == "the socket of Docker Desktop"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "docker.sock").touch()
    assert find_place(environ).found_by == "the socket of rootless Docker"
    (tmp_path / "default.sock").touch()
    assert find_place(environ).found_by == "the default socket"


def test_a_contexts_certificates_are_beside_it(tmp_path: Path):
    context(tmp_path, "far", "tcp://far:99", SkipTLSVerify=True)
    digest = hashlib.sha256(b"far").hexdigest()
    files = tmp_path / ".docker" / "contexts" / "tls" / digest / "docker"
    files.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (files / name).touch()
    tls = TlsFiles(ca=files / "ca.pem", cert=files / "cert.pem", key=files / "key.pem", verify=False)
    assert find_place({"HOME": str(tmp_path)}).tls == tls


@pytest.mark.parametrize(
    ("more", "port", "verify"),
    [({}, 2375, None), ({"DOCKER_TLS_VERIFY": "1"}, 2376, True), ({"DOCKER_TLS": "1"}, 2376, False)],
)
def test_the_environment_asks_for_tls(tmp_path: Path, more: dict[str, str], port: int, verify: bool | None):
    (tmp_path / "ca.pem").touch()
    place = find_place({"DOCKER_HOST": "tcp://far", "DOCKER_CERT_PATH": str(tmp_path)} | more)
    assert place.port == port
    assert (place.tls and place.tls.verify) == verify
    assert place.tls is None or place.tls.ca == tmp_path / "ca.pem"


def test_an_address_of_ssh_names_the_host_and_the_socket_there():
    place = parse_place("ssh://me@far:22/run/user/1/docker.sock", found_by="x")
    assert (place.host, place.port, place.path) == ("me@far", 22, "/run/user/1/docker.sock")
    assert parse_place("ssh://far", found_by="x").path == "/var/run/docker.sock"


@pytest.mark.parametrize(
    "location",
    [
        "unix://x",
        "ftp://x",
        "tcp://",
        "tcp://x:port",
        "ssh://",
        "ssh://a:b@c",
        "ssh://-oProxyCommand=x",
        "npipe:////./x",
    ],
)
def test_an_address_that_is_none_is_told(location: str):
    with pytest.raises(NoDriver) as caught:
        find_engine(environ={"DOCKER_HOST": location})
    assert str(caught.value).startswith(f"DOCKER_HOST names the Docker engine {location!r}, which is no address (")
    assert str(caught.value).endswith("write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST")


def test_a_context_that_is_not_there_or_names_no_engine_is_told(tmp_path: Path):
    environ = {"HOME": str(tmp_path)}
    with pytest.raises(NoDriver, match=r"^DOCKER_CONTEXT 'gone' is not there: see `docker context ls`"):
        find_engine(environ=environ | {"DOCKER_CONTEXT": "gone"})
    context(tmp_path, "odd", None)
    with pytest.raises(NoDriver, match=r"^the current docker context 'odd' names no Docker engine"):
        find_engine(environ=environ)
    (tmp_path / ".docker" / "config.json").write_text("{")
    with pytest.raises(NoDriver, match=r"config.json, which may name the current docker context, cannot be read"):
        find_engine(environ=environ)


def test_a_socket_that_is_not_there_is_told(short: Path):
    with pytest.raises(NoDriver) as caught:
        find_engine(environ={"DOCKER_HOST": f"unix://{short}/none"})
    assert str(caught.value) == (
        f"no Docker engine answers at unix://{short}/none (DOCKER_HOST): there is no such socket: "
        "start Docker, or set DOCKER_HOST to where it listens, or run with --driver process"
    )


def test_a_socket_nobody_listens_at_is_told(short: Path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind("dead")
    with pytest.raises(NoDriver, match="nobody listens at this socket: start Docker"):
        find_engine(environ={"DOCKER_HOST": f"unix://{short}/dead"})


def test_a_socket_that_may_not_be_used_is_told(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", refuse)  # the tests run as root, who may use any
    with pytest.raises(NoDriver, match="you may not use its socket: become a member of its group"):
        find_engine(environ={"DOCKER_HOST": "unix:///x"})


def test_an_engine_that_says_nothing_is_given_up(short: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(endpoint, "ANSWER_S", 0.3)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind("silent")
        silent.listen()
        with pytest.raises(NoDriver, match="it says nothing: see whether it hangs"):
            find_engine(environ={"DOCKER_HOST": f"unix://{short}/silent"})


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "does not speak JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "is no Docker engine"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 6\r\n\r\ngo off", r"it answers 403 \(go off\)"),
        (
            b"HTTP/1.1 400 Bad\r\nContent-Length: 48\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
            "it wants TLS: set DOCKER_TLS_VERIFY=1",
        ),
        (b"", "closed connection without response: start Docker"),
    ],
)
def test_what_is_no_engine_is_told(short: Path, said: bytes, told: str):
    with socket.socket(socket.AF_UNIX) as odd:
        odd.bind("odd")
        odd.listen()

        def answer() -> None:
            with odd.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(NoDriver, match=told):
            find_engine(environ={"DOCKER_HOST": f"unix://{short}/odd"})
        thread.join()


def test_an_old_engine_is_told(fake: FakeEngine):
    fake.answers["GET /version"] = lambda call: call.send(VERSION | {"ApiVersion": "1.24"})
    with pytest.raises(NoDriver, match=r"speaks API 1.24, which is too old: update it"):
        find_engine(environ={"DOCKER_HOST": fake.host})


def test_what_limits_an_engine_is_told(fake: FakeEngine):
    weak = {"MemoryLimit": False, "SwapLimit": False, "PidsLimit": True, "SecurityOptions": ["name=rootless"]}
    fake.answers["GET /info"] = lambda call: call.send(INFO | weak)
    info = find_engine(environ={"DOCKER_HOST": fake.host}).info()
    assert info.limits == ("it cannot limit memory", "it cannot limit swap")
    assert info.rootless
    fake.answers["GET /info"] = lambda call: call.send({"message": "broken"}, 500)
    with pytest.raises(NoDriver, match=r"it answers 500 \(broken\)"):
        find_engine(environ={"DOCKER_HOST": fake.host}).info()


def test_nothing_is_left_open(fake: FakeEngine, short: Path):
    before = open_descriptors()
    for host in (fake.host, f"unix://{short}/none"):
        try:
            engine = find_engine(environ={"DOCKER_HOST": host})
        except NoDriver:
            continue
        engine.info()
        engine.close()
    # The fake engine's ends of connections are closed by its own threads.
    until(lambda: open_descriptors() <= before, "the end of all connections")
