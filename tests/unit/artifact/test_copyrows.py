"""COPY text comes back as the values it was made of, however it is cut into pieces."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.copyrows import CopyRows, Field, unescape

# As CopyAttributeOutText of the server escapes: the delimiter, the backslash, and the control characters with names.
SERVER_ESCAPES = {"\\": r"\\", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.none() | texts | st.sampled_from(["", r"\N", r"\.", "\\", "a\\", "\\\n", "NULL", "\x1b[31m"])


def copied(value: str | None) -> str:
    return r"\N" if value is None else re.sub(r"[\\\x08\f\n\r\t\v]", lambda found: SERVER_ESCAPES[found[0]], value)


def copy_text(rows: list[list[str | None]]) -> bytes:
    return "".join("\t".join(map(copied, row)) + "\n" for row in rows).encode()


def read(text: bytes, size: int, *, skip: int = 0, wanted: int = 1000, limit: int | None = None) -> CopyRows:
    rows = CopyRows(skip=skip, wanted=wanted, value_limit=limit)
    for start in range(0, len(text), size):
        if rows.feed(text[start : start + size]):
            break
    return rows


def plain(rows: CopyRows) -> list[list[str | None]]:
    return [[field.value("UTF8") for field in row] for row in rows.rows]


@given(
    st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(values, min_size=width, max_size=width), max_size=8)),
    st.integers(1, 40),
    st.integers(0, 9),
    st.integers(0, 9),
)
def test_every_value_comes_back(rows: list[list[str | None]], size: int, skip: int, wanted: int) -> None:
    assert plain(read(copy_text(rows), size, skip=skip, wanted=wanted)) == rows[skip : skip + wanted]


@given(st.lists(texts, min_size=1, max_size=4), st.integers(1, 20), st.integers(1, 12))
def test_of_a_long_value_the_beginning_is_kept(row: list[str], size: int, limit: int) -> None:
    [fields] = read(copy_text([list(row)]), size, limit=limit).rows

    for field, value in zip(fields, row, strict=True):
        shown = field.value("UTF8")
        assert field.length == len(copied(value).encode())
        assert field.is_cut == (field.length > limit)
        assert shown is not None
        assert value.startswith(shown) if field.is_cut else value == shown


def test_a_table_without_columns_has_rows() -> None:
    assert len(read(b"\n\n\n", 1, skip=1).rows) == 2


def test_nothing_is_read_behind_the_last_row_wanted() -> None:
    rows = CopyRows(skip=1, wanted=1)
    assert not rows.feed(b"1\n2")
    assert rows.feed(b"\n3\n4\n")
    assert plain(rows) == [["2"]]


@pytest.mark.parametrize(
    ("encoding", "stored", "shown"),
    [
        ("UTF8", "ž".encode(), "ž"),
        ("LATIN2", b"\xbe", "ž"),
        ("SQL_ASCII", "ž".encode() + b"\xff", r"ž\xff"),
        ("EUC_TW", b"a\xa4\xa1", r"a\xa4\xa1"),
        ("EUC_JP", b"\xb4\xc1", "漢"),
    ],
)
def test_bytes_that_are_no_text_are_shown(encoding: str, stored: bytes, shown: str) -> None:
    assert Field(text=stored, length=len(stored)).value(encoding) == shown


def test_a_character_that_was_cut_in_two_is_left_out() -> None:
    assert Field(text="ž".encode()[:1], length=2).value("UTF8") == ""
    assert Field(text=rb"\N", length=9).value("UTF8") == "N"  # the beginning of something longer is no NULL
    assert Field(text=b"a\\", length=9).value("UTF8") == "a"


def test_other_bytes_behind_a_backslash_stand_for_themselves() -> None:
    assert unescape(rb"\a\.\\n") == rb"a.\n"
