"""A body as lines, by what it is: JSON, text, or something binary, named. Pure; any thread."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.json_lines import json_lines
from hotdash.dashboard.lines import Line, Tone, text
from hotdash.sanitize import plain, plain_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hotdash.dashboard.filters import Filter

LINES_SHOWN = 5_000  # of a body; `y` copies it whole
_KEPT = 4  # bodies whose lines are kept: the shown request's and answer's, and those before
BODY_BYTES = 256 * 1024
_HEX_ROWS = 4
_HEX_BYTES = 16
_JSON_SIGNS = frozenset('{["-0123456789tfn')

# What a binary body begins with, and what that is.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"%PDF-", "PDF document"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"(\xb5/\xfd", "Zstandard data"),
    (b"\x7fELF", "ELF program"),
    (b"OggS", "Ogg audio"),
    (b"ID3", "MP3 audio"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"\0asm", "WebAssembly module"),
)
_PNG_SIZE_BYTES = 24


def body_lines(
    body: bytes,
    headers: Mapping[str, str],
    *,
    depth: int,
    whole_bytes: int | None = None,
    found: Filter | None = None,
) -> Sequence[Line]:
    """A body, as far as one wants to read it; the same lines again for the same question, which one asks each second.

    Args:
        body: The body, or its start.
        headers: Those that came with it; their Content-Type tells what it is, if they have one.
        depth: Levels of JSON that are unfolded.
        whole_bytes: The size of the whole body, where `body` is but its start.
        found: What is looked for in it; see `json_lines`.
    """
    return _laid_out(body, tuple(headers.items()), depth, whole_bytes, found)


@lru_cache(maxsize=_KEPT)
def _laid_out(
    body: bytes, headers_seen: tuple[tuple[str, str], ...], depth: int, whole_bytes: int | None, found: Filter | None
) -> Sequence[Line]:
    headers = dict(headers_seen)
    size_bytes = len(body) if whole_bytes is None else whole_bytes
    if not body:
        return []
    shown = words.start_of(body, BODY_BYTES)
    if shown is None:
        return _binary(body, headers)
    is_cut = len(body) > BODY_BYTES or size_bytes > len(body)
    if not is_cut and is_json(shown, headers):
        try:
            rows = json_lines(json.loads(shown), depth=depth, found=found)
        except (ValueError, RecursionError):
            rows = [text(f"  {row}") for row in plain_lines(shown)]
    else:
        rows = [text(f"  {row}") for row in plain_lines(shown)]
    if len(rows) <= LINES_SHOWN and not is_cut:
        return rows
    if size_bytes > len(body):
        return [*rows[:LINES_SHOWN], text(f"  … the history kept the first {words.size(len(body))}", Tone.MUTED)]
    return [*rows[:LINES_SHOWN], text(f"  … shown to here of {words.size(size_bytes)}; y copies all", Tone.MUTED)]


def is_json(start: str, headers: Mapping[str, str]) -> bool:
    """Whether a text is worth a try as JSON."""
    said = content_type(headers)
    if "json" in said:
        return start.lstrip()[:1] in _JSON_SIGNS
    return said in {"", "text/plain", "application/octet-stream"} and start.lstrip()[:1] in {"{", "["}


def content_type(headers: Mapping[str, str]) -> str:
    """The content type that headers tell, without its parameters; empty if they tell none."""
    said = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return said.partition(";")[0].strip().lower()


def kind_of(body: bytes, headers: Mapping[str, str]) -> str:
    """What a binary body is: by its first bytes, else by what the headers say, else `binary`."""
    for start, kind in _KINDS:
        if body.startswith(start):
            if kind == "PNG image" and len(body) >= _PNG_SIZE_BYTES:
                width, height = (int.from_bytes(body[at : at + 4], "big") for at in (16, 20))
                return f"{kind}, {width:,} by {height:,}"
            return kind
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "WebP image"
    said = content_type(headers)
    return f"binary, {plain(said)}" if said else "binary"


def _binary(body: bytes, headers: Mapping[str, str]) -> list[Line]:
    lines: list[Line] = [((f"  {kind_of(body, headers)}", Tone.STRONG), (f"  {words.size(len(body))}", Tone.MUTED))]
    for at in range(0, min(len(body), _HEX_ROWS * _HEX_BYTES), _HEX_BYTES):
        row = body[at : at + _HEX_BYTES]
        signs = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)
        lines.append(((f"  {row.hex(' '):<{_HEX_BYTES * 3}} ", Tone.MUTED), (signs, Tone.TEXT)))
    if len(body) > _HEX_ROWS * _HEX_BYTES:
        lines.append(text("  …", Tone.MUTED))
    return lines
