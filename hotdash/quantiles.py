"""Quantiles of figures: the one rule for all that is told of run times. A leaf; pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that has at least `share` of the ordered ones (of which there is one) before it, or the last."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
