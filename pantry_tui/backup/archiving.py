"""Running pg_dump and pg_dumpall for a backup that is being taken."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.artifact.toc import read_toc
from pantry_tui.backup.archive import dump_command, excluded_rows, globals_command
from pantry_tui.backup.commands import encode_texts
from pantry_tui.backup.snapshotted import ARCHIVE, GLOBALS, Snapshotted
from pantry_tui.backup.subset import Subset, subset
from pantry_tui.models import BackupKind
from pantry_tui.postgres.connect import child_environment, conninfo
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.patterns import EVERYTHING
from pantry_tui.postgres.tools import run_tool

_NO_LARGE_OBJECTS = "-B"  # its long name changed in 16


async def write_archive(backup: Snapshotted) -> Subset | None:
    """Writes the archive: everything but the rows that workers read or nobody wants.

    Returns which of its entries belong to the backup; None: all. Definitions are there in any case: only they tell what
    refers to what.
    """
    names = await encode_texts(
        backup.connection,
        [text for table in _without_rows(backup) for text in (table.schema, table.name)],
    )
    chosen = backup.chosen
    command = dump_command(
        backup.tools.path("pg_dump"),
        conninfo=conninfo(backup.target, application="backup archive"),
        snapshot=backup.snapshot.id,
        lock_timeout_seconds=backup.request.lock_timeout_seconds,
        output=backup.file(ARCHIVE),
        encoding=backup.connection.info.parameter_status("server_encoding") or "UTF8",
        excluded=excluded_rows(zip(names[::2], names[1::2], strict=True)),
        only=(
            *(["--schema-only"] if backup.request.kind is BackupKind.SCHEMA else []),
            *([_NO_LARGE_OBJECTS] if chosen is not None and chosen.tables is not None else []),
        ),
    )
    said = await run_tool(
        command, environment=child_environment(backup.target), doing="dumping everything but the rows"
    )
    backup.heed(said)
    only_data = backup.request.kind is BackupKind.DATA
    if chosen is None and not only_data:
        return None
    encoding = backup.connection.info.parameter_status("server_encoding") or "UTF8"
    toc = await asyncio.to_thread(read_toc, Path(backup.file(ARCHIVE)), encoding)
    return subset(toc, chosen or EVERYTHING, only_data=only_data)


def _without_rows(backup: Snapshotted) -> list[SourceTable]:
    """The ordinary tables whose rows pg_dump is not to carry; a schema has none to begin with."""
    if backup.request.kind is BackupKind.SCHEMA:
        return []
    return [
        table
        for table in backup.snapshot.tables
        if table.kind == "r" and not (backup.holds(table) and table.archive_reason is not None)
    ]


def archive_size(backup: Snapshotted) -> int:
    """The archive's size in bytes."""
    path = backup.file(ARCHIVE)
    with storage_errors(path, "reading the archive"):
        return Path(path).stat().st_size


async def write_globals(backup: Snapshotted) -> None:
    """Roles, memberships and tablespaces; not in the snapshot: shared catalogs are read as they are now."""
    command = globals_command(
        backup.tools.path("pg_dumpall"),
        conninfo=conninfo(backup.target, application="backup globals"),
        database=backup.connection.info.dbname,
        passwords=backup.role_passwords,
        output=backup.file(GLOBALS),
    )
    backup.heed(
        await run_tool(command, environment=child_environment(backup.target), doing="dumping roles and tablespaces")
    )
