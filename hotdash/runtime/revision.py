"""`Revision`: one (image, environment, format, memory, entry point) of a function. A frozen value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from hotdash.drivers.base import Image
    from hotdash.functions.spec import FunctionSpec


class Revision(Struct, frozen=True, kw_only=True):
    """What containers are started from.

    Args:
        number: From 1, in each run of hotdash; 0 for one that has not gone live.
        image: What was built.
        spec: The function as it was when this was made; its *limits* are not the revision's (they apply in place).
    """

    number: int
    image: Image
    spec: FunctionSpec

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two revisions the same: equal identities need no new one (section 3's last paragraph)."""
        spec = self.spec
        return (
            self.image.id,
            self.image.entrypoint,
            tuple(sorted(spec.config.items())),
            spec.format,
            spec.memory_mb,
            spec.network,
            spec.writable,
        )

    def renewed(self, *, number: int, limits: FunctionSpec) -> Revision:
        """The same under a new number, with the limits of `limits`: those are the function's, not a revision's."""
        old = self.spec
        spec = replace(
            limits,
            config=old.config,
            format=old.format,
            memory_mb=old.memory_mb,
            network=old.network,
            writable=old.writable,
            entrypoint=old.entrypoint,
            cmd=old.cmd,
        )
        return Revision(number=number, image=self.image, spec=spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a deploy did (the contract's `runtime.deploy`).

    Args:
        function: The function's key.
        revision: The one that is live now.
        changed: False if it was live before: the same sources, the same environment.
        build_s: Seconds the build took (near 0 when its content had been built before).
        start_s: Seconds from there until its first container had proved itself; 0.0 where none had to.
        swap_s: Seconds the swap took.
        image_id: Of what is live now.
    """

    function: str
    revision: int
    changed: bool
    build_s: float = 0.0
    start_s: float = 0.0
    swap_s: float = 0.0
    image_id: str = ""
