"""Rows that are gone: told by positions, kept as lines, left out of segments."""

from __future__ import annotations

import gzip
import json
import random
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pantry_tui.artifact.csvtext import csv_pieces
from pantry_tui.artifact.positions import StrangeRowError, encode_positions, removed_rows
from pantry_tui.artifact.removed import Lines, pack_removed, pack_whole, unpack_removed
from pantry_tui.artifact.survivors import without_rows
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import BackupFormat

POSITIONS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 300)), unique=True, max_size=200).map(sorted)
FIELDS = st.text(alphabet='ab",\n\r\t\\é', max_size=6)


def sent(positions: list[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack(">IH", page, pointer) for page, pointer in positions)


def cut(text: bytes, pieces: int) -> list[bytes]:
    places = sorted(random.Random(len(text) + pieces).choices(range(len(text) + 1), k=pieces))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


class TestPositions:
    @given(POSITIONS, st.data())
    def test_what_is_missing_is_removed(self, before: list[tuple[int, int]], data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.integers(0, len(before) - 1))) if before else set()
        left = [position for number, position in enumerate(before) if number not in gone]
        assert removed_rows(encode_positions(sent(before)), sent(left)) == sorted(gone)

    @given(POSITIONS, st.tuples(st.integers(0, 41), st.integers(1, 300)))
    def test_row_that_was_not_there_is_strange(self, before: list[tuple[int, int]], new: tuple[int, int]) -> None:
        assume(new not in before)
        with pytest.raises(StrangeRowError):
            removed_rows(encode_positions(sent(before)), sent(sorted([*before, new])))


class TestLines:
    def test_lines_are_those_of_the_rows(self) -> None:
        segment = Lines(first=101, rows=10)
        packed = pack_removed(segment, [0, 3, 9])
        assert gzip.decompress(packed) == b"102\n105\n111\n"
        assert unpack_removed(packed, segment, expected=3) == [0, 3, 9]
        assert gzip.decompress(pack_whole(segment)) == b"101-112\n"
        assert segment.last == 112

    @pytest.mark.parametrize(
        "text", [b"102\n105\n", b"101\n105\n111\n", b"102\n105\n112\n", b"105\n102\n111\n", b"a\nb\nc\n", b"9" * 99]
    )
    def test_anything_else_is_damage(self, text: bytes) -> None:
        with pytest.raises(BackupDamagedError):
            unpack_removed(gzip.compress(text), Lines(first=101, rows=10), expected=3)

    def test_what_is_no_gzip_is_damage(self) -> None:
        with pytest.raises(BackupDamagedError):
            unpack_removed(b"nothing of that sort", Lines(first=101, rows=10), expected=3)


class TestSurvivors:
    @given(st.lists(FIELDS, min_size=1, max_size=30), st.integers(0, 12), st.data())
    def test_all_other_rows_stay(self, rows: list[str], pieces: int, data: st.DataObject) -> None:
        gone = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1), max_size=len(rows) - 1)))
        left = [row for number, row in enumerate(rows) if number not in set(gone)]
        for rows_format, text_of in (
            (BackupFormat.SQL, as_copy),
            (BackupFormat.JSON, as_json),
            (BackupFormat.CSV, as_csv),
        ):
            text = text_of(rows)
            found = without_rows(cut(text, pieces), gone, rows_format, rows=len(rows))
            assert b"".join(found) == text_of(left)


def as_copy(rows: list[str]) -> bytes:
    escaped = (row.replace("\\", "\\\\") for row in rows)
    escaped = (row.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") for row in escaped)
    return "".join(f"{row}\t1\n" for row in escaped).encode()


def as_json(rows: list[str]) -> bytes:
    return b",\n".join(json.dumps({"a": row}).encode() for row in rows)


def as_csv(rows: list[str]) -> bytes:
    return b"".join(csv_pieces([as_copy(rows)], columns=2, rows=len(rows)))
