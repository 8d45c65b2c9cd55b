"""`Shelf`: which images on the engine hotdash has built, who uses them, and which may go. Any thread.

On the engine an image has a tag, which ends in the hash of its content. (A label would say more, and cost each build
a step: a third of its time, where only a source has changed.) In the user's cache folder are the records of what was
built, which are lock files too: by them the hotdashes of this user agree.

    CACHE/docker/ENGINE/                one folder an engine
        building.lock                   held (shared) by each build; who removes an image looks whether it is free
        KEY-HASH/                       a function: its key, and a hash of its folder, the user, the machine
            .lock                       held by whoever looks up or tags images of the function; for moments
            CONTENT.lock                holds the image's id; held (shared) by each hotdash that uses the image,
                                        (exclusively) by who removes it; its time: last use

What has no record was not built here, and is none of our business; what is removed is the tag that has our hash, and
the engine removes the image with its last tag. That hash tells the user, the machine and the cache folder too, so that
nobody's tags are removed but one's own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from hotdash.drivers.docker.owner import machine_id
from hotdash.drivers.docker.wire import EngineRefusal, nothing_to_check
from hotdash.drivers.locks import LOCK_SUFFIX, is_free, lock_if_free, lock_path, locked, open_lock, take_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hotdash.drivers.base import Image
    from hotdash.drivers.docker.images.requests import Requests
    from hotdash.functions.spec import FunctionSpec

IMAGES_KEPT = 3  # of each function: what rollback can reach (the design's section 7)
_DIGITS = 12  # of a hash in a tag, as in Docker's own short ids
_ID_BYTES = 200  # a record holds less
_CONFLICT = 409  # a container uses it
_NOT_FOUND = 404


class Slot(Struct, frozen=True, kw_only=True):
    """Where one function's images belong.

    Args:
        function: Its key.
        folder: Of its records.
        of: What all its images' hashes are made with: which function of whose folder it is, and who builds it.
        repository: The name of its images, `hotdash/greet`.
        version: The first part of their tags, `0.0.1`.
    """

    function: str
    folder: Path
    of: str
    repository: str
    version: str

    def tag(self, content: str) -> str:
        """The tag of its image with this content."""
        return f"{self.version}-{content[:_DIGITS]}"

    def record(self, content: str) -> Path:
        """The record of its image with this content, without the ending."""
        return self.folder / content[: 2 * _DIGITS]


class Shelf:
    """The images of one engine that are this user's.

    `find` and `publish` hand out a use of an image, `release` gives one back. The lock guards `_held`, by function and
    image whose it is and a descriptor for each use, which keeps the image from being removed; and `_root`.

    Args:
        requests: Asks the engine.
        cache_dir: The user's cache folder; made (0700) when the first image is.
        kept: How many images of a function are kept, unless more are in use; the last one is, in any case.
    """

    def __init__(self, *, requests: Requests, cache_dir: Path, kept: int = IMAGES_KEPT) -> None:
        self._requests = requests
        self._cache_dir = cache_dir
        self._kept = kept
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], tuple[Slot, list[int]]] = {}
        self._root: Path | None = None

    def slot(self, spec: FunctionSpec, *, check: Callable[[], None]) -> Slot:
        """Where a function's images belong; `check` ends the wait for the engine by raising.

        Raises:
            OSError: The cache or the engine cannot be used. So for all that follow, with EngineRefusal and NotAnEngine.
        """
        root = self._engine_folder(check)
        parts = (machine_id(), str(os.getuid()), os.fspath(root), os.fspath(spec.folder.absolute()), spec.key)
        of = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
        key = re.sub(r"[^A-Za-z0-9._-]", "_", spec.key)[:40]
        folder = root / f"{key}-{of[:_DIGITS]}"
        folder.mkdir(mode=0o700, exist_ok=True)
        repository, version = f"hotdash/{_repository(spec.key)}", _tag(spec.version) or "0"
        return Slot(function=spec.key, folder=folder, of=of, repository=repository, version=version)

    @contextmanager
    def building(self) -> Iterator[None]:
        """While this is held nobody begins to remove an image: a build could stand on it."""
        lock_fd = open_lock(self._engine_folder() / "building")
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_SH)
            yield
        finally:
            os.close(lock_fd)

    def find(self, slot: Slot, content: str, *, check: Callable[[], None]) -> str | None:
        """The id of an image that was built before, from now on in use; None if there is none."""
        with locked(slot.folder):
            return self._find(slot, content, check)

    def publish(self, slot: Slot, content: str, image_id: str) -> tuple[str, bool]:
        """Tags an image that was built just now.

        Returns:
            The image's id, from now on in use, and whether another build of the same content was there first.
        """
        with locked(slot.folder):
            first = self._find(slot, content, nothing_to_check)  # a cancel here would leave a tag without a record
            if first is not None:
                return first, True
            self._requests.tag(image_id, repository=slot.repository, tag=slot.tag(content))
            lock_fd = take_lock(slot.record(content), shared=True, wait=True)
            assert lock_fd is not None  # noqa: S101  it has waited
            os.ftruncate(lock_fd, 0)
            os.pwrite(lock_fd, image_id.encode(), 0)
            self._hold(slot, image_id, lock_fd)
        return image_id, False

    def discard(self, image_id: str, *, check: Callable[[], None]) -> bool:
        """Removes an image that has no tag, and so is nobody's. Always done: if it is used, it is somebody's now."""
        self._remove(image_id, check)
        return True

    def prune(self, slot: Slot, *, check: Callable[[], None]) -> bool:
        """Removes the images of a function that were used longest ago, until so many are left as are kept.

        Those in use stay, whoever uses them, and count: builds that newer saves overtook do not pile up beside those
        that rollback needs. The one used last stays, too: it is what the next deploy finds, also where its own failed.
        It holds each image's own record meanwhile, and not the slot's lock, for which a build would have to wait.

        Returns:
            Whether it is done: nothing is left that is to go as soon as nobody builds, or no container is of it.
        """
        is_done = True
        records = self._oldest_first(slot)
        too_many = len(records) - self._kept
        for record in records[:-1]:
            if too_many <= 0:
                break
            lock_fd = take_lock(record, shared=False, wait=False)
            if lock_fd is None:
                too_many -= is_free(lock_path(record), shared=True) is not True  # somebody removes it just now, or has
                continue
            too_many -= 1
            try:
                with lock_if_free(self._engine_folder() / "building") as nobody_builds:
                    pass
                if nobody_builds and self._remove_ours(slot, _read_id(lock_fd), record, check):
                    lock_path(record).unlink(missing_ok=True)
                else:
                    is_done = False
            finally:
                os.close(lock_fd)
        return is_done

    def release(self, image: Image) -> Slot | None:
        """Ends one use of an image; nothing if it had none.

        Returns:
            Whose it is, if that was the last use here: now it may go.
        """
        key = (image.function, image.id)
        with self._lock:
            if key not in self._held:
                return None
            slot, held = self._held[key]
            os.close(held.pop())
            if held:
                return None
            del self._held[key]
        return slot

    def close(self) -> None:
        """Ends this hotdash's use of all images."""
        with self._lock:
            held, self._held = self._held, {}
        for _, descriptors in held.values():
            for lock_fd in descriptors:
                os.close(lock_fd)

    def _engine_folder(self, check: Callable[[], None] = nothing_to_check) -> Path:
        with self._lock:
            root = self._root
        if root is None:
            # By the engine's own id: the same engine may be reached by many addresses.
            name = re.sub(r"[^A-Za-z0-9]", "", self._requests.engine_id(check=check))[:24] or "unnamed"
            root = self._cache_dir / "docker" / name
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.parent.chmod(0o700)
        with self._lock:
            self._root = root
        return root

    def _find(self, slot: Slot, content: str, check: Callable[[], None]) -> str | None:
        """See `find`. Under the slot's lock."""
        record = slot.record(content)
        if not lock_path(record).exists():
            return None
        lock_fd = take_lock(record, shared=True, wait=False)
        if lock_fd is None:
            return None  # it is just being removed, and so as good as gone
        image_id = ""
        try:
            image_id = self._still_there(slot, content, _read_id(lock_fd), check)
            if not image_id:
                return None
            os.utime(lock_fd)
            self._hold(slot, image_id, lock_fd)
            return image_id
        finally:
            if not image_id:
                os.close(lock_fd)

    def _still_there(self, slot: Slot, content: str, image_id: str, check: Callable[[], None]) -> str:
        """The id, if the engine still has such an image; it gets our tag again if somebody took that from it."""
        found = self._requests.inspect(image_id, check=check) if image_id else None
        if found is None:
            return ""
        if f"{slot.repository}:{slot.tag(content)}" not in (found.get("RepoTags") or ()):
            self._requests.tag(image_id, repository=slot.repository, tag=slot.tag(content))
        return image_id

    def _hold(self, slot: Slot, image_id: str, lock_fd: int) -> None:
        with self._lock:
            self._held.setdefault((slot.function, image_id), (slot, []))[1].append(lock_fd)

    def _oldest_first(self, slot: Slot) -> list[Path]:
        """The records of its images, by their last use."""
        records: list[tuple[float, Path]] = []
        for file in slot.folder.glob(f"?*{LOCK_SUFFIX}"):
            with suppress(FileNotFoundError):
                records.append((file.stat().st_mtime, file.with_name(file.name.removesuffix(LOCK_SUFFIX))))
        return [record for _, record in sorted(records)]

    def _remove_ours(self, slot: Slot, image_id: str, record: Path, check: Callable[[], None]) -> bool:
        """Takes our tags from an image, whatever versions they name; whether none is left."""
        found = self._requests.inspect(image_id, check=check) if image_id else None
        tags = [str(tag) for tag in (found or {}).get("RepoTags") or ()]
        ending = f"-{record.name[:_DIGITS]}"
        ours = [tag for tag in tags if tag.startswith(f"{slot.repository}:") and tag.endswith(ending)]
        return all(self._remove(tag, check) for tag in ours)

    def _remove(self, image: str, check: Callable[[], None]) -> bool:
        """Removes a tag, and with its last tag the image; or an untagged image. Whether it is gone."""
        try:
            self._requests.remove(image, check=check)
        except EngineRefusal as error:
            if error.status != _CONFLICT:
                return error.status == _NOT_FOUND
            return False
        return True


def _read_id(lock_fd: int) -> str:
    return os.pread(lock_fd, _ID_BYTES, 0).decode("ascii", "replace")


def _repository(key: str) -> str:
    """A key as a name that Docker takes: small letters and digits, one separator between them."""
    return re.sub(r"[^a-z0-9]+", "-", key.lower())[:100].strip("-") or "function"


def _tag(version: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", version).lstrip(".-")[:80]
