"""Where each segment goes: the coordinator gives out the places, the workers write.

A worker keeps what it has packed until it is told where to put it, together with its next command. So segments may stand
in the order in which they were finished, or in an order of their own with text between them, in one file or in one for each
table, by the same rules; and nothing but the coordinator knows how long the artifact is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from pantry_tui.artifact.manifest import Segment
from pantry_tui.artifact.segment import Member, Written
from pantry_tui.backup.parts import Part
from pantry_tui.backup.reading import Place, RangeRead
from pantry_tui.errors import InternalError

UNPLACED_BYTES = 12 * 1024 * 1024  # packed, that a worker may hold without a place before it must wait

RangeKey = tuple[int, int]  # table and range, as the manifest numbers them
Begin = Callable[[str], Part]  # makes a file of that name


class Text(NamedTuple):
    """A member that the coordinator writes itself; ``begins``: the name of the file that begins with it."""

    section: str
    member: Member
    pieces: list[bytes]
    table: int | None = None
    begins: str | None = None


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
    ranges stand as they come. All of a range stands in one file, the one that was begun last.
    """

    def __init__(self, begin: Begin, order: Order | None = None) -> None:
        self._begin = begin
        self._parts: dict[int, Part] = {}  # that are not whole yet, by their numbers
        self._last: Part | None = None
        self.segments: list[Segment] = []
        self._order = order
        self._keys: Iterator[RangeKey] = iter(order.keys if order is not None else ())
        self._next = next(self._keys, None)
        self._waiting: dict[RangeKey, _Waiting] = {}
        self._unplaced: Counter[int] = Counter()  # bytes by worker
        self._places: dict[int, list[Place]] = {}
        self._moved = asyncio.Event()
        self._is_open = False

    def begin(self, name: str) -> None:
        """What follows stands in a file of that name. Raises `StorageError`, `DiskFullError`."""
        self.finish()
        self._last = self._begin(name)
        self._parts[self._last.number] = self._last

    @property
    def end(self) -> int:
        """How long the content of the last file is so far."""
        return self._part.end

    def append(self, text: Text) -> None:
        """Writes a member of the coordinator's own at the end. Raises `StorageError`, `DiskFullError`."""
        if text.begins is not None:
            self.begin(text.begins)
        offset = self._part.append(text.member, text.pieces)
        self.segments.append(_segment(text.section, offset, text.member, table=text.table))

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

    def stored(self, number: int, written: Written) -> None:
        """A worker has written a segment into the file of that number. Raises `StorageError`, `DiskFullError`."""
        part = self._parts[number]
        part.stored(written)
        if part.is_whole:
            del self._parts[number]

    def finish(self) -> None:
        """Nothing more is placed in the last file. Raises `StorageError`, `DiskFullError`."""
        if self._last is None:
            return
        part, self._last = self._last, None
        part.finish()
        if part.is_whole:
            del self._parts[part.number]

    @property
    def _part(self) -> Part:
        if self._last is None:
            raise InternalError("something was placed before a file was begun")
        return self._last

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
            segments.append(_segment("rows", self._part.take(made.member.length), made.member, read, made.rows))
        if segments:
            self.segments += segments
            offsets = tuple(segment.offset for segment in segments)
            place = Place(table=read.table, range=read.range, part=self._part.target, offsets=offsets)
            self._places.setdefault(waiting.worker, []).append(place)
            self._unplaced[waiting.worker] -= sum(segment.length for segment in segments)


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
