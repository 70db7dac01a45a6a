"""The file of removed lines: what of a base is gone, as lines of its rows part, in order.

The rows part of a base is everything from its first segment of rows to its last, unpacked: of each segment the COPY line, the
rows and the end mark, as format `sql` has them (other formats are counted the same way). Lines are numbered from 1. A line of
this file is such a number, or `first-last` where a whole segment goes. It is packed by gzip, a member for each segment, so that
`gunzip` gives all of it and a restore reads only what belongs to a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from pantry_tui.artifact.compression import Codec, UnreadableError, packer, unpack
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.errors import BackupDamagedError

REMOVED = "removed.gz"
AROUND_ROWS = 2  # the COPY line and the end mark
_DIGITS = 20


class Lines(NamedTuple):
    """Where a segment stands in the rows part: its first line, and how many rows it has."""

    first: int
    rows: int

    @property
    def last(self) -> int:
        """Its last line."""
        return self.first + self.rows + AROUND_ROWS - 1


def lines_of_segments(base: Manifest) -> dict[int, Lines]:
    """Where the segments of rows stand, by their number."""
    found: dict[int, Lines] = {}
    line = 1
    for number, segment in enumerate(base.segments):
        if segment.section == "rows":
            found[number] = Lines(line, segment.rows)
            line = found[number].last + 1
    return found


def pack_removed(segment: Lines, rows: Sequence[int]) -> bytes:
    """The member for a segment of which these rows are gone, numbered from 0."""
    first = segment.first + 1
    return _packed("".join(f"{first + row}\n" for row in rows))


def pack_whole(segment: Lines) -> bytes:
    """The member for a segment of which nothing is left."""
    return _packed(f"{segment.first}-{segment.last}\n")


def unpack_removed(member: bytes, segment: Lines, *, expected: int) -> list[int]:
    """The rows of a segment that are gone, numbered from 0, in order.

    Raises `BackupDamagedError` when they are not ``expected`` many rows of that segment.
    """
    rows: list[int] = []
    try:
        rows += [int(number) - segment.first - 1 for number in _unpacked(member, most=expected * _DIGITS).split()]
    except (UnreadableError, ValueError) as error:
        raise BackupDamagedError("the numbers of removed rows cannot be read", detail=str(error)) from error
    ordered = all(0 <= row < segment.rows for row in rows) and all(a < b for a, b in pairwise(rows))
    if not ordered or len(rows) != expected:
        raise BackupDamagedError(f"the numbers of {expected:,} removed rows are not those of rows of their segment")
    return rows


def _packed(text: str) -> bytes:
    packed = packer(Codec.GZIP)
    return packed.compress(text.encode("ascii")) + packed.flush()


NOTHING_REMOVED = _packed("")  # a file of nothing is no file of gzip


def _unpacked(member: bytes, *, most: int) -> bytes:
    pieces: list[bytes] = []
    length = 0
    for piece in unpack(Codec.GZIP, iter([member])):
        length += len(piece)
        if length > most:
            raise UnreadableError("more numbers than rows are removed")
        pieces.append(piece)
    return b"".join(pieces)
