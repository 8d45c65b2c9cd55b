"""`hotdash invoke --driver docker` as its users see it, on the samples; and what is said where there is no engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from docker_tools import docker_host  # noqa: F401  a fixture

SAMPLES = Path(__file__).parents[2] / "sample_functions"
NO_ENGINE = "unix:///there-is-no-engine"
LONG_S = 50.0


def invoke(tmp_path: Path, host: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hotdash", "invoke", str(SAMPLES), *args],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path), "DOCKER_HOST": host},
    )


@pytest.mark.parametrize(
    "sample",
    [("greet", "Ada", "Hello, Ada!"), ("wordcount", "a b", "lines 0\nwords 2\nbytes 3\n")],
    ids=["hot", "cold"],
)
@pytest.mark.parametrize("driver", ["docker", "auto"])
def test_a_sample_runs_in_a_container(tmp_path, docker_host, driver, sample):  # noqa: F811
    name, payload, answer = sample
    done = invoke(tmp_path, docker_host, name, "--driver", driver, "-d", payload)
    assert (done.returncode, done.stdout.strip()) == (0, answer.strip()), done.stderr
    assert done.stderr, "its own stderr"


def test_without_an_engine_the_exit_code_is_3_and_one_sentence_says_what_to_do(tmp_path):
    done = invoke(tmp_path, NO_ENGINE, "greet", "--driver", "docker", "-d", "x")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert NO_ENGINE in done.stderr
    assert "--driver process" in done.stderr


def test_without_an_engine_auto_runs_it_as_a_process(tmp_path):
    done = invoke(tmp_path, NO_ENGINE, "greet", "-d", "Ada")
    assert (done.returncode, done.stdout.strip()) == (0, "Hello, Ada!")
