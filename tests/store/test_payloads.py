"""Payloads that outlive a run: kept privately and whole, by several hotdashes, and never at another's cost."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from hotdash.store.payloads import KEPT_BYTES, Payload, PayloadBook

if TYPE_CHECKING:
    from pathlib import Path

ADA = Payload(body=b'{"name": "Ada"}', headers={"Content-Type": "application/json"})
BINARY = Payload(body=b"\xff\x00\r\n")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hotdash" / "payloads.json"


def book_at(path: Path, said: list[str] | None = None) -> PayloadBook:
    return PayloadBook(path=path, on_fault=[].append if said is None else said.append)


def test_the_last_payload_and_presets_are_there_after_a_restart(path: Path) -> None:
    book = book_at(path)
    book.keep_last("/f", ADA)
    book.keep_last("/g", BINARY)
    book.keep("/f", " two words ", BINARY)
    book.keep("/f", "gone", ADA)
    book.remove("/f", "gone")
    assert book.close(10)
    again = book_at(path)
    assert (again.last("/f"), again.last("/g"), again.last("/h")) == (ADA, BINARY, None)
    assert again.presets("/f") == {"two words": BINARY}
    assert json.loads(path.read_text())["functions"]["/f"][""]["text"] == '{"name": "Ada"}', "a person can read it"


def test_the_file_and_its_folder_are_the_users_alone_and_no_half_written_one_is_left(path: Path) -> None:
    book = book_at(path)
    book.keep_last("/f", ADA)
    assert book.close(10)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {found.name for found in path.parent.iterdir()} == {"payloads.json", ".payloads.json.lock"}


def test_two_hotdashes_lose_nothing_of_each_other(path: Path) -> None:
    one, other = book_at(path), book_at(path)
    for number in range(20):
        one.keep("/f", f"one {number}", ADA)
        other.keep("/f", f"other {number}", ADA)
    assert one.close(10)
    assert other.close(10)
    assert len(book_at(path).presets("/f")) == 40


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"version": 2}', '{"version": 1, "functions": {"/f": 3}}'])
def test_a_file_that_is_not_hotdashs_is_told_and_left_alone_and_the_run_goes_on(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    said: list[str] = []
    book = book_at(path, said)
    book.keep_last("/f", ADA)
    assert book.last("/f") == ADA
    assert book.close(10)
    assert path.read_text() == text
    assert len(said) == 1
    assert "left alone, and payloads are not kept" in said[0]


def test_a_place_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said: list[str] = []
    book = book_at(tmp_path / "file" / "payloads.json", said)
    book.keep_last("/f", ADA)
    book.keep_last("/g", ADA)
    assert book.close(10)
    assert len(said) == 1


def test_what_is_large_is_not_kept(path: Path) -> None:
    book = book_at(path)
    large = Payload(body=bytes(KEPT_BYTES + 1))
    book.keep_last("/f", large)
    assert book.last("/f") is None
    with pytest.raises(ValueError, match="256 KB"):
        book.keep("/f", "large", large)
    with pytest.raises(ValueError, match="needs a name"):
        book.keep("/f", " ", ADA)
    assert book.close(10)
    assert not path.exists()
