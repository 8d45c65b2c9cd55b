"""How editors and tools save a file: each as seen with strace, done here step by step."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def in_place(file: Path, text: str) -> None:
    """VS Code, nano, a shell's `>`: cut to nothing, then written, here in two steps."""
    with file.open("w") as out:
        out.write(text[: len(text) // 2])
        out.flush()
        out.write(text[len(text) // 2 :])


def vim(file: Path, text: str) -> None:
    """`backup` on a rename: a probe named 4913, the old file renamed, a new one written, the backup removed."""
    swap = file.with_name(f".{file.name}.swp")
    swap.write_text("b0VIM")
    probe = file.with_name("4913")
    probe.touch()
    probe.unlink()
    backup = file.with_name(f"{file.name}~")
    file.rename(backup)
    file.write_text(text)
    backup.unlink()
    swap.unlink()


def jetbrains(file: Path, text: str) -> None:
    """Safe write: a new file beside it, the old one put away, both renamed."""
    new, old = file.with_name(f"{file.name}___jb_tmp___"), file.with_name(f"{file.name}___jb_old___")
    new.write_text(text)
    file.rename(old)
    new.rename(file)
    old.unlink()


def emacs(file: Path, text: str) -> None:
    """A lock that is a dangling link, an auto-save file, a backup that stays."""
    lock, auto = file.with_name(f".#{file.name}"), file.with_name(f"#{file.name}#")
    lock.symlink_to("somebody@somewhere.1234:5678")
    auto.write_text(text)
    file.replace(file.with_name(f"{file.name}~"))
    file.write_text(text)
    auto.unlink()
    lock.unlink()


def gnome(file: Path, text: str) -> None:
    """gedit: a stream's temporary file, renamed over the old one."""
    new = file.with_name(".goutputstream-1A2B3C")
    new.write_text(text)
    new.replace(file)


def sed(file: Path, text: str) -> None:
    """The real `sed -i`, which writes a file named sedXXXXXX and renames it."""
    source = file.with_name("sed.script.tmp")
    source.write_text("$!d\n$c\\\n" + text.rstrip("\n").replace("\\", "\\\\").replace("\n", "\\\n") + "\n")
    subprocess.run(["sed", "-i", "-f", str(source), str(file)], check=True)
    source.unlink()


def synced(file: Path, text: str) -> None:
    """rsync, and many a program that means to be safe: a hidden temporary file, flushed to disk, renamed."""
    new = file.with_name(f".{file.name}.Xy12Zz.tmp")
    with new.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


EDITORS: dict[str, Callable[[Path, str], None]] = {
    "in place": in_place,
    "vim": vim,
    "jetbrains": jetbrains,
    "emacs": emacs,
    "gnome": gnome,
    "sed -i": sed,
    "synced": synced,
}
