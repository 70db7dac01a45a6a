"""Exporting to format `csv`: a zip file with an entry for each table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from pantry_tui.artifact.compression import Codec
from pantry_tui.artifact.content import SEALED_SUFFIX
from pantry_tui.artifact.csvtext import csv_pieces, utf8_pieces
from pantry_tui.artifact.entrynames import entry_names
from pantry_tui.artifact.manifest import TableEntry
from pantry_tui.artifact.segment import SEGMENT_RAW_BYTES, MemberWriter
from pantry_tui.artifact.zipping import LARGE_BYTES, ZipEntry, directory
from pantry_tui.backup.export_output import Output
from pantry_tui.backup.export_source import ExportSource, in_thread
from pantry_tui.backup.progress import ProgressMeter
from pantry_tui.models import BackupFormat, ExportedTable
from pantry_tui.postgres.rowcsv import csv_header


async def export_csv(source: ExportSource, output: Output) -> tuple[list[ExportedTable], int]:
    """Writes the zip file, unpacked by ``output``; returns the tables that are in it, and the bytes of their text."""
    chosen = [(position, table) for position, table in source.tables if table.carried_by == "segments"]
    # A backup's own names stay; what else their tables are called, only its manifest says.
    names = entry_names([(table.schema, table.name) for _, table in chosen])
    if source.manifest.format is BackupFormat.CSV:
        # In a directory, encrypted ones say so.
        names = [
            (table.file or name).removesuffix(SEALED_SUFFIX) for (_, table), name in zip(chosen, names, strict=True)
        ]
    meter = source.meter(number for position, _ in chosen for number in source.segments(position))
    writer = _ZipWriter(source, output, meter)
    for (position, table), name in zip(chosen, names, strict=True):
        await writer.add(position, table, name)
    output.write(directory(writer.entries, output.content))
    tables = [
        ExportedTable(schema=table.schema, name=table.name, rows=table.rows, file=name)
        for (_, table), name in zip(chosen, names, strict=True)
    ]
    return tables, writer.raw_bytes


class _ZipWriter:
    """Writes entries one behind the other."""

    def __init__(self, source: ExportSource, output: Output, meter: ProgressMeter) -> None:
        self.entries: list[ZipEntry] = []
        self.raw_bytes = 0
        self._source = source
        self._output = output
        self._meter = meter

    async def add(self, position: int, table: TableEntry, name: str) -> None:
        """Writes the file of a table."""
        manifest = self._source.manifest
        entry = ZipEntry(
            name,
            offset=self._output.content,
            modified=manifest.started_at,
            large=table.raw_bytes >= LARGE_BYTES,
        )
        self.entries.append(entry)
        self._output.write(entry.header)
        self._deflate(entry, [csv_header(table.columns, manifest.source.encoding)])
        for number in self._source.segments(position):
            await in_thread(partial(self._deflate, entry, self._rows(number, table)))
            segment = manifest.segments[number]
            self._meter.moved(table.qualified_name, segment.rows, segment.raw_length)
            self._meter.finished_part(table.qualified_name, segment.raw_length)
        self._output.write(entry.close())

    def _rows(self, number: int, table: TableEntry) -> Iterator[bytes]:
        manifest, reader = self._source.manifest, self._source.reader
        if manifest.format is BackupFormat.CSV:
            return reader.rows(number)
        text = utf8_pieces(reader.rows(number), manifest.source.encoding)
        return csv_pieces(text, columns=len(table.columns), rows=manifest.segments[number].rows)

    def _deflate(self, entry: ZipEntry, pieces: Iterable[bytes]) -> None:
        writer = MemberWriter(Codec.DEFLATE)
        for piece in pieces:
            writer.write(piece)
            if writer.raw_length >= SEGMENT_RAW_BYTES:
                self._put(entry, writer)
                writer = MemberWriter(Codec.DEFLATE)
        self._put(entry, writer)

    def _put(self, entry: ZipEntry, writer: MemberWriter) -> None:
        member, packed = writer.finish()
        entry.add(member)
        self.raw_bytes += member.raw_length
        for piece in packed:
            self._output.write(piece)
