"""What the workers report, put together: the tables, ranges and segments of the manifest, and the file of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from pantry_tui.artifact.manifest import PageRange, TableEntry
from pantry_tui.backup.commands import TableWork
from pantry_tui.backup.placing import Placement
from pantry_tui.backup.progress import ProgressMeter
from pantry_tui.backup.reading import RangeRead, ReadReport, RowsRead
from pantry_tui.backup.removing import RemovedLines
from pantry_tui.postgres.introspect import SourceTable, TableSize


class Collector:
    """Takes the workers' reports while they read; positions go to their file at once, not into memory.

    ``removed`` takes what is left of a base's segments, where there is a base.
    """

    def __init__(
        self,
        work: Sequence[TableWork],
        progress: ProgressMeter,
        placement: Placement,
        positions: BinaryIO | None,
        removed: RemovedLines | None,
    ) -> None:
        self._work = work
        self._progress = progress
        self._positions = positions
        self._ranges: dict[int, dict[int, PageRange]] = {item.number: {} for item in work}
        self._placement = placement
        self._raw_bytes = dict.fromkeys(self._ranges, 0)
        self._removed = removed

    def on_report(self, report: ReadReport) -> None:
        """Takes one report."""
        if isinstance(report, RowsRead):
            self._progress.moved(self._work[report.table].table.qualified_name, report.rows, report.raw_bytes)
        else:
            self._placement.stored(report.part, report.written)

    def on_result(self, worker: int, read: RangeRead | None) -> None:
        """A worker has read a range; None: it only put something away."""
        if read is None:
            return
        self._placement.admit(worker, read)
        item = self._work[read.table]
        cut = item.cuts[read.range]
        stored: tuple[int | None, int | None] = (None, None)
        if read.positions is not None and self._positions is not None:
            stored = (self._positions.tell(), self._positions.write(read.positions))
        self._ranges[read.table][read.range] = PageRange(
            first_page=cut.first_page,
            last_page=cut.last_page,
            rows=read.rows if read.all_rows is None else read.all_rows,
            fingerprint=read.fingerprint,
            positions_offset=stored[0],
            positions_length=stored[1],
            changed=None if read.all_rows is None else read.rows,
        )
        if self._removed is not None:
            for left in read.left:
                self._removed.add(read.table, left)
        self._raw_bytes[read.table] += read.raw_bytes
        self._progress.finished_part(item.table.qualified_name, cut.weight or 1)

    def entries(self, sizes: dict[int, TableSize], files: Sequence[str] = ()) -> list[TableEntry]:
        """The manifest's entries of the copied tables; ``files``: what each is called in a zip file or directory."""
        return [
            _entry(
                item.table,
                sizes[item.table.oid],
                tuple(self._ranges[item.number][number] for number in range(len(item.cuts))),
                self._raw_bytes[item.number],
                files[item.number] if files else None,
                item.whole,
            )
            for item in self._work
        ]


def _entry(
    table: SourceTable,
    size: TableSize,
    ranges: tuple[PageRange, ...],
    raw_bytes: int,
    file: str | None,
    whole: str | None,
) -> TableEntry:
    sums = [page_range.fingerprint for page_range in ranges]
    known = [int(content) for content in sums if content is not None]
    return msgspec.structs.replace(
        bare_entry(table, size),
        rows=sum(page_range.rows for page_range in ranges),
        raw_bytes=raw_bytes,
        fingerprint=str(sum(known)) if len(known) == len(sums) else None,
        ranges=ranges,
        carried_by="segments",
        reason=table.unreadable_reason,
        file=file,
        whole=whole,
        server_bytes=size.bytes,
    )


def archived_entry(table: SourceTable, size: TableSize, rows: int, fingerprint: str | None) -> TableEntry:
    """The entry of a table whose rows pg_dump carries."""
    return msgspec.structs.replace(
        bare_entry(table, size),
        rows=rows,
        fingerprint=fingerprint,
        carried_by="archive",
        reason=table.archive_reason,
        loaded_through=table.loaded_through,
        server_bytes=size.bytes,
    )


def bare_entry(table: SourceTable, size: TableSize) -> TableEntry:
    """The entry of a table of which only the definition is kept."""
    return TableEntry(
        schema=table.schema,
        name=table.name,
        oid=table.oid,
        filenode=size.filenode,
        columns=table.columns,
        shape=table.shape,
        persistence=table.persistence,
        rows=0,
        raw_bytes=0,
        fingerprint=None,
        ranges=(),
        carried_by="none",
        reason="a backup of the schema alone",
        server_bytes=size.bytes,
    )
