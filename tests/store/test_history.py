"""The history on real files: what is kept and found again, its bounds, and every way in which a database can be bad."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from real_tools import until

from hotdash import events as ev
from hotdash.functions.spec import FunctionSpec
from hotdash.states import FunctionState
from hotdash.store.history import History, HistoryLimits, PastOrder, PastQuery, rows
from hotdash.store.history.database import APPLICATION_ID, Database, counted
from hotdash.task import Attribution, TaskResult, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path("/work/functions")


class Past:
    """A history, the story that is told to it, and what it has said of itself."""

    def __init__(self, path: Path, *, root: Path = ROOT, limits: HistoryLimits | None = None) -> None:
        self.said: list[str] = []
        self.history = History(path=path, root=root, on_fault=self.said.append, limits=limits, flush_s=0.01)
        self._seq = 0
        self._told = 0
        self.function("greet", ROOT / "greet")

    def tell(self, kind: type[ev.Event], *, function: str = "greet", time_s: float | None = None, **fields) -> None:
        self._seq += 1
        at_s = time.time() if time_s is None else time_s
        self.history(kind(seq=self._seq, at_s=at_s, time_s=at_s, function=function, **fields))

    def function(self, key: str, folder: Path) -> None:
        spec = FunctionSpec(name=f"demo/{key}", folder=folder, file=folder / "func.yaml")
        self.tell(ev.FunctionChanged, function=key, spec=spec, state=FunctionState.READY)

    def task(
        self,
        task_id: str,
        *,
        function: str = "greet",
        payload: bytes = b"Ada",
        lines: tuple[str, ...] = (),
        time_s: float | None = None,
        started_s: float | None = None,
        **result,
    ) -> None:
        """A whole one; `started_s` of one that was queued before."""
        if started_s is None:
            self.tell(ev.TaskQueued, function=function, task_id=task_id, payload=payload, headers=(("X-A", "b"),))
        self.tell(ev.TaskStarted, function=function, time_s=started_s, task_id=task_id, container_id="c-1", revision=3)
        for text in lines:
            self.tell(
                ev.StderrLine,
                function=function,
                task_id=task_id,
                container_id="c-1",
                revision=3,
                attribution=Attribution.IN_TASK,
                text=text,
            )
        values = {
            "status": TaskStatus.SUCCESS,
            "body": b"hello",
            "status_code": 200,
            "container_id": "c-1",
            "run_s": 0.5,
        } | result
        answer = TaskResult(task_id=task_id, function=function, revision=3, stderr_lines=lines, **values)
        self.tell(ev.TaskEnded, function=function, time_s=time_s, result=answer)
        self._told += 1

    def settled(self) -> None:
        """All that was told is written, or known to be lost."""
        until(lambda: self.history.written + self.history.dropped >= self._told, "the writing of all")

    def answer(self, ask) -> None:
        before = self.history.reader.version
        ask()
        until(lambda: self.history.reader.version > before, "the reader's answer")

    def ids(self, **query) -> list[str]:
        self.answer(lambda: self.history.reader.look(PastQuery(**query)))
        return [past.task.id for past in self.history.reader.page.tasks]

    def opened(self, task_id: str):
        self.ids()
        place = next(past.place for past in self.history.reader.page.tasks if past.task.id == task_id)
        self.answer(lambda: self.history.reader.open(place))
        return self.history.reader.contents


@contextmanager
def past_at(path: Path, **more) -> Iterator[Past]:
    past = Past(path, **more)
    try:
        yield past
    finally:
        assert past.history.close(10)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


def test_a_task_of_an_earlier_run_is_found_and_opened_as_it_was(path: Path) -> None:
    with past_at(path) as first:
        first.task("aa", lines=("one", "\ud800 half a pair", "two"), headers={"Content-Type": "text/plain"})
        first.task("bb", payload=b"\xff\0", status=TaskStatus.ERROR, error="the function answered 500 \udcff", body=b"")
    with past_at(path) as second:
        second.task("cc")
        second.settled()
        assert second.ids() == ["cc", "bb", "aa"]
        assert [past.is_earlier for past in second.history.reader.page.tasks] == [False, True, True]
        second.answer(second.history.reader.count)
        assert dict(second.history.reader.earlier) == {str(ROOT / "greet"): 2}
        kept = second.opened("aa")
        assert (kept.task.payload, kept.task.headers, kept.has_payload) == (b"Ada", (("X-A", "b"),), True)
        assert (kept.task.result.body, kept.task.result.headers) == (b"hello", {"Content-Type": "text/plain"})
        assert [line.text for line in kept.lines] == ["one", "\ud800 half a pair", "two"]
        assert (kept.task.result.run_s, kept.task.revision, kept.task.container_id) == (0.5, 3, "c-1")
        failed = second.opened("bb").task
        assert (failed.payload, failed.result.status) == (b"\xff\0", TaskStatus.ERROR)
        assert failed.result.error == "the function answered 500 ?"
        assert second.said == []


def test_only_functions_below_the_folder_that_is_shown_are_given_and_one_function_where_it_is_named(path) -> None:
    elsewhere = Path("/work/functions-of-another")
    with past_at(path) as past:
        past.function("greet2", elsewhere / "greet")
        past.function("twin", ROOT / "deep" / "twin")
        for task_id, function in (("aa", "greet"), ("bb", "greet2"), ("cc", "twin")):
            past.task(task_id, function=function)
        past.settled()
        assert past.ids() == ["cc", "aa"]
        assert past.ids(folder=str(ROOT / "greet")) == ["aa"]
        assert past.ids(limit=1) == ["cc"]
        assert past.history.reader.page.total == 2
    with past_at(path, root=elsewhere) as other, past_at(path, root=elsewhere / "greet") as itself:
        assert other.ids() == itself.ids() == ["bb"]


def test_tasks_are_given_in_the_order_that_is_asked_for_over_all_there_are(path: Path) -> None:
    with past_at(path) as past:
        past.task("aa", run_s=3.0, queued_s=0.1, body=b"1")
        past.task("bb", run_s=1.0, queued_s=0.3, body=b"333", status=TaskStatus.CANCELLED)
        past.task("cc", run_s=2.0, queued_s=0.2, body=b"22", status=TaskStatus.TIMEOUT)
        past.task("dd", run_s=2.0, queued_s=0.2, body=b"22")
        past.settled()
        ids = {order: past.ids(order=order) for order in PastOrder}
        assert ids == {
            PastOrder.ENDED: ["dd", "cc", "bb", "aa"],
            PastOrder.RAN: ["aa", "dd", "cc", "bb"],
            PastOrder.WAITED: ["bb", "dd", "cc", "aa"],
            PastOrder.STATE: ["cc", "bb", "dd", "aa"],
            PastOrder.SIZE: ["bb", "dd", "cc", "aa"],
        }
        assert past.ids(order=PastOrder.RAN, limit=1) == ["aa"], "not the longest of the newest: the longest"
        assert [kept.body_bytes for kept in past.history.reader.page.tasks] == [1]


def test_how_long_its_container_took_to_start_is_kept_for_the_task_that_waited_for_it(path: Path) -> None:
    with past_at(path) as past:
        past.tell(ev.TaskQueued, task_id="aa", payload=b"", time_s=100.0)
        past.tell(ev.ContainerStarting, container_id="c-1", revision=3, time_s=101.0)
        past.tell(ev.ContainerStarting, container_id="c-2", revision=3, time_s=101.0)
        past.tell(ev.ContainerStopped, container_id="c-2", revision=3, reason="idle", time_s=102.0)
        past.task("aa", time_s=time.time(), started_s=103.5)
        past.task("bb")
        past.settled()
        assert past.opened("aa").task.starting_s == 2.5
        assert past.opened("bb").task.starting_s == 0.0, "the container was there already"


def test_what_a_container_wrote_for_itself_is_kept_with_the_task_that_it_ran_next(path: Path) -> None:
    def own(past: Past, text: str, container_id: str = "c-1") -> None:
        past.tell(
            ev.StderrLine,
            task_id="",
            container_id=container_id,
            revision=3,
            attribution=Attribution.CONTAINER,
            text=text,
        )

    with past_at(path) as past:
        own(past, "warm")
        own(past, "another's", "c-2")
        past.task("aa", lines=("one",))
        own(past, "between")
        past.task("bb", lines=("two",))
        past.task("cc")
        past.tell(ev.ContainerStopped, container_id="c-1", revision=3, reason="idle")
        past.settled()
        kept = {name: past.opened(name) for name in ("aa", "bb", "cc")}
        told = {name: [(line.text, line.task_id) for line in task.lines] for name, task in kept.items()}
        assert told == {"aa": [("warm", ""), ("one", "aa")], "bb": [("between", ""), ("two", "bb")], "cc": []}
        assert [task.task.result.stderr_lines for task in kept.values()] == [("one",), ("two",), ()]
        assert [task.task.result.stderr_dropped for task in kept.values()] == [0, 0, 0]


def test_the_task_that_asked_for_the_start_is_not_told_to_have_waited_for_it_before_it_was_there(path: Path) -> None:
    with past_at(path) as past:
        past.tell(ev.ContainerStarting, container_id="c-1", revision=3, time_s=90.0)
        past.tell(ev.TaskQueued, task_id="aa", payload=b"", time_s=100.0)
        past.task("aa", time_s=time.time(), started_s=100.5)
        past.settled()
        assert past.opened("aa").task.starting_s == 0.5


# As hotdash wrote it before it knew of `starting_s`.
OF_VERSION_1 = f"""
PRAGMA journal_mode = WAL;
CREATE TABLE tasks (
    place INTEGER PRIMARY KEY, run TEXT NOT NULL, id TEXT NOT NULL, folder TEXT NOT NULL, function TEXT NOT NULL,
    status TEXT NOT NULL, status_code INTEGER, error TEXT, revision INTEGER NOT NULL, container_id TEXT NOT NULL,
    queued_time_s REAL NOT NULL, ended_time_s REAL NOT NULL, queued_s REAL NOT NULL, run_s REAL NOT NULL,
    payload_bytes INTEGER NOT NULL, body_bytes INTEGER NOT NULL, preview BLOB NOT NULL
);
CREATE INDEX tasks_by_folder ON tasks (folder);
CREATE TABLE contents (
    place INTEGER PRIMARY KEY, payload BLOB, headers TEXT NOT NULL, body BLOB NOT NULL, answer_headers TEXT NOT NULL,
    error TEXT, stderr TEXT NOT NULL, stderr_dropped INTEGER NOT NULL
);
INSERT INTO tasks VALUES (1, 'run', 'old', '{ROOT}/greet', 'greet', 'success', 200, NULL, 3, 'c-1',
    strftime('%s'), strftime('%s'), 0.25, 0.5, 3, 5, CAST('hello' AS BLOB));
INSERT INTO contents VALUES (1, CAST('Ada' AS BLOB), '[["X-A", "b"]]', CAST('hello' AS BLOB), '[]', NULL,
    '[[1.5, "task", "a line"]]', 0);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
"""


def of_version_1(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(OF_VERSION_1)


def test_an_older_hotdashs_file_keeps_its_tasks_and_takes_new_ones(path: Path) -> None:
    of_version_1(path)
    assert counted(path) == 1
    with past_at(path) as past:
        past.tell(ev.TaskQueued, task_id="new", payload=b"", time_s=100.0)
        past.tell(ev.ContainerStarting, container_id="c-1", revision=3, time_s=100.0)
        past.task("new", time_s=time.time(), started_s=101.0)
        past.settled()
        assert past.ids() == ["new", "old"]
        old = past.opened("old")
        assert (old.task.payload, old.task.result.body, old.task.starting_s) == (b"Ada", b"hello", 0.0)
        assert [line.text for line in old.lines] == ["a line"]
        assert past.opened("new").task.starting_s == 1.0
        assert past.said == []
    assert list(path.parent.glob("*.broken-*")) == []


def test_an_older_hotdashs_file_is_read_before_it_is_brought_to_this_version(path: Path) -> None:
    of_version_1(path)
    with closing(Database(path, reads=True)) as database:
        assert database.connection.execute("PRAGMA user_version").fetchone() == (1,)
        page = rows.page(database.connection, PastQuery(), root=str(ROOT), run="another")
        assert [past.task.id for past in page.tasks] == ["old"]
        Database(path).close()  # who writes comes now
        assert rows.contents(database.connection, 1).task.starting_s == 0.0
        assert database.connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_several_who_find_an_older_file_at_once_bring_it_to_this_version_once(path: Path) -> None:
    of_version_1(path)
    with ThreadPoolExecutor(4) as pool:
        for opened in [pool.submit(lambda: Database(path).close()) for _ in range(8)]:
            opened.result()
    assert counted(path) == 1


@pytest.mark.parametrize(
    ("spoiled", "listed"),
    [
        ("UPDATE tasks SET status = 'skipped' WHERE id = 'bad'", ["good"]),
        ("UPDATE contents SET stderr = 'not json' WHERE place = 1", ["good", "bad"]),
        ("UPDATE contents SET answer_headers = '[1]' WHERE place = 1", ["good", "bad"]),
        ("UPDATE contents SET stderr = '[[1, 2]]' WHERE place = 1", ["good", "bad"]),
    ],
)
def test_a_row_that_is_not_to_be_read_costs_no_other(path: Path, spoiled: str, listed: list[str]) -> None:
    with past_at(path) as first:
        first.task("bad")
        first.settled()
        first.task("good")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(spoiled)
    with past_at(path) as second:
        assert second.ids() == listed
        second.answer(lambda: second.history.reader.open(1))
        assert second.history.reader.contents is None
        second.answer(lambda: second.history.reader.gather([1, 2]))
        assert list(second.history.reader.marked) == [2]
        assert second.opened("good").task.payload == b"Ada"


def test_a_question_that_fails_is_told_once_and_the_next_one_is_answered(path: Path, monkeypatch) -> None:
    with past_at(path) as past:
        past.task("aa")
        past.settled()
        with monkeypatch.context() as broken:
            broken.setattr(rows, "earlier", lambda *_args, **_names: {}["missing"])
            past.answer(past.history.reader.count)
            past.answer(past.history.reader.count)
        assert past.ids() == ["aa"]
        assert past.said == ["a question to the history has no answer: KeyError('missing')"]


def test_a_task_that_cannot_be_kept_costs_no_other_of_its_batch(path: Path) -> None:
    with past_at(path) as past:
        for task_id, code in (("aa", 200), ("bb", 2 * 10**22), ("cc", 200)):
            past.task(task_id, status_code=code)
        past.settled()
        assert past.ids() == ["cc", "aa"]
        assert (past.history.written, past.history.dropped, past.said) == (2, 1, [])


def test_what_is_large_is_kept_in_part_and_says_so(path: Path) -> None:
    limits = HistoryLimits(payload_bytes=10, body_bytes=10, stderr_bytes=10)
    with past_at(path, limits=limits) as past:
        past.task("aa", payload=b"p" * 11, body=b"b" * 11, lines=("lost", "12345", "67890"))
        past.settled()
        kept = past.opened("aa")
        assert (kept.task.payload, kept.payload_bytes, kept.has_payload) == (b"", 11, False)
        assert (kept.task.result.body, kept.body_bytes) == (b"b" * 10, 11)
        assert (kept.task.result.stderr_lines, kept.task.result.stderr_dropped) == (("12345", "67890"), 1)


def test_the_oldest_go_first_where_there_is_too_much_and_the_file_stays_small(path: Path) -> None:
    limits = HistoryLimits(max_bytes=2 * 2**20)
    with past_at(path, limits=limits) as past:
        for number in range(300):
            past.task(f"{number:03}", body=os.urandom(40_000))
            if not number % 20:
                past.settled()
        past.settled()
        until(lambda: len(past.ids()) < 60, "the trimming of what was written last")
        ids = past.ids()
        assert ids == [f"{299 - at:03}" for at in range(len(ids))]
        assert len(ids) > 20
        assert past.history.dropped == 0
    assert path.stat().st_size < 1.5 * limits.max_bytes


def test_what_is_too_old_goes_at_the_next_start(path: Path) -> None:
    with past_at(path) as past:
        past.task("old", time_s=time.time() - 31 * 86_400)
        past.task("new", time_s=time.time() - 29 * 86_400)
    with past_at(path) as past:
        past.task("now")
        past.settled()
        assert past.ids() == ["now", "new"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM contents").fetchone() == (2,)


def test_two_at_once_write_to_one_file_and_see_each_other(path: Path) -> None:
    with past_at(path) as one, past_at(path) as other:

        def write(past: Past, name: str) -> None:
            for number in range(200):
                past.task(f"{name}{number}")
                if not number % 10:
                    past.settled()

        threads = [threading.Thread(target=write, args=pair) for pair in ((one, "a"), (other, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        one.settled()
        other.settled()
        assert len(set(one.ids())) == 400 == one.history.reader.page.total
        assert one.said == other.said == []
        other.answer(other.history.reader.count)
        assert sum(other.history.reader.earlier.values()) == 200


def test_those_who_begin_a_history_at_once_all_find_it_theirs(tmp_path: Path) -> None:
    meeting = threading.Barrier(4)

    def begin(path: Path) -> None:
        meeting.wait()
        Database(path).close()  # raised `another program's database`, of one that was half made, 59 times in 1,200

    with ThreadPoolExecutor(4) as pool:
        for number in range(40):
            path = tmp_path / f"{number}.db"
            for opened in [pool.submit(begin, path) for _ in range(4)]:
                opened.result()


def test_files_are_the_users_alone(path: Path) -> None:
    with past_at(path) as past:
        past.task("aa")
        past.settled()
        modes = {found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
        assert modes == dict.fromkeys(("history.db", "history.db-wal", "history.db-shm", "history.db.lock"), 0o600)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_kill_keeps_what_was_committed(path: Path) -> None:
    program = f"""
        import sys, time
        sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
        from pathlib import Path
        from test_history import Past
        past = Past(Path(sys.argv[1]))
        for number in range(1_000_000):
            past.task(f"{{number:06}}")
            past.settled()
            print(number, flush=True)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        last = [int(process.stdout.readline()) for _ in range(50)][-1]
        process.send_signal(signal.SIGKILL)
        last = max([last, *map(int, process.stdout.read().split())])
    finally:
        process.kill()
        process.communicate()
    with past_at(path) as past:
        past.task("after")
        past.settled()
        kept = past.ids(limit=100_000)
        assert kept[0] == "after"
        assert len(kept) - 1 in {last + 1, last + 2}, "all that were told to be written, perhaps one more"
        assert past.said == []


def test_a_full_disk_is_told_once_costs_the_history_and_is_forgiven_when_there_is_room(path: Path) -> None:
    """A process of its own: its files may not grow beyond a limit, as on a full disk."""
    program = f"""
        import resource, sys, time
        sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
        from pathlib import Path
        from real_tools import until
        from test_history import Past
        from hotdash.store.history import writer
        writer._RETRY_S = 0.0
        past = Past(Path(sys.argv[1]))
        past.task("before")
        past.settled()
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        for number in range(3):
            past.task(f"full{{number}}", body=bytes(200_000))
            past.settled()
        assert past.history.dropped == 3, past.history.dropped
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        past.task("after")
        past.settled()
        print(past.ids(), past.said)
        assert past.history.close(10)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(path)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("['after', 'before'] [")
    assert done.stdout.count("no history: ") == 1
    assert str(path) in done.stdout


def test_a_locked_one_costs_what_ends_meanwhile_and_never_blocks_who_calls(path: Path) -> None:
    with past_at(path) as past:
        past.task("before")
        past.settled()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            past.task("meanwhile")
            until(lambda: past.said, "the word that it is locked")
            began_s = time.monotonic()
            for number in range(5_000):
                past.task(f"flood{number}")
            took_s = time.monotonic() - began_s
            assert past.ids() == ["before"], "reading goes on"
        assert took_s < 5.0, "not even a thousandth of a wait for the lock each"
        assert past.history.dropped > 2_000
        assert len(past.said) == 1
        assert "another program has locked it" in past.said[0]


def test_one_that_cannot_be_written_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    with past_at(in_the_way / "history.db") as past:
        past.task("aa")
        past.settled()
        assert (past.history.written, past.history.dropped) == (0, 1)
        assert past.ids() == []
        assert len(past.said) == 1
        assert str(in_the_way) in past.said[0]


def written_by_another(path: Path, *statements: str) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (("CREATE TABLE recipes (cake TEXT)",), "another program's database, left alone"),
        (
            (f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 99", "CREATE TABLE tasks (x)"),
            "of a newer hotdash, left alone",
        ),
    ],
)
def test_a_strangers_and_a_newer_ones_database_is_left_alone_and_told(path, statements, said) -> None:
    before = written_by_another(path, *statements)
    with past_at(path) as past:
        past.task("aa")
        past.settled()
        assert past.ids() == []
        assert past.history.dropped == 1
        assert len(past.said) == 1
        assert said in past.said[0]
        assert "goes on without" in past.said[0]
    assert path.read_bytes() == before


def broken_from_the_start(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database" * 1_000)


def broken_in_the_middle(path: Path) -> None:
    with past_at(path) as past:
        for number in range(200):
            past.task(f"{number}", body=bytes(8_000))
            past.settled()
    size = path.stat().st_size
    with path.open("r+b") as file:
        for place in range(4_096, size, 4_096):
            file.seek(place)
            file.write(b"\xa5" * 4_096)


def emptied_of_its_tables(path: Path) -> None:
    written_by_another(
        path, f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 1", "CREATE TABLE other (x)"
    )


@pytest.mark.parametrize("broken", [broken_from_the_start, broken_in_the_middle, emptied_of_its_tables])
def test_a_broken_one_is_moved_aside_by_name_and_a_new_one_begun(path: Path, broken) -> None:
    broken(path)
    size = path.stat().st_size
    with past_at(path) as past:
        past.task("aa")
        past.settled()
        assert past.ids() == ["aa"]
        assert past.history.dropped == 0
        [aside] = path.parent.glob("history.db.broken-*")
        assert [aside.name in text for text in past.said] == [True]
        assert aside.stat().st_size == size
    assert counted(path) == 1


def test_one_found_broken_by_who_reads_is_moved_aside_though_nothing_is_written(path: Path) -> None:
    broken_in_the_middle(path)
    with past_at(path) as past:
        past.history.reader.look(PastQuery())
        until(lambda: past.said, "the word that it was broken")
        assert "a new one has begun" in past.said[0]
        assert past.ids() == []


def test_a_removed_file_is_made_anew(path: Path) -> None:
    with past_at(path) as past:
        past.task("aa")
        past.settled()
        for found in path.parent.iterdir():
            found.unlink()
        past.task("bb")
        past.settled()
        assert past.ids() == ["bb"]
        assert past.said == []


def test_no_thread_is_left(path: Path) -> None:
    with past_at(path) as past:
        past.ids()
        assert {"history", "history-read"} <= {thread.name for thread in threading.enumerate()}
    assert not {"history", "history-read"} & {thread.name for thread in threading.enumerate()}


def test_sqlite_is_imported_only_when_it_is_used() -> None:
    program = "import sys, hotdash.store.history; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
