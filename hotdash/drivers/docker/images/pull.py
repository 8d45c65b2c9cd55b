"""`Puller`: makes sure that an image is on the engine, with the user's credentials. In the thread that builds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hotdash.drivers.docker.images.credentials import Credentials
from hotdash.drivers.docker.images.progress import PullProgress
from hotdash.drivers.docker.wire import EngineRefusal
from hotdash.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hotdash.drivers.build_output import BuildOutput
    from hotdash.drivers.docker.images.requests import Requests

_UNREACHABLE = re.compile(
    r"no such host|i/o timeout|connection refused|network is unreachable|server misbehaving|temporary failure|"
    r"timeout exceeded|deadline exceeded|lookup .* on ",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"denied|unauthorized|authentication required|no basic auth|forbidden", re.IGNORECASE)
_MISSING = re.compile(r"not found|manifest unknown|does not exist", re.IGNORECASE)


class Puller:
    """Pulls images. Immutable.

    Args:
        requests: Asks the engine.
        environ: For DOCKER_CONFIG and HOME, where the user's credentials are.
    """

    def __init__(self, *, requests: Requests, environ: Mapping[str, str]) -> None:
        self._requests = requests
        self._credentials = Credentials(environ=environ)

    def registries(self) -> dict[str, str]:
        """The header by which a build may pull from any registry that the user has credentials for."""
        return self._credentials.for_all()

    def ensure(
        self, name: str, *, what: str, output: BuildOutput, check: Callable[[], None]
    ) -> tuple[dict[str, Any], bool]:
        """Finds an image on the engine, or pulls it.

        Args:
            name: As the user wrote it: `python:3.12-slim`, `host:5000/a/b@sha256:…`.
            what: Who needs it, for messages.
            output: Takes the progress.
            check: Called often; ends the pull by raising.

        Returns:
            What the engine says of it, and whether it was pulled.

        Raises:
            BuildError: It is nowhere, or may not be pulled; the message says which and why.
        """
        try:
            if (found := self._requests.inspect(name, check=check)) is not None:
                return found, False
            self._pull(name, what=what, output=output, check=check)
        except EngineRefusal as error:
            raise _refusal(name, error.message, what=what, output=output) from error
        found = self._requests.inspect(name)
        if found is None:
            raise BuildError(f"{what}: the image {name} was pulled, and is not there: try again", log=output.log)
        return found, True

    def _pull(self, name: str, *, what: str, output: BuildOutput, check: Callable[[], None]) -> None:
        output.line(f"pulling {name}")
        repository, tag = split_name(name)
        progress = PullProgress(output)
        with self._requests.pull(repository, tag, headers=self._credentials.for_image(name), check=check) as said:
            for thing in said:
                detail = thing.get("errorDetail")
                message = (detail.get("message") if isinstance(detail, dict) else None) or thing.get("error")
                if message:
                    raise _refusal(name, str(message), what=what, output=output)
                progress.take(thing)
        progress.end()


def split_name(name: str) -> tuple[str, str]:
    """A name's repository, and its tag (`latest` if it has none) or digest; what is behind the last `/` has them."""
    repository, at, digest = name.partition("@")
    if at:
        return repository, digest
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return head + slash + last, tag or "latest"


def registry_of(name: str) -> str:
    """The registry that a name leads to, `docker.io` if it has none: the first part, if it looks like a host."""
    first, slash, _ = name.partition("/")
    return first if slash and (first == "localhost" or "." in first or ":" in first) else "docker.io"


def _refusal(name: str, message: str, *, what: str, output: BuildOutput) -> BuildError:
    if "invalid reference format" in message or "must be lowercase" in message:
        allowed = "allowed the name of an image, such as python:3.12-slim"
        return BuildError(f"{what}: found the image {name!r}, {allowed}", log=output.log)
    registry = registry_of(name)
    login = "docker login" if registry == "docker.io" else f"docker login {registry}"
    if _UNREACHABLE.search(message):
        why, remedy = f"the engine cannot reach {registry}", "see its network, or load the image by hand (docker load)"
    elif _REFUSED.search(message):
        why, remedy = f"{registry} refuses it", f"see the name, or log in ({login})"
    elif _MISSING.search(message):
        why, remedy = f"{registry} has no such image", "see the name and the tag"
    elif "no space left on device" in message.lower():
        why, remedy = "the engine's disk is full", "make room there (docker system prune)"
    else:
        why, remedy = "the pull failed", "see what the engine says"
    text = f"{what}: the image {name} is not on the engine, and {why} ({message.strip()[:500]}): {remedy}"
    return BuildError(text, log=output.log)
