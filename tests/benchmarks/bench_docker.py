"""How fast the docker driver is, beside its budgets (section 12): `python tests/benchmarks/bench_docker.py [hot cold]`.

Uses the engine that hotdash would use, and the `docker` command (`DOCKER_HOST` names another engine, say one that
`.ci/engine start DIR` has started). Ratios, both sides in one run, medians of alternating rounds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_runtime import COLD, ECHO, REQUEST, ROUNDS, median_s, row, running, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import docker

    from hotdash.drivers.base import Image
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

COLD_ROUNDS = 10


def image_of(runtime: Runtime, spec: FunctionSpec) -> Image:
    """The image that a deploy has built, found again."""
    return runtime.driver.build(spec, on_output=str, is_cancelled=bool)


@contextmanager
def attached(client: docker.APIClient, image: Image) -> Iterator[Callable[[], object]]:
    """A bare container of the image, as docker-py makes it: calls write the request and read the answer's frame."""
    container = client.create_container(image.id, entrypoint=list(image.entrypoint), stdin_open=True)
    wrapper: Any = client.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    client.start(container)
    socket = wrapper._sock
    socket.settimeout(30)
    try:
        yield lambda: (socket.sendall(REQUEST), socket.recv(65536))
    finally:
        wrapper.close()
        client.remove_container(container, force=True)


def hot(root: Path) -> None:
    """A hot task against an echo over a raw attached socket to the same function."""
    spec = write(root, "echo", ECHO.format(wait=0))
    with running(spec, driver="docker") as runtime:
        client = runtime.driver._client
        with attached(client, image_of(runtime, spec)) as echo:
            call = lambda: runtime.submit("echo", b"hello").result()  # noqa: E731
            median_s(echo, 200), median_s(call, 200)
            rounds = [(median_s(echo, 1000), median_s(call, 1000)) for _ in range(ROUNDS)]
    raw, task = (statistics.median(side) for side in zip(*rounds, strict=True))
    row(
        "hot task p50 / raw attached socket",
        f"{task * 1e6:.0f} / {raw * 1e6:.0f} µs = {task / raw:.2f}",
        "≤ 2, aim 1.6",
    )


def cold(root: Path) -> None:
    """A cold task, from submit to its result, against `docker run --rm` of the same image."""
    spec = write(root, "cold", COLD, "default")
    with running(spec, driver="docker") as runtime:
        image = image_of(runtime, spec)
        command = ["docker", "run", "--rm", "-i", "--entrypoint", image.entrypoint[0], image.id, *image.entrypoint[1:]]
        run = lambda: subprocess.run(command, input=b"hello", capture_output=True, check=True)  # noqa: E731
        call = lambda: runtime.submit("cold", b"hello").result()  # noqa: E731
        assert run().stdout == call().body == b"hello"
        rounds = [(median_s(run, 1), median_s(call, 1)) for _ in range(COLD_ROUNDS)]
    by_hand, task = (statistics.median(side) for side in zip(*rounds, strict=True))
    row("cold task / docker run --rm", f"{task * 1e3:.0f} / {by_hand * 1e3:.0f} ms = {task / by_hand:.2f}", "≤ 0.8")


def main() -> None:
    """Runs the parts that are named, all by default."""
    parts = {part.__name__: part for part in (hot, cold)}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
