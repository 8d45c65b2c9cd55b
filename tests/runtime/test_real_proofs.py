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
IN_A_THREAD = "threading.Thread(target=exec, args=(AT_WORK, globals())).start()\nthreading.Event().wait()\n"


@contextmanager
def replacing(tmp_path: Path, code: str, *, by_shell: bool = False) -> Iterator[tuple[Runtime, FunctionSpec]]:
    """A runtime whose function is live, and the function as it has been saved anew."""
    with real_runtime(tmp_path) as runtime:
        keys = {"prove_s": PROVE_S, "init_timeout_s": INIT_TIMEOUT_S}
        if by_shell:
            keys["entrypoint"] = ("/bin/sh", "func.sh")
        spec = function(tmp_path / "f", DO_AS_TOLD, **keys)
        shell = f"{' '.join(PYTHON)} func.py\nexit $?\n"  # not the last command, which it might become
        (spec.folder / "func.sh").write_text(shell)
        runtime.deploy(spec)
        (spec.folder / "func.py").write_text(code)
        yield runtime, spec


@pytest.mark.parametrize(
    ("code", "by_shell"),
    [("sys.stdin = os.fdopen(os.dup(0))\n", False), ("", True)],
    ids=["by_another_descriptor", "as_a_shells_child"],
)
def test_one_that_reads_its_input_otherwise_is_proved_after_prove_s(tmp_path, code, by_shell):
    with replacing(tmp_path, HTTP + code + SERVE, by_shell=by_shell) as (runtime, spec):
        assert PROVE_S <= runtime.deploy(spec).start_s < INIT_TIMEOUT_S / 2
        assert runtime.submit("f", b"").result(PATIENCE_S).body == b"new"


@pytest.mark.parametrize(
    "code", ["time.sleep(1000)", "threading.Event().wait()", "subprocess.run(['sleep', '1000'])", "signal.pause()"]
)
def test_one_that_sleeps_is_proved_after_prove_s(tmp_path, code):
    with replacing(tmp_path, f"{HTTP}\n{code}\n") as (runtime, spec):
        assert PROVE_S <= runtime.deploy(spec).start_s < INIT_TIMEOUT_S / 2
        assert runtime.snapshot().functions["f"].revision == 2


def test_one_of_which_a_thread_reads_stdin_is_proved_at_once(tmp_path):
    serve = "def serve():\n    for headers, body in requests():\n        answer(b'new')\n"
    code = HTTP + serve + "threading.Thread(target=serve, daemon=True).start()\nsignal.pause()\n"
    with replacing(tmp_path, code) as (runtime, spec):
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
