"""Which function an address asks for: `/r/<app>/<path>`, by the routes of function files. Pure functions; any thread.

Routes are IronFunctions' (its router's): `:name` stands for one segment, `*name` at the end for all the rest. Of
several that fit, the one with the most plain segments before its first parameter is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.functions.routes import match_route

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hotdash.functions.spec import FunctionSpec


def find_function(specs: Iterable[FunctionSpec], *, app: str, path: str) -> FunctionSpec | None:
    """The function of an app at a path.

    Args:
        specs: All that are there.
        app: The app's name.
        path: What follows it, with its leading slash, percent-decoded.

    Returns:
        None where there is none.
    """
    fitting = [spec for spec in specs if spec.app == app and match_route(spec.path, path) is not None]
    return min(fitting, key=lambda spec: (_looseness(spec.path), spec.key), default=None)


def _looseness(route: str) -> tuple[tuple[int, ...], str]:
    """Smaller for a route that says more, segment by segment; the route itself, so that the choice is never open."""
    return tuple({":": 1, "*": 2}.get(segment[:1], 0) for segment in route.split("/")), route
