"""What the workers report, put together: the tables, ranges and segments of the manifest, and the file of positions."""

from __future__ import annotations

from collections.abc import Sequence

from pantry_tui.artifact.manifest import PageRange, Segment, TableEntry
from pantry_tui.backup.commands import TableWork
from pantry_tui.backup.progress import ProgressMeter
from pantry_tui.backup.reading import RangeRead, ReadReport, RowsRead, SegmentStored
from pantry_tui.postgres.introspect import SourceTable, TableSize


class Collector:
    """Takes the workers' reports while they read."""

    def __init__(self, work: Sequence[TableWork], progress: ProgressMeter) -> None:
        self._work = work
        self._progress = progress
        self.segments: list[Segment] = []

    def on_report(self, report: ReadReport) -> None:
        """Takes one report."""
        if isinstance(report, RowsRead):
            self._progress.moved(self._work[report.table].table.qualified_name, report.rows, report.raw_bytes)
        else:
            self.segments.append(_segment(report))

    def on_result(self, read: RangeRead) -> None:
        """A range is done."""
        item = self._work[read.table]
        self._progress.finished_part(item.table.qualified_name, item.cuts[read.range].weight or 1)


def _segment(stored: SegmentStored) -> Segment:
    return Segment(
        section="rows",
        offset=stored.offset,
        length=stored.member.length,
        raw_length=stored.member.raw_length,
        sha256=stored.member.sha256,
        table=stored.table,
        range=stored.range,
        rows=stored.rows,
    )


def table_entries(
    work: Sequence[TableWork], sizes: dict[int, TableSize], reads: Sequence[RangeRead]
) -> tuple[tuple[TableEntry, ...], bytes]:
    """The manifest's entries of the copied tables, and the content of the positions file."""
    positions = bytearray()
    by_table: dict[int, list[PageRange]] = {item.number: [] for item in work}
    raw_bytes = dict.fromkeys(by_table, 0)
    for read in sorted(reads, key=lambda read: (read.table, read.range)):
        cut = work[read.table].cuts[read.range]
        packed = read.positions
        by_table[read.table].append(
            PageRange(
                first_page=cut.first_page,
                last_page=cut.last_page,
                rows=read.rows,
                fingerprint=read.fingerprint,
                positions_offset=None if packed is None else len(positions),
                positions_length=None if packed is None else len(packed),
            )
        )
        positions += packed or b""
        raw_bytes[read.table] += read.raw_bytes
    entries = (
        _entry(item.table, sizes[item.table.oid], tuple(by_table[item.number]), raw_bytes[item.number]) for item in work
    )
    return tuple(entries), bytes(positions)


def _entry(table: SourceTable, size: TableSize, ranges: tuple[PageRange, ...], raw_bytes: int) -> TableEntry:
    sums = [page_range.fingerprint for page_range in ranges]
    known = [int(content) for content in sums if content is not None]
    return TableEntry(
        schema=table.schema,
        name=table.name,
        oid=table.oid,
        filenode=size.filenode,
        columns=table.columns,
        shape=table.shape,
        persistence=table.persistence,
        rows=sum(page_range.rows for page_range in ranges),
        raw_bytes=raw_bytes,
        fingerprint=str(sum(known)) if len(known) == len(sums) else None,
        ranges=ranges,
    )


def archived_entry(table: SourceTable, size: TableSize, rows: int, fingerprint: str | None) -> TableEntry:
    """The entry of a table whose rows pg_dump carries."""
    return TableEntry(
        schema=table.schema,
        name=table.name,
        oid=table.oid,
        filenode=size.filenode,
        columns=table.columns,
        shape=table.shape,
        persistence=table.persistence,
        rows=rows,
        raw_bytes=0,
        fingerprint=fingerprint,
        ranges=(),
        carried_by="archive",
        reason=table.archive_reason,
        loaded_through=table.loaded_through,
    )
