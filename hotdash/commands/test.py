"""`hotdash test`: the tests of function files. Runs in the main thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hotdash.commands.exits import FAILED, NO_DRIVER, USAGE, fail, say
from hotdash.commands.options import driver_option, memory_option
from hotdash.commands.output import put
from hotdash.commands.running import find_function, load_all, opened_runtime
from hotdash.errors import BuildError, NeedsDocker, NeedsRuntime, StartError

if TYPE_CHECKING:
    from hotdash.function_tests import Verdict
    from hotdash.functions.spec import FunctionSpec
    from hotdash.runtime.runtime import Runtime

_STDERR_LINES = 20  # of a failed test's own


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.argument("name", metavar="[NAME]", required=False)
@driver_option
@memory_option
def test(folder: Path, name: str | None, driver: str | None, memory_mb: int | None) -> None:
    """Runs the tests of each function in DIR, or of NAME alone, and prints what differs.

    Exit codes: 0 all passed, 1 one failed, 2 usage or a bad function file, 3 no driver (of one function, too),
    130 interrupted.
    """
    faults: tuple[str, ...] = ()
    if name is None:
        specs, faults = load_all(folder)
        if not specs and not faults:
            fail(USAGE, f"{folder}: no functions found; to make one: hotdash init NAME --runtime python")
    else:
        specs = [find_function(folder, name)]
    for fault in faults:
        say(fault)
    report = Report()
    if any(spec.tests for spec in specs):
        with opened_runtime(driver, memory_mb=memory_mb, close_s=1.0) as (runtime, _):
            report.driver = runtime.driver.name
            for spec in specs:
                report.run(runtime, spec)
    else:
        for spec in specs:
            report.tell_untested(spec)
    report.tell_sum()
    raise click.exceptions.Exit(report.exit_code or (USAGE if faults else 0) or (NO_DRIVER if report.unrunnable else 0))


class Report:
    """Tells of tests as they end, on standard output, and counts."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.unrunnable = 0  # functions
        self.driver = ""

    @property
    def exit_code(self) -> int:
        """1 if any failed."""
        return FAILED if self.failed else 0

    def run(self, runtime: Runtime, spec: FunctionSpec) -> None:
        """Runs one function's tests; one that cannot be built or started has failed them all."""
        from hotdash.function_tests import run_tests  # noqa: PLC0415  not for `--help`

        if not spec.tests:
            self.tell_untested(spec)
            return
        _tell(spec.key)
        before = self.passed + self.failed
        try:
            for verdict in run_tests(runtime, spec):
                self._tell(verdict)
        except (NeedsDocker, NeedsRuntime) as error:
            self.unrunnable += 1
            _tell(f"  not run: {error}")
        except (BuildError, StartError) as error:
            self.failed += len(spec.tests) - (self.passed + self.failed - before)
            _tell(f"  FAILED  {error}")
            for line in error.log if isinstance(error, BuildError) else ():
                _tell(f"          {line}")

    @staticmethod
    def tell_untested(spec: FunctionSpec) -> None:
        """Says that it has none."""
        _tell(f"{spec.key}: no tests")

    def tell_sum(self) -> None:
        """The last line."""
        unrunnable = f", {self.unrunnable} {'function' if self.unrunnable == 1 else 'functions'} not run"
        driver = f", on the {self.driver} driver" if self.driver else ""
        _tell(f"{self.passed} passed, {self.failed} failed{unrunnable if self.unrunnable else ''}{driver}")

    def _tell(self, verdict: Verdict) -> None:
        from hotdash.differences import difference  # noqa: PLC0415  as above

        test, result = verdict.test, verdict.result
        if verdict.passed:
            self.passed += 1
            _tell(f"  passed  {test.name}  ({1000 * (result.queued_s + result.run_s):.0f} ms)")
            return
        self.failed += 1
        _tell(f"  FAILED  {test.name}")
        lines = [f"{result.status.value}: {verdict.error}"] if verdict.error else []
        if verdict.is_stdout_wrong:
            lines += difference("out", test.stdout or "", result.body)
        if verdict.is_stderr_wrong:
            lines += difference("err", test.stderr or "", "".join(f"{line}\n" for line in result.stderr).encode())
        elif result.stderr:
            lines += ["stderr:", *(f"  {line}" for line in result.stderr[-_STDERR_LINES:])]
        for line in lines:
            _tell(f"          {line}")


def _tell(text: str) -> None:
    from hotdash.sanitize import plain  # noqa: PLC0415  as above

    put(plain(text), what="the outcome of the tests")
