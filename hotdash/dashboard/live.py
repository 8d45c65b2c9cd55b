"""`LiveControls`: the screen's `Controls` on a real runtime and deployer. Its methods run in the screen's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.drivers.inside import Insider

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from hotdash.drivers.inside import Inside
    from hotdash.redeploy.deployer import Deployer
    from hotdash.runtime.runtime import Runtime


class LiveControls:
    """See `hotdash.dashboard.ports.Controls`; every call returns at once."""

    def __init__(self, *, runtime: Runtime, deployer: Deployer, folder: Path, driver_note: str) -> None:
        self.driver_name = runtime.driver.name
        self.driver_note = driver_note
        self.folder = folder
        self._runtime = runtime
        self._deployer = deployer
        self._notes: tuple[str, ...] = ()

    def note(self, text: str) -> None:
        """Adds a notice; any thread."""
        self._notes = (*self._notes, text)

    def tell_of_fault(self, fault: threading.ExceptHookArgs) -> None:
        """For `threading.excepthook`, in the thread at fault: makes a notice of it."""
        name = fault.thread.name if fault.thread is not None else "a thread"
        self.note(f"a fault in hotdash, in {name}: {fault.exc_value!r}")

    def now_s(self) -> float:
        """See `Controls`."""
        return self._runtime.clock.now()

    def submit(self, function: str, payload: bytes, headers: Mapping[str, str]) -> str:
        """See `Controls`."""
        return self._runtime.submit(function, payload, headers=headers).id

    def cancel(self, task_id: str) -> bool:
        """See `Controls`."""
        return self._runtime.cancel(task_id)

    def kill_container(self, container_id: str) -> bool:
        """See `Controls`."""
        return self._runtime.kill(container_id)

    def inside(self, container_id: str) -> Inside | None:
        """See `Controls`."""
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
        return self._deployer.has_read

    @property
    def watching(self) -> bool:
        """See `Controls`."""
        return self._deployer.watching

    def set_watching(self, on: bool) -> None:
        """See `Controls`."""
        self._deployer.set_watching(on)

    def set_held(self, function: str, on: bool) -> None:
        """See `Controls`."""
        self._deployer.set_held(function, on)

    def notices(self) -> tuple[str, ...]:
        """See `Controls`."""
        return (*self._deployer.notices(), *self._notes)
