"""How real processes of a new revision prove themselves (section 7): by what they wait for, or by `prove_s` of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from real_tools import DO_AS_TOLD, HTTP, PATIENCE_S, PYTHON, function, real_runtime

from hotdash.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

PROVE_S = 0.2
INIT_TIMEOUT_S = 15.0  # what a proof took that did not count a sleep
SERVE = "\nfor headers, body in requests():\n    answer(b'new')\n"
AT_WORK_THEN_DEAD = "began_s = time.monotonic()\nwhile time.monotonic() < began_s + 1.0: pass\nos._exit(3)\n"
IN_A_THREAD_ALONE = (
    "def serve():\n    for headers, body in requests():\n        answer(b'new')\n"
    "threading.Thread(target=serve, daemon=True).start()\nsignal.pause()\n"
)
IN_A_THREAD = "threading.Thread(target=exec, args=(AT_WORK, globals())).start()\nthreading.Event().wait()\n"


@contextmanager
def replacing(
    tmp_path: Path, code: str, *, by_shell: bool = False, prove_s: float = PROVE_S
) -> Iterator[tuple[Runtime, FunctionSpec]]:
    """A runtime whose function is live, and the function as it has been saved anew."""
    with real_runtime(tmp_path) as runtime:
        keys = {"prove_s": prove_s, "init_timeout_s": INIT_TIMEOUT_S}
        if by_shell:
            keys["entrypoint"] = ("/bin/sh", "func.sh")
        spec = function(tmp_path / "f", DO_AS_TOLD, **keys)
        shell = f"{' '.join(PYTHON)} func.py\nexit $?\n"  # not the last command, which it might become
        (spec.folder / "func.sh").write_text(shell)
        runtime.deploy(spec)
        (spec.folder / "func.py").write_text(code)
        yield runtime, spec


def test_one_that_reads_its_input_otherwise_is_proved_after_prove_s(tmp_path):
    with replacing(tmp_path, HTTP + "sys.stdin = os.fdopen(os.dup(0))\n" + SERVE) as (runtime, spec):
        assert PROVE_S <= runtime.deploy(spec).start_s < INIT_TIMEOUT_S / 2
        assert runtime.submit("f", b"").result(PATIENCE_S).body == b"new"


@pytest.mark.parametrize(
    "code", ["time.sleep(1000)", "threading.Event().wait()", "subprocess.run(['sleep', '1000'])", "signal.pause()"]
)
def test_one_that_sleeps_is_proved_after_prove_s(tmp_path, code):
    with replacing(tmp_path, f"{HTTP}\n{code}\n") as (runtime, spec):
        assert PROVE_S <= runtime.deploy(spec).start_s < INIT_TIMEOUT_S / 2
        assert runtime.snapshot().functions["f"].revision == 2


@pytest.mark.parametrize(
    ("code", "by_shell"),
    [
        (IN_A_THREAD_ALONE, False),
        (SERVE, True),
        ("import select\nloop = select.epoll()\nloop.register(0, select.EPOLLIN)\nloop.poll()\n" + SERVE, False),
        ("subprocess.Popen([sys.executable, '-c', 'while True: pass'], stdin=subprocess.DEVNULL)\n" + SERVE, False),
    ],
    ids=["a_thread", "a_shells_child", "an_event_loop", "beside_a_busy_child"],
)
def test_one_that_is_seen_to_read_stdin_is_proved_at_once(tmp_path, code, by_shell):
    with replacing(tmp_path, HTTP + code, by_shell=by_shell, prove_s=INIT_TIMEOUT_S) as (runtime, spec):
        assert runtime.deploy(spec).start_s < INIT_TIMEOUT_S / 2
        assert runtime.submit("f", b"").result(PATIENCE_S).body == b"new"


@pytest.mark.parametrize(
    ("code", "by_shell"),
    [
        (HTTP + AT_WORK_THEN_DEAD, False),
        (HTTP + AT_WORK_THEN_DEAD, True),
        (HTTP + f"AT_WORK = {AT_WORK_THEN_DEAD!r}\n" + IN_A_THREAD, False),
    ],
    ids=["itself", "a_shells_child", "a_thread"],
)
def test_one_at_work_for_longer_than_prove_s_is_not_proved_by_it(tmp_path, code, by_shell):
    with replacing(tmp_path, code, by_shell=by_shell) as (runtime, spec):
        with pytest.raises(StartError, match="exited with code 3 while it proved itself"):
            runtime.deploy(spec)
        assert runtime.submit("f", b"answer(b'old')").result(PATIENCE_S).body == b"old"
