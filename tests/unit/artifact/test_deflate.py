"""Pieces of deflate: each alone, and all as one stream."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.deflate import (
    FINAL_BLOCK,
    SMALLEST_FILLER,
    DeflatedPiece,
    DeflateWriter,
    filler,
    inflate_piece,
    joined_crc,
)
from pantry_tui.errors import BackupDamagedError

texts = st.one_of(st.binary(max_size=300), st.binary(min_size=1, max_size=40).map(lambda text: text * 3000))


def deflated(*parts: bytes) -> tuple[DeflatedPiece, bytes]:
    writer = DeflateWriter()
    for part in parts:
        writer.write(part)
    piece, stored = writer.finish()
    return piece, b"".join(stored)


@given(st.lists(st.tuples(texts, st.integers(SMALLEST_FILLER, 200)), max_size=6))
def test_pieces_are_one_stream_and_each_stands_alone(parts: list[tuple[bytes, int]]) -> None:
    stream = b""
    crc = 0
    for text, gap in parts:
        piece, stored = deflated(text)
        assert (piece.length, piece.raw_length, piece.raw_crc32) == (len(stored), len(text), zlib.crc32(text))
        assert piece.crc32 == zlib.crc32(stored)
        assert b"".join(inflate_piece([stored], len(text))) == text
        stream += stored + filler(gap)
        crc = joined_crc(crc, piece.raw_crc32, piece.raw_length)
    whole = b"".join(text for text, _ in parts)
    assert zlib.decompress(stream + FINAL_BLOCK, -15) == whole
    assert crc == zlib.crc32(whole)


@pytest.mark.parametrize("length", [*range(SMALLEST_FILLER, 80), 4096, 65535, 65536])
def test_filler_has_the_length_and_holds_nothing(length: int) -> None:
    assert len(filler(length)) == length
    assert zlib.decompress(filler(length) + FINAL_BLOCK, -15) == b""


def test_there_is_no_smaller_filler() -> None:
    with pytest.raises(ValueError, match="no filler"):
        filler(SMALLEST_FILLER - 1)


@given(texts, st.integers(1, 5000))
def test_stored_bytes_may_come_in_any_parts(text: bytes, size: int) -> None:
    _, stored = deflated(text[:7], text[7:])
    parts = [stored[at : at + size] for at in range(0, len(stored), size)]
    assert b"".join(inflate_piece(parts, len(text))) == text


def test_bomb_is_stopped_where_it_passes_its_size() -> None:
    _, stored = deflated(b"\0" * 50_000_000)
    parts = inflate_piece([stored], 1_000_000)
    assert sum(len(next(parts)) for _ in range(7)) <= 1_000_000
    with pytest.raises(BackupDamagedError, match="more than the 1,000,000 bytes"):
        next(parts)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda stored: stored[:-30], "should hold"),
        (lambda stored: stored + FINAL_BLOCK, "ends the stream"),
        (lambda stored: b"\xff" + stored[1:], "not readable|should hold"),
        (lambda stored: b"", "unpacks to 0 bytes"),
    ],
)  # fmt: skip
def test_damaged_piece_is_refused(change: Callable[[bytes], bytes], reason: str) -> None:
    text = bytes(range(256)) * 40
    _, stored = deflated(text)
    with pytest.raises(BackupDamagedError, match=reason):
        list(inflate_piece([change(stored)], len(text)))
