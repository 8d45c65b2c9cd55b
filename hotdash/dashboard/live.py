"""`LiveControls`: the screen's `Controls` on a real runtime and deployer, once there are any.

Its methods run in the screen's thread; `attach` in the one that has opened them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.errors import HotdashError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hotdash.dashboard.ports import OnEnd
    from hotdash.drivers.inside import Inside
    from hotdash.redeploy.deployer import Deployer
    from hotdash.runtime.runtime import Runtime


class LiveControls:
    """See `hotdash.dashboard.ports.Controls`; every call returns at once.

    Until `attach` there is no function to do anything with; what is asked all the same is refused.

    Args:
        folder: Where functions are looked for; absolute.
        now_s: The clock of the runtime that is to come, in seconds.
        watching: Whether saved files are to be deployed.
    """

    def __init__(self, *, folder: Path, now_s: Callable[[], float], watching: bool = True) -> None:
        self.driver_name = ""
        self.driver_note = "opening …"
        self.driver_reason = ""
        self.folder = folder
        self.now_s = now_s
        self._is_watching = watching
        self._parts: tuple[Runtime, Deployer] | None = None
        self._notes: tuple[str, ...] = ()

    def attach(self, *, runtime: Runtime, deployer: Deployer, driver_note: str, driver_reason: str = "") -> None:
        """From here on these are what keys act on.

        Args:
            runtime: Its clock is `now_s`.
            deployer: That of the folder.
            driver_note: See `Controls`, as for the next.
            driver_reason: Likewise.
        """
        self._parts = runtime, deployer
        if deployer.watching is not self._is_watching:  # it was asked for meanwhile
            deployer.set_watching(self._is_watching)
        self.driver_name, self.driver_note, self.driver_reason = runtime.driver.name, driver_note, driver_reason

    @property
    def _runtime(self) -> Runtime:
        return self._attached[0]

    @property
    def _deployer(self) -> Deployer:
        return self._attached[1]

    @property
    def _attached(self) -> tuple[Runtime, Deployer]:
        if self._parts is None:
            raise HotdashError("hotdash is still opening")
        return self._parts

    def note(self, text: str) -> None:
        """Adds a notice; any thread."""
        self._notes = (*self._notes, text)

    def tell_of_fault(self, fault: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`, in the thread at fault: makes a notice of it."""
        name = fault.thread.name if fault.thread is not None else "a thread"
        self.note(f"a fault in hotdash, in {name}: {fault.exc_value!r}")

    def submit(self, function: str, payload: bytes, headers: Mapping[str, str], *, on_end: OnEnd | None = None) -> str:
        """See `Controls`."""
        task = self._runtime.submit(function, payload, headers=headers)
        if on_end is not None:
            task.add_done_callback(lambda ended: on_end(ended.result()))
        return task.id

    def cancel(self, task_id: str) -> bool:
        """See `Controls`."""
        return self._runtime.cancel(task_id)

    def kill_container(self, container_id: str) -> bool:
        """See `Controls`."""
        return self._runtime.kill(container_id)

    def inside(self, container_id: str) -> Inside | None:
        """See `Controls`."""
        from hotdash.drivers.inside import Insider  # noqa: PLC0415  not for the first picture

        driver = self._runtime.driver
        return driver.inside(container_id) if isinstance(driver, Insider) else None

    def redeploy(self, function: str) -> None:
        """See `Controls`."""
        self._deployer.redeploy(function)

    def rollback(self, function: str, revision: int) -> None:
        """See `Controls`."""
        self._deployer.rollback(function, revision)

    @property
    def has_read(self) -> bool:
        """See `Controls`."""
        return self._parts is not None and self._deployer.has_read

    @property
    def watching(self) -> bool:
        """See `Controls`."""
        return self._is_watching if self._parts is None else self._deployer.watching

    def set_watching(self, on: bool) -> None:
        """See `Controls`."""
        self._is_watching = on
        if self._parts is not None:
            self._deployer.set_watching(on)

    def set_held(self, function: str, on: bool) -> None:
        """See `Controls`."""
        self._deployer.set_held(function, on)

    def notices(self) -> tuple[str, ...]:
        """See `Controls`."""
        return (*(self._deployer.notices() if self._parts is not None else ()), *self._notes)
