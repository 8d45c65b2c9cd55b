"""`keep_alive`: one pool of connections for a whole client, and none lost when the engine is away. Any thread.

docker-py keeps a pool for each of the last 25 addresses that were asked; a container's addresses are its own, so that
nearly every request connects anew and leaves a connection open. And a connection that cannot be made is not closed.

Over a Unix socket (a tunnel's, too) a request to an engine that hangs is given up soon (see `pulse`); over TCP, only
after the client's time limit.
"""

from __future__ import annotations

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

from hotdash.drivers.docker.pulse import Pulse

if TYPE_CHECKING:
    import docker

_SCHEME = "http+docker://"


def keep_alive(client: docker.APIClient) -> docker.APIClient:
    """Gives the client one pool, where it speaks over a Unix socket; elsewhere docker-py's own does well."""
    adapter = client.get_adapter(_SCHEME + "localhost") if client.base_url.startswith(_SCHEME) else None
    if isinstance(adapter, UnixHTTPAdapter):
        adapter.close()
        client.mount(_SCHEME, _OnePool(path=adapter.socket_path, timeout_s=adapter.timeout, size=adapter.max_pool_size))
    return client


# docker-py has no types, which the ignores below are about.
class _Connection(UnixHTTPConnection):  # type: ignore[misc]
    def __init__(self, path: str, timeout_s: float, pulse: Pulse) -> None:
        super().__init__(_SCHEME + "localhost", path, timeout_s)
        self._pulse = pulse

    def connect(self) -> None:
        """As docker-py's, but closes what it could not connect."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.timeout)
            sock.connect(self.unix_socket)
        except BaseException:
            sock.close()
            raise
        self.sock = sock

    def getresponse(self) -> Any:
        """As urllib3's, but looks after the engine's pulse while it waits."""
        self._pulse.wait(self.sock, self.timeout)
        return super().getresponse()


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    def __init__(self, path: str, timeout_s: float, *, size: int) -> None:
        super().__init__(_SCHEME + "localhost", path, timeout_s, maxsize=size)
        self._pulse = Pulse(ping=partial(_ping, path))

    def _new_conn(self) -> _Connection:
        return _Connection(self.socket_path, self.timeout, self._pulse)


class _OnePool(UnixHTTPAdapter):  # type: ignore[misc]
    def __init__(self, *, path: str, timeout_s: float, size: int) -> None:
        super().__init__(f"http+unix://{path}", timeout=timeout_s, max_pool_size=size)
        self._pool = _Pool(path, timeout_s, size=size)

    def get_connection(self, url: str, proxies: Any = None) -> _Pool:  # noqa: ARG002  its signature
        """The one pool, whatever the address."""
        return self._pool

    def close(self) -> None:
        """Closes what is open."""
        self._pool.close()
        super().close()


def _ping(path: str, timeout_s: float) -> bool:
    """Whether whoever listens there answers at all."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(path)
            sock.sendall(b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n")
            sock.recv(1)
        except TimeoutError:
            return False
        except OSError:  # nobody listens any more: the request ends by itself, with a better cause
            return True
        return True
