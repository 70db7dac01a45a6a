"""Exporting to format `sql`: one document that psql restores, in the order of a backup's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from pantry_tui.artifact.copytext import END_OF_ROWS
from pantry_tui.artifact.rowtext import copy_text
from pantry_tui.backup.document import SECTIONS, begin_line, end_line
from pantry_tui.backup.export_output import Output
from pantry_tui.backup.export_source import ExportSource, in_thread
from pantry_tui.models import BackupFormat, ExportedTable
from pantry_tui.postgres.copy import document_header
from pantry_tui.postgres.session import client_encoding


async def export_sql(source: ExportSource, output: Output) -> list[ExportedTable]:
    """Writes the document; returns the tables that are in it."""
    manifest = source.manifest
    tables = [ExportedTable(schema=table.schema, name=table.name, rows=table.rows) for _, table in source.tables]
    if source.selection.is_whole and manifest.format is BackupFormat.SQL and not manifest.is_composed:
        await _copy_segments(source, output, range(len(manifest.segments)))  # as it was written, without the archive
        return tables
    first, *late = SECTIONS[manifest.kind]
    output.write(begin_line(manifest.id))
    await source.section(first, output.write)
    output.write(_encoding_of_rows(source))
    chosen = set(source.selection.tables)
    rows = [n for n, each in enumerate(manifest.segments) if each.section == "rows" and each.table in chosen]
    await _copy_segments(source, output, rows)
    for section in late:
        await source.section(section, output.write)
    output.write(end_line(manifest.id, len(tables), sum(table.rows for table in tables)))
    return tables


def _encoding_of_rows(source: ExportSource) -> bytes:
    """What psql must be told before rows that are in another encoding than the sections, which say their own each."""
    utf8 = source.manifest.format is BackupFormat.CSV
    if not utf8 or source.manifest.source.encoding in ("UTF8", "SQL_ASCII"):
        return b""
    return b"SET client_encoding = 'UTF8';\n"


async def _copy_segments(source: ExportSource, output: Output, numbers: Sequence[int]) -> None:
    """Writes segments, as they are or turned into COPY statements, in the order in which they are stored."""
    every = source.manifest.segments
    meter = source.meter(numbers)
    for number in sorted(numbers, key=lambda each: every[each].offset):
        await in_thread(partial(_write, output, _text(source, number)))
        meter.moved(source.title(number), every[number].rows, every[number].raw_length)
        meter.finished_part(source.title(number), every[number].raw_length)


def _write(output: Output, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        output.write(piece)


def _text(source: ExportSource, number: int) -> Iterator[bytes]:
    manifest = source.manifest
    position = manifest.segments[number].table
    if manifest.format is BackupFormat.SQL or position is None:
        yield from source.reader.pieces(number)
        return
    table = manifest.tables[position]
    codec = client_encoding(manifest.source.encoding)[1]  # names of an SQL_ASCII database are bytes
    yield document_header(table.schema, table.name, table.columns).as_string(None).encode(codec)
    yield from copy_text(source.reader.rows(number), manifest, table)
    yield END_OF_ROWS
