"""Tables of the backup that the database does not have any more: made again, with all that belonged to them.

The archive's statements are run in the recovery's own transaction: what the tables need, the tables, and once their rows
are there what belongs to them or went with them: indexes, constraints, triggers, policies, privileges, foreign keys of other
tables, views. What is there already, the server says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import psycopg
from psycopg import sql

from pantry_tui.artifact.closure import RELATIONS
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.toc import PG_CLASS, TocEntry
from pantry_tui.models import Model
from pantry_tui.postgres.introspect import list_tables
from pantry_tui.postgres.snapshot import Connection

# What holds no definition, or is set when the rows are there.
_NOT_RUN = frozenset(
    {"ENCODING", "STDSTRINGS", "SEARCHPATH", "TABLE DATA", "SEQUENCE SET", "BLOB", "BLOBS", "DATABASE"}
)
# Belong to one other object, and are run where that was made here.
_OF_OTHERS = frozenset({"ACL", "COMMENT", "SECURITY LABEL", "SEQUENCE OWNED BY"})
_THERE = (
    psycopg.errors.DuplicateObject,
    psycopg.errors.DuplicateTable,
    psycopg.errors.DuplicateFunction,
    psycopg.errors.DuplicateSchema,
    psycopg.errors.DuplicateColumn,
)
_LACKING = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.InvalidSchemaName,
    psycopg.errors.InvalidForeignKey,
)


class Made(Model, frozen=True, kw_only=True):
    """A relation or a foreign key that was made again: what undoing has to take away."""

    kind: str  # of the archive's entry
    schema: str
    table: str
    name: str


class MissingTables:
    """The tables that are missing, and the archive's entries that make them again."""

    def __init__(self, manifest: Manifest, toc: Sequence[TocEntry], missing: Sequence[int]) -> None:
        self.indexes = tuple(missing)
        oids = {manifest.tables[index].oid for index in missing}
        others = {table.oid for table in manifest.tables} - oids
        tables = {
            entry.id for entry in toc if entry.kind == "TABLE" and entry.catalog == PG_CLASS and entry.oid in oids
        }
        elsewhere = frozenset(entry.id for entry in toc if entry.kind == "TABLE" and entry.oid in others)
        wanted = _closed(toc, tables, elsewhere)
        self._toc = [entry for entry in toc if entry.id in wanted and entry.kind not in _NOT_RUN and entry.statement]
        self._made: set[int] = set()  # entries
        self.made: list[Made] = []

    async def make(self, connection: Connection, warn: Callable[[str], None]) -> None:
        """Makes the tables and what they need, in the caller's transaction. Raises `psycopg.Error`."""
        if self.indexes:
            await connection.execute("SET LOCAL check_function_bodies = off")
        await self._run(connection, [entry for entry in self._toc if entry.section == "pre-data"], warn)

    async def complete(self, connection: Connection, warn: Callable[[str], None]) -> list[str]:
        """Makes what belongs to the tables, now that their rows are there; returns violations in words."""
        rest = [entry for entry in self._toc if entry.section in ("post-data", "data", "none")]
        return await self._run(connection, rest, warn)

    async def _run(self, connection: Connection, entries: Iterable[TocEntry], warn: Callable[[str], None]) -> list[str]:
        violations = []
        for entry in entries:
            if entry.kind in _OF_OTHERS and not self._made.intersection(entry.depends_on):
                continue
            try:
                async with connection.transaction():
                    await connection.execute(entry.statement.encode())
                    await _give_to_owner(connection, entry, warn)
            except _THERE:
                continue
            except _LACKING as error:
                warn(f"{entry.title} did not come back: {error.diag.message_primary}")
            except psycopg.errors.IntegrityError as error:
                said = f"{error.diag.message_primary or 'a constraint is broken'} {error.diag.message_detail or ''}"
                violations.append(f"{entry.title}: {said}".rstrip())
            else:
                self._made.add(entry.id)
                self._note(entry)
        return violations

    def _note(self, entry: TocEntry) -> None:
        if entry.kind in RELATIONS:
            self.made.append(Made(kind=entry.kind, schema=entry.schema, table=entry.tag, name=entry.tag))
        elif entry.kind == "FK CONSTRAINT":
            table, _, name = entry.tag.partition(" ")
            self.made.append(Made(kind=entry.kind, schema=entry.schema, table=table, name=name))


async def missing_tables(connection: Connection, manifest: Manifest, tables: Sequence[int]) -> list[int]:
    """Those of the manifest's tables of these numbers that the database does not have."""
    there = {(table.schema, table.name) for table in await list_tables(connection)}
    return [index for index in tables if (manifest.tables[index].schema, manifest.tables[index].name) not in there]


def _closed(toc: Sequence[TocEntry], tables: Collection[int], elsewhere: frozenset[int]) -> set[int]:
    """The entries of the tables, all that depends on them, and all that these need; nothing of the tables ``elsewhere``."""
    wanted = set(tables)
    before = -1
    while before != len(wanted):
        before = len(wanted)
        wanted.update(entry.id for entry in toc if entry.id not in elsewhere and wanted.intersection(entry.depends_on))
    by_id = {entry.id: entry for entry in toc if entry.id not in elsewhere}
    waiting = list(wanted)
    while waiting:
        for number in by_id[waiting.pop()].depends_on:
            needed = by_id.get(number)
            # What another table has as its own, a primary key that is referred to, is that table's affair.
            if needed is not None and number not in wanted and not elsewhere.intersection(needed.depends_on):
                wanted.add(number)
                waiting.append(number)
    return wanted | {entry.id for entry in toc if entry.kind in _OF_OTHERS and wanted.intersection(entry.depends_on)}


async def _give_to_owner(connection: Connection, entry: TocEntry, warn: Callable[[str], None]) -> None:
    if entry.kind not in RELATIONS or not entry.owner:
        return
    name, owner = sql.Identifier(entry.schema, entry.tag), sql.Identifier(entry.owner)
    try:
        async with connection.transaction():
            await connection.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(name, owner))
    except (psycopg.errors.UndefinedObject, psycopg.errors.InsufficientPrivilege) as error:
        warn(f"{entry.title} could not be given to {entry.owner}: {error.diag.message_primary}")
