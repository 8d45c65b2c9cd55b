"""`Attachment`: the socket to a container's stdin, stdout and stderr. Opened by the thread that starts the container.

docker-py hands out a wrapper around the socket, and keeps the response that it came from. Both have to be kept and to
be closed: with the socket alone closed the descriptor stays open. The wrapper's own reads are not used: after one that
timed out it reads no more.
"""

from __future__ import annotations

import socket as sockets
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import docker


class Attachment:
    """The stream of one container, attached before it is started, so that nothing it writes is missed.

    Attributes:
        socket: Takes stdin, gives frames (see `demux`); it never blocks.
        is_tls: Whether it is a TLS socket.
    """

    def __init__(self, client: docker.APIClient, container_id: str) -> None:
        """Attaches.

        Raises:
            docker.errors.DockerException, requests.RequestException: The engine did not answer, or refused.
        """
        wrapper: Any = client.attach_socket(
            container_id, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
        )
        self._wrapper = wrapper
        self._response = getattr(wrapper, "_response", None)
        self.socket: sockets.socket = wrapper if isinstance(wrapper, sockets.socket) else wrapper._sock
        self.is_tls = isinstance(self.socket, ssl.SSLSocket)
        self.socket.setblocking(False)  # noqa: FBT003  its signature

    def close_sending(self) -> None:
        """Ends what is sent and goes on receiving: the container reads the end of its stdin."""
        with suppress(OSError):  # it has ended already; SSLWantReadError, too: sent, and the other end's is not awaited
            if isinstance(self.socket, ssl.SSLSocket):
                self.socket.unwrap()
            else:
                self.socket.shutdown(sockets.SHUT_WR)

    def close(self) -> None:
        """Gives the socket back."""
        for thing in (self._response, self._wrapper, self.socket):
            if thing is not None:
                with suppress(OSError):
                    thing.close()
