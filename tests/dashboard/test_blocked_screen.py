"""A function's thread never waits for the screen: with the screen's loop blocked, tasks run as fast as before."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from real_tools import DO_AS_TOLD, function, real_runtime

from hotdash.dashboard.app import HotdashApp
from hotdash.dashboard.live import LiveControls
from hotdash.redeploy.deployer import Deployer
from hotdash.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hotdash.runtime.runtime import Runtime

CHATTY = b"print('line', file=sys.stderr, flush=True); answer(b'ok')"
BLOCKED_S = 1.5


class Caller:
    """Calls a function without a pause, in a thread of its own that `stop` ends and joins."""

    def __init__(self, runtime: Runtime) -> None:
        self.calls = 0
        self._runtime = runtime
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._call, name="caller")
        self._thread.start()

    def _call(self) -> None:
        while not self._stopped.is_set():
            assert self._runtime.submit("chatty", CHATTY).result(20).body == b"ok"
            self.calls += 1

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


def rate_while(caller: Caller, pass_time: Callable[[], object]) -> float:
    """Calls a second while time passes so."""
    began_s, before = time.monotonic(), caller.calls
    pass_time()
    return (caller.calls - before) / (time.monotonic() - began_s)


def test_a_blocked_screen_slows_no_task(tmp_path: Path) -> None:
    spec = function(tmp_path / "functions" / "chatty", DO_AS_TOLD)

    async def run(app: HotdashApp, runtime: Runtime, store: Store) -> tuple[float, float]:
        async with app.run_test(size=(100, 30)) as pilot:
            runtime.submit("chatty", CHATTY).result(20)
            await pilot.pause()
            caller = Caller(runtime)
            try:
                free: list[float] = []
                blocked: list[float] = []
                for _ in range(2):
                    began_s, before = time.monotonic(), caller.calls
                    while time.monotonic() - began_s < BLOCKED_S:
                        await pilot.pause(0.01)
                    free.append((caller.calls - before) / (time.monotonic() - began_s))
                    # The loop itself is blocked: no timer, no paint, no key until this returns.
                    blocked.append(rate_while(caller, lambda: threading.Event().wait(BLOCKED_S)))
            finally:
                caller.stop()
            return max(free), max(blocked)

    with real_runtime(tmp_path) as runtime:
        store = Store()
        runtime.subscribe(store)
        runtime.deploy(spec)
        deployer = Deployer(runtime=runtime, folder=spec.folder.parent, watch=False)
        controls = LiveControls(folder=spec.folder.parent, now_s=runtime.clock.now, watching=False)
        controls.attach(runtime=runtime, deployer=deployer, driver_note="")
        free, blocked = asyncio.run(run(HotdashApp(store, controls), runtime, store))
    assert blocked > 0.7 * free, f"{blocked:.0f} calls/s with the screen blocked, {free:.0f} without"
