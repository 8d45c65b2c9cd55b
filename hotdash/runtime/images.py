"""`ImageUses`: which images one function needs, and when it gives their uses back to the driver.

Its supervisor's lock guards it; no thread. Each build hands out one use of an image (see `Driver.build`). An image is
needed by the deploy that has built it, by what is live or kept for rollback, and by every container until it is gone.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hotdash.drivers.base import Driver, Image
    from hotdash.runtime.effects import Effects
    from hotdash.runtime.revision import Revision

PAST_REVISIONS = 3  # section 7: what can be rolled back to, the live one apart


class ImageUses:
    """The uses of one function.

    Attributes:
        past: What can be rolled back to, the oldest first.
        deploying: The image of the deploy under way, once it is built.
    """

    def __init__(self, *, driver: Driver) -> None:
        self.past: deque[Revision] = deque(maxlen=PAST_REVISIONS)
        self.deploying: Image | None = None
        self._driver = driver
        self._held: list[Image] = []  # one entry a use

    def take(self, image: Image) -> None:
        """The deploy under way has built `image`, and so has a use of it."""
        self._held.append(image)
        self.deploying = image

    def let_go(self, revisions: Iterable[Revision], effects: Effects) -> None:
        """Gives back what neither these revisions need nor the deploy under way; of one image one use is enough."""
        needed = {_identity(revision.image) for revision in revisions}
        if self.deploying is not None:
            needed.add(_identity(self.deploying))
        kept = []
        for image in self._held:
            if _identity(image) in needed:
                needed.remove(_identity(image))
                kept.append(image)
            else:
                effects.call(lambda image=image: self._driver.release(image))  # type: ignore[misc]
        self._held = kept


def _identity(image: Image) -> tuple[str, Path | None]:
    """An entry point may change without a build; a function that moved has another copy of the same content."""
    return image.id, image.folder
