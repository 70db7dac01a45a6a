"""Members of every codec: each alone, and all as one file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from pantry_tui.artifact.compression import RAW_PIECE, Codec, UnreadableError, unpack
from pantry_tui.artifact.segment import Member, MemberWriter
from pantry_tui.artifact.zipping import FINAL_BLOCK

texts = st.one_of(st.binary(max_size=300), st.binary(min_size=1, max_size=40).map(lambda text: text * 3000))
codecs = st.sampled_from(list(Codec))
DAMAGE: dict[Codec, tuple[Callable[[bytes], bytes], ...]] = {
    Codec.GZIP: (
        lambda stored: stored[:-1],
        lambda stored: stored + b"x",
        lambda stored: b"",
        lambda stored: b"no gzip",
    ),
    Codec.ZSTD: (
        lambda stored: stored + b"x",
        lambda stored: b"no zstd",
        lambda stored: stored[:9] + b"x" + stored[10:],
    ),
    Codec.DEFLATE: (lambda stored: stored + FINAL_BLOCK, lambda stored: b"\xff" + stored),
}


def packed(codec: Codec, *parts: bytes) -> tuple[Member, bytes]:
    writer = MemberWriter(codec)
    for part in parts:
        writer.write(part)
    member, stored = writer.finish()
    return member, b"".join(stored)


def in_parts(stored: bytes, size: int) -> Iterator[bytes]:
    return iter([stored[at : at + size] for at in range(0, len(stored), size)])


@given(codecs, texts, st.integers(1, 5000))
def test_a_member_stands_alone(codec: Codec, text: bytes, size: int) -> None:
    member, stored = packed(codec, text[:7], text[7:])
    assert (member.length, member.raw_length, member.crc32) == (len(stored), len(text), zlib.crc32(stored))
    pieces = list(unpack(codec, in_parts(stored, size)))
    assert b"".join(pieces) == text
    assert all(len(piece) <= RAW_PIECE for piece in pieces)


@given(codecs, st.lists(texts, max_size=6))
def test_members_are_one_file(codec: Codec, parts: list[bytes]) -> None:
    members = [packed(codec, part) for part in parts]
    joined = b"".join(stored for _, stored in members)
    whole = b"".join(parts)
    if codec is Codec.GZIP:
        assert gzip.decompress(joined) == whole
    elif codec is Codec.ZSTD:
        assert zstandard.ZstdDecompressor().stream_reader(joined, read_across_frames=True).read() == whole
    elif codec is Codec.PLAIN:
        assert joined == whole
    else:
        assert zlib.decompress(joined + FINAL_BLOCK, -15) == whole
        crc = 0
        for member, _ in members:
            crc = isal_zlib.crc32_combine(crc, member.raw_crc32, member.raw_length)
        assert crc == zlib.crc32(whole)


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.ZSTD, Codec.DEFLATE])
def test_a_bomb_unpacks_piece_by_piece(codec: Codec) -> None:
    _, stored = packed(codec, bytes(50_000_000))
    pieces = unpack(codec, iter([stored]))
    assert max(len(next(pieces)) for _ in range(10)) <= RAW_PIECE


@pytest.mark.parametrize(
    ("codec", "damage"), [(codec, damage) for codec, changes in DAMAGE.items() for damage in changes]
)
def test_what_is_no_member_is_refused(codec: Codec, damage: Callable[[bytes], bytes]) -> None:
    text = bytes(range(256)) * 40
    with pytest.raises(UnreadableError):
        list(unpack(codec, iter([damage(packed(codec, text)[1])])))
