"""`Credentials`: the user's, for registries, as headers of the engine's API. Read when used; any thread.

docker-py reads the client's configuration, with its credential helpers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdash.drivers.docker.images.proxies import config_file
from hotdash.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Credentials:
    """Immutable.

    Args:
        environ: For DOCKER_CONFIG and HOME.
    """

    def __init__(self, *, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def for_image(self, name: str) -> dict[str, str]:
        """The header for the pull of one image; empty where the user has none for its registry.

        Raises:
            BuildError: The name is no image's, or a credential helper fails.
        """
        from docker import auth, errors  # noqa: PLC0415  slow to import, and for pulls alone

        try:
            registry, _ = auth.resolve_repository_name(name)
            found = self._load().resolve_authconfig(registry)
        except errors.InvalidRepository as error:
            raise BuildError(f"found the image {name!r}, allowed the name of an image: {error}") from error
        except errors.DockerException as error:
            raise BuildError(f"the credentials for {registry} cannot be had: {error}; log in again") from error
        return {"X-Registry-Auth": auth.encode_header(found).decode()} if found else {}

    def for_all(self) -> dict[str, str]:
        """The header for a build, with the credentials of all registries; empty where there are none.

        Raises:
            BuildError: A credential helper fails.
        """
        from docker import auth, errors  # noqa: PLC0415  as above

        try:
            found = self._load().get_all_credentials()
        except errors.DockerException as error:
            raise BuildError(f"the credentials for registries cannot be had: {error}; log in again") from error
        if auth.INDEX_NAME in found:  # a key that older engines look for
            found.setdefault(auth.INDEX_URL, found[auth.INDEX_NAME])
        return {"X-Registry-Config": auth.encode_header(found).decode()} if found else {}

    def _load(self) -> Any:
        from docker import auth  # noqa: PLC0415  as above

        # A file that is there: without one docker-py would look into the process's environment.
        file = config_file(self._environ)
        return auth.load_config(config_path=str(file)) if file.exists() else auth.AuthConfig({})
