"""The proxies that the user's Docker configuration gives to builds, as the `docker` command gives them. Any thread.

https://docs.docker.com/engine/cli/proxy/: `proxies` in config.json, for one engine or by default. The engine passes
them to each RUN and keeps them out of the image; so they are no part of what an image is known by.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "ftpProxy": "FTP_PROXY",
    "noProxy": "NO_PROXY",
    "allProxy": "ALL_PROXY",
}


def config_file(environ: Mapping[str, str]) -> Path:
    """Where the Docker client's configuration is, if there is one.

    Args:
        environ: For DOCKER_CONFIG and HOME.
    """
    folder = environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or Path.home(), ".docker")
    return Path(folder, "config.json")


def build_arguments(environ: Mapping[str, str], *, location: str) -> dict[str, str]:
    """The build arguments, each in capitals and in small letters; empty where none are set.

    Args:
        environ: As for `config_file`.
        location: The engine's address, which may have proxies of its own.
    """
    try:
        proxies = json.loads(config_file(environ).read_text(encoding="utf-8"))["proxies"]
        chosen = proxies.get(location) or proxies.get("default") or {}
        found = {_VARIABLES[key]: str(value) for key, value in chosen.items() if key in _VARIABLES and value}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # without a readable configuration there are none; credentials, which matter more, complain of it
    return found | {name.lower(): value for name, value in found.items()}
