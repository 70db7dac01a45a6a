"""Segments get their places in any order of finishing, and the chunks of encrypted files are whole whoever wrote them."""

from __future__ import annotations

import asyncio
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
from pantry_tui.artifact.manifest import Segment
from pantry_tui.artifact.segment import Member, MemberWriter, PartTarget, Run, Seal
from pantry_tui.backup.parts import Part
from pantry_tui.backup.placing import UNPLACED_BYTES, Placement, RangeKey, Text
from pantry_tui.backup.reading import Place, RangeRead, SegmentMade

IDENTITY = X25519Identity.generate()
HEADER, KEY = new_file([IDENTITY.recipient])
FRAMES = (b"head", b",", b"the end", *(f"<{number}>".encode() for number in range(6)))
lengths = st.one_of(
    st.integers(0, 300), st.integers(0, 4).flatmap(lambda n: st.integers(max(0, n * CHUNK - 40), n * CHUNK + 40))
)


def packed(content: bytes) -> tuple[Member, list[bytes]]:
    writer = MemberWriter(Codec.PLAIN)
    writer.write(content)
    return writer.finish()


class InOrder(NamedTuple):
    """Text before each range and between its segments; with ``apart`` each range begins a file."""

    keys: Sequence[RangeKey]
    apart: bool = False

    def before(self, read: RangeRead) -> Iterable[Text]:
        begins = f"range {read.range}" if self.apart else None
        return [Text("frame", *packed(f"<{read.range}>".encode()), begins=begins)]

    def between(self) -> Iterable[Text]:
        return [] if self.apart else [Text("frame", *packed(b","))]


class Files:
    """The files of an artifact in a directory, and what is told of them."""

    def __init__(self, directory: str, *, sealed: bool) -> None:
        self.directory = Path(directory)
        self.sealed = sealed
        self.runs: dict[int, list[Run]] = {}
        self.whole: list[int] = []

    def begin(self, name: str) -> Part:
        number, path = len(self.runs), self.directory / name
        path.write_bytes(HEADER if self.sealed else b"")
        self.runs[number] = [Run(offset=0, length=len(HEADER), crc32=zlib.crc32(HEADER))] if self.sealed else []
        seal = Seal(start=len(HEADER), secret=KEY.secret()) if self.sealed else None
        target = PartTarget(number=number, path=str(path), seal=seal)
        return Part(target, self.runs[number].append, lambda: self.whole.append(number))

    def content(self, number: int, name: str) -> bytes:
        """What is in a file of which the runs are every byte, once."""
        stored = (self.directory / name).read_bytes()
        assert covers(self.runs[number], stored)
        if not self.sealed:
            return stored
        start, found = open_file(stored, [IDENTITY])
        pieces = opened_pieces(lambda offset, length: stored[offset : offset + length], len(stored), start, found)
        return b"".join(pieces)


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

    @property
    def keys(self) -> list[RangeKey]:
        return [(0, number) for number in self.held]

    def read(self, number: int) -> RangeRead:
        made = tuple(SegmentMade(member=member, rows=1) for member, _ in self.held[number])
        return RangeRead(table=0, range=number, rows=len(made), raw_bytes=0, segments=made)

    def place_all(self, placement: Placement) -> None:
        """Admits every range by some worker, which writes at some later time."""
        placement.open()
        orders: list[Place] = []
        for number in self.turns:
            placement.admit(number % 3, self.read(number))
            if self.chance.random() < 0.5:
                orders += placement.places(self.chance.randrange(3))
        orders += [place for worker in range(3) for place in placement.places(worker)]
        self.chance.shuffle(orders)
        for place in orders:
            file = place.part.file()
            for (member, pieces), offset in zip(self.held[place.range], place.offsets, strict=True):
                placement.stored(place.part.number, file.write(pieces, member, offset))
            file.release()

    def expected(self, segments: Iterable[Segment]) -> bytes:
        by_sum = {member.sha256: b"".join(pieces) for held in self.held.values() for member, pieces in held}
        by_sum |= {packed(text)[0].sha256: text for text in FRAMES}
        ordered = sorted(segments, key=lambda segment: (segment.offset, segment.length))
        return b"".join(by_sum[segment.sha256] for segment in ordered)


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
    with tempfile.TemporaryDirectory() as directory:
        files = Files(directory, sealed=sealed)
        placement = Placement(files.begin, InOrder(work.keys) if ordered else None)
        placement.begin("all")
        placement.append(Text("head", *packed(b"head")))
        work.place_all(placement)
        placement.append(Text("end", *packed(b"the end")))
        placement.finish()
        assert files.content(0, "all") == work.expected(placement.segments)
        assert files.whole == [0]
    if ordered:
        rows = [s.range for s in sorted(placement.segments, key=lambda s: (s.offset, s.length)) if s.section == "rows"]
        assert rows == sorted(number for number, held in work.held.items() for _ in held)


@given(st.lists(st.lists(lengths, max_size=3), max_size=6), st.integers(0, 1000), st.booleans())
def test_each_table_has_a_file_of_its_own(ranges: list[list[int]], seed: int, sealed: bool) -> None:
    """Rows end a file there, at any place of a chunk, and files are whole in any order."""
    work = Work(ranges, seed)
    with tempfile.TemporaryDirectory() as directory:
        files = Files(directory, sealed=sealed)
        placement = Placement(files.begin, InOrder(work.keys, apart=True))
        work.place_all(placement)
        placement.finish()
        assert sorted(files.whole) == list(work.held)
        for number, held in work.held.items():
            text = b"".join(piece for _, pieces in held for piece in pieces)
            assert files.content(number, f"range {number}") == f"<{number}>".encode() + text


async def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    placement = Placement(Files(str(tmp_path), sealed=False).begin)
    placement.begin("a")
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
