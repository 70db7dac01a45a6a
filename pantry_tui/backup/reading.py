"""What a backup's worker process does: read ranges of tables inside the shared snapshot and write them as segments."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import msgspec
from psycopg import pq

from pantry_tui.artifact.copytext import END_OF_ROWS
from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.positions import encode_positions
from pantry_tui.artifact.segment import SEGMENT_RAW_BYTES, ArtifactFile, Member, MemberWriter
from pantry_tui.errors import InternalError
from pantry_tui.models import DatabaseTarget, Model
from pantry_tui.postgres.connect import adopt_environment
from pantry_tui.postgres.link import Link

PENDING_BYTES = 12 * 1024 * 1024  # compressed, per worker, while the document's beginning is not written yet
REPORT_SECONDS = 0.2


class ReadingSetup(Model, frozen=True, kw_only=True):
    """What a worker needs to connect, which it does while the snapshot is being taken."""

    target: DatabaseTarget


class Join(Model, frozen=True, kw_only=True, tag="join"):
    """Join the snapshot, pin the session's settings, open the artifact."""

    snapshot: str
    settings: str
    artifact: str  # path


class ReadRange(Model, frozen=True, kw_only=True, tag="range"):
    """Read one range of a table, by statements that are complete.

    ``lock`` refuses to wait: a queued ALTER would wait for the coordinator's lock, this worker for the ALTER and the
    coordinator for this worker, unseen by the server's deadlock detection. ``header`` is in the document's encoding.
    """

    table: int
    range: int
    name: str  # of the table, for people
    lock: str
    copy: str
    header: bytes
    fingerprint: str | None  # also gives the rows' positions


class Flush(Model, frozen=True, kw_only=True, tag="flush"):
    """Write everything that waits for its place."""


ReadCommand = Join | ReadRange | Flush


class SegmentStored(Model, frozen=True, kw_only=True, tag="stored"):
    """A segment has its place in the artifact."""

    table: int
    range: int
    part: int
    offset: int
    member: Member
    rows: int


class RowsRead(Model, frozen=True, kw_only=True, tag="rows"):
    """Rows and raw bytes of a table since the last such report."""

    table: int
    rows: int
    raw_bytes: int


ReadReport = SegmentStored | RowsRead


class RangeRead(Model, frozen=True, kw_only=True):
    """A range was read whole. ``positions`` is packed (base64 in JSON)."""

    table: int
    range: int
    rows: int
    raw_bytes: int
    fingerprint: str | None = None
    positions: bytes | None = None


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
        if isinstance(command, Flush):
            self._reader.flush(report)
            return b"null"
        return self._reader.read(command, report).to_json()


class _Pending:
    """A finished segment without a place."""

    def __init__(self, stored: SegmentStored, pieces: list[bytes]) -> None:
        self.stored = stored
        self.pieces = pieces


class _OpenSegment:
    """A segment being filled: complete in itself, with the COPY line above its rows and the end mark below."""

    def __init__(self, command: ReadRange, part: int = 0) -> None:
        self._command = command
        self._part = part
        self._writer = MemberWriter()
        self._writer.write(command.header)
        self.rows = 0

    @property
    def is_full(self) -> bool:
        return self._writer.raw_length >= SEGMENT_RAW_BYTES

    def add(self, rows: int, text: bytes) -> None:
        self._writer.write(text)
        self.rows += rows

    def next(self) -> _OpenSegment:
        return _OpenSegment(self._command, self._part + 1)

    def close(self) -> _Pending:
        self._writer.write(END_OF_ROWS)
        member, pieces = self._writer.finish()
        stored = SegmentStored(
            table=self._command.table,
            range=self._command.range,
            part=self._part,
            offset=-1,
            member=member,
            rows=self.rows,
        )
        return _Pending(stored, pieces)


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
        with storage_errors(join.artifact, "opening the backup's artifact"):
            descriptor = os.open(join.artifact, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._artifact = ArtifactFile(descriptor, join.artifact)
        self._pending: list[_Pending] = []
        self._locked: int | None = None

    def read(self, command: ReadRange, report: _Report) -> RangeRead:
        if self._locked != command.table:
            self._link.execute(command.lock, doing=f"locking {command.name}")
            self._locked = command.table
        rows, raw_bytes = self._copy(command, report)
        read = RangeRead(table=command.table, range=command.range, rows=rows, raw_bytes=raw_bytes)
        if command.fingerprint is None:
            return read
        result = self._link.execute(
            command.fingerprint, doing=f"fingerprinting {command.name}", result_format=pq.Format.BINARY
        )
        counted = int.from_bytes(result.get_value(0, 0) or b"", "big")
        if counted != rows:
            raise InternalError(f"{command.name}: the server counted {counted} rows in a range of which it sent {rows}")
        return msgspec.structs.replace(
            read,
            fingerprint=(result.get_value(0, 1) or b"").decode("ascii"),
            positions=encode_positions(result.get_value(0, 2) or b""),
        )

    def _copy(self, command: ReadRange, report: _Report) -> tuple[int, int]:
        """Streams the range into segments; more than one where its rows are larger than was guessed."""
        stream = self._link.rows_out(command.copy, doing=f"reading {command.name}")
        counter = _RowCounter(command.table, report)
        segment = _OpenSegment(command)
        for rows, text in stream:
            segment.add(rows, text)
            counter.add(rows, len(text))
            if segment.is_full:
                self._store(segment, report)
                segment = segment.next()
        counter.report()
        if stream.rows != counter.rows:
            raise InternalError(f"{command.name}: the server says it sent {stream.rows} rows; {counter.rows} arrived")
        if segment.rows:
            self._store(segment, report)
        return counter.rows, counter.raw_bytes

    def _store(self, segment: _OpenSegment, report: _Report) -> None:
        self._pending.append(segment.close())
        waiting = sum(pending.stored.member.length for pending in self._pending)
        while self._pending:
            pending = self._pending[0]
            append = self._artifact.append if waiting > PENDING_BYTES else self._artifact.try_append
            offset = append(pending.pieces, pending.stored.member.length)
            if offset is None:
                return
            waiting -= pending.stored.member.length
            self._placed(self._pending.pop(0), offset, report)

    def flush(self, report: _Report) -> None:
        """Places what still waits."""
        while self._pending:
            pending = self._pending.pop(0)
            self._placed(pending, self._artifact.append(pending.pieces, pending.stored.member.length), report)

    def _placed(self, pending: _Pending, offset: int, report: _Report) -> None:
        report(msgspec.structs.replace(pending.stored, offset=offset).to_json())
