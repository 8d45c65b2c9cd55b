"""Runs the `tests` of function files, for `hotdash test`: each is one call, and a verdict. The main thread runs it.

A test is IronFunctions' (its `fn test`): `in` is the payload, `out` the whole answer, `err` all of stderr. `env` are
variables of the container, as `fn test` has them on one's own machine, and headers of the call, as it has them on a
server: what of them can be a header.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hotdash.errors import InvalidRequest
from hotdash.invocation import wait_for
from hotdash.protocol.headers import check_value, header_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hotdash.functions.spec import FunctionSpec, FunctionTest
    from hotdash.runtime.runtime import Runtime
    from hotdash.task import TaskResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one test.

    Args:
        test: What its file says.
        result: How its call ended.
    """

    test: FunctionTest
    result: TaskResult

    @property
    def error(self) -> str:
        """Why the call did not succeed: no answer is right then, whatever it says. Empty if it did."""
        return self.result.error or ""

    @property
    def is_stdout_wrong(self) -> bool:
        """Whether the answer is not `out`, where the test has one."""
        return self.test.stdout is not None and self.result.body != self.test.stdout.encode()

    @property
    def is_stderr_wrong(self) -> bool:
        """Whether the lines of stderr are not those of `err`, where the test has one."""
        return self.test.stderr is not None and self.result.stderr != self.test.stderr.splitlines()

    @property
    def passed(self) -> bool:
        """Whether all is as the test has it."""
        return not (self.error or self.is_stdout_wrong or self.is_stderr_wrong)


def run_tests(runtime: Runtime, spec: FunctionSpec) -> Iterator[Verdict]:
    """Deploys the function, runs its tests one after another, and takes it away again.

    A test with an `env` runs in a revision of its own; for that nothing is built.

    Raises:
        HotdashError: The function cannot be built or started.
        KeyboardInterrupt: The user ended it.
    """
    try:
        config: Mapping[str, str] | None = None
        for test in spec.tests:
            wanted = {**spec.config, **test.env}
            if wanted != config:
                runtime.deploy(replace(spec, config=wanted))
                config = wanted
            task = runtime.submit(spec.key, test.stdin.encode(), headers=_headers(test.env))
            yield Verdict(test=test, result=wait_for(task))
    finally:
        if spec.key in runtime.snapshot().functions:
            runtime.undeploy(spec.key)


def _headers(env: Mapping[str, str]) -> dict[str, str]:
    """What of a test's variables can be headers."""
    headers = {}
    for name, value in env.items():
        try:
            header_names(name)
            check_value(name, value)
        except InvalidRequest:
            continue
        headers[name] = value
    return headers
