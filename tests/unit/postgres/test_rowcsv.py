"""Line ends and headers of CSV, without a server."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.postgres.rowcsv import csv_header, with_line_ends

fields = st.text(st.sampled_from(['"', "\n", "\r", ",", "a", " ", "é"]), max_size=6)
tables = st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(fields, min_size=width, max_size=width), max_size=6))


def sent(rows: list[list[str]]) -> bytes:
    """As the server sends rows: LF behind each, quotes where they are needed."""
    return b"".join(",".join(map(quoted, row)).encode() + b"\n" for row in rows)


def quoted(field: str) -> str:
    needs = not field or set(field) & set('",\r\n')
    return '"' + field.replace('"', '""') + '"' if needs else field


@given(tables)
def test_only_the_ends_of_rows_change(rows: list[list[str]]) -> None:
    text = with_line_ends(sent(rows), len(rows))
    assert list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True)) == rows
    outside = b"".join(text.split(b'"')[::2])
    assert outside.count(b"\n") == outside.count(b"\r\n") == len(rows)


@given(st.lists(fields.filter(bool), min_size=1, max_size=4))
def test_header_is_one_row(names: list[str]) -> None:
    assert list(csv.reader(io.StringIO(csv_header(names).decode(), newline=""), strict=True)) == [names]


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (("id", "full name"), b"id,full name\r\n"),
        ((), b"\r\n"),
        (("\\.",), b'"\\."\r\n'),
        (('a"b', "c,d", "e\nf"), b'"a""b","c,d","e\nf"\r\n'),
    ],
)
def test_headers(names: tuple[str, ...], line: bytes) -> None:
    assert csv_header(names) == line
