"""Which descriptors this process has open, for tests of which none may be left."""

from __future__ import annotations

import os
import sys

_FOLDER = "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"


def open_descriptors() -> set[tuple[str, str]]:
    """The number of each, and what it leads to.

    To be compared as sets: what threads of an earlier test give back meanwhile (watchfiles' do so a moment after the
    watch has ended) is missing from the later one, and no fault.
    """
    found = set()
    for number in os.listdir(_FOLDER):  # noqa: PTH208  names, not paths
        try:
            found.add((number, os.readlink(f"{_FOLDER}/{number}")))  # noqa: PTH115
        except OSError:  # the one that listed the folder, or one that another thread has just closed
            continue
    return found
