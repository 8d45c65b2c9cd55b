"""`Backstage`: all that is behind the dashboard's screen, opened once its first picture stands.

Its thread (`opening`, made by `open`, joined by `close`) imports the runtime, finds a driver, wires the parts together,
begins to watch and deploy, and ends. So the board is painted before anything that only runs functions is loaded, and a
Docker engine that takes its time to answer keeps no one from a screen.
"""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hotdash.clock import Clock
    from hotdash.dashboard.live import LiveControls
    from hotdash.dashboard.sampler import Sampler
    from hotdash.gateway.address import Address
    from hotdash.gateway.server import Gateway
    from hotdash.redeploy.deployer import Deployer
    from hotdash.runtime.runtime import Runtime
    from hotdash.store import Store
    from hotdash.store.history import History
    from hotdash.store.logfile import LogFile


_GC_OBJECTS = 10_000  # a flood of lines makes as many a second, and no cycles: at 700 each second has a pause one feels
_OPENING_S = 3.0  # so long one who leaves waits for an engine that does not answer


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be opened.

    Args:
        folder: Of the functions; absolute.
        driver: A driver's name.
        memory_mb: See `Runtime`.
        is_watching: Whether saved files are deployed.
        polls: See `Deployer`.
        http: Where to listen for HTTP; None: nowhere.
    """

    folder: Path
    driver: str
    memory_mb: int | None
    is_watching: bool
    polls: bool | None
    http: Address | None = None


class Backstage:
    """Opens a runtime and what belongs to it, and closes them.

    `_lock` guards whether it is closed, and the runtime: one that has been opened after the close is closed at once.

    Args:
        plan: What to open.
        store: Fed with the runtime's events.
        controls: Given the runtime.
        history: Fed likewise; None where none is kept.
        clock: The runtime's.

    Attributes:
        error: Why it could not be opened, if it could not.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        store: Store,
        controls: LiveControls,
        history: History | None,
        clock: Clock,
    ) -> None:
        self._plan = plan
        self._store = store
        self._controls = controls
        self._history = history
        self._clock = clock
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._runtime: Runtime | None = None
        self._deployer: Deployer | None = None
        self._gateway: Gateway | None = None
        self._log_file: LogFile | None = None
        self._sampler: Sampler | None = None
        self._on_failed: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="opening", daemon=True)

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed, or is being closed."""
        return self._is_closed

    def open(self, on_failed: Callable[[], object]) -> None:
        """Begins; returns at once.

        Args:
            on_failed: Called in the thread if it cannot be opened; `error` says why by then.
        """
        self._on_failed = on_failed
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """Closes what is open, its running tasks within `timeout_s` seconds.

        An opening under way is waited for, but not for ever: what it opens later it closes itself.
        """
        with self._lock:
            self._is_closed = True
        if self._thread.is_alive():
            self._thread.join(_OPENING_S)
        if self._sampler is not None:
            self._sampler.close()
        if self._gateway is not None:
            self._gateway.stop_taking()
        if self._runtime is not None:
            self._runtime.close(timeout_s)
        if self._deployer is not None:
            self._deployer.close()
        if self._gateway is not None:
            self._gateway.close()
        if self._log_file is not None:
            self._log_file.close()

    def close_runtime(self, timeout_s: float) -> None:
        """Closes the runtime alone: for whoever is about to leave in haste, from any thread."""
        with self._lock:
            self._is_closed = True
            runtime = self._runtime
        if runtime is not None:
            runtime.close(timeout_s)

    def _run(self) -> None:
        try:
            self._open()
        except BaseException as error:  # noqa: BLE001  the thread's top: handed to whoever waits for the screen's end
            self.error = error
            self._on_failed()
        finally:
            gc.freeze()  # what is there by now stays, and would be looked at in vain
            gc.set_threshold(_GC_OBJECTS, 20, 20)
            gc.enable()

    def _open(self) -> None:
        from hotdash.dashboard.sampler import Sampler  # noqa: PLC0415  what is imported here is not for the picture
        from hotdash.drivers.opening import choose_driver  # noqa: PLC0415
        from hotdash.redeploy.deployer import Deployer  # noqa: PLC0415
        from hotdash.runtime.runtime import Runtime  # noqa: PLC0415
        from hotdash.store.logfile import LogFile  # noqa: PLC0415

        plan, controls = self._plan, self._controls
        opened = choose_driver(plan.driver)
        runtime = Runtime(driver=opened.driver, memory_mb=plan.memory_mb, clock=self._clock)
        with self._lock:
            self._runtime = runtime
            is_closed = self._is_closed
        if is_closed:
            runtime.close(0)
            return
        runtime.subscribe(self._store)
        deployer = Deployer(runtime=runtime, folder=plan.folder, watch=plan.is_watching, polls=plan.polls)
        self._deployer = deployer
        note = "; ".join(filter(None, (opened.note, self._serve(runtime, deployer))))
        controls.attach(runtime=runtime, deployer=deployer, driver_note=note, driver_reason=opened.reason)
        self._log_file = LogFile(on_error=controls.note)
        runtime.subscribe(self._log_file)
        if self._history is not None:
            runtime.subscribe(self._history)
        deployer.start()
        self._sampler = Sampler(store=self._store, snapshot=runtime.snapshot, now_s=self._clock.now)
        self._sampler.start()

    def _serve(self, runtime: Runtime, deployer: Deployer) -> str:
        """Opens the gateway, if there is to be one, and returns its URL.

        One that cannot listen is told on the screen, which goes on without it.
        """
        if self._plan.http is None:
            return ""
        from hotdash.errors import GatewayError  # noqa: PLC0415  as above
        from hotdash.gateway.server import Gateway  # noqa: PLC0415

        try:
            self._gateway = Gateway(runtime=runtime, address=self._plan.http, is_ready=lambda: deployer.has_read)
        except GatewayError as error:
            self._controls.note(str(error))
            return ""
        self._gateway.start()
        return self._gateway.url
