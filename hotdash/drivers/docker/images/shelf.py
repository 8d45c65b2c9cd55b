"""`Shelf`: which images on the engine hotdash has built, who uses them, and which may go. Any thread.

On the engine an image carries a label, which says of which function it is and of which content, and a tag that ends in
the content's hash. An image with the label alone is somebody's own, built on ours, and none of our business.
In the user's cache folder are lock files, by which the hotdashes of this user agree:

    CACHE/docker/ENGINE/                one folder an engine
        building.lock                   held (shared) by each build; who removes an image looks whether it is free
        KEY-HASH/                       a function: its key, and the hash that its label begins with
            .lock                       held by whoever looks up or tags images of the function; for moments
            IMAGE.lock                  held (shared) by each hotdash that uses the image, (exclusively) by who removes
                                        it; its time: last use

Other users and machines have labels of their own, so that nobody's images are removed but one's own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hotdash.drivers.docker.wire import EngineRefusal
from hotdash.drivers.locks import lock_if_free, lock_path, locked, open_lock, take_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hotdash.drivers.docker.images.requests import Requests
    from hotdash.functions.spec import FunctionSpec

IMAGES_KEPT = 3  # of each function: what rollback can reach (the design's section 7)
# One, since each costs a build a step. Not `hotdash.owner` or the like: containers inherit the labels of their image.
LABEL = "hotdash.image"
_DIGITS = 12  # of a hash in a tag, as in Docker's own short ids
_CONFLICT = 409  # a container uses it, or another tag needs it
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where one function's images belong.

    Args:
        folder: Of its lock files.
        of: The first part of its label: who builds it, and which function of whose folder it is.
        repository: The name of its images, `hotdash/greet`.
        version: The first part of their tags, `0.0.1`.
    """

    folder: Path
    of: str
    repository: str
    version: str

    def label(self, content: str) -> tuple[str, str]:
        """The label of its image with this content, name and value."""
        return LABEL, f"{self.of}.{content}"

    def tag(self, content: str) -> str:
        """The tag of its image with this content."""
        return f"{self.version}-{content[:_DIGITS]}"


class Shelf:
    """The images of one engine that are this user's.

    `find` and `publish` hand out a use of an image, `release` gives one back. The lock guards `_held`: of each image in
    use by this hotdash, the descriptor that keeps it from being removed, and how many uses it has; and `_root`.

    Args:
        requests: Asks the engine.
        cache_dir: The user's cache folder; made (0700) when the first image is.
        kept: How many images of a function are kept, those in use aside.
    """

    def __init__(self, *, requests: Requests, cache_dir: Path, kept: int = IMAGES_KEPT) -> None:
        self._requests = requests
        self._cache_dir = cache_dir
        self._kept = kept
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, int]] = {}
        self._root: Path | None = None

    def slot(self, spec: FunctionSpec) -> Slot:
        """Where a function's images belong.

        Raises:
            OSError: The cache or the engine cannot be used. So for all that follow, with EngineRefusal and NotAnEngine.
        """
        root = self._engine_folder()
        parts = (_machine(), str(os.getuid()), os.fspath(root), os.fspath(spec.folder.absolute()), spec.key)
        of = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
        key = re.sub(r"[^A-Za-z0-9._-]", "_", spec.key)[:40]
        folder = root / f"{key}-{of[:_DIGITS]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return Slot(
            folder=folder, of=of, repository=f"hotdash/{_repository(spec.key)}", version=_tag(spec.version) or "0"
        )

    @contextmanager
    def building(self) -> Iterator[None]:
        """While this is held nobody begins to remove an image: a build could stand on it."""
        lock_fd = open_lock(self._engine_folder() / "building")
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock_fd)

    def find(self, slot: Slot, content: str) -> str | None:
        """The id of an image that was built before, from now on in use; None if there is none."""
        with locked(slot.folder):
            image_id = self._find(slot, content)
            # One that is just being removed is as good as gone.
            return image_id if image_id is not None and self._use(slot, image_id, wait=False) else None

    def publish(self, slot: Slot, content: str, image_id: str) -> tuple[str, bool]:
        """Tags an image that was built just now.

        Returns:
            The image's id, from now on in use, and whether another build of the same content was there first.
        """
        with locked(slot.folder):
            first = self._find(slot, content)
            if first is not None and self._use(slot, first, wait=False):
                return first, True
            self._requests.tag(image_id, repository=slot.repository, tag=slot.tag(content))
            self._use(slot, image_id, wait=True)
        return image_id, False

    def discard(self, image_id: str, *, check: Callable[[], None]) -> None:
        """Removes an image that has no tag, and so is nobody's."""
        self._remove(image_id, check)

    def prune(self, slot: Slot, *, check: Callable[[], None]) -> None:
        """Removes all but the last used images of a function; those in use stay, whoever uses them.

        It holds each image's own lock meanwhile, and not the slot's, for which a build would have to wait.
        """
        for image, place, lock_fd in self._spare(slot):
            try:
                with lock_if_free(self._engine_folder() / "building") as nobody_builds:
                    pass
                if nobody_builds and all(self._remove(tag, check) for tag in _our_tags(image, slot)):
                    lock_path(place).unlink(missing_ok=True)
            finally:
                os.close(lock_fd)

    def release(self, image_id: str) -> None:
        """Ends one use of an image; with the last, its lock is given up. Nothing if it had none."""
        with self._lock:
            lock_fd, uses = self._held.pop(image_id, (-1, 0))
            if uses > 1:
                self._held[image_id] = lock_fd, uses - 1
        if uses == 1:
            os.close(lock_fd)

    def close(self) -> None:
        """Ends this hotdash's use of all images."""
        with self._lock:
            held, self._held = self._held, {}
        for lock_fd, _ in held.values():
            os.close(lock_fd)

    def _engine_folder(self) -> Path:
        with self._lock:
            root = self._root
        if root is None:
            # By the engine's own id: the same engine may be reached by many addresses.
            name = re.sub(r"[^A-Za-z0-9]", "", self._requests.engine_id())[:24] or "unnamed"
            root = self._cache_dir / "docker" / name
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.parent.chmod(0o700)
        with self._lock:
            self._root = root
        return root

    def _find(self, slot: Slot, content: str) -> str | None:
        for image in self._requests.images(LABEL):
            tags = _our_tags(image, slot)
            if tags and image["Labels"][LABEL].endswith(f".{content}"):
                wanted = f"{slot.repository}:{slot.tag(content)}"
                if wanted not in tags:  # the function has another version now, and the same content
                    self._requests.tag(str(image["Id"]), repository=slot.repository, tag=slot.tag(content))
                return str(image["Id"])
        return None

    def _use(self, slot: Slot, image_id: str, *, wait: bool) -> bool:
        """Takes a share in the image's lock, and counts the use; False if somebody is removing it."""
        lock_fd = take_lock(_place(slot, image_id), shared=True, wait=wait)
        if lock_fd is None:
            return False
        os.utime(lock_fd)
        with self._lock:
            # The one held before may be of a file that is gone: somebody emptied the cache by hand.
            before_fd, uses = self._held.get(image_id, (-1, 0))
            self._held[image_id] = lock_fd, uses + 1
        if uses:
            os.close(before_fd)
        return True

    def _spare(self, slot: Slot) -> Iterator[tuple[dict[str, Any], Path, int]]:
        """The images that may go, the place of each one's lock, and that lock, held by a descriptor."""
        with locked(slot.folder):
            found = [image for image in self._requests.images(LABEL) if _our_tags(image, slot)]
            found.sort(key=lambda image: _last_used_s(slot, image), reverse=True)
        for image in found[self._kept :]:
            place = _place(slot, str(image["Id"]))
            lock_fd = take_lock(place, shared=False, wait=False)
            if lock_fd is not None:
                yield image, place, lock_fd

    def _remove(self, image: str, check: Callable[[], None]) -> bool:
        """Removes a tag, and with its last tag the image; or an untagged image. Whether it is gone."""
        try:
            self._requests.remove(image, check=check)
        except EngineRefusal as error:
            if error.status != _CONFLICT:
                return error.status == _NOT_FOUND
            return False
        return True


def _our_tags(image: dict[str, Any], slot: Slot) -> list[str]:
    """The tags by which an image is ours: the function's name, and the hash that its label says."""
    labels = image.get("Labels")
    of, _, content = str(labels.get(LABEL) or "").partition(".") if isinstance(labels, dict) else ("", "", "")
    if of != slot.of:
        return []
    tags = [str(tag) for tag in image.get("RepoTags") or ()]
    return [tag for tag in tags if tag.startswith(f"{slot.repository}:") and tag.endswith(f"-{content[:_DIGITS]}")]


def _place(slot: Slot, image_id: str) -> Path:
    return slot.folder / image_id.removeprefix("sha256:")[:_DIGITS]


def _last_used_s(slot: Slot, image: dict[str, Any]) -> float:
    try:
        return lock_path(_place(slot, str(image["Id"]))).stat().st_mtime
    except OSError:
        return float(image.get("Created") or 0)


def _machine() -> str:
    """What tells this machine from others that use the same engine."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()
    return platform.node()


def _repository(key: str) -> str:
    """A key as a name that Docker takes: small letters and digits, one separator between them."""
    return quote(re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")[:100] or "function")


def _tag(version: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", version).lstrip(".-")[:80]
