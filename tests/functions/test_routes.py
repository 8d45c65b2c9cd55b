"""Which paths are a route's."""

from __future__ import annotations

import pytest

from hotdash.functions.routes import match_route

ROUTES = {
    "/hello": ["/hello"],
    "/": ["/"],
    "/hello/:name": ["/hello/bob", "/hello/world%2F", "/hello/:name"],
    "/:a/x/:b": ["/1/x/2"],
    "/files/*path": ["/files/", "/files/a", "/files/a/b"],
    "/grüße": ["/grüße"],
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_fits_its_own_paths_and_no_others(route):
    assert all(match_route(route, path) is not None for path in ROUTES[route])
    others = ["", "/hello/", "/hello/bob/more", "/files", "/hell", "/1/y/2", "/1/x/", "//x/2", "/Hello"]
    assert not any(match_route(route, path) is not None for path in others)
