"""Running pg_dump and pg_dumpall for a backup that is being taken."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pantry_tui.artifact.files import storage_errors
from pantry_tui.backup.archive import dump_command, excluded_rows, globals_command
from pantry_tui.backup.commands import encode_texts
from pantry_tui.backup.snapshotted import ARCHIVE, GLOBALS, Snapshotted
from pantry_tui.postgres.connect import child_environment, conninfo
from pantry_tui.postgres.introspect import SourceTable
from pantry_tui.postgres.tools import run_tool


async def write_archive(backup: Snapshotted, without_rows: Iterable[SourceTable]) -> None:
    """Writes the archive: everything in the snapshot but the rows of these tables."""
    names = await encode_texts(
        backup.connection, [text for table in without_rows for text in (table.schema, table.name)]
    )
    command = dump_command(
        backup.tools.path("pg_dump"),
        conninfo=conninfo(backup.target, application="backup archive"),
        snapshot=backup.snapshot.id,
        lock_timeout_seconds=backup.request.lock_timeout_seconds,
        output=backup.file(ARCHIVE),
        encoding=backup.connection.info.parameter_status("server_encoding") or "UTF8",
        excluded=excluded_rows(zip(names[::2], names[1::2], strict=True)),
    )
    said = await run_tool(
        command, environment=child_environment(backup.target), doing="dumping everything but the rows"
    )
    backup.heed(said)


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
