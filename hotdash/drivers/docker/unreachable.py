"""Why an engine does not answer, and what to do about it, in words. Any thread."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

from hotdash.drivers.docker.wire import EngineRefusal, NotAnEngine

if TYPE_CHECKING:
    from hotdash.drivers.docker.places import Place

_SET_HOST = "start Docker, or set DOCKER_HOST to where it listens"


def why_no_answer(error: Exception, *, place: Place) -> str:
    """Says what was met at `place`, a colon, and what to do."""
    match error:
        case EngineRefusal(status=400) if "https" in error.message.lower():
            why = "it wants TLS: set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of its certificates"
        case EngineRefusal():
            why = f"it answers {error.status} ({error.message[:200]}): see whether it is a Docker engine"
        case NotAnEngine():
            why = f"{error}: see whether it is a Docker engine, and whether it wants TLS (DOCKER_TLS_VERIFY=1)"
        case ssl.SSLCertVerificationError():
            why = f"its certificate does not hold ({error.verify_message}): see that ca.pem in DOCKER_CERT_PATH is its"
        case ssl.SSLError():
            reason = (error.reason or "unknown").replace("_", " ").lower()
            why = f"TLS fails ({reason}): see DOCKER_CERT_PATH and DOCKER_TLS_VERIFY, and that it uses TLS at all"
        case socket.gaierror():
            why = f"there is no host {place.host}: see the name, and the network"
        case TimeoutError():
            why = "it says nothing: see whether it hangs or is not reachable, start it again"
        case OSError() if place.scheme == "ssh":
            why = _of_tunnel(error, place)
        case OSError():
            why = _of_system(error, place)
        case _:
            why = str(error)
    return why


def _of_tunnel(error: OSError, place: Place) -> str:
    if isinstance(error, ConnectionResetError):  # ssh takes a connection, and then finds nobody at the other end
        return f"nobody listens at {place.path} there: start Docker there, or name its socket (ssh://HOST/PATH)"
    return "the ssh connection is broken, and is being made again: wait a moment"


def _of_system(error: OSError, place: Place) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return f"there is no such socket: {_SET_HOST}"
        case errno.EACCES | errno.EPERM:
            return (
                "you may not use its socket: become a member of its group "
                "(sudo usermod -aG docker $USER, then log in again), use rootless Docker"
            )
        case errno.ECONNREFUSED if place.scheme == "unix":
            return f"nobody listens at this socket: {_SET_HOST}"
        case errno.ECONNREFUSED:
            return f"nobody listens at this port: {_SET_HOST}"
        case _:
            return f"{error.strerror or error}: {_SET_HOST}"
