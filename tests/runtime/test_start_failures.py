"""M5 where several fail at once, the last words of a failed start, and images that are let go late."""

from __future__ import annotations

import threading

from runtime_tools import until

from hotdash import events as ev


class Together:
    """Four containers for four tasks, which start when they are let, and fail."""

    def __init__(self, bench):
        self.go = threading.Event()
        self._bench = bench
        self._rounds = 0
        start = bench.driver.start
        bench.driver.start = lambda spec: (self.go.wait(10), start(spec))[1]
        bench.driver.fail_starts = "not just now"
        bench.deploy(max_concurrency=4)
        self.tasks = [bench.submit() for _ in range(4)]

    def fail(self):
        self._rounds += 1
        until(lambda: len(self._bench.seen(ev.ContainerStarting)) == 4 * self._rounds)
        self.go.set()
        until(lambda: self._bench.states() == [])
        self.go.clear()


def test_m5_failures_of_containers_that_were_launched_together_are_one_try(bench):
    four = Together(bench)
    four.fail()
    assert bench.snapshot().why == "start 1 of 3 failed (not just now); trying again in 0.1 s"
    assert not any(task.done() for task in four.tasks)
    bench.elapse(0.1)
    four.fail()
    assert bench.snapshot().why == "start 2 of 3 failed (not just now); trying again in 0.2 s"
    bench.driver.fail_starts = ""
    four.go.set()
    bench.elapse(0.2)
    for task in four.tasks:
        bench.answer(task)


def test_m5_when_containers_launched_together_all_fail_for_the_third_time_what_waits_fails(bench):
    four = Together(bench)
    four.fail()
    bench.elapse(0.1)
    four.fail()
    bench.elapse(0.2)
    four.fail()
    assert {bench.result(task).error for task in four.tasks} == {
        "f does not start: 3 starts in a row failed; the last: not just now"
    }
    four.go.set()
    assert "3 starts in a row failed" in bench.result(bench.submit()).error, "the next submit tries again, at once"


def test_the_last_words_of_one_that_fails_to_start_are_kept_if_they_came_before_the_dispatch(bench):
    bench.driver.waits = True
    start = bench.driver.start

    def start_dying(spec):  # it ends as the request is written
        container = start(spec)
        container.complain(b"ImportError\n")
        return container

    bench.driver.script = lambda container: container.exit(1)
    bench.driver.start = start_dying
    bench.deploy()
    task = bench.submit()
    bench.elapse(0.1)
    assert "its last stderr: ImportError" in bench.result(task).error


def test_an_image_that_was_still_in_use_when_its_revision_was_forgotten_is_released_later(bench):
    start = bench.driver.start

    def start_waiting(spec):
        container = start(spec)
        container.waits = True
        return container

    bench.driver.start = start_waiting
    bench.deploy()
    task = bench.submit()
    bench.asked(task)
    for number in range(1, 6):
        if number == 5:
            bench.answer(task)
            until(lambda: bench.states() == ["idle"])
        bench.rebuild(f"{number}")
        bench.deploy()
        until(lambda number=number: bench.states() == (["idle"] if number == 5 else ["draining", "idle"]))
    assert sorted(image.id[0] for image in bench.driver.released) == ["0", "1"]
