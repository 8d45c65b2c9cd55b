"""Where the Docker engine is, by the rules of the `docker` command. Any thread; reads files, connects to nothing.

The order (https://docs.docker.com/reference/cli/docker/#environment-variables): `DOCKER_HOST`, `DOCKER_CONTEXT`, the
current context in the client's configuration, the default socket. Read here and not by docker-py, whose context reader
takes its folder from the process's environment, and so cannot be told another.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_SOCKET = Path("/var/run/docker.sock")
_TCP_PORT, _TLS_PORT = 2375, 2376  # what Docker has registered


class TlsFiles(Struct, frozen=True, kw_only=True):
    """What a TLS connection needs.

    Args:
        ca: The authority's certificate; the system's if None.
        cert: Our certificate; None where none is given.
        key: Our certificate's key.
        verify: Whether the engine's certificate and name are checked.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    verify: bool = True


class Place(Struct, frozen=True, kw_only=True):
    """Where an engine is.

    Args:
        location: As the user wrote it: `unix:///var/run/docker.sock`, `tcp://host:2376`, `ssh://me@host`.
        found_by: What named it: `DOCKER_HOST`, `the docker context 'x'`, `the default socket`.
        scheme: `unix`, `tcp` or `ssh`.
        path: Of a socket; with ssh, the one on the other machine.
        host: Of tcp and ssh, with `user@` where it was given.
        port: Of tcp; of ssh, 0 if none was given.
        tls: For tcp, where it is used.
    """

    location: str
    found_by: str
    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    tls: TlsFiles | None = None


def find_place(environ: Mapping[str, str]) -> Place:
    """Finds what the environment and the client's configuration name.

    Args:
        environ: The process's environment: DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS, DOCKER_TLS_VERIFY,
            DOCKER_CERT_PATH, HOME, XDG_RUNTIME_DIR.

    Raises:
        NoDriver: What is named is not there, or is no address of an engine.
    """
    if host := environ.get("DOCKER_HOST", "").strip():
        return parse_place(host, found_by="DOCKER_HOST", tls=_tls_of_environment(environ))
    config = _config_folder(environ)
    name, found_by = environ.get("DOCKER_CONTEXT", "").strip(), "DOCKER_CONTEXT"
    if not name:
        name, found_by = _current_context(config / "config.json"), "the current docker context"
    if name in {"", "default"}:
        return _default(environ)
    return _of_context(config / "contexts", name, f"{found_by} {name!r}" if name else found_by)


def parse_place(location: str, *, found_by: str, tls: TlsFiles | None = None) -> Place:
    """Reads an engine's address.

    Raises:
        NoDriver: It is none.
    """
    try:
        parts = urlsplit(location if "://" in location else f"tcp://{location}")
        port = parts.port
    except ValueError as error:
        raise _no_address(location, found_by, str(error)) from error
    match parts.scheme:
        case "unix":
            path = parts.netloc + parts.path
            if not path.startswith("/"):
                raise _no_address(location, found_by, "the socket's path must begin with /")
            return Place(location=location, found_by=found_by, scheme="unix", path=path)
        case "tcp" | "http" | "https":
            if not parts.hostname:
                raise _no_address(location, found_by, "it names no host")
            if parts.scheme == "https" and tls is None:
                tls = TlsFiles()
            port = port or (_TLS_PORT if tls else _TCP_PORT)
            return Place(location=location, found_by=found_by, scheme="tcp", host=parts.hostname, port=port, tls=tls)
        case "ssh":
            if not parts.hostname or parts.hostname.startswith("-"):
                raise _no_address(location, found_by, "it names no host")
            if parts.password is not None:
                raise _no_address(location, found_by, "a password cannot be given here; use an ssh key")
            host = f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname
            path = parts.path.rstrip("/") or str(DEFAULT_SOCKET)
            return Place(location=location, found_by=found_by, scheme="ssh", host=host, port=port or 0, path=path)
    raise _no_address(location, found_by, f"{parts.scheme}:// is not known here")


def _no_address(location: str, found_by: str, why: str) -> NoDriver:
    return NoDriver(
        f"{found_by} names the Docker engine {location!r}, which is no address ({why}): "
        "write unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST"
    )


def _default(environ: Mapping[str, str]) -> Place:
    """The default socket, or, where it is not there, those that rootless Docker and Docker Desktop make."""
    home = _home(environ)
    others = [
        (Path(environ["XDG_RUNTIME_DIR"], "docker.sock"), "the socket of rootless Docker")
        for _ in range(bool(environ.get("XDG_RUNTIME_DIR")))
    ]
    others.append((home / ".docker" / "run" / "docker.sock", "the socket of Docker Desktop"))
    if not _exists(DEFAULT_SOCKET):
        for path, found_by in others:
            if _exists(path):
                return parse_place(f"unix://{path}", found_by=found_by)
    return parse_place(f"unix://{DEFAULT_SOCKET}", found_by="the default socket")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _config_folder(environ: Mapping[str, str]) -> Path:
    named = environ.get("DOCKER_CONFIG")
    return Path(named) if named else _home(environ) / ".docker"


def _current_context(file: Path) -> str:
    try:
        config = _read_json(file)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise NoDriver(
            f"{file}, which may name the current docker context, cannot be read ({error}): mend it, or set DOCKER_HOST"
        ) from error
    return str(config.get("currentContext") or "")


def _of_context(folder: Path, name: str, found_by: str) -> Place:
    """An engine by its context: `meta/HASH/meta.json`, its TLS files in `tls/HASH/docker`."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = _read_json(folder / "meta" / digest / "meta.json")
        endpoint = meta["Endpoints"]["docker"]
        host = str(endpoint.get("Host") or "")
    except FileNotFoundError as error:
        raise NoDriver(f"{found_by} is not there: see `docker context ls`, or set DOCKER_HOST") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoDriver(f"{found_by} names no Docker engine: see `docker context inspect {name}`") from error
    files = folder / "tls" / digest / "docker"
    tls = _tls_in(files, verify=not endpoint.get("SkipTLSVerify"))
    return parse_place(host or f"unix://{DEFAULT_SOCKET}", found_by=found_by, tls=tls)


def _tls_of_environment(environ: Mapping[str, str]) -> TlsFiles | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    named = environ.get("DOCKER_CERT_PATH")
    return _tls_in(Path(named) if named else _config_folder(environ), verify=verify) or TlsFiles(verify=verify)


def _tls_in(folder: Path, *, verify: bool) -> TlsFiles | None:
    """The files of a folder, by Docker's names; None if there are none."""
    paths = [folder / name for name in ("ca.pem", "cert.pem", "key.pem")]
    ca, cert, key = (path if _exists(path) else None for path in paths)
    if ca is None and cert is None:
        return None
    return TlsFiles(ca=ca, cert=cert, key=key, verify=verify)


def _read_json(file: Path) -> dict[str, Any]:
    value = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004  as json's own errors are
    return value
