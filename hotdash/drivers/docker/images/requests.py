"""`Requests`: what is asked of an engine about images, each on a connection of its own. In the thread that asks.

All raise OSError, `EngineRefusal` or `NotAnEngine` where the engine does not do it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hotdash.drivers.docker.wire import (
    EngineRefusal,
    NotAnEngine,
    ask,
    exchange,
    nothing_to_check,
    objects,
    target,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hotdash.drivers.docker.endpoint import Engine

_ANSWER_S = 30.0  # an engine that is busy with a build takes its time to list and remove images
_REMOVED_S = 120.0  # its disk may be slow
_NOT_FOUND = 404


class Requests:
    """Immutable.

    Args:
        engine: Whom to ask.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def engine_id(self, *, check: Callable[[], None] = nothing_to_check) -> str:
        """The engine's own id; `check` may end the wait by raising, as everywhere here."""
        return str((self._ask("/info", check=check) or {}).get("ID") or "")

    def inspect(self, image: str, *, check: Callable[[], None] = nothing_to_check) -> dict[str, Any] | None:
        """What the engine knows of an image, by its id or name; None if it has none."""
        try:
            return dict(self._ask(f"/images/{quote(image, safe=':/@')}/json", check=check))
        except EngineRefusal as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        except TypeError as error:
            raise NotAnEngine("the engine describes an image by what is no object") from error

    def tag(self, image: str, *, repository: str, tag: str) -> None:
        """Gives an image a name."""
        self._ask(target(f"/images/{quote(image, safe=':')}/tag", repo=repository, tag=tag), method="POST")

    def remove(self, image: str, *, check: Callable[[], None]) -> None:
        """Removes a name, and with the last the image; `check` may end the wait, and the engine goes on."""
        self._ask(f"/images/{quote(image, safe=':/')}", method="DELETE", timeout_s=_REMOVED_S, check=check)

    @contextmanager
    def build(
        self,
        context: Iterator[bytes],
        *,
        arguments: Mapping[str, str],
        headers: Mapping[str, str],
        check: Callable[[], None],
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """Sends a build's context, and hands out what is said of the build."""
        # forcerm: the container of a step that failed would be left.
        query = target("/build", rm=True, forcerm=True, version="1", buildargs=json.dumps(arguments))
        headers = {"Content-Type": "application/x-tar", **headers}
        with self._post(query, headers=headers, body=context, check=check) as said:
            yield said

    @contextmanager
    def pull(
        self, name: str, tag: str, *, headers: Mapping[str, str], check: Callable[[], None]
    ) -> Iterator[Iterator[dict[str, Any]]]:
        """Pulls an image, and hands out what is said of the pull."""
        query = target("/images/create", fromImage=name, tag=tag)
        with self._post(query, headers=headers, body=None, check=check) as said:
            yield said

    @contextmanager
    def _post(
        self, query: str, *, headers: Mapping[str, str], body: Iterator[bytes] | None, check: Callable[[], None]
    ) -> Iterator[Iterator[dict[str, Any]]]:
        path = self._engine.path(query)
        with exchange(self._engine.dial(), "POST", path, headers=headers, body=body, check=check) as response:
            yield objects(response)

    def _ask(
        self,
        rest: str,
        *,
        method: str = "GET",
        timeout_s: float = _ANSWER_S,
        check: Callable[[], None] = nothing_to_check,
    ) -> Any:
        path = self._engine.path(rest)
        return ask(self._engine.dial(), path, timeout_s=timeout_s, method=method, check=check)
