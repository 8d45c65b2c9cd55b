"""What there is to say of a payload while it is edited. Pure; any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hotdash.dashboard import words
from hotdash.dashboard.lines import Line, Tone
from hotdash.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

EDITED_BYTES = 64 * 1024  # a text area takes seconds for megabytes


def why_kept(body: bytes) -> str:
    """Why a payload is not put into the editor, but sent as it is unless something is typed; empty if it is put."""
    size = words.size(len(body))
    if len(body) > EDITED_BYTES:
        return f"{size}, kept as it is; type to replace it"
    if words.start_of(body, len(body)) is None:
        return f"binary, {size}: sent as it is unless you type here"
    return ""


def is_json(text: str, headers: Mapping[str, str]) -> bool:
    """Whether a payload is meant as JSON: it says so, or begins like an object or a list."""
    said = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    return "json" in said.lower() or (not said and text.lstrip()[:1] in {"{", "["})


def verdict(text: str, headers: Mapping[str, str], *, kept: str) -> Line:
    """What a payload is, and where it is no JSON though it is meant to be.

    Args:
        text: What stands in the editor.
        headers: Of the call.
        kept: Why it is not in the editor (see `why_kept`); empty if it is.
    """
    if kept and not text:
        return ((kept, Tone.MUTED),)
    size = words.size(len(text.encode("utf-8", "surrogateescape"))) if text else "empty"
    import json  # noqa: PLC0415  not for the first picture

    if not text or not is_json(text, headers):
        return ((size, Tone.MUTED),)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        return (("✗ no JSON ", Tone.ERROR), (f"{where}: {plain(error.msg)}", Tone.ERROR))
    except (ValueError, RecursionError) as error:
        return (("✗ no JSON ", Tone.ERROR), (plain(str(error)), Tone.ERROR))
    return (("✓ JSON", Tone.SUCCESS), (f"  {size}", Tone.MUTED))
