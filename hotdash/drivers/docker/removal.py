"""Removing containers that are nobody's any more: a dead owner's at the start (M13), one's own at the end.

Runs in the thread that opens or closes the driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdash.drivers.docker.faults import EngineErrors, is_gone, is_refused_by_state
from hotdash.drivers.docker.owner import LOCK, OWNER, bury, forget, is_orphan
from hotdash.drivers.docker.sockets import forget_sockets

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import docker


def remove_orphans(client: docker.APIClient, *, owners: Path, engine: str) -> int:
    """Removes the containers of owners that have died, and no others; and what such owners have left on this machine.

    Args:
        client: For the engine.
        owners: The folder of the owners' lock files.
        engine: Which engine it is, as the lock files name it.

    Returns:
        How many are gone.

    Raises:
        EngineErrors: The engine cannot be asked.
    """
    dead: dict[str, list[dict[str, Any]]] = {}
    for container in client.containers(all=True, filters={"label": [OWNER, LOCK]}):
        dead.setdefault(container["Labels"][LOCK], []).append(container)
    removed = 0
    for containers in dead.values():
        labels = containers[0]["Labels"]
        if not is_orphan(labels):
            continue
        gone = remove_all(client, [container["Id"] for container in containers])
        removed += gone
        if gone == len(containers):
            forget(labels)
            forget_sockets(labels.get(OWNER, ""))
    for token in bury(owners, engine=engine, kept=dead.keys()):  # of those who had no container left
        forget_sockets(token)
    return removed


def remove_own(client: docker.APIClient, token: str) -> bool:
    """Removes what is left of an owner's own containers. Returns whether none is left."""
    try:
        left = [found["Id"] for found in client.containers(all=True, filters={"label": f"{OWNER}={token}"})]
    except EngineErrors:
        return False
    return remove_all(client, left) == len(left)


def remove_all(client: docker.APIClient, ids: Iterable[str]) -> int:
    """Removes containers, running or not. Returns how many are gone, by whosever hand."""
    gone = 0
    for container_id in ids:
        try:
            client.remove_container(container_id, force=True, v=True)
        except EngineErrors as error:
            if not (is_gone(error) or is_refused_by_state(error)):
                continue
        gone += 1
    return gone
