"""Where the gateway listens, and who may name it so in `Host`. Pure functions; any thread.

A web page that is open in the user's browser may send requests to this machine, under a name of its own that it lets
point here ("DNS rebinding"); what it cannot do is to send another `Host` than that name. So only names are taken that
no stranger can own: addresses, `localhost`, this machine's name where it is listened to from outside, and what the user
has told.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_ADDRESS = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\[\]:/\s]*):)?(?P<port>[0-9]{1,5})")
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen.

    Args:
        host: A name or an address; IPv6 without its brackets.
        port: 0 lets the system choose one.
    """

    host: str
    port: int

    def __str__(self) -> str:
        """`127.0.0.1:8080`, `[::1]:8080`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return is_local_name(self.host)


def parse_address(text: str) -> Address:
    """Reads `HOST:PORT`, `:PORT` or `PORT`; without a host it is the loopback address.

    Raises:
        ValueError: It is none; the message says what is allowed.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f"found {text!r}, allowed HOST:PORT, such as {LOOPBACK}:8080, or a port alone")
    return Address(host=(match["host"] or LOOPBACK).strip("[]"), port=int(match["port"]))


def is_local_name(name: str) -> bool:
    """Whether it is a name that always means this machine (RFC 6761)."""
    folded = name.lower().rstrip(".")
    return folded == "localhost" or folded.endswith(".localhost")


def may_send(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request is of no stranger's web page: browsers say whose it is, and other clients say nothing.

    A page is no stranger's if it comes from this machine, or from where it sends the request to.

    Args:
        headers: Of the request, names in lower case.
    """
    texts = {name: value.decode("latin-1").strip().lower() for name, value in headers}
    if texts.get(b"sec-fetch-site") == "cross-site":
        return False
    origin = texts.get(b"origin")
    if origin is None:
        return True
    place = origin.partition("://")[2]
    return place == texts.get(b"host") or Address(host=_name_in(place), port=0).is_loopback


def own_names(address: Address) -> frozenset[str]:
    """The names of a gateway that listens at `address`; a name server may be asked, and take seconds."""
    told = {address.host.lower()}
    return frozenset(told if address.is_loopback else told | {socket.gethostname().lower(), socket.getfqdn().lower()})


def may_name(host_header: str, names: frozenset[str]) -> bool:
    """Whether a request with this `Host` is taken by a gateway with these names of its own."""
    name = _name_in(host_header)
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(name) and (is_local_name(name) or name in names)
    return True


def _name_in(place: str) -> str:
    """The name or address in a `HOST:PORT`, in lower case."""
    name = place.strip()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name.lower().rstrip(".")
