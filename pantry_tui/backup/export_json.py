"""Exporting some tables of a backup in format `json`: the rows as they stand, in a frame made anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from pantry_tui.artifact.jsondocument import (
    ROW_SEPARATOR,
    TABLE_CLOSING,
    JsonTableHead,
    document_around_rows,
    document_end,
    document_head,
    table_opening,
)
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.reader import REMEDY, RowsReader
from pantry_tui.backup.export_output import Output
from pantry_tui.backup.export_source import ExportSource, in_thread
from pantry_tui.errors import BackupDamagedError
from pantry_tui.models import ExportedTable, Model


class _Document(Model, frozen=True, kw_only=True):
    """What stands around the rows."""

    pantry: dict[str, Any]
    tables: tuple[JsonTableHead, ...]


async def export_json(source: ExportSource, output: Output) -> list[ExportedTable]:
    """Writes the document; returns the tables that are in it."""
    manifest = source.manifest
    document = await in_thread(lambda: _read_frame(source.reader, manifest))
    copied = [position for position, table in enumerate(manifest.tables) if table.carried_by == "segments"]
    if len(copied) != len(document.tables):
        raise BackupDamagedError(
            f"backup {manifest.id}: its document has other tables than its manifest", remedy=REMEDY
        )
    heads = dict(zip(copied, document.tables, strict=True))
    chosen = [(position, table) for position, table in source.tables if position in heads]
    meter = source.meter(number for position, _ in chosen for number in source.segments(position))
    output.write(document_head(_about(document, source)))
    for place, (position, table) in enumerate(chosen):
        output.write(table_opening(heads[position], first=not place))
        for order, number in enumerate(source.segments(position)):
            output.write(ROW_SEPARATOR if order else b"")
            await in_thread(partial(_write, output, source.reader.pieces(number)))
            segment = manifest.segments[number]
            meter.moved(table.qualified_name, segment.rows, segment.raw_length)
            meter.finished_part(table.qualified_name, segment.raw_length)
        output.write(TABLE_CLOSING)
    rows = sum(table.rows for _, table in chosen)
    output.write(document_end(tables=len(chosen), rows=rows))
    return [ExportedTable(schema=table.schema, name=table.name, rows=table.rows) for _, table in chosen]


def _read_frame(reader: RowsReader, manifest: Manifest) -> _Document:
    """Reads all of the document but its rows."""
    first = len(manifest.kept) if manifest.is_composed else 0  # of the document's own
    text = document_around_rows(manifest.segments[first:], lambda number: reader.read(first + number))
    try:
        return _Document.from_json(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackupDamagedError(
            f"backup {manifest.id}: its rows do not stand in a JSON document", remedy=REMEDY, detail=str(error)
        ) from error


def _about(document: _Document, source: ExportSource) -> dict[str, Any]:
    """What the document says of the backup; of tables whose rows it does not have, only those that were chosen."""
    missing = [table.qualified_name for _, table in source.tables if table.carried_by != "segments"]
    return {**document.pantry, "rows_in_archive": missing}


def _write(output: Output, pieces: Iterator[bytes]) -> None:
    for piece in pieces:
        output.write(piece)
