"""Jobs of pg_cron: they come back last of all and switched off, or it is told that they cannot come.

A job that runs on a copy, or before a person has looked at what was restored, sends mails and deletes rows. And pg_cron works
in one database of a server alone, the one that `cron.database_name` names: its extension can be made in no other, so not in
one that has a working name. What belongs to it is therefore kept out of the restore, and made when the database has its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.selection import Selection
from pantry_tui.artifact.toc import TocEntry
from pantry_tui.errors import PantryError, RestoreError
from pantry_tui.postgres.connect import child_environment
from pantry_tui.postgres.pg_restore import pg_restore
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.archive import Archive
from pantry_tui.recovery.database import quoted_names, writable_session

EXTENSION = "pg_cron"
SCHEMA = "cron"
STAY_IN_PLACE = "pg_cron and its jobs stay as they are in the database: in place, nothing of them is exchanged"
_JOBS = "job"
_PLACE = "SELECT pg_catalog.current_setting('cron.database_name', true)"
_ACTIVE = "SELECT jobid, COALESCE(jobname::pg_catalog.text, '') FROM cron.job WHERE active ORDER BY jobid"


class CronJobs(NamedTuple):
    """What of an archive belongs to pg_cron, or stands on it. ``number``: how many jobs there are."""

    entries: tuple[TocEntry, ...]
    number: int

    @property
    def others(self) -> list[str]:
        """In words: what is not pg_cron's own, but needs it."""
        return [entry.title for entry in self.entries if not _is_own(entry)]


def without_cron(
    manifest: Manifest, selection: Selection, toc: Sequence[TocEntry]
) -> tuple[Selection, tuple[TocEntry, ...], CronJobs | None]:
    """A selection and its entries without pg_cron and what stands on it, and these; None: nothing of it is selected."""
    if not any(entry.kind == "EXTENSION" and entry.tag == EXTENSION for entry in toc):
        return selection, tuple(toc), None
    aside = {entry.id for entry in toc if _is_own(entry)}
    before = -1
    while before != len(aside):
        before = len(aside)
        aside.update(entry.id for entry in toc if aside.intersection(entry.depends_on))
    kept = tuple(entry for entry in toc if entry.id not in aside)
    gone = {entry.oid for entry in toc if entry.id in aside and entry.kind == "TABLE"}
    tables = tuple(
        index
        for index in selection.tables
        if manifest.tables[index].schema != SCHEMA and manifest.tables[index].oid not in gone
    )
    jobs = sum(table.rows for table in manifest.tables if (table.schema, table.name) == (SCHEMA, _JOBS))
    rest = msgspec.structs.replace(selection, tables=tables, entries=tuple(entry.id for entry in kept))
    return rest, kept, CronJobs(tuple(entry for entry in toc if entry.id in aside), jobs)


def _is_own(entry: TocEntry) -> bool:
    on_it = entry.kind == "COMMENT" and entry.tag == f"EXTENSION {EXTENSION}"
    return (
        entry.schema == SCHEMA
        or on_it
        or entry.tag == f"SCHEMA {SCHEMA}"
        or (entry.kind == "EXTENSION" and entry.tag == EXTENSION)
    )


async def cannot_come(connection: Connection, jobs: CronJobs, name: str, *, rehearsal: bool = False) -> str | None:
    """In words: why the jobs do not come into the database ``name`` of this server; None: they do. Raises `psycopg.Error`."""
    try:
        row = await (await connection.execute(_PLACE)).fetchone()
        place = row[0] if row is not None else None
    except psycopg.errors.InsufficientPrivilege:
        place = "another database, or in this one as another role may know,"
    if place == name and not rehearsal:
        return None
    why = f"it works in {place} of this server" if place is not None else "this server does not load it"
    why = "a rehearsal runs no job" if rehearsal else why
    also = f", nor does what stands on it: {quoted_names(jobs.others)}" if jobs.others else ""
    return f"pg_cron and its {jobs.number:,} jobs do not come, as {why}{also}"


async def bring_jobs(archive: Archive, jobs: CronJobs, encoding: str) -> list[str]:
    """Makes pg_cron and its jobs, all switched off, in the database that has its name now; returns what to tell.

    Extension and jobs are of one transaction: none of them was ever on here. Raises `RestoreError`, `ServerError`.
    """
    own = [entry for entry in jobs.entries if _is_jobs(entry) or entry.kind == "EXTENSION"]
    try:
        active = await _make(archive, own, encoding)
        rest = tuple(entry.id for entry in jobs.entries if entry not in own)
        told = (
            await msgspec.structs.replace(archive, entries=rest).restore("pre-data", "data", "post-data")
            if rest
            else []
        )
    except (PantryError, psycopg.Error) as error:
        raise RestoreError(
            "everything else is restored, and the database has its name, but the jobs of pg_cron did not come",
            remedy="schedule those that are wanted anew, or try into another new database",
            detail=str(error),
        ) from error
    return [*told, *_words(jobs.number, active)]


async def _make(archive: Archive, entries: Sequence[TocEntry], encoding: str) -> list[tuple[int, str]]:
    """The jobs that were on, by number and name."""
    async with await writable_session(archive.target) as connection, connection.transaction():
        for entry in entries:
            if _is_jobs(entry):
                await _copy(connection, await _script(archive, entry), encoding)
            else:
                await connection.execute(entry.statement.encode())
        active = await (await connection.execute(_ACTIVE)).fetchall()
        await connection.execute("UPDATE cron.job SET active = false WHERE active")
        await connection.execute("SET LOCAL synchronous_commit = on")
    return [(number, name) for number, name in active]


async def _script(archive: Archive, entry: TocEntry) -> bytes:
    """What pg_restore writes of the jobs' rows."""
    pieces: list[bytes] = []
    await pg_restore(
        archive.tools,
        ["--data-only", "--file=-"],
        archive.content,
        entries=(entry.id,),
        environment=child_environment(archive.target),
        doing="reading the jobs of pg_cron",
        stdout_to=pieces.append,
    )
    return b"".join(pieces)


async def _copy(connection: Connection, script: bytes, encoding: str) -> None:
    """Runs the one COPY of a script of pg_dump."""
    statement, rows = copied(script)
    into = sql.SQL(" FROM STDIN (ENCODING {})").format(sql.Literal(encoding)).as_string(connection).encode()
    async with connection.cursor() as cursor, cursor.copy(statement + into) as copy:
        await copy.write(rows)


def copied(script: bytes) -> tuple[bytes, bytes]:
    """The one COPY of a script, up to its columns, and its lines as they are."""
    begin = (b"\n" + script).index(b"\nCOPY ")
    statement, _, rest = script[begin:].partition(b" FROM stdin;\n")
    return statement, rest[: (b"\n" + rest).index(b"\n\\.\n")]


def _is_jobs(entry: TocEntry) -> bool:
    return (entry.kind, entry.schema, entry.tag) == ("TABLE DATA", SCHEMA, _JOBS)


def _words(count: int, active: Sequence[tuple[int, str]]) -> list[str]:
    if not count:
        return []
    if not active:
        return [f"jobs of pg_cron: {count:,} came back, switched off as they were"]
    numbers = ", ".join(str(number) for number, _ in active)
    named = quoted_names([f"{number} {name}".strip() for number, name in active])
    switch = f"UPDATE cron.job SET active = true WHERE jobid IN ({numbers});"  # noqa: S608  # for a person to run
    return [f"jobs of pg_cron: {count:,} came back, all switched off; on were {named}. To let them run: {switch}"]
