"""Running pg_dump and pg_dumpall for a backup that is being taken."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import NamedTuple

from pantry_tui.artifact.age import SealedWriter, new_file
from pantry_tui.artifact.content import Content
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
from pantry_tui.postgres.session import server_encoding
from pantry_tui.postgres.tools import run_tool

_NO_LARGE_OBJECTS = "-B"  # its long name changed in 16


class Archive(NamedTuple):
    """The archive that was written, and which of its entries belong to the backup (None: all)."""

    content: Content
    subset: Subset | None


async def write_archive(backup: Snapshotted) -> Archive:
    """Writes the archive: everything but the rows that workers read or nobody wants.

    Definitions are there in any case: only they tell what refers to what.
    """
    names = await encode_texts(
        backup.connection,
        [text for table in _without_rows(backup) for text in (table.schema, table.name)],
    )
    chosen = backup.chosen
    encoding = server_encoding(backup.connection)
    command = dump_command(
        backup.tools.path("pg_dump"),
        conninfo=conninfo(backup.target, application="backup archive"),
        snapshot=backup.snapshot.id,
        lock_timeout_seconds=backup.request.lock_timeout_seconds,
        output=_output(backup, ARCHIVE),
        encoding=encoding,
        excluded=excluded_rows(zip(names[::2], names[1::2], strict=True)),
        only=(
            *(["--schema-only"] if backup.request.kind is BackupKind.SCHEMA else []),
            *([_NO_LARGE_OBJECTS] if chosen is not None and chosen.tables is not None else []),
        ),
    )
    content = await _run(backup, ARCHIVE, command, doing="dumping everything but the rows")
    only_data = backup.request.kind is BackupKind.DATA
    if chosen is None and not only_data:
        return Archive(content, None)
    toc = await asyncio.to_thread(read_toc, content, encoding)
    return Archive(content, subset(toc, chosen or EVERYTHING, only_data=only_data))


def _without_rows(backup: Snapshotted) -> list[SourceTable]:
    """The ordinary tables whose rows pg_dump is not to carry; a schema has none to begin with."""
    if backup.request.kind is BackupKind.SCHEMA:
        return []
    return [
        table
        for table in backup.snapshot.tables
        if table.kind == "r" and not (backup.holds(table) and table.archive_reason is not None)
    ]


async def write_globals(backup: Snapshotted) -> None:
    """Roles, memberships and tablespaces; not in the snapshot: shared catalogs are read as they are now."""
    command = globals_command(
        backup.tools.path("pg_dumpall"),
        conninfo=conninfo(backup.target, application="backup globals"),
        database=backup.connection.info.dbname,
        passwords=backup.role_passwords,
        output=_output(backup, GLOBALS),
    )
    await _run(backup, GLOBALS, command, doing="dumping roles and tablespaces")


def _output(backup: Snapshotted, name: str) -> str | None:
    """The file that a tool writes itself; None: what it writes is encrypted on the way."""
    return None if backup.recipients else backup.file(name)


async def _run(backup: Snapshotted, name: str, command: Sequence[str | bytes], *, doing: str) -> Content:
    """Runs a tool that writes this file of the backup."""
    stored = backup.stored_name(name)
    descriptor = backup.staged.create(stored)
    environment = child_environment(backup.target)
    path = backup.staged.path / stored
    if not backup.recipients:
        os.close(descriptor)
        backup.heed(await run_tool(command, environment=environment, doing=doing))
        return Content(path)
    header, key = new_file(backup.recipients)
    with storage_errors(path, "writing the backup"), os.fdopen(descriptor, "wb") as file:
        writer = SealedWriter(file.write, header, key)
        backup.heed(await run_tool(command, environment=environment, doing=doing, stdout_to=writer.write))
        writer.finish()
    return Content(path, (len(header), key))
