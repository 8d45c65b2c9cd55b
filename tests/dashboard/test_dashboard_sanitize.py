from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotdash.dashboard.sanitize import styled
from hotdash.sanitize import plain, plain_lines

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PIECES = st.sampled_from(
    [
        "\x1b[31m",
        "\x1b]52;c;aGk=\x07",
        "\x9b2J",
        "\x1b",
        "\x1b]",
        "\x9d",
        "\x07",
        "\r",
        "\t",
        "\n",
        "\u202e",
        "\udc80",
        "[/a]",
        "[@click=app.quit]",
        "é",
        "日",
        "x",
    ]
)
HOSTILE = st.lists(st.one_of(PIECES, st.characters()), max_size=30).map("".join)


def is_clean(text: str) -> bool:
    return not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in BIDI for char in text)


@settings(deadline=None)
@given(HOSTILE)
def test_plain_never_lets_control_through(text: str) -> None:
    assert is_clean(plain(text))
    assert all(is_clean(line) for line in plain_lines(text))


@settings(deadline=None)
@given(HOSTILE)
def test_styled_is_as_clean_as_plain(text: str) -> None:
    pieces = styled(text)
    assert all(is_clean(piece) for piece, _ in pieces)


@settings(deadline=None)
@given(HOSTILE)
def test_plain_of_plain_changes_nothing(text: str) -> None:
    once = plain(text)
    assert plain(once) == once


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("hello", "hello"),
        ("[/foo] [@click=app.quit]x[/]", "[/foo] [@click=app.quit]x[/]"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;aGVsbG8=\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x9d0;title\x9cafter", "after"),
        ("\x1b]0;never ends", "^[]0;never ends"),
        ("\x1b(Bcharset", "charset"),
        ("bell\x07", "bell^G"),
        ("nul\x00", "nul^@"),
        ("c1\x85", "c1<85>"),
        ("a\u202eb", "a<U+202E>b"),
        ("bad\udc80byte", "bad\ufffdbyte"),
        ("a\tb", "a       b"),
        ("10%\r20%\r30%", "… 30%"),
        ("line\r", "line"),
        ("one\ntwo", "one↵two"),
        ("a\u00a0b", "a b"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("\ue0b0", "\ue0b0"),
    ],
)
def test_what_is_shown(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_lines_are_split_and_the_empty_text_has_none() -> None:
    assert plain_lines("a\r\nb\n") == ["a", "b"]
    assert plain_lines("") == []


def test_colours_are_kept_as_styles() -> None:
    pieces = styled("\x1b[1;31mred\x1b[0m plain \x1b[38;5;200mpink\x1b[38;2;1;2;3;4mx\x1b[44mon blue\x1b[9999;999mz")
    texts = [text for text, _ in pieces]
    assert texts == ["red", " plain ", "pink", "x", "on blue", "z"]
    red, none, pink, true, blue, _ = (style for _, style in pieces)
    assert red.bold
    assert red.color is not None
    assert red.color.number == 1
    assert none.color is None
    assert not none.bold
    assert pink.color is not None
    assert pink.color.number == 200
    assert true.color is not None
    assert true.color.triplet == (1, 2, 3)
    assert blue.bgcolor is not None
    assert blue.bgcolor.number == 4


def test_hidden_text_is_shown() -> None:
    assert [(text, style.conceal) for text, style in styled("\x1b[8msecret")] == [("secret", None)]


@pytest.mark.parametrize("raw", ["\ta\t\x1b[31mbc\t\x1b[0md\te", "\x1b[1m\t\x1b[0m\tx", "ab\x1b]0;t\x07\tc\x1b[2Jd\te"])
def test_tabs_keep_colours_and_stand_as_they_do_without(raw: str) -> None:
    assert "".join(text for text, _ in styled(raw)) == plain(raw)
    assert any(style.color or style.bold for _, style in styled(raw)) is ("m" in raw)


def tqdm_like() -> str:
    """As tqdm draws: a carriage return, the bar, and spaces over what was longer."""
    bar = "█" * 10
    bars = (f"{at:3}%|\x1b[32m{bar[: at // 10]:<10}\x1b[0m| {at}/100  " for at in range(101))
    return "".join(f"\r{drawn}" for drawn in bars)


def npm_like() -> str:
    """As npm's spinner draws: to the first column, erase the line, a coloured sign and what goes on."""
    signs = "⠙⠹⠸⠼"
    drawn = "".join(f"\x1b[1G\x1b[0K\x1b[36m{signs[at % 4]}\x1b[39m step {at}" for at in range(20))
    return f"{drawn}\x1b[1G\x1b[0K\x1b[32m✔\x1b[39m done"


GREEN = 2


@pytest.mark.parametrize(
    ("raw", "shown", "green"),
    [
        (tqdm_like(), "… 100%|██████████| 100/100  ", "██████████"),
        (npm_like(), "… ✔ done", "✔"),
        ("\x1b[2K\r\x1b[32mfirst\x1b[0m", "first", "first"),
        ("\x1b[32mgreen from the start\rstill", "… still from the start", "still from the start"),
        ("\x1b[31mred\x1b[0m and \x1b[32mgreen\x1b[0m\r.......", "… ....... green", "green"),
        ("12345678\r\x1b[32mab\x1b[0m\r-", "… -b345678", "b"),
        ("all of it goes\x1b[2K\r", "… ", ""),
        ("spinner \x1b[32m|\x1b[0m\r\x1b[K", "… ", ""),
        ("kept to here\x1b[K and on\r\x1b[32mKEPT", "… KEPT to here and on", "KEPT"),
        ("\x1b]0;a\rtitle\x07\x1b[32mtext", "text", "text"),
        ("no G is one\rG", "… Go G is one", ""),
        ("\x9b32mbefore\x9bGafter", "… aftere", "aftere"),
    ],
)
def test_a_redrawn_line_shows_what_a_terminal_would_in_its_colours(raw: str, shown: str, green: str) -> None:
    pieces = styled(raw)
    assert plain(raw) == "".join(text for text, _ in pieces) == shown
    assert "".join(text for text, style in pieces if style.color and style.color.number == GREEN) == green


REDRAWN = st.lists(
    st.sampled_from(
        ["a", "bc", "日", "K", "G", " ", "\t", "\r", "\x1b[G", "\x1b[K", "\x1b[2K", "\x1b[1;32m", "\x1b[0m"]
    ),
    max_size=30,
).map("".join)


@settings(deadline=None)
@given(REDRAWN)
def test_colours_change_no_text_of_a_redrawn_line(text: str) -> None:
    assert "".join(piece for piece, _ in styled(text)) == plain(text)


def terminals(text: str) -> str:
    """Letter by letter, what a terminal shows of carriage returns and of erasing to the line's end."""
    cells: list[str] = []
    column = 0
    for token in re.findall("\r|\x1b\\[K|.", text):
        if token == "\r":
            column = 0
        elif token == "\x1b[K":
            del cells[column:]
        else:
            cells[column : column + 1] = token
            column += 1
    return "".join(cells)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "cde", "\r", "\x1b[K"]), max_size=30).map("".join))
def test_a_redrawn_line_is_what_a_terminal_makes_of_it(text: str) -> None:
    assert plain(text).removeprefix("… ") == terminals(text)


def test_an_hours_progress_in_one_line_is_shown_soon() -> None:
    line = "".join(f"\r\x1b[32m{at:6}%\x1b[0m of it" for at in range(4_000))
    assert len(line) > 2**16
    began_s = time.thread_time()
    for _ in range(20):
        styled(line)
    assert time.thread_time() - began_s < 2
