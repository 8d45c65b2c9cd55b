"""`Engine`: the Docker engine that is used, where it is, and connections to it. Any thread.

`find_engine` finds it as the `docker` command does and makes sure that it answers. One engine for the whole driver; who
opened it closes it, after all that uses it.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from hotdash.drivers.docker.places import find_place
from hotdash.drivers.docker.unreachable import why_no_answer
from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine, ask
from hotdash.errors import NoDriver

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

    from hotdash.drivers.docker.places import Place, TlsFiles
    from hotdash.drivers.docker.tunnel import SshTunnel

ANSWER_S = 5.0  # an engine that says nothing for so long is taken for dead
MIN_API = (1, 30)  # Docker 17.06: the oldest whose `init`, `pids_limit` and stream endings are as the driver needs them
REMEDY = "or run with --driver process"


class EngineInfo(Struct, frozen=True, kw_only=True):
    """What an engine says of itself.

    Args:
        id: Its own, for life.
        name: The machine that it runs on.
        version: `28.2.2`.
        api_version: `1.50`.
        os: `linux`.
        architecture: `x86_64`.
        system: `Debian GNU/Linux 12 (bookworm)`.
        cpus: How many it has.
        memory_bytes: What it has in all.
        rootless: Whether it runs without root's rights.
        cgroup_version: `1` or `2`; empty if it does not say.
        storage: Its storage driver, `overlay2`.
        limits: What it cannot do that hotdash asks for, a sentence each.
    """

    id: str
    name: str
    version: str
    api_version: str
    os: str
    architecture: str
    system: str
    cpus: int
    memory_bytes: int
    rootless: bool
    cgroup_version: str
    storage: str
    limits: tuple[str, ...]


class Engine:
    """An engine. Of use once `negotiate` has returned; immutable from then on.

    Args:
        place: Where it is.
        tunnel: By which it is reached, if that is another machine's socket; open, and closed with this.
    """

    def __init__(self, *, place: Place, tunnel: SshTunnel | None = None) -> None:
        self._named = place
        self._tunnel = tunnel
        self._api_version = ""
        self._place = replace(place, scheme="unix", path=tunnel.path) if tunnel else place

    @property
    def location(self) -> str:
        """Its address, as the user wrote it."""
        return self._place.location

    @property
    def found_by(self) -> str:
        """What named it: `DOCKER_HOST`, a context, or `the default socket`."""
        return self._place.found_by

    @property
    def is_local(self) -> bool:
        """Whether it is reached by a socket of this machine; Docker Desktop's is, too, though it runs in another."""
        return self._named.scheme == "unix"

    @property
    def api_version(self) -> str:
        """The version of the API that is spoken with it, `1.41`."""
        return self._api_version

    def connect(self, *, timeout_s: float = 60.0, pool_size: int = 10) -> docker.APIClient:
        """A new low-level client; the caller closes it.

        Args:
            timeout_s: Seconds that a request may wait for the engine.
            pool_size: Most connections that are kept open.
        """
        import docker  # noqa: PLC0415  slow to import, and only for this driver

        place = self._place
        client = docker.APIClient(
            base_url=f"unix://{place.path}" if place.scheme == "unix" else f"tcp://{place.host}:{place.port}",
            version=self._api_version or None,
            timeout=timeout_s,
            tls=_client_tls(place.tls) if place.tls else False,
            max_pool_size=pool_size,
        )
        # Else requests trusts REQUESTS_CA_BUNDLE and not the engine's ca.pem, and takes a proxy where `dial` has none.
        client.trust_env = False
        return client

    def dial(self, *, timeout_s: float = ANSWER_S) -> socket.socket:
        """A new connection to the engine, for `wire`.

        Raises:
            OSError: It cannot be made.
        """
        if self._place.scheme == "unix":
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.settimeout(timeout_s)
                sock.connect(self._place.path)
            except BaseException:
                sock.close()
                raise
            return sock
        sock = socket.create_connection((self._place.host, self._place.port), timeout=timeout_s)
        if self._place.tls is None:
            return sock
        try:
            return _tls_context(self._place.tls).wrap_socket(sock, server_hostname=self._place.host)
        except BaseException:
            sock.close()
            raise

    def client_environment(self) -> dict[str, str]:
        """The variables by which the `docker` command uses this engine, whatever else it would."""
        place = self._place
        if place.scheme == "unix":
            return {"DOCKER_HOST": f"unix://{place.path}"}
        given = {"DOCKER_HOST": f"tcp://{place.host}:{place.port}"}
        files = place.tls and (place.tls.ca or place.tls.cert)
        if place.tls is not None:
            given["DOCKER_TLS_VERIFY" if place.tls.verify else "DOCKER_TLS"] = "1"
        if files:
            given["DOCKER_CERT_PATH"] = str(files.parent)
        return given

    def path(self, rest: str) -> str:
        """A path of the API in the version that is spoken."""
        return f"/v{self._api_version}{rest}" if self._api_version else rest

    def info(self, *, timeout_s: float = ANSWER_S) -> EngineInfo:
        """Asks the engine what it is.

        Raises:
            NoDriver: It does not answer.
        """
        try:
            told = ask(self.dial(timeout_s=timeout_s), self.path("/info"), timeout_s=timeout_s)
            return _info(told, api_version=self._api_version)
        except (OSError, EngineRefusal, NotAnEngine) as error:
            raise NoDriver(self._no_answer(error)) from error

    def close(self) -> None:
        """Ends the tunnel, if there is one. A second call does nothing."""
        if self._tunnel is not None:
            self._tunnel.close()

    def negotiate(self) -> None:
        """Asks the engine for the version of its API, and speaks it from now on.

        Raises:
            NoDriver: It does not answer, or speaks an API that is too old.
        """
        try:
            told = ask(self.dial(), "/version", timeout_s=ANSWER_S)
            api_version = str(told["ApiVersion"])
            spoken = tuple(int(part) for part in api_version.split("."))
        except (OSError, EngineRefusal, NotAnEngine) as error:
            raise NoDriver(self._no_answer(error)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise NoDriver(self._no_answer(NotAnEngine("what answers there is no Docker engine"))) from error
        if spoken < MIN_API:
            wanted = ".".join(map(str, MIN_API))
            raise NoDriver(
                f"the Docker engine at {self.location} ({self.found_by}) speaks API {api_version}, which is too old: "
                f"update it to one with API {wanted} or newer (Docker 17.06), {REMEDY}"
            )
        self._api_version = api_version

    def _no_answer(self, error: Exception) -> str:
        why = why_no_answer(error, place=self._named)
        return f"no Docker engine answers at {self.location} ({self.found_by}): {why}, {REMEDY}"


def find_engine(*, environ: Mapping[str, str]) -> Engine:
    """Finds the engine as the `docker` command does, and makes sure that it answers.

    Args:
        environ: The process's environment; see `find_place`.

    Raises:
        NoDriver: None answers; one sentence says what was tried and what to do.
    """
    place = find_place(environ)
    tunnel = None
    if place.scheme == "ssh":
        from hotdash.drivers.docker.tunnel import SshTunnel  # noqa: PLC0415  few have their engine so far away

        tunnel = SshTunnel(place=place, environ=environ)
        tunnel.open()
    engine = Engine(place=place, tunnel=tunnel)
    try:
        engine.negotiate()
    except BaseException:
        engine.close()
        raise
    return engine


def _info(told: Any, *, api_version: str) -> EngineInfo:
    if not isinstance(told, dict):
        raise NotAnEngine("what answers there is no Docker engine")
    options = " ".join(map(str, told.get("SecurityOptions") or ()))
    return EngineInfo(
        id=str(told.get("ID") or ""),
        name=str(told.get("Name") or ""),
        version=str(told.get("ServerVersion") or ""),
        api_version=api_version,
        os=str(told.get("OSType") or ""),
        architecture=str(told.get("Architecture") or ""),
        system=str(told.get("OperatingSystem") or ""),
        cpus=int(told.get("NCPU") or 0),
        memory_bytes=int(told.get("MemTotal") or 0),
        rootless="rootless" in options,
        cgroup_version=str(told.get("CgroupVersion") or ""),
        storage=str(told.get("Driver") or ""),
        limits=tuple(
            sentence
            for key, sentence in (
                ("MemoryLimit", "it cannot limit memory"),
                ("SwapLimit", "it cannot limit swap"),
                ("PidsLimit", "it cannot limit the number of processes"),
            )
            if told.get(key) is False
        ),
    )


def _tls_context(tls: TlsFiles) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(tls.ca) if tls.ca else None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert and tls.key:
        context.load_cert_chain(tls.cert, tls.key)
    return context


def _client_tls(tls: TlsFiles) -> Any:
    from docker.tls import TLSConfig  # noqa: PLC0415  as in `connect`

    return TLSConfig(
        client_cert=(str(tls.cert), str(tls.key)) if tls.cert and tls.key else None,
        ca_cert=str(tls.ca) if tls.ca else None,
        verify=tls.verify,
    )
