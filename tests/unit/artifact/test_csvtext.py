"""COPY text becomes CSV and comes back as it was, however it is cut."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.copyrows import NULL
from pantry_tui.artifact.csvtext import csv_pieces, utf8_pieces
from pantry_tui.artifact.rowtext import _from_csv
from pantry_tui.errors import BackupDamagedError, UsageError

ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\b": r"\b", "\f": r"\f", "\v": r"\v"}
NEEDED = {each: ESCAPES[each] for each in "\\\t\n\r"}
values = st.none() | st.text(st.sampled_from("ab,\"\\\t\n\r\b\fN.é' "), max_size=6)


def copied(rows: list[list[str | None]], *, escapes: Mapping[str, str] = ESCAPES) -> bytes:
    """COPY text as the server writes it, or with fewer ``escapes``, as it reads it too."""

    def field(value: str | None) -> str:
        return NULL.decode() if value is None else "".join(escapes.get(each, each) for each in value)

    return "".join("\t".join(map(field, row)) + "\n" for row in rows).encode()


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@given(
    st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(values, min_size=n, max_size=n), max_size=8)),
    st.integers(1, 12),
)
def test_there_and_back(rows: list[list[str | None]], size: int) -> None:
    columns = len(rows[0]) if rows else 1
    text = b"".join(csv_pieces(cut(copied(rows), size), columns=columns, rows=len(rows)))
    read = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert [[value or "" for value in row] for row in rows] == [row or [""] for row in read]
    back = b"".join(_from_csv(cut(text, size)))
    assert back == copied(rows, escapes=NEEDED)


def test_a_large_value_is_not_looked_at_again_and_again() -> None:
    value = "word" * 250_000 + '"'
    text = b"".join(csv_pieces([copied([["1", value, "x,"]])], columns=3, rows=1))
    assert b"".join(_from_csv(cut(text, 128 * 1024))) == copied([["1", value, "x,"]])


def test_null_and_the_empty_string_differ() -> None:
    assert b"".join(csv_pieces([b"\\N\t\n", b"\t\\N\n"], columns=2, rows=2)) == b',""\r\n"",\r\n'
    assert b"".join(csv_pieces([b"\\N\n\n"], columns=1, rows=2)) == b'\r\n""\r\n'
    assert b"".join(csv_pieces([b"\n\n"], columns=0, rows=2)) == b"\r\n\r\n"


def test_what_programs_take_for_an_end_stands_in_quotes() -> None:
    assert b"".join(csv_pieces([b"\\\\.\n"], columns=1, rows=1)) == b'"\\."\r\n'


@pytest.mark.parametrize("text", [b"a\n", b"a\nb\nc\n", b"a\nb"])
def test_another_number_of_rows_is_damage(text: bytes) -> None:
    with pytest.raises(BackupDamagedError):
        list(csv_pieces([text], columns=1, rows=2))


def test_characters_that_are_cut_in_two() -> None:
    assert b"".join(utf8_pieces(cut("grö€".encode(), 1), "SQL_ASCII")) == "grö€".encode()
    assert b"".join(utf8_pieces(cut("grö".encode("latin-1"), 1), "LATIN1")) == "grö".encode()


@pytest.mark.parametrize(("text", "encoding"), [(b"\xff", "SQL_ASCII"), (b"\xc3", "SQL_ASCII"), (b"\x81", "WIN1252")])
def test_bytes_that_are_no_text(text: bytes, encoding: str) -> None:
    with pytest.raises(UsageError, match=encoding):
        list(utf8_pieces([text], encoding))


@pytest.mark.parametrize("encoding", ["EUC_JP", "EUC_CN", "EUC_TW", "MULE_INTERNAL"])
def test_encodings_that_only_the_server_converts(encoding: str) -> None:
    with pytest.raises(UsageError, match=encoding):
        utf8_pieces([b"a"], encoding)
