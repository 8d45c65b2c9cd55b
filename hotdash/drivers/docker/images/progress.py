"""`PullProgress`: the many small reports of a pull as few lines, with a bar. In the thread that pulls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from hotdash.drivers.build_output import BuildOutput

_EVERY_S = 0.5  # between two lines of one pull
_BAR = 20  # characters
_MAX_LAYERS = 1_000  # an image of Docker has 127 at most; what a hostile stream names beyond is not counted


class PullProgress:
    """Adds up what is said of layers, and says it anew twice a second.

    Args:
        output: Takes the lines.
        clock: Seconds; for tests.
    """

    def __init__(self, output: BuildOutput, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._clock = clock
        self._layers: dict[str, tuple[int, int]] = {}
        self._told_s = float("-inf")
        self._told = ""

    def take(self, said: dict[str, Any]) -> None:
        """Takes one object with a `status`."""
        status, layer = str(said.get("status") or ""), str(said.get("id") or "")
        detail = said.get("progressDetail")
        if not layer or not isinstance(detail, dict):
            if status:
                self._output.line(f"{layer}: {status}" if layer else status)
            return
        known = layer in self._layers
        if status == "Downloading" and (known or len(self._layers) < _MAX_LAYERS):
            self._layers[layer] = _count(detail, "current"), _count(detail, "total")
        elif known and status in {"Verifying Checksum", "Download complete", "Extracting", "Pull complete"}:
            total = self._layers[layer][1]
            self._layers[layer] = total, total
        self._tell(at_once=False)

    def end(self) -> None:
        """Says the last state, if it has not been said, and forgets the layers."""
        self._tell(at_once=True)
        self._layers.clear()

    def _tell(self, *, at_once: bool) -> None:
        now_s = self._clock()
        total = sum(total for _, total in self._layers.values())
        if not total or (not at_once and now_s - self._told_s < _EVERY_S):
            return
        done = min(total, sum(current for current, _ in self._layers.values()))
        text = f"pulling {_bar(done / total)} {done / total:4.0%}  {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        if text != self._told:
            self._output.line(text)
            self._told, self._told_s = text, now_s


def _count(detail: dict[str, Any], key: str) -> int:
    value = detail.get(key)
    return max(0, value) if isinstance(value, int) else 0


def _bar(share: float) -> str:
    full = round(share * _BAR)
    return "█" * full + "░" * (_BAR - full)
