"""Where each segment goes: the coordinator gives out the places, the workers write.

A worker keeps what it has packed until it is told where to put it, together with its next command. So segments may stand
in the order in which they were finished, or in an order of their own with text between them, by the same rules; and
nothing but the coordinator knows how long the artifact is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from pantry_tui.artifact.age import CHUNK
from pantry_tui.artifact.manifest import Segment
from pantry_tui.artifact.segment import ArtifactFile, Edge, Edges, Member, Run, SealedArtifactFile, Written
from pantry_tui.backup.reading import Place, RangeRead

UNPLACED_BYTES = 12 * 1024 * 1024  # packed, that a worker may hold without a place before it must wait

RangeKey = tuple[int, int]  # table and range, as the manifest numbers them
Wrote = Callable[[Run], None]  # bytes stand in the file


class Text(NamedTuple):
    """A member that the coordinator writes itself."""

    section: str
    member: Member
    pieces: list[bytes]
    table: int | None = None


class Order(Protocol):
    """An order in which ranges have to stand, with text between them."""

    @property
    def keys(self) -> Sequence[RangeKey]:
        """All ranges, in their order."""

    def before(self, read: RangeRead) -> Iterable[Text]:
        """What stands between the range before this one and this one."""

    def between(self) -> Iterable[Text]:
        """What stands between two segments of a range."""


class _Waiting(NamedTuple):
    """A range that was read and has no place yet."""

    worker: int
    read: RangeRead


class Placement:
    """The artifact's end, and who has to write what where.

    Nothing is placed before `open` is called, so that what must stand first can be appended first. Without an ``order``
    ranges stand as they come.
    """

    def __init__(self, artifact: ArtifactFile, wrote: Wrote, order: Order | None = None) -> None:
        self._artifact = artifact
        self._edges = Edges(artifact) if isinstance(artifact, SealedArtifactFile) else None
        self._wrote = wrote
        self.segments: list[Segment] = []
        self._order = order
        self._keys: Iterator[RangeKey] = iter(order.keys if order is not None else ())
        self._next = next(self._keys, None)
        self._waiting: dict[RangeKey, _Waiting] = {}
        self._unplaced: Counter[int] = Counter()  # bytes by worker
        self._places: dict[int, list[Place]] = {}
        self._moved = asyncio.Event()
        self._is_open = False
        self._end = 0

    @property
    def end(self) -> int:
        """How long the artifact's content is so far."""
        return self._end

    def append(self, text: Text) -> None:
        """Writes a member of the coordinator's own at the end. Raises `StorageError`, `DiskFullError`."""
        offset = self._take(text.member.length)
        self.segments.append(_segment(text.section, offset, text.member, table=text.table))
        if self._edges is None:
            self.stored(self._artifact.write(text.pieces, text.member, offset))
        else:  # this may be the end of the file, and nobody knows yet
            self.stored(Written(edges=tuple(_chunks(b"".join(text.pieces), offset))))

    def open(self) -> None:
        """From now on ranges get places."""
        self._is_open = True
        self._advance()

    def admit(self, worker: int, read: RangeRead) -> None:
        """A worker has read a range and holds its segments. Raises `StorageError`, `DiskFullError`."""
        self._waiting[read.table, read.range] = _Waiting(worker, read)
        self._unplaced[worker] += sum(made.member.length for made in read.segments)
        if self._is_open:
            self._advance()

    async def room(self, worker: int) -> None:
        """Waits while this worker holds too much to read on."""
        while self._unplaced[worker] > UNPLACED_BYTES:
            self._moved.clear()
            await self._moved.wait()

    async def all_placed(self, worker: int) -> None:
        """Waits until everything that this worker holds has a place."""
        while any(waiting.worker == worker for waiting in self._waiting.values()):
            self._moved.clear()
            await self._moved.wait()

    def places(self, worker: int) -> tuple[Place, ...]:
        """Where this worker has to put what it holds; each place is told once."""
        return tuple(self._places.pop(worker, ()))

    def stored(self, written: Written) -> None:
        """A member was written. Raises `StorageError`, `DiskFullError`."""
        for run in (*written.runs, *(self._edges.add(written.edges, self._end) if self._edges is not None else ())):
            self._wrote(run)

    def finish(self) -> None:
        """Everything was appended: seals the last chunk of an encrypted artifact."""
        if self._edges is not None:
            for run in self._edges.finish(self._end):
                self._wrote(run)

    def _advance(self) -> None:
        if self._order is None:
            for key in list(self._waiting):
                self._place(self._waiting.pop(key))
        else:
            while self._next is not None and self._next in self._waiting:
                waiting = self._waiting.pop(self._next)
                for text in self._order.before(waiting.read):
                    self.append(text)
                self._place(waiting)
                self._next = next(self._keys, None)
        self._moved.set()

    def _place(self, waiting: _Waiting) -> None:
        read = waiting.read
        segments: list[Segment] = []
        for made in read.segments:
            for text in self._order.between() if self._order is not None and segments else ():
                self.append(text)
            segments.append(_segment("rows", self._take(made.member.length), made.member, read, made.rows))
        if segments:
            self.segments += segments
            offsets = tuple(segment.offset for segment in segments)
            place = Place(table=read.table, range=read.range, offsets=offsets)
            self._places.setdefault(waiting.worker, []).append(place)
            self._unplaced[waiting.worker] -= sum(segment.length for segment in segments)

    def _take(self, length: int) -> int:
        offset, self._end = self._end, self._end + length
        return offset


def _chunks(content: bytes, offset: int) -> Iterator[Edge]:
    """The content cut where chunks of the file end."""
    place = 0
    while place < len(content):
        length = CHUNK - (offset + place) % CHUNK
        yield Edge(offset=offset + place, data=content[place : place + length])
        place += length


def _segment(
    section: str, offset: int, member: Member, read: RangeRead | None = None, rows: int = 0, *, table: int | None = None
) -> Segment:
    return Segment(
        section=section,
        offset=offset,
        length=member.length,
        raw_length=member.raw_length,
        sha256=member.sha256,
        table=table if read is None else read.table,
        range=None if read is None else read.range,
        rows=rows,
    )
