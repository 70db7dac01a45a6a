"""What a backup's worker process does: read ranges of tables inside the shared snapshot and write them as segments."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from psycopg import pq

from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.copytext import END_OF_ROWS
from pantry_tui.artifact.jsondocument import RowJoiner
from pantry_tui.artifact.positions import encode_positions
from pantry_tui.artifact.segment import (
    SEGMENT_RAW_BYTES,
    ArtifactFile,
    Member,
    MemberWriter,
    PartTarget,
    Written,
)
from pantry_tui.backup.pacing import Allowance
from pantry_tui.backup.since import SegmentLeft, Since, rows_left
from pantry_tui.errors import InternalError
from pantry_tui.models import BackupFormat, DatabaseTarget, Model
from pantry_tui.postgres.connect import adopt_environment
from pantry_tui.postgres.link import Link
from pantry_tui.postgres.rowcsv import with_line_ends

REPORT_SECONDS = 0.2


class ReadingSetup(Model, frozen=True, kw_only=True):
    """What a worker needs to connect, which it does while the snapshot is being taken."""

    target: DatabaseTarget


class Join(Model, frozen=True, kw_only=True, tag="join"):
    """Join the snapshot, pin the session's settings."""

    snapshot: str
    settings: str
    codec: Codec
    format: BackupFormat
    batch_size: int | None = None  # most rows of a segment
    bytes_per_second: float | None = None  # at most, of rows' text that this worker reads


class Place(Model, frozen=True, kw_only=True):
    """Where the segments of a range belong that this worker has read: one file, and an offset for each."""

    table: int
    range: int
    part: PartTarget
    offsets: tuple[int, ...]


class ReadRange(Model, frozen=True, kw_only=True, tag="range"):
    """Read one range of a table, by statements that are complete; first put away what has a place by now.

    ``lock`` refuses to wait: a queued ALTER would wait for the coordinator's lock, this worker for the ALTER and the
    coordinator for this worker, unseen by the server's deadlock detection. ``header`` is in the document's encoding, and
    only in format `sql`.
    """

    table: int
    range: int
    name: str  # of the table, for people
    lock: str
    copy: str
    header: bytes
    fingerprint: str | None  # also gives the rows' positions
    since: Since | None = None  # then the rows that ``copy`` sends are those that changed
    places: tuple[Place, ...] = ()


class Store(Model, frozen=True, kw_only=True, tag="store"):
    """Put these away."""

    places: tuple[Place, ...]


ReadCommand = Join | ReadRange | Store


class SegmentStored(Model, frozen=True, kw_only=True, tag="stored"):
    """A segment stands at its place, in the file of that number."""

    part: int
    written: Written


class RowsRead(Model, frozen=True, kw_only=True, tag="rows"):
    """Rows and raw bytes of a table since the last such report."""

    table: int
    rows: int
    raw_bytes: int


ReadReport = SegmentStored | RowsRead


class SegmentMade(Model, frozen=True, kw_only=True):
    """A segment that the worker holds."""

    member: Member
    rows: int


class RangeRead(Model, frozen=True, kw_only=True):
    """A range was read whole: ``rows`` of it are in the segments. ``positions`` is packed (base64 in JSON).

    Since a base, ``all_rows`` are there, and ``left`` tells what is left of the base's segments.
    """

    table: int
    range: int
    rows: int
    raw_bytes: int
    segments: tuple[SegmentMade, ...]
    fingerprint: str | None = None
    positions: bytes | None = None
    all_rows: int | None = None
    left: tuple[SegmentLeft, ...] = ()


_commands: msgspec.json.Decoder[ReadCommand] = msgspec.json.Decoder(ReadCommand)
_Report = Callable[[bytes], None]


def open_session(setup: bytes) -> Callable[[bytes, _Report], bytes]:
    """Connects; for `pantry_tui.postgres.worker`."""
    target = ReadingSetup.from_json(setup).target
    adopt_environment(target)
    return _Session(Link.open(target, application="backup worker"))


class _Session:
    """A connection, and a reader once it has joined a snapshot."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._reader: _Reader | None = None

    def __call__(self, line: bytes, report: _Report) -> bytes:
        command = _commands.decode(line)
        if isinstance(command, Join):
            self._reader = _Reader(self._link, command)
            return b"null"
        if self._reader is None:
            raise InternalError("a worker was asked to read before it had joined a snapshot")
        if isinstance(command, Store):
            self._reader.store(command.places, report)
            return b"null"
        return self._reader.read(command, report).to_json()


class _OpenSegment:
    """A segment being filled. In format `sql` it is complete in itself: the COPY line, its rows, the end mark."""

    def __init__(self, header: bytes, codec: Codec, rows_format: BackupFormat) -> None:
        self._writer = MemberWriter(codec)
        self._format = rows_format
        self._joiner = RowJoiner()
        if header:
            self._writer.write(header)
        self.rows = 0

    @property
    def is_full(self) -> bool:
        return self._writer.raw_length >= SEGMENT_RAW_BYTES

    def add(self, rows: int, text: bytes) -> None:
        if self._format is BackupFormat.JSON:
            text = self._joiner.join(rows, text)
        elif self._format is BackupFormat.CSV:
            text = with_line_ends(text, rows)
        self._writer.write(text)
        self.rows += rows

    def close(self) -> _HeldSegment:
        if self._format is BackupFormat.SQL:
            self._writer.write(END_OF_ROWS)
        member, pieces = self._writer.finish()
        return _HeldSegment(SegmentMade(member=member, rows=self.rows), pieces)


class _HeldSegment(NamedTuple):
    """A finished segment without a place."""

    made: SegmentMade
    pieces: list[bytes]


class _RowCounter:
    """Counts what was read of a range and reports it a few times a second."""

    def __init__(self, table: int, report: _Report) -> None:
        self._table = table
        self._report = report
        self._reported = (0, 0)
        self._next = time.monotonic() + REPORT_SECONDS
        self.rows = 0
        self.raw_bytes = 0

    def add(self, rows: int, raw_bytes: int) -> None:
        self.rows += rows
        self.raw_bytes += raw_bytes
        if time.monotonic() >= self._next:
            self.report()
            self._next = time.monotonic() + REPORT_SECONDS

    def report(self) -> None:
        rows, raw_bytes = self.rows - self._reported[0], self.raw_bytes - self._reported[1]
        if rows:
            self._report(RowsRead(table=self._table, rows=rows, raw_bytes=raw_bytes).to_json())
        self._reported = (self.rows, self.raw_bytes)


class _Reader:
    def __init__(self, link: Link, join: Join) -> None:
        self._link = link
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self._link.execute(f"{begin}; {join.snapshot}; {join.settings}", doing="joining the snapshot")
        self._link.require_one_session()
        self._part: tuple[int, ArtifactFile] | None = None  # that was written to last, and its number
        self._codec = join.codec
        self._format = join.format
        self._batch_size = join.batch_size
        self._allowance = Allowance(join.bytes_per_second)
        self._held: dict[tuple[int, int], list[_HeldSegment]] = {}
        self._locked: int | None = None

    def read(self, command: ReadRange, report: _Report) -> RangeRead:
        self.store(command.places, report)
        if self._locked != command.table:
            self._link.execute(command.lock, doing=f"locking {command.name}")
            self._locked = command.table
        if command.since is not None:
            return self._read_since(command, command.since, report)
        read = self._copy(command, report)
        if command.fingerprint is None:
            return read
        result = self._link.execute(
            command.fingerprint, doing=f"fingerprinting {command.name}", result_format=pq.Format.BINARY
        )
        counted = int.from_bytes(result.get_value(0, 0) or b"", "big")
        if counted != read.rows:
            raise InternalError(
                f"{command.name}: the server counted {counted} rows in a range of which it sent {read.rows}"
            )
        return msgspec.structs.replace(
            read,
            fingerprint=(result.get_value(0, 1) or b"").decode("ascii"),
            positions=encode_positions(result.get_value(0, 2) or b""),
        )

    def _read_since(self, command: ReadRange, since: Since, report: _Report) -> RangeRead:
        """Looks what is left of the base's rows, and copies those that changed where there are any."""
        state = self._link.execute(
            since.state, doing=f"comparing {command.name} with the base", result_format=pq.Format.BINARY
        )
        rows, unchanged = (int.from_bytes(state.get_value(0, column) or b"", "big") for column in (0, 1))
        same, changed = ((state.get_value(0, column) or b"").decode("ascii") for column in (2, 4))
        left = rows_left(since, unchanged, same, state.get_value(0, 3) or b"", name=command.name)
        read = RangeRead(table=command.table, range=command.range, rows=0, raw_bytes=0, segments=())
        if rows > unchanged:
            read = self._copy(command, report)
        else:
            self._held[command.table, command.range] = []
        if read.rows != rows - unchanged:
            raise InternalError(
                f"{command.name}: the server counted {rows - unchanged} changed rows in a range of which it sent {read.rows}"
            )
        return msgspec.structs.replace(read, fingerprint=str(int(same) + int(changed)), all_rows=rows, left=left)

    def _copy(self, command: ReadRange, report: _Report) -> RangeRead:
        """Streams the range into segments; more than one where its rows are larger than was guessed."""
        stream = self._link.rows_out(command.copy, doing=f"reading {command.name}", most_rows=self._batch_size)
        counter = _RowCounter(command.table, report)
        segment = _OpenSegment(command.header, self._codec, self._format)
        held: list[_HeldSegment] = []
        for rows, text in stream:
            segment.add(rows, text)
            counter.add(rows, len(text))
            self._allowance.spend(len(text))
            if segment.is_full or segment.rows == self._batch_size:
                held.append(segment.close())
                segment = _OpenSegment(command.header, self._codec, self._format)
        counter.report()
        if stream.rows != counter.rows:
            raise InternalError(f"{command.name}: the server says it sent {stream.rows} rows; {counter.rows} arrived")
        if segment.rows:
            held.append(segment.close())
        self._held[command.table, command.range] = held
        return RangeRead(
            table=command.table,
            range=command.range,
            rows=counter.rows,
            raw_bytes=counter.raw_bytes,
            segments=tuple(segment.made for segment in held),
        )

    def store(self, places: Sequence[Place], report: _Report) -> None:
        """Writes what has a place."""
        for place in places:
            held = self._held.pop((place.table, place.range))
            file = self._file(place.part)
            for segment, offset in zip(held, place.offsets, strict=True):
                written = file.write(segment.pieces, segment.made.member, offset)
                report(SegmentStored(part=place.part.number, written=written).to_json())

    def _file(self, part: PartTarget) -> ArtifactFile:
        if self._part is not None and self._part[0] != part.number:
            self._part[1].release()
            self._part = None
        if self._part is None:
            self._part = part.number, part.file()
        return self._part[1]
