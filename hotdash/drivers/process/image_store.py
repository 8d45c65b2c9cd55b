"""`ImageStore`: where images lie, kept across runs and shared by all hotdashes of a user. Any thread.

    CACHE/images/KEY-HASH/              one folder a function: its key, and a hash of its source folder and key
        .lock                           held (exclusively) by whoever changes the folder; for moments
        IMAGE/                          an image, named by the first digits of its id: read-only, and never changed
        IMAGE.lock                      held (shared) by each hotdash that may use it; its time: last use
        tmp-X/, tmp-X.lock              a build, its lock held (exclusively) by who builds; or what a dead one left

All locks are flock's: the kernel frees them with the process, whatever it died of.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.drivers.locks import LOCK_SUFFIX, lock_if_free, lock_path, locked, open_lock
from hotdash.drivers.process.guardian_main import remove_tree

if TYPE_CHECKING:
    from pathlib import Path

    from hotdash.functions.spec import FunctionSpec

IMAGES_KEPT = 3  # of each function: what rollback can reach (the design's section 7)
_TEMPORARY = "tmp-"
_NAME_DIGITS = 16  # of 64: a name that stands in every traceback of a function is better short


class Draft(Struct, frozen=True, kw_only=True):
    """A folder in which an image is being made; `lock_fd` holds its lock."""

    folder: Path
    lock_fd: int


class ImageStore:
    """The images below one cache folder.

    `find` and `publish` hand out a use of an image, `release` gives one back. The lock guards `_held`: of each image in
    use by this hotdash, the descriptor that keeps it from being removed, and how many uses it has.

    Args:
        cache_dir: Made (0700) when the first image is.
        kept: How many images of a function are kept, unless more are in use.
    """

    def __init__(self, cache_dir: Path, *, kept: int = IMAGES_KEPT) -> None:
        self._root = cache_dir / "images"
        self._kept = kept
        self._lock = threading.Lock()
        self._held: dict[Path, tuple[int, int]] = {}

    @property
    def root(self) -> Path:
        """The folder that holds all images."""
        return self._root

    def find(self, spec: FunctionSpec, image_id: str) -> Path | None:
        """The folder of an image that was built before, from now on in use; None if there is none.

        Raises:
            OSError: The cache cannot be used. So for all that follow.
        """
        image = self._place(spec) / image_id[:_NAME_DIGITS]
        if not image.is_dir():  # a look without the lock: most often there is none, and no folder either
            return None
        with locked(image.parent):
            return self._use(image) if image.is_dir() else None

    def draft(self, spec: FunctionSpec) -> Draft:
        """A new empty folder to make an image in. Removes what dead builds of the function left."""
        place = self._place(spec)
        for folder in (self._root.parent, self._root, place):
            folder.mkdir(mode=0o700, parents=folder == self._root.parent, exist_ok=True)
        self._root.chmod(0o700)
        with locked(place):
            _remove_dead_drafts(place)
            folder = place / f"{_TEMPORARY}{secrets.token_hex(6)}"
            lock_fd = open_lock(folder)
            fcntl.flock(lock_fd, fcntl.LOCK_EX)
            folder.mkdir(mode=0o700)
            return Draft(folder=folder, lock_fd=lock_fd)

    def publish(self, draft: Draft, image_id: str) -> tuple[Path, bool]:
        """Puts a finished draft in its place and removes older images that nobody uses.

        Returns:
            The image's folder, from now on in use, and whether another build of the same content was there first.
        """
        image = draft.folder.parent / image_id[:_NAME_DIGITS]
        with locked(image.parent):
            lost = image.is_dir()
            if not lost:
                draft.folder.rename(image)
            self._use(image)
            self._prune(image.parent)
        self.discard(draft)
        return image, lost

    def discard(self, draft: Draft) -> None:
        """Removes a draft, if it has not become an image."""
        remove_tree(draft.folder)
        with suppress(OSError):
            lock_path(draft.folder).unlink()
        os.close(draft.lock_fd)

    def release(self, folder: Path) -> None:
        """Ends one use of an image by its folder; with the last, its lock is given up. Nothing if it had none."""
        with self._lock:
            lock_fd, uses = self._held.pop(folder, (-1, 0))
            if uses > 1:
                self._held[folder] = lock_fd, uses - 1
        if uses == 1:
            os.close(lock_fd)

    def close(self) -> None:
        """Ends this hotdash's use of all images."""
        with self._lock:
            held, self._held = self._held, {}
        for lock_fd, _ in held.values():
            os.close(lock_fd)

    def _place(self, spec: FunctionSpec) -> Path:
        key = re.sub(r"[^A-Za-z0-9._-]", "_", spec.key)[:40]
        identity = hashlib.sha256(os.fsencode(spec.folder.absolute()) + b"\0" + spec.key.encode()).hexdigest()
        return self._root / f"{key}-{identity[:12]}"

    def _use(self, image: Path) -> Path:
        """Takes a share in the image's lock, and counts the use.

        Under the function's lock, so that nobody is just removing it.
        """
        lock_fd = open_lock(image)
        fcntl.flock(lock_fd, fcntl.LOCK_SH)
        os.utime(lock_fd)
        with self._lock:
            # The one held before may be of a file that is gone: somebody emptied the cache by hand.
            before_fd, uses = self._held.get(image, (-1, 0))
            self._held[image] = lock_fd, uses + 1
        if uses:
            os.close(before_fd)
        return image

    def _prune(self, place: Path) -> None:
        """Removes the images that were used longest ago, until so many are left as are kept.

        Those in use stay, whoever uses them, and count. Under the function's lock.
        """
        names = [name for name in os.listdir(place) if not name.endswith(LOCK_SUFFIX)]  # noqa: PTH208  names will do
        images = [place / name for name in names if not name.startswith(_TEMPORARY)]
        too_many = len(images) - self._kept
        for image in sorted(images, key=_last_used_ns):
            if too_many <= 0:
                break
            with lock_if_free(image) as free:
                if free:
                    too_many -= 1
                    # Renamed first: half an image under its own name would pass for a whole one.
                    dead = place / f"{_TEMPORARY}{secrets.token_hex(6)}"
                    image.rename(dead)
                    lock_path(image).unlink()
                    remove_tree(dead)


def _last_used_ns(image: Path) -> int:
    try:
        return lock_path(image).stat().st_mtime_ns
    except OSError:
        return 0


def _remove_dead_drafts(place: Path) -> None:
    """Removes drafts whose builder has died (its lock is free). Under the function's lock."""
    names = {path.name.removesuffix(LOCK_SUFFIX) for path in place.iterdir() if path.name.startswith(_TEMPORARY)}
    for name in names:
        with lock_if_free(place / name) as free:
            if free:
                remove_tree(place / name)
                lock_path(place / name).unlink()
