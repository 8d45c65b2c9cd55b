"""Engines on other machines: over TLS, and through ssh. Both ends are on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socketserver
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from fake_engine import Call, FakeEngine, fake_engine
from real_tools import PATIENCE_S, until

from hotdash.drivers.docker import tunnel
from hotdash.drivers.docker.endpoint import Engine, find_engine
from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from collections.abc import Iterator


# ---- TLS


def certificates(folder: Path) -> Path:
    """An authority and, signed by it, one certificate for both ends, by Docker's names."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, which makes the certificates of this test")
    folder.mkdir()
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    key = ["-newkey", "rsa:2048", "-nodes"]
    sign = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", "2", "-extfile", "ext"]
    for command in (
        ["req", "-x509", *key, "-subj", "/CN=authority", "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2"],
        ["req", *key, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request"],
        ["x509", "-req", "-in", "request", *sign, "-out", "cert.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def tls_engine(files: Path) -> Iterator[int]:
    """An engine that wants certificates; hands out its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files / "ca.pem")
    context.load_cert_chain(files / "cert.pem", files / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    answers = FakeEngine(files / "unused")

    class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
        daemon_threads = False

        def finish_request(self, request: object, client_address: object) -> None:
            with context.wrap_socket(request, server_side=True) as secure:  # type: ignore[call-overload]
                super().finish_request(secure, client_address)

        def handle_error(self, *_: object) -> None:
            """A handshake that fails is what some tests are about."""

    server = Server(("127.0.0.1", 0), type("Handler", (Call,), {"engine": answers}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_engine_is_reached_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt")  # must not come before ca.pem
    files = certificates(tmp_path / "ours")
    others = tmp_path / "others"
    shutil.copytree(files, others)
    with tls_engine(files) as port:
        environ = {"DOCKER_HOST": f"tcp://localhost:{port}", "DOCKER_TLS_VERIFY": "1"}
        engine = find_engine(environ=environ | {"DOCKER_CERT_PATH": str(files)})
        assert engine.info().name == "fake"
        client = engine.connect(timeout_s=5)
        assert client.info()["Name"] == "fake"
        client.close()
        assert engine.client_environment() == environ | {"DOCKER_CERT_PATH": str(files)}
        (others / "ca.pem").unlink()
        with pytest.raises(
            NoDriver, match=r"its certificate does not hold \(.*\): see that ca.pem in DOCKER_CERT_PATH"
        ):
            find_engine(environ=environ | {"DOCKER_CERT_PATH": str(others)})
        with pytest.raises(NoDriver, match=r"no Docker engine answers at tcp://localhost"):
            find_engine(environ={"DOCKER_HOST": f"tcp://localhost:{port}"})
    with pytest.raises(NoDriver, match="nobody listens at this port"):
        find_engine(environ={"DOCKER_HOST": f"tcp://localhost:{port}"})


def test_tls_with_an_engine_that_has_none_is_told(tmp_path: Path):
    with socketserver.TCPServer(("127.0.0.1", 0), Plain) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        environ = {"DOCKER_HOST": f"tcp://127.0.0.1:{server.server_address[1]}", "DOCKER_TLS": "1"}
        with pytest.raises(NoDriver, match=r"TLS fails \(.*\): see DOCKER_CERT_PATH"):
            find_engine(environ=environ | {"HOME": str(tmp_path)})
        thread.join()


class Plain(socketserver.BaseRequestHandler):
    """Answers a handshake as a server without TLS does."""

    def handle(self) -> None:
        self.request.recv(4096)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


# ---- ssh

FORWARD = r"""
import os, socket, sys, threading
with open(os.environ["SAID"], "a") as said:
    print(os.getpid(), *sys.argv[1:], file=said)
local, remote = sys.argv[sys.argv.index("-L") + 1].split(":")

def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass

listener = socket.socket(socket.AF_UNIX)
listener.bind(local)
listener.listen()
while True:
    near, _ = listener.accept()
    far = socket.socket(socket.AF_UNIX)
    if far.connect_ex(remote):
        near.close()
        continue
    for pair in ((near, far), (far, near)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
"""


class Ssh:
    """An `ssh` of our own in PATH, that forwards a socket as the real one does."""

    def __init__(self, folder: Path) -> None:
        self._program = folder / "bin" / "ssh"
        self._program.parent.mkdir()
        self._said = folder / "said"
        self._said.touch()
        (folder / "forward.py").write_text(FORWARD)
        self.environ = {"PATH": f"{self._program.parent}:/bin", "HOME": str(folder), "SAID": str(self._said)}
        self.forwards = f'exec {sys.executable} -S {folder}/forward.py "$@"'
        self.does(self.forwards)

    def does(self, text: str) -> None:
        self._program.write_text(f"#!/bin/sh\n{text}\n")
        self._program.chmod(0o755)

    @property
    def runs(self) -> list[list[str]]:
        """Of each time it was started, its process and its arguments."""
        return [line.split() for line in self._said.read_text().splitlines()]


@pytest.fixture
def ssh(tmp_path: Path) -> Ssh:
    return Ssh(tmp_path)


@pytest.fixture
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    with fake_engine(tmp_path_factory.mktemp("e") / "s") as engine:
        yield engine


@pytest.fixture
def far(fake: FakeEngine) -> str:
    """The fake engine's address as another machine's."""
    return f"ssh://me@far:2222{fake.host.removeprefix('unix://')}"


def test_an_engine_is_reached_through_ssh(ssh: Ssh, fake: FakeEngine, far: str):
    engine = find_engine(environ=ssh.environ | {"DOCKER_HOST": far})
    try:
        assert (engine.location, engine.is_local, engine.info().name) == (far, False, "fake")
        ((pid, *arguments),) = ssh.runs
        assert arguments[0] == "-NT"
        assert arguments[arguments.index("-p") + 1] == "2222"
        assert arguments[-2:] == ["--", "me@far"]
        near = Path(engine.client_environment()["DOCKER_HOST"].removeprefix("unix://"))
        assert near.parent.stat().st_mode & 0o077 == 0
    finally:
        engine.close()
    assert not psutil.pid_exists(int(pid))
    assert not near.parent.exists()
    assert [thread.name for thread in threading.enumerate() if thread.name == "hot:tunnel"] == []


def test_a_tunnel_that_ends_is_made_again(ssh: Ssh, fake: FakeEngine, far: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tunnel, "_PAUSE_S", (0.01,))
    engine = find_engine(environ=ssh.environ | {"DOCKER_HOST": far})
    client = engine.connect(timeout_s=5)
    try:
        assert client.info()["Name"] == "fake"
        ssh.does("exit 1")
        os.kill(int(ssh.runs[0][0]), signal.SIGKILL)
        told = "the ssh connection is broken, and is being made again: wait a moment"
        until(lambda: told in why_not(engine), "the end of the tunnel")  # while it ends, others may be told
        ssh.does(ssh.forwards)
        until(lambda: len(ssh.runs) == 2 and not why_not(engine), "another tunnel")
        assert client.info()["Name"] == "fake"
    finally:
        client.close()
        engine.close()


def test_ssh_does_not_outlive_hotdash(ssh: Ssh, fake: FakeEngine, far: str):
    script = (
        "import os, signal\nfrom hotdash.drivers.docker.endpoint import find_engine\n"
        "engine = find_engine(environ=os.environ)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | ssh.environ | {"DOCKER_HOST": far},
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    ((pid, *arguments),) = ssh.runs
    folder = Path(arguments[arguments.index("-L") + 1].partition(":")[0]).parent
    until(lambda: not psutil.pid_exists(int(pid)) and not folder.exists(), "the end of ssh, and of its socket's folder")


def test_an_engine_that_is_off_there_is_told(ssh: Ssh, tmp_path: Path):
    with pytest.raises(NoDriver, match=r"nobody listens at /none there: start Docker there, or name its socket"):
        find_engine(environ=ssh.environ | {"DOCKER_HOST": "ssh://far/none"})


def why_not(engine: Engine) -> str:
    """Why it does not answer; empty if it does."""
    try:
        engine.info()
    except NoDriver as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("echo noise >&2; echo 'me@far: Permission denied (publickey).' >&2; exit 255", "ssh says: me@far: Permission"),
        ("exit 1", "ssh says: nothing"),
        ("exec sleep 300", "ssh does not get through within 0.2 s"),
        (None, "there is no ssh command in PATH"),
    ],
)
def test_an_ssh_that_does_not_get_through_is_told(
    ssh: Ssh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str | None, told: str
):
    monkeypatch.setattr(tunnel, "CONNECT_S", 0.2 if does and "sleep" in does else 20.0)
    environ = ssh.environ | {"DOCKER_HOST": "ssh://me@far", "PATH": ssh.environ["PATH"] if does else str(tmp_path)}
    ssh.does(does or "")
    with pytest.raises(NoDriver) as caught:
        find_engine(environ=environ)
    assert str(caught.value).startswith(f"no Docker engine is reached at ssh://me@far (DOCKER_HOST): {told}")
    assert "see that `ssh me@far docker version` works without a question" in str(caught.value)
    assert psutil.Process().children(recursive=True) == []
