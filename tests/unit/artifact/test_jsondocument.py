"""The frame of the JSON document, and cutting rows out of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.jsondocument import (
    ROW_SEPARATOR,
    TABLE_CLOSING,
    JsonTableHead,
    RowBatch,
    RowJoiner,
    check_batch,
    document_end,
    document_head,
    row_batches,
    table_opening,
)
from pantry_tui.errors import BackupDamagedError, InternalError

names = st.text(min_size=1, max_size=10).filter(lambda name: name.isprintable() or "\n" in name)
line = st.dictionaries(names, st.one_of(st.none(), st.integers(-9, 9), st.text(max_size=8)), max_size=3)


def sent(rows: list[dict[str, object]]) -> bytes:
    """As the server sends rows."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def joined(chunks: list[list[dict[str, object]]]) -> bytes:
    joiner = RowJoiner()
    return b"".join(joiner.join(len(chunk), sent(chunk)) for chunk in chunks)


def head(name: str) -> JsonTableHead:
    return JsonTableHead(schema='s"\n', name=name, columns=("a",), types=("numeric",), text_columns=("a",))


# tables of segments of chunks of rows
chunks = st.lists(line, min_size=1, max_size=3)
segments = st.lists(chunks, min_size=1, max_size=3)


@given(st.lists(st.lists(segments, max_size=3), max_size=3))
def test_parts_in_order_are_one_document(tables: list[list[list[list[dict[str, object]]]]]) -> None:
    document = document_head({"id": "x", "database": 'y"\n'})
    for number, table in enumerate(tables):
        document += table_opening(head(f"t{number}"), first=number == 0)
        document += ROW_SEPARATOR.join(joined(segment) for segment in table) + TABLE_CLOSING
    document += document_end(tables=len(tables), rows=7)
    read = json.loads(document)
    assert read["pantry"] == {"id": "x", "database": 'y"\n'}
    assert read["end"] == {"tables": len(tables), "rows": 7}
    assert [table["name"] for table in read["tables"]] == [f"t{number}" for number in range(len(tables))]
    for table, found in zip(tables, read["tables"], strict=True):
        assert found["rows"] == [row for segment in table for chunk in segment for row in chunk]
        assert (found["schema"], found["columns"], found["text_columns"]) == ('s"\n', ["a"], ["a"])


@given(segments, st.integers(1, 40), st.integers(1, 100))
def test_batches_hold_all_rows(chunks: list[list[dict[str, object]]], size: int, piece: int) -> None:
    text = joined(chunks)
    batches = list(row_batches([text[at : at + piece] for at in range(0, len(text), piece)], size))
    rows = [row for chunk in chunks for row in chunk]
    assert [row for batch in batches for row in json.loads(batch.array)] == rows
    assert [batch.rows for batch in batches] == [len(json.loads(batch.array)) for batch in batches]


def test_batches_are_of_about_the_size_asked_for() -> None:
    text = joined([[{"a": "x" * 90}] * 1000])
    batches = list(row_batches([text[at : at + 1000] for at in range(0, len(text), 1000)], 4096))
    assert all(4000 < len(batch.array) < 6000 for batch in batches[:-1])


def test_a_row_larger_than_a_batch_is_a_batch() -> None:
    rows: list[dict[str, object]] = [{"a": "x"}, {"a": "y" * 5000}, {"a": "z"}]
    text = joined([rows])
    assert [batch.rows for batch in row_batches([text[at : at + 100] for at in range(0, len(text), 100)], 200)] == [
        2,
        1,
    ]


def test_no_rows_are_no_batch() -> None:
    assert list(row_batches([])) == []


def test_a_line_that_is_no_row_is_noticed() -> None:
    with pytest.raises(InternalError, match="1 rows came as 2 lines"):
        RowJoiner().join(1, b'{"a":\n1}\n')


@pytest.mark.parametrize("text", [b'{"a":1}\n{"a":2}', b'{"a":1}\n', b"\n", b'{"a":1},\n\n{"a":2}'])
def test_lines_without_a_comma_between_are_noticed(text: bytes) -> None:
    for piece in range(1, 5):
        with pytest.raises(BackupDamagedError, match="separated"):
            list(row_batches([text[at : at + piece] for at in range(0, len(text), piece)], 1))


def test_rows_are_checked() -> None:
    columns = ("a", "b")
    check_batch(RowBatch(2, b'[{"a":1e400,"b":[1]},\n{"a":"\\ud83d\\ude00","b":null}]'), columns)
    check_batch(RowBatch(1, b'[{"a":1,"b":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"), columns)
    for rows, array in (
        (1, b'[{"a":1}]'),
        (1, b"[{}]"),
        (1, b"[ ]"),
        (1, b'[{"b":1,"a":1}]'),
        (1, b'[{"a":1,"b":2,"c":3}]'),
        (1, b'[{"a":1,"b":2},{"a":1,"b":2}]'),
        (2, b'[{"a":1,"b":2}]'),
        (1, b'[{"a":1,"b":}]'),
        (1, b'[{"a":1,"b":2}'),
        (1, b'[{"a\xff":1,"b":2}]'),
        (1, b"[1]"),
        (1, b'[{"a":1,"b":2}]]'),
    ):
        with pytest.raises(BackupDamagedError):
            check_batch(RowBatch(rows, array), columns)
