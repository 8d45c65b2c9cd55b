"""What a container may do: as little as functions need. Any thread.

The defaults are Fn's (`api/agent/drivers/docker`): no capability, no way to gain one, a read-only root file system with
a small /tmp in memory, memory without swap, a limited number of processes, and a user that is nobody where the image
names none. `writable` and `network` in the function file loosen what they name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hotdash.drivers.docker.sockets import INSIDE
from hotdash.drivers.inside import Inside
from hotdash.drivers.listening import SOCKET

if TYPE_CHECKING:
    from pathlib import Path

    import docker

    from hotdash.drivers.base import ContainerSpec

NOBODY = "65534:65534"
PIDS = 256
TMP_BYTES = 64 * 2**20
# Where TMPDIR and HOME are: M8's private ones, for each container has a /tmp of its own.
TMP = "/tmp"  # noqa: S108  in the container
LANG = "C.UTF-8"


def environment_of(spec: ContainerSpec) -> dict[str, str]:
    """What M8 gives a container; PATH is the image's own."""
    listener = {"FN_LISTENER": f"unix:{INSIDE}/{SOCKET}"} if spec.listens else {}
    return {"HOME": TMP, "TMPDIR": TMP, "LANG": LANG, **spec.environment, **listener}


def inside_of(engine_id: str, spec: ContainerSpec) -> Inside:
    """A container from within. The shell is by the `docker` command, which finds the same engine as hotdash does."""
    seen = f"nothing of this machine but {INSIDE}, where it listens" if spec.listens else "nothing of this machine"
    return Inside(
        shell_command=("docker", "exec", "-it", engine_id, "/bin/sh"),
        folder=None,
        shell_environment=None,
        command=spec.image.entrypoint,
        environment=environment_of(spec),
        mounts=(f"{seen}; {TMP} is a file system of its own, in memory",),
    )


def host_config(client: docker.APIClient, spec: ContainerSpec, *, sockets: Path | None = None) -> dict[str, Any]:
    """The engine's settings of a container, in its own words.

    Args:
        client: For the words.
        spec: The container.
        sockets: The folder of this machine in which it is to listen, if it is.

    `init` puts the engine's small init before the program: as process 1 it would ignore SIGTERM, and reap nobody. The
    log driver is `none` since hotdash reads all output itself.
    """
    memory_bytes = spec.memory_mb * 2**20
    config: dict[str, Any] = client.create_host_config(
        init=True,
        log_config={"Type": "none"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=not spec.writable,
        tmpfs={TMP: f"rw,nosuid,nodev,exec,mode=1777,size={TMP_BYTES}"},
        mem_limit=memory_bytes,
        memswap_limit=memory_bytes,
        pids_limit=PIDS,
        network_mode=spec.network or "default",
        restart_policy={"Name": "no"},
        binds=None if sockets is None else {str(sockets): {"bind": INSIDE, "mode": "rw"}},
    )
    return config


def user_of(image_user: str) -> str:
    """Who a container runs as: whom its image names, else nobody."""
    return image_user or NOBODY
