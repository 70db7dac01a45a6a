"""Maps of row positions come back as they went in, whatever the pages look like."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.positions import decode_positions, encode_positions
from pantry_tui.errors import BackupDamagedError

pages = st.dictionaries(
    st.integers(0, 2**32 - 2) | st.integers(0, 600),
    st.one_of(
        st.integers(1, 1200).map(lambda count: set(range(1, count + 1))),
        st.sets(st.integers(1, 2300), min_size=1, max_size=40),
    ),
    max_size=30,
)


def ctids(positions: list[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack(">IH", page, pointer) for page, pointer in positions)


@given(pages)
def test_positions_come_back(content: dict[int, set[int]]) -> None:
    positions = [(page, pointer) for page in sorted(content) for pointer in sorted(content[page])]
    assert list(decode_positions(encode_positions(ctids(positions)))) == positions


def test_dense_pages_take_next_to_nothing() -> None:
    positions = [(page, pointer) for page in range(20_000) for pointer in range(1, 76)]
    assert len(encode_positions(ctids(positions))) < 600


def test_pages_that_differ_in_one_byte_only() -> None:
    """The page's number has four bytes, and any of them may be the one that changes."""
    positions = [(page, pointer) for page in (1, 1 << 8, 1 << 16, 1 << 24) for pointer in (1, 2, 3)]
    assert list(decode_positions(encode_positions(ctids(positions)))) == positions


@pytest.mark.parametrize("damage", [b"", b"not deflated", encode_positions(ctids([(1, 5)]))[:-3]])
def test_damage_is_named(damage: bytes) -> None:
    with pytest.raises(BackupDamagedError):
        list(decode_positions(damage))
