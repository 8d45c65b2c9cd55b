"""`Transcript`: what the engine says while it builds, turned into lines and, at the end, an image or a cause.

In the thread that builds. The stream of the classic builder has objects with `stream` (text, lines split anywhere),
`status` (the pull of a base), `aux` (the image's id) and `error` (it failed; the HTTP status was long 200 by then).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from hotdash.drivers.docker.images.progress import PullProgress
from hotdash.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.drivers.build_output import BuildOutput

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_EXITED = re.compile(r"The command '.*' returned a non-zero code: (\d+)", re.DOTALL)
_NOISE = re.compile(r"(?: ---> Running in|Removing intermediate container) [0-9a-f]+\s*")
_RED, _PLAIN = "\x1b[91m", "\x1b[0m"  # what the engine puts around what a step writes to stderr
_KILLED = 137  # 128 + SIGKILL
_TOLD_S = 0.1  # a step that took less is not worth a line
_FULL = "no space left on device"
_RECENT = 20  # lines before the end in which the cause is looked for
_SHOWN = 200  # characters of an instruction in a message


class Transcript:
    """The build of one image.

    Args:
        what: What is built, for messages: the function's key.
        output: Takes the lines.
        clock: Seconds; for tests.

    Attributes:
        image_id: What was built; empty before the end.
    """

    def __init__(self, what: str, *, output: BuildOutput, clock: Callable[[], float] = time.monotonic) -> None:
        self.image_id = ""
        self._what = what
        self._output = output
        self._clock = clock
        self._began_s = clock()
        self._step = ""
        self._step_s = self._began_s
        self._pull = PullProgress(output, clock=clock)

    @property
    def where(self) -> str:
        """The step under way, `step 2 of 4, `RUN make``; empty before the first."""
        return self._step

    def take(self, said: dict[str, Any]) -> None:
        """Takes one object of the stream.

        Raises:
            BuildError: The engine says that the build failed.
        """
        if "error" in said or "errorDetail" in said:
            detail = said.get("errorDetail")
            message = (detail.get("message") if isinstance(detail, dict) else None) or said.get("error")
            raise self.failure(str(message or "it did not say why"))
        if isinstance(said.get("stream"), str):
            self._text(said["stream"])
        elif isinstance(said.get("aux"), dict):
            self.image_id = str(said["aux"].get("ID") or self.image_id)
        elif "status" in said:
            self._pull.take(said)

    def end(self) -> str:
        """The stream has ended well; returns the image's id.

        Raises:
            BuildError: There is none.
        """
        self._end_step()
        if not self.image_id:
            raise self.failure("the engine ended it without a word: see that it runs, then deploy again")
        self._output.line(f"built in {self._clock() - self._began_s:.1f} s")
        return self.image_id

    def failure(self, message: str) -> BuildError:
        """The error for a build that ended by what `message` says."""
        last = self._output.said
        self._end_step()
        where = f"{self._what}: {self._step}," if self._step else f"{self._what}: the build"
        ran = _EXITED.search(message)
        said = (*self._output.log[-_RECENT:], message)  # what filled the disk seldom says so with its last line
        if any(_FULL in line.lower() for line in said):
            why = f"failed: the engine's disk is full ({message[:1000]}): make room there (docker system prune)"
        elif ran and int(ran.group(1)) == _KILLED:
            why = f"was killed by SIGKILL (by want of memory, perhaps): {last[:1000]}"
        elif ran:
            why = f"exited with code {ran.group(1)}: {last[:1000] or 'it printed nothing'}"
        else:
            why = f"failed: {message[:1000]}"
        return BuildError(f"{where} {why}", log=self._output.log)

    def _text(self, text: str) -> None:
        if _NOISE.fullmatch(text):
            return
        text = text.removeprefix(_RED) if text.startswith(_RED) else text.removeprefix(_PLAIN)
        text = text.removesuffix(_PLAIN)
        if step := _STEP.match(text):
            self._end_step()
            number, count, instruction = step.groups()
            instruction = " ".join(instruction.split())
            shown = instruction if len(instruction) <= _SHOWN else f"{instruction[:_SHOWN]}…"
            self._step = f"step {number} of {count}, `{shown}`"
            self._output.step(int(number), int(count), shown)
            self._step_s = self._clock()
        self._output.feed(text.encode("utf-8", "replace"))
        if step:
            self._output.said = ""

    def _end_step(self) -> None:
        self._output.flush()
        self._pull.end()
        took_s = self._clock() - self._step_s
        if self._step and took_s >= _TOLD_S:
            self._output.line(f" ---> took {took_s:.1f} s")
        self._step_s = self._clock()
