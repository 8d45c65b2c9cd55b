"""Every use of an image that a build hands out goes back to the driver once, when nothing needs it any more."""

from __future__ import annotations

from collections import Counter

import pytest
from runtime_tools import make_spec, until

from hotdash.errors import BuildError, StartError, UnknownFunction


@pytest.fixture
def uses(bench):
    """The uses that are out, by the first digit of the image; at the end there are none."""
    bench.driver.waits = True
    out: Counter[str] = Counter()
    build, release = bench.driver.build, bench.driver.release

    def counted_build(spec, **more):
        image = build(spec, **more)
        out[image.id[0]] += 1
        return image

    def counted_release(image):
        out[image.id[0]] -= 1
        assert out[image.id[0]] >= 0, "given back twice"
        assert not bench.driver.is_closed
        release(image)

    bench.driver.build, bench.driver.release = counted_build, counted_release
    yield out
    bench.runtime.close(timeout_s=0)
    assert not +out, "not given back"


def test_a_deploy_that_changes_nothing_keeps_one_use(bench, uses):
    bench.deploy()
    assert not bench.deploy().changed
    assert bench.deploy(config={"A": "1"}).changed  # another revision, of the same image
    assert +uses == {"0": 1}


def test_what_is_live_and_the_last_three_before_it_are_in_use(bench, uses):
    for number in range(6):
        bench.rebuild(f"{number}")
        bench.deploy()
    until(lambda: len(bench.states()) <= 1)
    assert +uses == dict.fromkeys("2345", 1)
    bench.runtime.rollback("f", 3)
    until(lambda: len(bench.states()) <= 1)
    assert +uses == dict.fromkeys("2345", 1), "what was rolled back to is kept, and live"


def test_a_removed_function_gives_back_its_images_when_its_last_container_is_gone(bench, uses):
    bench.deploy()
    bench.rebuild("1")
    bench.deploy()
    task = bench.submit()
    bench.asked(task)
    bench.runtime.undeploy("f")
    assert uses["1"] == 1, "a container runs it yet"
    bench.answer(task)
    until(lambda: not +uses, "as many given back as were handed out")


def test_one_that_never_ran_gives_back_its_image_at_once(bench, uses):
    bench.deploy()
    bench.runtime.undeploy("f")
    assert not +uses


def test_a_function_that_comes_again_has_a_use_of_its_own(bench, uses):
    bench.deploy()
    task = bench.submit()
    bench.asked(task)
    bench.runtime.undeploy("f")
    bench.deploy()
    assert +uses == {"0": 2}
    bench.answer(task)
    until(lambda: +uses == {"0": 1}, "the end of the use of the one before")


def test_a_revision_that_does_not_prove_itself_gives_its_image_back(bench, uses):
    bench.deploy()
    bench.rebuild("1")
    bench.driver.fail_starts = "broken"
    with pytest.raises(StartError):
        bench.deploy()
    until(lambda: +uses == {"0": 1}, "the end of the container that was to prove it")


def test_a_build_that_fails_hands_out_nothing(bench, uses):
    bench.driver.fail_builds = "broken"
    with pytest.raises(BuildError):
        bench.deploy()
    assert not uses


def test_what_was_built_for_a_function_that_was_removed_meanwhile_goes_back(bench, uses):
    build = bench.driver.build

    def build_and_remove(spec, **more):
        image = build(spec, **more)
        bench.runtime.undeploy("f")
        return image

    bench.driver.build = build_and_remove
    with pytest.raises(UnknownFunction, match="was removed"):
        bench.runtime.deploy(make_spec())
    assert not +uses
