"""A hotdash that dies: starts a container, tells its id, and waits to be killed. `docker_hotdash.py FOLDER`."""

import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from docker_parts import BUSYBOX, DockerYard

if __name__ == "__main__":
    yard = DockerYard(Path(sys.argv[1]))
    print(yard.start("sleep", "600", image=BUSYBOX).engine_id, flush=True)
    threading.Event().wait()
