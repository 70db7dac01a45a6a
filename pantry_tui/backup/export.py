"""Exporting a backup: another format or some of its tables, as one file, without a server.

What is read is checked against the hashes of the manifest on the way; the file gets its name when all of it was right.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from pantry_tui.artifact.age import identities_of, parse_recipient
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.newfile import NewFile
from pantry_tui.backup.export_csv import export_csv
from pantry_tui.backup.export_json import export_json
from pantry_tui.backup.export_output import Output, Write, codec_of_output
from pantry_tui.backup.export_source import ExportSource, in_thread
from pantry_tui.backup.export_sql import export_sql
from pantry_tui.backup.progress import start_phase
from pantry_tui.errors import RefusedError, UsageError
from pantry_tui.events import Listener, Warned
from pantry_tui.models import (
    STANDARD_OUTPUT,
    BackupExport,
    BackupFormat,
    BackupKind,
    ExportedTable,
    ExportRequest,
    export_formats,
)
from pantry_tui.repository.opening import open_repository
from pantry_tui.repository.rows import open_rows, restorable

_NAMED_TABLES = 5


async def export_backup(request: ExportRequest, listener: Listener, write: Write | None = None) -> BackupExport:
    """Writes what a backup holds into a new file; nothing is left of one that fails.

    ``write`` takes the bytes where the request's output is `-`. Raises `NotFoundError` for an unknown backup or table,
    `UsageError` for what the format or the file's name cannot be, `RefusedError` for a file that is there or belongs into
    no repository, `BackupDamagedError` when the stored bytes are not those that were written, `StorageError`, and what opening
    an encrypted backup raises; `UntrustedSignerError`: what it writes is run by others.
    """
    started = time.monotonic()
    repository = open_repository(request.repository, request.data_directory)
    backup_id = await asyncio.to_thread(repository.resolve, request.backup_id)
    own, _ = await asyncio.to_thread(repository.trusted_manifest, backup_id, besides=request.trust)
    own.require_own("exported")
    manifest = await asyncio.to_thread(restorable, repository, own)
    rows_format = request.format or manifest.format
    _refuse_impossible(manifest, rows_format)
    recipients = tuple(parse_recipient(text, key="--recipient") for text in request.recipients)
    codec = codec_of_output(request.output, rows_format, encrypted=bool(recipients))
    identities = identities_of(request.unlocking)
    with open_rows(repository, manifest, identities) as reader:
        source = ExportSource(repository, manifest, reader, identities, listener)
        start_phase(listener, "selection", "Looking up what is exported", 0.0)
        if write is None:
            with NewFile(_path(request), "writing the export") as file:
                output = Output(file.write, codec, recipients)
                tables, raw_bytes = await _export(request, source, rows_format, output, listener)
                await in_thread(file.sync)
                file.publish()  # at once: a job that is cancelled has no file, one that has it is not cancelled
        else:
            output = Output(write, codec, recipients)
            tables, raw_bytes = await _export(request, source, rows_format, output, listener)
    warnings = _warnings(source, rows_format, encrypted=bool(recipients))
    for warning in warnings:
        listener(Warned(message=warning))
    return BackupExport(
        backup_id=manifest.id,
        path=request.output,
        format=rows_format,
        tables=len(tables),
        rows=sum(table.rows for table in tables),
        bytes=output.size,
        raw_bytes=raw_bytes,
        encrypted=bool(recipients),
        table_list=tuple(tables),
        left_out=source.selection.left_out if rows_format is BackupFormat.SQL else (),
        warnings=warnings,
        duration_seconds=time.monotonic() - started,
    )


async def _export(
    request: ExportRequest, source: ExportSource, rows_format: BackupFormat, output: Output, listener: Listener
) -> tuple[list[ExportedTable], int]:
    """Writes everything; returns the tables, and how many bytes their text and what is around it are."""
    if request.tables:
        await source.select(request.tables)
    start_phase(listener, "export", "Writing the file", 0.05)
    if rows_format is BackupFormat.CSV:
        tables, raw_bytes = await export_csv(source, output)
    else:
        tables = await (export_sql if rows_format is BackupFormat.SQL else export_json)(source, output)
        raw_bytes = output.content
    output.finish()
    return tables, raw_bytes


def _refuse_impossible(manifest: Manifest, rows_format: BackupFormat) -> None:
    if rows_format in export_formats(manifest.format, manifest.kind):
        return
    what = manifest.format.value
    if manifest.kind is not BackupKind.FULL:
        what += f" of the {manifest.kind.value} alone"
    raise UsageError(
        f"backup {manifest.id} is in format {what}: without a server it cannot become {rows_format.value}",
        remedy=f"restore it into another database, and back that up with -f {rows_format.value}",
    )


def _path(request: ExportRequest) -> Path:
    """The file to write. Raises `UsageError`, and `RefusedError` for a place among the backups."""
    path = Path(request.output)
    if request.output == STANDARD_OUTPUT or not path.is_absolute():
        raise UsageError(f"{request.output!r} is not an absolute path", remedy="give the file's path from the root")
    place = request.repository
    if place.store is None and path.parent.resolve().is_relative_to(Path(place.location).resolve()):
        raise RefusedError(
            f"{path} would stand among the backups of {request.repository.location}",
            remedy="choose a directory outside the repository",
        )
    return path


def _warnings(source: ExportSource, rows_format: BackupFormat, *, encrypted: bool) -> tuple[str, ...]:
    warnings = []
    if source.manifest.is_encrypted and not encrypted:
        warnings.append("the file is not encrypted, though its backup is")
    missing = [table.qualified_name for _, table in source.tables if table.carried_by != "segments"]
    if missing and rows_format is not BackupFormat.SQL:
        more = len(missing) - _NAMED_TABLES
        named = ", ".join(missing[:_NAMED_TABLES]) + (f" and {more:,} more" if more > 0 else "")
        warnings.append(f"the rows of {named} are not in the file: the backup has them in its archive alone")
    return tuple(warnings)
