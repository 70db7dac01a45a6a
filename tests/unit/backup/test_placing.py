"""Segments get their places in any order of finishing, and the chunks of an encrypted file are whole whoever wrote them."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pantry_tui.artifact.age import CHUNK, X25519Identity, new_file, open_file, opened_pieces
from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.segment import ArtifactFile, Member, MemberWriter, Run, SealedArtifactFile
from pantry_tui.backup.placing import UNPLACED_BYTES, Placement, RangeKey, Text
from pantry_tui.backup.reading import Place, RangeRead, SegmentMade

IDENTITY = X25519Identity.generate()
lengths = st.one_of(
    st.integers(0, 300), st.integers(0, 4).flatmap(lambda n: st.integers(max(0, n * CHUNK - 40), n * CHUNK + 40))
)


def packed(content: bytes) -> tuple[Member, list[bytes]]:
    writer = MemberWriter(Codec.PLAIN)
    writer.write(content)
    return writer.finish()


class InOrder(NamedTuple):
    keys: Sequence[RangeKey]

    def before(self, read: RangeRead) -> Iterable[Text]:
        return [Text("frame", *packed(f"<{read.range}>".encode()))]

    def between(self) -> Iterable[Text]:
        return [Text("frame", *packed(b","))]


class Work:
    """Ranges of some segments each, read by three workers."""

    def __init__(self, ranges: list[list[int]], seed: int) -> None:
        chance = random.Random(seed)
        self.held = {
            number: [packed(chance.randbytes(length)) for length in lengths] for number, lengths in enumerate(ranges)
        }
        self.turns = list(self.held)
        chance.shuffle(self.turns)
        self.chance = chance

    def read(self, number: int) -> RangeRead:
        made = tuple(SegmentMade(member=member, rows=1) for member, _ in self.held[number])
        return RangeRead(table=0, range=number, rows=len(made), raw_bytes=0, segments=made)

    def place_all(self, placement: Placement, artifact: ArtifactFile) -> None:
        """Admits every range by some worker, which writes at some later time."""
        placement.append(Text("head", *packed(b"head")))
        placement.open()
        orders: list[Place] = []
        for number in self.turns:
            placement.admit(number % 3, self.read(number))
            if self.chance.random() < 0.5:
                orders += placement.places(self.chance.randrange(3))
        orders += [place for worker in range(3) for place in placement.places(worker)]
        self.chance.shuffle(orders)
        for place in orders:
            for (member, pieces), offset in zip(self.held[place.range], place.offsets, strict=True):
                placement.stored(artifact.write(pieces, member, offset))
        placement.append(Text("end", *packed(b"the end")))
        placement.finish()


def expected(work: Work, placement: Placement) -> bytes:
    by_sum = {member.sha256: b"".join(pieces) for held in work.held.values() for member, pieces in held}
    frames = {packed(text)[0].sha256: text for text in (b"head", b",", b"the end")}
    frames |= {packed(text)[0].sha256: text for text in (f"<{number}>".encode() for number in work.held)}
    ordered = sorted(placement.segments, key=lambda segment: (segment.offset, segment.length))
    return b"".join({**by_sum, **frames}[segment.sha256] for segment in ordered)


def covers(runs: list[Run], content: bytes) -> bool:
    """Whether the runs are every byte of the file, each once, with the right checksums."""
    position = 0
    for run in sorted(runs, key=lambda run: run.offset):
        if run.length and (
            run.offset != position or run.crc32 != zlib.crc32(content[run.offset : run.offset + run.length])
        ):
            return False
        position += run.length
    return position == len(content)


@given(st.lists(st.lists(lengths, max_size=3), max_size=6), st.integers(0, 1000), st.booleans(), st.booleans())
def test_every_byte_is_written_once(ranges: list[list[int]], seed: int, ordered: bool, sealed: bool) -> None:
    work = Work(ranges, seed)
    order = InOrder([(0, number) for number in work.held]) if ordered else None
    header, key = new_file([IDENTITY.recipient])
    runs: list[Run] = []
    with tempfile.TemporaryFile() as file:
        descriptor = file.fileno()
        artifact = SealedArtifactFile(descriptor, "x", len(header), key) if sealed else ArtifactFile(descriptor, "x")
        if sealed:
            os.pwrite(descriptor, header, 0)
            runs.append(Run(offset=0, length=len(header), crc32=zlib.crc32(header)))
        placement = Placement(artifact, runs.append, order)
        work.place_all(placement, artifact)
        stored = os.pread(descriptor, 1 << 24, 0)
    content = stored
    if sealed:
        start, found = open_file(stored, [IDENTITY])
        pieces = opened_pieces(lambda offset, length: stored[offset : offset + length], len(stored), start, found)
        content = b"".join(pieces)
    assert content == expected(work, placement)
    assert covers(runs, stored)
    if ordered:
        rows = [s.range for s in sorted(placement.segments, key=lambda s: (s.offset, s.length)) if s.section == "rows"]
        assert rows == sorted(number for number, held in work.held.items() for _ in held)


async def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    placement = Placement(ArtifactFile(descriptor, "a"), lambda run: None)
    member = Member(length=UNPLACED_BYTES + 1, raw_length=1, sha256="", crc32=0)
    read = RangeRead(table=0, range=0, rows=1, raw_bytes=1, segments=(SegmentMade(member=member, rows=1),))
    placement.admit(1, read)
    await placement.room(0)
    for waiting in (placement.room(1), placement.all_placed(1)):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(waiting, 0.01)
    both = asyncio.gather(placement.room(1), placement.all_placed(1))
    await asyncio.sleep(0)
    placement.open()
    await both
    assert [place.offsets for place in placement.places(1)] == [(0,)]
    assert placement.places(1) == ()
    os.close(descriptor)
