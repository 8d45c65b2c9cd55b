"""`keep_alive`: one pool of connections for a whole client, and none lost when the engine is away. Any thread.

docker-py keeps a pool for each of the last 25 addresses that were asked; a container's addresses are its own, so that
nearly every request connects anew and leaves a connection open. And a connection that cannot be made is not closed.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

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


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    def _new_conn(self) -> _Connection:
        return _Connection(self.base_url, self.socket_path, self.timeout)


class _OnePool(UnixHTTPAdapter):  # type: ignore[misc]
    def __init__(self, *, path: str, timeout_s: float, size: int) -> None:
        super().__init__(f"http+unix://{path}", timeout=timeout_s, max_pool_size=size)
        self._pool = _Pool(_SCHEME + "localhost", path, timeout_s, maxsize=size)

    def get_connection(self, url: str, proxies: Any = None) -> _Pool:  # noqa: ARG002  its signature
        """The one pool, whatever the address."""
        return self._pool

    def close(self) -> None:
        """Closes what is open."""
        self._pool.close()
        super().close()
