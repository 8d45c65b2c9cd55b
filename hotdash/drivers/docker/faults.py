"""What to say when the engine refuses or does not answer: the cause, and the remedy. Any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import docker.errors
import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a call of docker-py may raise. Some of urllib3's errors pass through it as they are; they are OSErrors or
# ValueErrors (`http.client` raises the last when a reader is closed under it).
EngineErrors = (docker.errors.DockerException, requests.RequestException, OSError, ValueError)


def is_gone(error: BaseException) -> bool:
    """Whether the engine says that there is no such container (any more)."""
    return isinstance(error, docker.errors.NotFound)


def is_refused_by_state(error: BaseException) -> bool:
    """Whether the engine refuses because of the container's state: not running, or being removed already."""
    return isinstance(error, docker.errors.APIError) and error.status_code == 409


def is_unanswered(error: BaseException) -> bool:
    """Whether no answer came in time: what was asked for may be done all the same, later."""
    return any(isinstance(cause, requests.Timeout | TimeoutError) for cause in _causes(error))


def why_refused(error: BaseException) -> str:
    """Says in words what the engine said, or that it does not answer."""
    if isinstance(error, docker.errors.APIError):
        said = str(error.explanation or error.response.reason).strip()
        return _remedied(said)
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return "the Docker engine may not be reached: join the group that owns its socket (docker), or run as root"
    if is_unanswered(error):
        return "the Docker engine does not answer in time: look at it with docker info"
    if any(isinstance(cause, FileNotFoundError | ConnectionError | requests.ConnectionError) for cause in causes):
        return "the Docker engine does not answer: is it running? hotdash doctor tells where it is looked for"
    return f"the Docker engine cannot be used: {error}"


def cause_of(error: BaseException) -> str:
    """As `why_refused`, without the remedy: for the middle of a sentence."""
    return why_refused(error).partition(": ")[0]


def _remedied(said: str) -> str:
    if "no space left on device" in said:
        return f"the engine's disk is full: make room (docker system prune); it said: {said}"
    if "No such image" in said:
        return f"its image is gone: deploy the function again; the engine said: {said}"
    if said.startswith("network ") and said.endswith(" not found"):
        return f"{said}: make it (docker network create), or change `network` in the function file"
    return f"the engine said: {said}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        for argument in error.args:
            if isinstance(argument, BaseException):
                yield argument
                yield from argument.args if argument.args and isinstance(argument.args[0], BaseException) else ()
        error = error.__cause__ or error.__context__
