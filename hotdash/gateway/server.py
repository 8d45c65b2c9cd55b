"""`Gateway`: listens, and serves `GatewayApp` in a thread of its own (`gateway`), with an event loop of its own.

Whoever makes it owns that thread: it waits for requests and ends with `close`, which joins it.
"""

from __future__ import annotations

import logging
import resource
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from hotdash.errors import GatewayError
from hotdash.gateway.address import Address
from hotdash.gateway.app import GatewayApp
from hotdash.gateway.board import TaskBoard
from hotdash.gateway.metrics import Metrics
from hotdash.gateway.protocol import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.runtime.runtime import Runtime

_MOST_CONNECTIONS = 2_000  # each may hold a payload of 8 MiB; above it clients hear 503
_BACKLOG = 1_024  # asyncio takes as many connections in one go, before any of them can be refused
_GRACE_S = 2  # at the end: for answers that are being written


class Gateway:
    """See the module's docstring.

    Args:
        runtime: Who runs the tasks; it outlives the gateway.
        address: Where to listen.
        is_ready: Whether the functions are known by now: until then calls are refused for a moment (503), and not as
            if there were no such function. Asked in the gateway's thread.

    Raises:
        GatewayError: It cannot be listened there.
    """

    def __init__(self, *, runtime: Runtime, address: Address, is_ready: Callable[[], bool] = lambda: True) -> None:
        most = _most_connections()
        backlog = min(_BACKLOG, max(1, most // 2))
        self._socket = _listen(address, backlog=backlog)
        self.address = Address(host=address.host, port=self._socket.getsockname()[1])
        self._is_closing = False
        board, metrics = TaskBoard(), Metrics(runtime)
        self._unsubscribe = (runtime.subscribe(board), runtime.subscribe(metrics))
        app = GatewayApp(
            runtime=runtime,
            board=board,
            metrics=metrics,
            address=self.address,
            is_ready=is_ready,
            is_closing=lambda: self._is_closing,
        )
        for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):  # there may be a screen on the terminal
            logging.getLogger(name).addHandler(logging.NullHandler())
            logging.getLogger(name).propagate = False
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                backlog=backlog,
                limit_concurrency=most,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    @property
    def url(self) -> str:
        """Where it is: `http://127.0.0.1:8080`."""
        return f"http://{self.address}"

    def start(self) -> None:
        """Begins to serve; who connected since it was made is served, too."""
        self._thread.start()

    def stop_taking(self) -> None:
        """From now on calls are refused (503); those that run are answered still."""
        self._is_closing = True

    def close(self) -> None:
        """Ends the server and its thread. Close the runtime first, so that calls that wait have their answers."""
        self._is_closing = True
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _most_connections() -> int:
    """How many clients there may be: half of the descriptors this process may have are for containers and files."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_CONNECTIONS if allowed == resource.RLIM_INFINITY else max(1, min(_MOST_CONNECTIONS, allowed // 2))


def _listen(address: Address, *, backlog: int) -> socket.socket:
    """Listens there.

    The socket says that it speaks TCP: only then does asyncio turn Nagle's algorithm off for the connections that come
    to it, and with it on each answer comes 40 ms late.

    Raises:
        GatewayError: It cannot be.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else a port stays taken for a minute
            listener.bind(place)
            listener.listen(backlog)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise GatewayError(
            f"cannot listen on {address} ({error.strerror}): name another address with --http HOST:PORT"
        ) from error
    return listener
