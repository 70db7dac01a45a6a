"""Before anything is created: the backup is whole, the server can take it, roles and extensions are there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from pantry_tui.artifact.age import Identity
from pantry_tui.artifact.content import Content
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.opened import Place
from pantry_tui.artifact.reader import RowsReader, check_file
from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.structure_csv import table_file_problems
from pantry_tui.artifact.toc import TocEntry, read_toc
from pantry_tui.errors import BackupDamagedError, DiskFullError, PrivilegeError, RestoreError, UsageError
from pantry_tui.models import BackupKind, Model
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.postgres.tools import version_text
from pantry_tui.recovery.database import quoted_names
from pantry_tui.recovery.requirements import Requirements, create_statements, quoted_identifier
from pantry_tui.repository.repository import Repository

LEAST_SPACE = 1 / 3  # of the rows' text: tables with compressed values can be smaller than it
DATABASE_OWNER = "pg_database_owner"  # a role that everybody is in their own database
# Of PostgreSQL's own extensions, since 14: those that a release no longer has.
REMOVED_EXTENSIONS = {
    "plpython2u": 15,
    "plpythonu": 15,
    "jsonb_plpython2u": 15,
    "hstore_plpython2u": 15,
    "adminpack": 17,
    "old_snapshot": 17,
}
USUAL_SPACE = 1.5  # tables, indexes and log


class Segments(Model, frozen=True, kw_only=True):
    """The segments of rows that a restore reads, by table."""

    by_table: dict[int, tuple[int, ...]]

    @property
    def numbers(self) -> list[int]:
        """All of them, in the order of the file."""
        return sorted(number for numbers in self.by_table.values() for number in numbers)


def needed_segments(manifest: Manifest, selection: Selection) -> Segments:
    """The segments of the selected tables."""
    wanted: dict[int, list[int]] = {
        index: [] for index in selection.tables if manifest.tables[index].carried_by == "segments"
    }
    for number, segment in enumerate(manifest.segments):
        if segment.section == "rows" and segment.table in wanted:
            wanted[segment.table].append(number)
    return Segments(by_table={table: tuple(numbers) for table, numbers in wanted.items()})


def raw_bytes(manifest: Manifest, numbers: Sequence[int]) -> int:
    """The text of these segments, in bytes."""
    return sum(manifest.segments[number].raw_length for number in numbers)


def refuse_unsupported(manifest: Manifest) -> None:
    """Raises `UsageError` for a kind or format of backup that this version cannot restore."""
    if manifest.kind not in (BackupKind.FULL, BackupKind.SCHEMA):
        raise UsageError(f"backup {manifest.id} is {manifest.kind}: this version cannot restore it")


async def open_archive(
    repository: Repository, manifest: Manifest, identities: Sequence[Identity]
) -> tuple[Content, tuple[TocEntry, ...]]:
    """Hashes the archive, and returns it with its table of contents. Raises `BackupDamagedError`, `StorageError`."""
    stored = manifest.file("archive")
    with repository.open(manifest.id, stored.name) as file:
        await asyncio.to_thread(check_file, file, stored)
    archive = await asyncio.to_thread(Content.unlock, repository.place(manifest.id, stored.name), identities)
    return archive, await asyncio.to_thread(read_toc, archive, manifest.source.encoding)


async def check_segments(reader: RowsReader, manifest: Manifest, selection: Selection, segments: Segments) -> int:
    """Hashes every stored byte that will be read, before any row is loaded; returns how many they are.

    For a whole restore the document must also be complete, to its end mark. Raises `BackupDamagedError`.
    """
    numbers = segments.numbers
    if selection.is_whole:
        numbers = list(range(len(manifest.segments)))
        if problems := [*reader.layout_problems(), *_missing_end(manifest)]:
            raise BackupDamagedError(f"{reader.name}: {problems[0]}", remedy="restore from another backup")
    _require_rows(manifest, segments)

    def check(part: Sequence[int]) -> int:
        return sum(reader.check(number) for number in part)

    return sum(await asyncio.gather(*(asyncio.to_thread(check, numbers[start::2]) for start in range(2))))


def _missing_end(manifest: Manifest) -> list[str]:
    """In words, that a document is cut off before its end."""
    if manifest.has_file_per_table:
        return table_file_problems(manifest)
    if not manifest.segments or manifest.segments[-1].section != "end":
        return ["its last segment is not the one that ends a backup"]
    return []


def _require_rows(manifest: Manifest, segments: Segments) -> None:
    for index, numbers in segments.by_table.items():
        rows = sum(manifest.segments[number].rows for number in numbers)
        if rows != manifest.tables[index].rows:
            name = manifest.tables[index].qualified_name
            raise BackupDamagedError(
                f"{name}: its segments have {rows:,} rows, the manifest says {manifest.tables[index].rows:,}",
                remedy="restore from another backup",
            )


def require_version(manifest: Manifest, server_version: int) -> None:
    """Raises `RestoreError` when the server is of an older major version than the backup's."""
    if server_version // 10000 < manifest.server.version_num // 10000:
        raise RestoreError(
            f"the target server is PostgreSQL {version_text(server_version)}, the backup is of "
            f"{version_text(manifest.server.version_num)}: what an older release does not know would be lost",
            remedy=f"restore on PostgreSQL {manifest.server.version_num // 10000} or newer",
        )


async def require_roles(connection: Connection, needs: Requirements, globals_file: Place | None) -> None:
    """Raises `RestoreError` naming roles that are missing, `PrivilegeError` naming owners we may not act for.

    ``globals_file`` has the roles' statements, where it is still there.
    """
    query = """
        SELECT wanted, r.oid IS NOT NULL, pg_catalog.pg_has_role(r.oid, 'MEMBER'), r.rolsuper
        FROM pg_catalog.unnest(%s::text[]) wanted LEFT JOIN pg_catalog.pg_roles r ON r.rolname = wanted ORDER BY 1
    """
    rows = await (await connection.execute(query, (list(needs.roles),))).fetchall()
    missing = [name for name, exists, *_ in rows if not exists]
    if missing:
        whole = f"as {globals_file} has them with their attributes, or " if globals_file is not None else ""
        raise RestoreError(
            f"the target server has no role {quoted_names(missing)}, to which objects of the backup belong or are granted",
            remedy=f"have them made (--create-roles), or make them, {whole}bare: {create_statements(missing)}",
        )
    foreign = {
        name: superuser
        for name, _, member, superuser in rows
        if name in needs.owners and name != DATABASE_OWNER and not member
    }
    if foreign:
        me = connection.info.user
        grants = f", or make {me} a member: " + " ".join(_grant(name, me) for name in foreign)
        raise PrivilegeError(
            f"role {me} may not make objects for {quoted_names(list(foreign))}, who own some in the backup",
            remedy="restore as a superuser" + ("" if any(foreign.values()) else grants),
        )


def _grant(role: str, member: str) -> str:
    return f"GRANT {quoted_identifier(role)} TO {quoted_identifier(member)};"


async def require_extensions(connection: Connection, needs: Requirements, manifest: Manifest) -> list[str]:
    """Raises `RestoreError` naming extensions the server does not offer; returns warnings about other versions."""
    query = "SELECT name::text, default_version FROM pg_catalog.pg_available_extensions"
    offered: dict[str, str] = dict(await (await connection.execute(query)).fetchall())
    missing = [name for name in needs.extensions if name not in offered]
    if missing:
        raise RestoreError(
            f"the target server does not offer the extension {quoted_names(missing)}",
            remedy=_extension_remedy(missing, connection.info.server_version),
        )
    return [
        f"extension {name} is restored in version {offered[name]}; the source had {manifest.extensions[name]}"
        for name in needs.extensions
        if manifest.extensions.get(name, offered[name]) != offered[name]
    ]


def _extension_remedy(missing: Sequence[str], server_version: int) -> str:
    """How to come by extensions; those that a release took away come no more."""
    gone = [name for name in missing if server_version // 10000 >= REMOVED_EXTENSIONS.get(name, 10000)]
    if gone:
        return (
            f"PostgreSQL {server_version // 10000} has {quoted_names(gone)} no more: drop it in the source and take the "
            "backup again, or restore on an older release"
        )
    return "install the package that brings it on the server's machine, then try again"


async def missing_tablespaces(connection: Connection, needs: Requirements) -> list[str]:
    """Tablespaces of the backup that the server does not have."""
    query = "SELECT spcname::text FROM pg_catalog.pg_tablespace"
    there = {name for (name,) in await (await connection.execute(query)).fetchall()}
    return [name for name in needs.tablespaces if name not in there]


class Room(Model, frozen=True, kw_only=True):
    """The disk of a server on this machine."""

    directory: str
    free: int


async def room_of(connection: Connection) -> Room | None:
    """The bytes that are free for the server; None where this program cannot see its disk. Raises `psycopg.Error`."""
    if not (connection.info.host or "/").startswith("/"):
        return None
    row = await (
        await connection.execute(
            "SELECT CASE WHEN pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE')"
            " THEN pg_catalog.current_setting('data_directory') END"
        )
    ).fetchone()
    directory = row[0] if row is not None else None
    if not isinstance(directory, str):
        return None
    try:
        figures = os.statvfs(directory)
    except OSError:
        return None  # a container's, or not ours to see
    return Room(directory=directory, free=figures.f_bavail * figures.f_frsize)


async def check_room(connection: Connection, raw_bytes: int) -> str | None:
    """Looks at the disk of a server on this machine; a warning when it may not do, None when all is well or unknown.

    Raises `DiskFullError` when it cannot possibly do.
    """
    room = await room_of(connection)
    if room is None:
        return None
    if room.free < raw_bytes * LEAST_SPACE:
        raise DiskFullError(
            f"the server's disk has {room.free:,} bytes free; the rows alone are {raw_bytes:,} bytes of text",
            remedy=f"free space on the file system of {room.directory}, then try again",
        )
    if room.free < raw_bytes * USUAL_SPACE:
        return f"the server's disk has {room.free:,} bytes free; {raw_bytes:,} bytes of rows, with indexes, may not fit"
    return None
