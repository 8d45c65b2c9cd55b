"""`Clipboard`: the system's clipboard, by the program that the desktop has for it.

OSC 52, which Textual writes, reaches the clipboard where the terminal allows it; this one where there is a desktop.
Each copy has a thread (`clipboard`), made here, which waits for the program for a few seconds at most and ends.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

OSC_52_BYTES = 74_994  # what terminals take at most, xterm's and tmux's limit: 100,000 of base64 with what is around it
_WAIT_S = 3.0


def clipboard_command(environment: Mapping[str, str], *, platform: str = sys.platform) -> tuple[str, ...] | None:
    """The program that puts its stdin into the clipboard, or None where there is none.

    Args:
        environment: hotdash's own: it says which desktop there is.
        platform: As `sys.platform`.
    """
    wanted: list[tuple[str, ...]] = []
    if platform == "darwin":
        wanted.append(("pbcopy",))
    if environment.get("WAYLAND_DISPLAY"):
        wanted.append(("wl-copy",))
    if environment.get("DISPLAY"):
        wanted += [("xclip", "-selection", "clipboard"), ("xsel", "--clipboard", "--input")]
    if environment.get("WSL_DISTRO_NAME"):
        wanted.append(("clip.exe",))
    return next((command for command in wanted if shutil.which(command[0], path=environment.get("PATH"))), None)


def copy_to_system(text: str, command: tuple[str, ...]) -> threading.Thread:
    """Gives a text to such a program, in a thread; that it fails costs this copy alone."""
    thread = threading.Thread(target=_give, args=(text.encode("utf-8", "replace"), command), name="clipboard")
    thread.daemon = True  # a program that hangs does not keep hotdash from ending
    thread.start()
    return thread


def _give(data: bytes, command: tuple[str, ...]) -> None:
    # These programs stay as long as they own the clipboard: with no output of ours open, and out of our group, so that
    # a Ctrl-C is not theirs.
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run(
            command,
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_WAIT_S,
            check=False,
            start_new_session=True,
        )
