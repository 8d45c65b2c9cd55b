"""What a container may not do, each shown by trying it."""

from __future__ import annotations

import io
import socket
import uuid
from typing import TYPE_CHECKING

import pytest
from docker_parts import BUSYBOX, PYTHON

from hotdash.drivers.docker.hardening import PIDS, TMP_BYTES
from hotdash.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker_parts import DockerYard

MEMORY_MB = 64
FORK = """
import os, signal
count = 0
try:
    while count < 1000:
        if os.fork() == 0:
            signal.pause()
        count += 1
except OSError as error:
    print(count, error.strerror)
"""
CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5); print('reached')"


@pytest.fixture
def image_with(yard: DockerYard) -> Iterator[Callable[[str], str]]:
    """Builds an image of some more lines of a Dockerfile."""
    made = []

    def build(lines: str, base: str = BUSYBOX) -> str:
        tag = f"hotdash-tests/{uuid.uuid4().hex[:12]}:1"
        said = list(
            yard.client.build(fileobj=io.BytesIO(f"FROM {base}\n{lines}\n".encode()), tag=tag, decode=True, rm=True)
        )
        assert not [line for line in said if "error" in line], said
        made.append(tag)
        return tag

    yield build
    for tag in made:
        yard.client.remove_image(tag, force=True)


def test_the_root_file_system_cannot_be_written(yard):
    ended = yard.shell("touch /x")
    assert ended.exit.code == 1
    assert "Read-only file system" in ended.stderr


def test_tmp_can_be_written_up_to_its_size_and_is_home(yard):
    script = 'echo yes >"$HOME/x" && cat "$TMPDIR/x"; head -c 65m /dev/zero >/tmp/big || wc -c </tmp/big'
    ended = yard.shell(script, memory_mb=128)
    assert ended.stdout == f"yes\n{TMP_BYTES - 4096}\n", "all but the page of the other file"


def test_with_writable_the_root_file_system_can_be_written(yard, image_with):
    image = image_with("RUN mkdir -m 777 /open")
    assert yard.shell("touch /open/x", image=image).exit.code == 1
    assert yard.shell("touch /open/x", image=image, writable=True).exit.code == 0


@pytest.mark.parametrize(("lines", "user"), [("", "65534"), ("USER 1234:5", "1234")])
def test_it_runs_as_nobody_unless_its_image_names_a_user(yard, image_with, lines, user):
    assert yard.shell("id -u", image=image_with(lines)).stdout == f"{user}\n"


def test_it_has_no_capability_even_as_root(yard, image_with):
    root = image_with("RUN mkdir /mine\nUSER 0")
    status = yard.shell("id -u; grep Cap /proc/self/status", image=root).stdout.split()
    assert status[0] == "0"
    assert {int(mask, 16) for mask in status[2::2]} == {0}
    for forbidden in ("chown 1:1 /mine", "mount -t tmpfs none /mine", "hostname other", "mknod /mine/x b 8 0"):
        ended = yard.shell(forbidden, image=root, writable=True)
        assert ended.exit.code != 0, forbidden
        assert "ermitted" in ended.stderr or "denied" in ended.stderr, ended.stderr


def test_it_gains_nothing_from_a_program_that_is_another_user_s(yard, image_with):
    as_root = "$(dirname $(readlink -f $(which python3)))/as-root"
    image = image_with(f"RUN cp $(readlink -f $(which python3)) {as_root} && chmod 4755 {as_root}", base=PYTHON)
    script = f"{as_root} -I -S -c 'import os; print(os.geteuid())'"
    bare = yard.client.create_container(image, entrypoint=["sh", "-c", script], user="65534")
    yard.client.start(bare)
    yard.client.wait(bare)
    gained = yard.client.logs(bare)
    yard.client.remove_container(bare)
    assert gained == b"0\n", "a container that is not hardened gains root"
    assert yard.shell(script, image=image).stdout == "65534\n"


def test_it_cannot_fork_without_end(yard):
    count, why = yard.python(FORK, memory_mb=1024).stdout.split(maxsplit=1)
    assert 100 < int(count) < PIDS
    assert why == "Resource temporarily unavailable\n"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("kept = b'x' * (2 * 64 << 20); input()", id="itself"),
        pytest.param(
            "import os\nif os.fork() == 0: kept = b'x' * (2 * 64 << 20)\nos._exit(os.wait()[1] & 127)", id="its child"
        ),
    ],
)
def test_what_takes_twice_its_memory_ends_and_says_so(yard, code):
    ended = yard.python(code, memory_mb=MEMORY_MB).exit
    assert ended.out_of_memory
    assert ended.limit_bytes == MEMORY_MB * 2**20
    assert str(ended) == "ran out of memory (its limit is 64 MB)"


def test_its_memory_does_not_go_on_in_swap(yard):
    container = yard.start("sleep", "60", image=BUSYBOX, memory_mb=32)
    limits = yard.inspect(container)["HostConfig"]
    container.close()
    assert limits["Memory"] == limits["MemorySwap"] == 32 * 2**20


def test_with_network_none_nobody_is_reached(yard):
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = CONNECT.format(port=server.getsockname()[1])
        assert yard.python(code, network="host").stdout == "reached\n", "who may, can"
        ended = yard.python(code, network="none")
    assert ended.exit.code == 1
    assert "Connection refused" in ended.stderr
    assert yard.shell("ls /sys/class/net", network="none").stdout == "lo\n"


def test_a_network_that_is_not_there_is_named_with_the_remedy(yard):
    with pytest.raises(StartError, match=r"network no-such-net not found.*docker network create"):
        yard.start("true", image=BUSYBOX, network="no-such-net")
    assert yard.client.containers(all=True, filters={"label": f"hotdash.owner={yard.driver.owner.token}"}) == []
