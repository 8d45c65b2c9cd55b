"""Parameters of a route, `/hello/:name` and `/files/*path`: IronFunctions' `PARAM_*`. Pure functions; any thread.

A route without them costs one look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hotdash.functions.routes import match_route
from hotdash.protocol.headers import url_text
from hotdash.task import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

_ODD = re.compile(r"[^a-z0-9_]")


def route_parameters(*, path: str, app: str, url: str) -> Mapping[str, str]:
    """What the URL has in place of the route's parameters.

    Args:
        path: The function's route.
        app: Its app: `/r/<app>` before the route is left out, as the gateway has it.
        url: What the caller asked for.

    Returns:
        Values by lower-case name, with `_` for what cannot stand in a variable's name; percent-decoded, but for what
        could not stand in a header. Empty if the URL is not one of this route's (the bare route itself, say).
    """
    if ":" not in path and "*" not in path:
        return NO_HEADERS
    asked = url.partition("?")[0].partition("#")[0].removeprefix(f"/r/{app}")
    if asked == path:
        return NO_HEADERS
    found = match_route(path, asked)
    return NO_HEADERS if found is None else {_key(name): _value(text) for name, text in found.items()}


def _key(name: str) -> str:
    return _ODD.sub("_", name.lower())


def _value(text: str) -> str:
    """Decoded for the function; re-encoded where it would break a header's line (`%0d%0a`) or a variable (`%00`)."""
    return url_text(unquote(text))
