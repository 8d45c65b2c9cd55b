"""Routes as function files write them, `/hello/:name` and `/files/*path`, and which paths are theirs. Pure; any thread.

The syntax and the meaning are IronFunctions' router's (httprouter's): `:name` is one segment, `*name` is all the rest
with its leading slash.
"""

from __future__ import annotations


def match_route(route: str, path: str) -> dict[str, str] | None:
    """What a path has in place of a route's parameters, by their names as written; None if it is not one of it."""
    wanted, found = route.split("/"), path.split("/")
    parameters: dict[str, str] = {}
    for at, segment in enumerate(wanted):
        if at >= len(found):
            return None
        if segment.startswith("*"):
            parameters[segment[1:]] = "/" + "/".join(found[at:])
            return parameters
        if segment.startswith(":") and found[at]:
            parameters[segment[1:]] = found[at]
        elif segment != found[at]:
            return None
    return parameters if len(found) == len(wanted) else None
