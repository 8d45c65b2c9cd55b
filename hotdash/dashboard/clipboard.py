"""`Clipboard`: the system's clipboard, by the program that the desktop has for it, and tmux's buffer.

OSC 52, which Textual writes, reaches the clipboard where the terminal allows it, and nobody can tell (tmux as it comes
does not); these programs say whether they took it. Each copy has a thread (`clipboard`), made here, which waits for
each program for a few seconds at most and ends.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

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


def tmux_commands(environment: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """What puts its stdin into tmux's own buffer, the best first (`-w` gives it to the terminal's clipboard, too).

    Args:
        environment: hotdash's own.

    Returns:
        None outside tmux; before tmux 3.2 only the second is any good.
    """
    if not environment.get("TMUX") or shutil.which("tmux", path=environment.get("PATH")) is None:
        return ()
    return (("tmux", "load-buffer", "-w", "-"), ("tmux", "load-buffer", "-"))


def copy_to_system(
    text: str, commands: Sequence[tuple[str, ...]], done: Callable[[frozenset[str]], object]
) -> threading.Thread:
    """Gives a text to such programs, in a thread.

    Args:
        text: What is copied.
        commands: As above; of two of one program the second is tried only if the first fails.
        done: Called in the thread, with the names of the programs that took it.
    """

    def give() -> None:
        took: set[str] = set()
        for command in commands:
            if command[0] not in took and _give(text.encode("utf-8", "replace"), command):
                took.add(command[0])
        done(frozenset(took))

    thread = threading.Thread(target=give, name="clipboard")
    thread.daemon = True  # a program that hangs does not keep hotdash from ending
    thread.start()
    return thread


def where_it_went(what: str, took: Collection[str]) -> str:
    """What to tell of a copy: only what is known.

    Args:
        what: What was copied, in words.
        took: The names of the programs that took it.
    """
    places = [f"the clipboard ({name})" for name in sorted(took) if name != "tmux"]
    if "tmux" in took:
        places.append("tmux's buffer (prefix ] pastes it)")
    if places:
        return f"copied {what} to {' and '.join(places)}"
    return f"sent {what} to the terminal: it is in the clipboard if that takes OSC 52"


def _give(data: bytes, command: tuple[str, ...]) -> bool:
    # These programs stay as long as they own the clipboard: with no output of ours open, and out of our group, so that
    # a Ctrl-C is not theirs.
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_WAIT_S,
            check=False,
            start_new_session=True,
        )
        return done.returncode == 0
    return False
