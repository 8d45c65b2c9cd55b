"""Makes a stranger's text safe to show on a terminal. A leaf: pure functions, any thread, no screen library.

Everything that hotdash did not write itself (stderr, bodies, names, errors, paths, build output) passes here before a
terminal sees it. Escape sequences go; what is left of control is shown in the caret form that `less` uses (`^G`,
`<9B>`, `<U+202E>`), so that nothing is hidden and nothing acts.
"""

from __future__ import annotations

import re
import unicodedata

TAB = 8  # columns, as terminals have it

# 7 or 8 bit: CSI with its parameters, or OSC/DCS/SOS/PM/APC up to its terminator, or a short escape.
# A control string that never ends is not matched whole: its introducer alone goes, its text is shown.
SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]+[0-~]"
    "|\x1b[0-Z\\\\`-~]"
)
SGR = re.compile("(?:\x1b\\[|\x9b)([0-9;:]{0,64})m")  # colours and the like, which some keep
_JOINERS = "\u200c\u200d"  # they build emoji and Indic letters; they neither move nor reorder anything


def plain(text: str) -> str:
    """One line of text that a terminal can be given: no control, no escape sequence, nothing that reorders text.

    Args:
        text: Anything at all. A newline within it is shown as `↵`; of a line that was redrawn only the last state is
            kept, after a mark, as a terminal would show it.

    Returns:
        Text without control characters, lone surrogates or bidirectional controls; tabs are expanded.
    """
    if text.isprintable():
        return text
    if "\r" in text or "G" in text:
        text = in_the_end(text)
    text = SEQUENCES.sub("", text)
    if "\t" in text:
        text = text.expandtabs(TAB)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _picture(char) for char in text)


def in_the_end(text: str) -> str:
    """A line as it is, its colours too; of one that was redrawn, what a terminal shows in the end."""
    from hotdash.redrawn import is_redrawn, last_drawn  # noqa: PLC0415  few lines are, and none at the start

    return last_drawn(text, SEQUENCES) if is_redrawn(text) else text


def plain_lines(text: str) -> list[str]:
    """`plain`, for text of several lines; the empty text has none."""
    return [plain(line) for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n")] if text else []


def _picture(char: str) -> str:
    """How one character that is not printable is shown."""
    code = ord(char)
    if char == "\n":
        return "↵"
    if code < 0x20 or code == 0x7F:
        return f"^{chr(code ^ 0x40)}"
    if code < 0xA0:
        return f"<{code:02X}>"
    if 0xD800 <= code <= 0xDFFF:
        return "\N{REPLACEMENT CHARACTER}"  # a byte that is not UTF-8, or half a pair
    if char in _JOINERS or unicodedata.category(char) in {"Cn", "Co"}:  # Cn: emoji newer than this Python
        return char
    return " " if char.isspace() else f"<U+{code:04X}>"
