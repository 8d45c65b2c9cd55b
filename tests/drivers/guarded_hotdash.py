"""A hotdash to be killed: opens a driver, starts containers that start more, says their pids, and waits.

python guarded_hotdash.py FOLDER END      END: `wait`, or how it ends itself: `exit`, `raise`, `os-exit`
"""

import os
import sys
from pathlib import Path

from hotdash.drivers.base import ContainerSpec, Image
from hotdash.drivers.process import ProcessDriver

CONTAINER = """
import os, subprocess, time
plain = subprocess.Popen(["sleep", "1000"])
session = subprocess.Popen(["sleep", "1000"], start_new_session=True)
bare = subprocess.Popen(["sleep", "1000"], env={})
print(os.getpid(), plain.pid, session.pid, bare.pid, flush=True)
time.sleep(1000)
"""


def main() -> None:
    folder = Path(sys.argv[1])
    driver = ProcessDriver(cache_dir=folder / "cache", run_parent=folder / "runs")
    image = Image(id="0" * 64, function="f", folder=folder, entrypoint=(sys.executable, "-I", "-S", "-c", CONTAINER))
    pids = []
    for number in range(2):
        spec = ContainerSpec(
            id=f"c-{number:06x}", function="f", app="a", revision=1, image=image, environment={}, memory_mb=64
        )
        line = b""
        container = driver.start(spec)
        while not line.endswith(b"\n"):
            line += container.read(None) or b""
        pids += line.split()
    print(driver.guardian.pid, *map(int, pids), flush=True)
    match sys.argv[2]:
        case "wait":
            sys.stdin.read()
        case "os-exit":
            os._exit(1)
        case "raise":
            raise RuntimeError("a fault of hotdash")


if __name__ == "__main__":
    main()
