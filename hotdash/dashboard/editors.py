"""How an editor is told to open a file at a line. Pure; any thread."""

from __future__ import annotations

from pathlib import PurePath

_PLUS = frozenset(
    (
        *("vi", "vim", "nvim", "view", "gvim", "mvim", "nano", "pico", "emacs", "emacsclient"),
        *("micro", "hx", "helix", "kak", "joe", "ne", "mg", "jed", "mcedit"),
    )
)
_COLON = frozenset(("subl", "sublime_text", "zed", "zeditor"))
_GOTO = frozenset(("code", "code-insiders", "codium", "vscodium", "cursor", "windsurf"))


def editor_command(editor: str, path: str, line: int = 0) -> list[str]:
    """The command that opens a file.

    Args:
        editor: As the user's environment names it, with options of its own.
        path: The file.
        line: Where, from 1; 0 for its beginning. An editor that is not known here is given the file alone.

    Raises:
        ValueError: What the environment says is no command.
    """
    import shlex  # noqa: PLC0415  not for the first picture

    words = shlex.split(editor)
    if not words:
        raise ValueError("it is empty")
    name = PurePath(words[0]).name
    if not line:
        return [*words, path]
    if name in _PLUS:
        return [*words, f"+{line}", path]
    if name in _GOTO:
        return [*words, "--goto", f"{path}:{line}"]
    return [*words, f"{path}:{line}" if name in _COLON else path]
