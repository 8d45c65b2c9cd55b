"""The watcher on real files. What must not be reported is followed by what must: once that has come, it is known."""

import queue
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from hotdash.redeploy.debouncer import Burst
from hotdash.redeploy.watcher import Watcher

TIMEOUT_S = 10.0


class Watched:
    """A started watcher and what it has said."""

    def __init__(self, root: Path, **options: Any) -> None:
        self.root = root
        self.changes: queue.Queue[frozenset[Path]] = queue.Queue()
        self.errors: queue.Queue[str] = queue.Queue()
        options.setdefault("on_change", lambda burst: self.changes.put(burst.paths))
        self.watcher = Watcher(root=root, on_error=self.errors.put, **options)

    def start(self) -> None:
        self.watcher.start()
        assert self.watcher.wait_ready(TIMEOUT_S)

    def paths_until(self, wanted: Path) -> set[Path]:
        """All paths that are reported up to and with `wanted`."""
        seen: set[Path] = set()
        while wanted not in seen:
            seen |= self.changes.get(timeout=TIMEOUT_S)
        return seen


@pytest.fixture
def make() -> Iterator[Callable[..., Watched]]:
    made: list[Watched] = []

    def make(root: Path, *, start: bool = True, **options: Any) -> Watched:
        watched = Watched(root, **options)
        made.append(watched)
        if start:
            watched.start()
        return watched

    yield make
    for watched in made:
        assert watched.watcher.stop(TIMEOUT_S)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "functions"
    (root / "greet").mkdir(parents=True)
    (root / "greet" / "func.py").write_text("old")
    return root


def test_a_save_in_place(make, root):
    watched = make(root)
    file = root / "greet" / "func.py"
    file.write_text("new")
    assert watched.paths_until(file) == {file}


def test_an_atomic_save_again_and_again(make, root):
    """After the first rename the file is another one: a watch on the file itself would be silent from there on."""
    watched = make(root)
    file = root / "greet" / "func.py"
    for content in ("one", "two", "three"):
        temporary = root / "greet" / ".func.py.tmp"
        temporary.write_text(content)
        temporary.replace(file)
        assert watched.paths_until(file) == {file}


def test_a_deleted_file(make, root):
    watched = make(root)
    file = root / "greet" / "func.py"
    file.unlink()
    assert file in watched.paths_until(file)


def test_a_new_folder_and_what_is_written_to_it_later(make, root):
    watched = make(root)
    folder = root / "fresh"
    folder.mkdir()
    assert watched.paths_until(folder) == {folder}
    file = folder / "func.yaml"
    file.write_text("name: fresh")
    assert watched.paths_until(file) == {file}


@pytest.mark.parametrize("name", ["__pycache__/func.cpython-311.pyc", ".git/index", ".func.py.swp", "func.py~", "4913"])
def test_what_is_no_source_is_not_reported(make, root, name):
    watched = make(root)
    ignored = root / "greet" / name
    ignored.parent.mkdir(exist_ok=True)
    ignored.write_text("x")
    real = root / "greet" / "func.py"
    real.write_text("y")
    assert watched.paths_until(real) == {real}


def test_a_root_that_is_deleted_and_comes_back(make, root):
    watched = make(root)
    shutil.rmtree(root)
    watched.paths_until(root)
    root.mkdir()
    watched.paths_until(root)
    file = root / "func.py"
    file.write_text("back")
    assert file in watched.paths_until(file)
    assert watched.errors.empty()


def test_a_root_that_another_folder_replaces(make, root, tmp_path):
    watched = make(root)
    other = tmp_path / "other"
    other.mkdir()
    root.rename(tmp_path / "away")
    other.rename(root)
    watched.paths_until(root)
    file = root / "func.py"
    while True:  # the root is reported when it goes, and once more when the new one is watched
        file.write_text("here")
        if file in watched.changes.get(timeout=TIMEOUT_S):
            break


def test_a_root_that_is_not_there_yet(make, root):
    watched = make(root / "later", start=False)
    watched.watcher.start()
    (root / "later").mkdir()
    assert watched.watcher.wait_ready(TIMEOUT_S)
    assert watched.changes.get(timeout=TIMEOUT_S) == {root / "later"}


def test_links_in_the_roots_path_are_resolved(make, root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(root)
    watched = make(link)
    file = root / "greet" / "func.py"
    (link / "greet" / "func.py").write_text("through the link")
    assert watched.paths_until(file) == {file}


def test_a_callback_that_fails_is_told_and_does_not_end_the_watch(make, root):
    changes: queue.Queue[frozenset[Path]] = queue.Queue()

    def fail(burst: Burst) -> None:
        changes.put(burst.paths)
        raise KeyError("greet")

    watched = make(root, on_change=fail)
    file = root / "greet" / "func.py"
    file.write_text("one")
    assert changes.get(timeout=TIMEOUT_S) == {file}
    assert "KeyError: 'greet'" in watched.errors.get(timeout=TIMEOUT_S)
    file.write_text("two")
    assert changes.get(timeout=TIMEOUT_S) == {file}


def test_a_limit_of_the_system_is_told_with_its_remedy_and_files_are_polled(make, root, monkeypatch):
    monkeypatch.setattr("hotdash.redeploy.watcher._RETRY_S", 0.01)

    def watch(*paths: Path, **options: Any) -> Any:
        raise OSError('OS file watch limit reached. about ["/x"] (Error { kind: MaxFilesWatch })')
        yield set()

    watched = make(root, watch=watch, poll_ms=20)
    text = watched.errors.get(timeout=TIMEOUT_S)
    assert "watch limit reached" in text
    assert "sysctl fs.inotify.max_user_watches" in text
    watched.paths_until(root)  # what the fault hid
    file = root / "greet" / "func.py"
    file.write_text("polled")
    assert watched.paths_until(file) == {file}


def test_polling_sees_every_save_and_nothing_ignored(make, root):
    watched = make(root, polls=True, poll_ms=20)
    file = root / "greet" / "func.py"
    for content in ("one", "two", "six"):  # within a second, and of one size
        (root / "greet" / "__pycache__").mkdir(exist_ok=True)
        (root / "greet" / "__pycache__" / "func.pyc").write_text(content)
        file.write_text(content)
        assert watched.paths_until(file) == {file}
    new = root / "fresh" / "func.py"
    new.parent.mkdir()
    new.write_text("new")
    assert watched.paths_until(new) <= {new, new.parent}
    file.unlink()
    assert watched.paths_until(file) == {file}


def test_polling_sees_the_root_go_and_come_back(make, root):
    watched = make(root, polls=True, poll_ms=20)
    shutil.rmtree(root)
    watched.paths_until(root)
    root.mkdir()
    watched.paths_until(root)
    file = root / "func.py"
    file.write_text("back")
    assert file in watched.paths_until(file)


def test_a_fault_of_the_watch_is_told_once_and_the_watch_begins_again(make, root, monkeypatch):
    monkeypatch.setattr("hotdash.redeploy.watcher._RETRY_S", 0.01)
    tries = iter(range(100))

    def watch(*paths: Path, **options: Any) -> Any:
        if next(tries) < 3:
            raise RuntimeError("Unable to decode path")
        yield from watchfiles.watch(*paths, **options)

    watched = make(root, watch=watch)
    watched.paths_until(root)
    assert watched.errors.get(timeout=TIMEOUT_S).endswith("Unable to decode path; it is tried again")
    assert watched.errors.empty()


def test_stopping_leaves_no_thread_and_no_descriptor(root):
    def descriptors() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    def native_threads() -> int:
        return len(list(Path("/proc/self/task").iterdir())) if Path("/proc/self/task").exists() else 0

    before = descriptors(), native_threads()
    watched = Watched(root)
    watched.start()
    assert watched.watcher.stop(TIMEOUT_S)
    assert watched.watcher.stop(TIMEOUT_S)
    assert "watch" not in {thread.name for thread in threading.enumerate()}
    # The library's own thread is told to end and does so in its time (an earlier test's, too: so `<=`).
    patience = threading.Event()
    for _ in range(1_000):
        if descriptors() <= before[0] and native_threads() <= before[1]:
            break
        patience.wait(0.01)
    else:
        pytest.fail(f"before: {before}; after: {(descriptors(), native_threads())}")


def test_stopping_what_was_never_started(root):
    assert Watched(root).watcher.stop()


def test_a_callback_may_stop_the_watcher(make, root):
    answers: queue.Queue[bool] = queue.Queue()
    watched = make(root, on_change=lambda _: answers.put(watched.watcher.stop()))
    (root / "greet" / "func.py").write_text("new")
    assert answers.get(timeout=TIMEOUT_S) is False
    assert watched.watcher.stop(TIMEOUT_S)
