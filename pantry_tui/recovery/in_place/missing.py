"""Tables of the backup that the database does not have any more: made again, with all that belonged to them.

The archive's statements are run in the recovery's own transaction: what the tables need, the tables, and once their rows
are there what belongs to them or went with them: indexes, constraints, triggers, policies, privileges, foreign keys of other
tables, views. A partition gets its rows and its own indexes while it stands alone, so that nothing of its root acts upon them.

What is there already, the server says. What such a table needs, and has, is used as it is. What belongs to one cannot be
there: of the same name is something else, which would silently take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

import psycopg
from psycopg import sql

from pantry_tui.artifact.closure import ATTACHED, RELATIONS
from pantry_tui.artifact.manifest import Manifest
from pantry_tui.artifact.toc import PG_CLASS, TocEntry, own_table
from pantry_tui.errors import RestoreError
from pantry_tui.models import Model
from pantry_tui.postgres.introspect import list_tables
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import quoted_names

NAMED = 5  # of what is in the way, in the message; the detail has all
# What holds no definition, or is set when the rows are there.
_NOT_RUN = frozenset(
    {"ENCODING", "STDSTRINGS", "SEARCHPATH", "TABLE DATA", "SEQUENCE SET", "BLOB", "BLOBS", "DATABASE"}
)
# Belong to one other object, and are run where that was made here.
_OF_OTHERS = frozenset({"ACL", "COMMENT", "SECURITY LABEL", "SEQUENCE OWNED BY", "INDEX ATTACH"})
# Belong to a relation or domain: where that stands, they are its own affair.
_OF_A_RELATION = ATTACHED - _OF_OTHERS - {"SEQUENCE"}
_OWNERS = RELATIONS | {"DOMAIN"}
# Made when the rows are there and before a partition is attached: the server takes these for its root's, and makes none.
_ALONE = frozenset({"INDEX", "CONSTRAINT"})
_ATTACHING = frozenset({"TABLE ATTACH", "INDEX ATTACH"})
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
_IS_OWNED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.objid = pg_catalog.to_regclass(%s) AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0)
"""


class Made(Model, frozen=True, kw_only=True):
    """A relation or a foreign key that was made again: what undoing has to take away."""

    kind: str  # of the archive's entry
    schema: str
    table: str
    name: str


class MissingTables:
    """The tables that are missing, and the archive's entries that make them again."""

    def __init__(
        self, manifest: Manifest, toc: Sequence[TocEntry], missing: Sequence[int], there: Collection[tuple[str, str]]
    ) -> None:
        """``missing``: by index into the manifest; ``there``: the tables that the database has, by schema and name."""
        self.indexes = tuple(missing)
        oids = {manifest.tables[index].oid for index in missing}
        others = {table.oid for table in manifest.tables} - oids
        tables = {
            entry.id for entry in toc if entry.kind == "TABLE" and entry.catalog == PG_CLASS and entry.oid in oids
        }
        elsewhere = frozenset(entry.id for entry in toc if entry.kind == "TABLE" and entry.oid in others)
        closure = _Closure(toc, elsewhere)
        wanted = closure.grown(tables, there)
        self._by_id = {entry.id: entry for entry in toc}
        self._belonging = closure.belonging
        self._toc = [entry for entry in toc if entry.id in wanted and entry.kind not in _NOT_RUN and entry.statement]
        self._made: set[int] = set()  # entries
        self._adopted: set[int] = set()  # sequences that were there and nobody's
        self._in_the_way: dict[str, str] = {}  # what cannot be made, and what the server says of it
        self.made: list[Made] = []

    async def make(self, connection: Connection, warn: Callable[[str], None]) -> None:
        """Makes the tables and what they need, in the caller's transaction. Raises `RestoreError`, `psycopg.Error`."""
        if self.indexes:
            await connection.execute("SET LOCAL check_function_bodies = off")
        first = [entry for entry in self._toc if entry.section == "pre-data" and entry.kind not in _ATTACHING]
        await self._run(connection, first, warn)
        self._require_way()

    async def attach(self, connection: Connection, warn: Callable[[str], None]) -> list[str]:
        """Makes indexes and keys, now that the rows are there, then partitions of the tables; returns violations in words.

        To be called when the root's triggers are as they belong: its partition gets them in their state.
        """
        alone = [entry for entry in self._toc if entry.kind in _ALONE]
        attaching = [entry for entry in self._toc if entry.kind in _ATTACHING]
        attaching.sort(key=lambda entry: entry.kind == "INDEX ATTACH")
        return await self._run(connection, [*alone, *attaching], warn)

    async def complete(self, connection: Connection, warn: Callable[[str], None]) -> list[str]:
        """Makes all else that belongs to the tables; returns violations in words.

        Raises `RestoreError` naming what cannot be made because something of that name is there.
        """
        done = _ALONE | _ATTACHING
        rest = [entry for entry in self._toc if entry.section != "pre-data" and entry.kind not in done]
        violations = await self._run(connection, rest, warn)
        self._require_way()
        return violations

    async def _run(self, connection: Connection, entries: Iterable[TocEntry], warn: Callable[[str], None]) -> list[str]:
        violations = []
        for entry in entries:
            if not self._is_due(entry):
                continue
            try:
                async with connection.transaction():
                    await connection.execute(entry.statement.encode())
                    await _give_to_owner(connection, entry, warn)
            except _THERE as error:
                await self._meet(connection, entry, error, warn)
            except _LACKING as error:
                warn(f"{entry.title} did not come back: {error.diag.message_primary}")
            except psycopg.errors.ObjectNotInPrerequisiteState:
                if entry.kind != "INDEX ATTACH":  # the server attached one of two that are equal by itself
                    raise
            except psycopg.errors.IntegrityError as error:
                said = f"{error.diag.message_primary or 'a constraint is broken'} {error.diag.message_detail or ''}"
                violations.append(f"{entry.title}: {said}".rstrip())
            else:
                self._made.add(entry.id)
                self._note(entry)
        return violations

    def _is_due(self, entry: TocEntry) -> bool:
        """Whether the entry is run: what belongs to something only where that was made here."""
        made = self._made.intersection(entry.depends_on)
        if entry.kind in _OF_OTHERS:
            owned = entry.kind == "SEQUENCE OWNED BY" and self._adopted.intersection(entry.depends_on)
            return bool(made or owned)
        if entry.kind == "FK CONSTRAINT":  # one to a partitioned table goes with an index of a single partition
            return bool(made)
        if entry.kind in _OF_A_RELATION or _is_identity(entry):
            return self._is_of_made(entry)
        return True

    def _is_of_made(self, entry: TocEntry) -> bool:
        return any(self._by_id[number].kind in _OWNERS for number in self._made.intersection(entry.depends_on))

    async def _meet(
        self, connection: Connection, entry: TocEntry, error: psycopg.Error, warn: Callable[[str], None]
    ) -> None:
        """Something of the entry's name is there: the very thing, or one that has taken its place."""
        if entry.id not in self._belonging or (entry.kind == "FK CONSTRAINT" and not self._is_of_made(entry)):
            return
        if entry.kind == "SEQUENCE" and not _is_identity(entry) and not await _is_owned(connection, entry):
            self._adopted.add(entry.id)
        elif entry.kind in ATTACHED or entry.kind == "TABLE":
            self._in_the_way[entry.title] = error.diag.message_primary or str(error)
        else:
            warn(f"{entry.title} was left as it is: it is there already, and not of what came back")

    def _require_way(self) -> None:
        if self._in_the_way:
            raise RestoreError(
                "tables that are gone cannot be made again: other things are in the way of what belongs to them, by the "
                f"same names: {quoted_names(list(self._in_the_way), NAMED)}",
                remedy="nothing was kept. Rename or drop what has these names now (a table that was renamed kept the names of "
                "its indexes, constraints and sequences), or restore into a new database",
                detail="\n".join(f"{title}: {said}" for title, said in self._in_the_way.items()),
            )

    def _note(self, entry: TocEntry) -> None:
        if entry.kind in RELATIONS:
            self.made.append(Made(kind=entry.kind, schema=entry.schema, table=entry.tag, name=entry.tag))
        elif entry.kind == "FK CONSTRAINT":
            table = own_table(entry, self._by_id).tag
            name = entry.tag.removeprefix(f"{table} ")
            self.made.append(Made(kind=entry.kind, schema=entry.schema, table=table, name=name))


async def missing_tables(
    connection: Connection, manifest: Manifest, toc: Sequence[TocEntry], tables: Sequence[int]
) -> MissingTables:
    """Those of the manifest's tables of these numbers that the database does not have."""
    there = {(table.schema, table.name) for table in await list_tables(connection)}
    absent = [index for index in tables if (manifest.tables[index].schema, manifest.tables[index].name) not in there]
    return MissingTables(manifest, toc, absent, there)


class _Closure:
    """Which entries make some tables again; ``elsewhere`` are the tables that are none of them."""

    def __init__(self, toc: Sequence[TocEntry], elsewhere: frozenset[int]) -> None:
        self._toc = toc
        self._elsewhere = elsewhere
        self._by_id = {entry.id: entry for entry in toc if entry.id not in elsewhere}
        self.belonging: set[int] = set()  # the tables, and what cannot have been there without them

    def grown(self, tables: Collection[int], there: Collection[tuple[str, str]]) -> set[int]:
        """The entries of the tables, all that depends on them, and all that these need.

        A table that is needed and not ``there``, a partition's root, comes with all that depends on it too.
        """
        wanted: set[int] = set()
        more = set(tables)
        while more:
            self.belonging |= more
            self._add_dependents()
            wanted = self._with_needs()
            more = {
                number
                for number in wanted - self.belonging
                if (entry := self._by_id[number]).kind == "TABLE" and (entry.schema, entry.tag) not in there
            }
        return wanted | {
            entry.id for entry in self._toc if entry.kind in _OF_OTHERS and wanted.intersection(entry.depends_on)
        }

    def _add_dependents(self) -> None:
        before = -1
        while before != len(self.belonging):
            before = len(self.belonging)
            self.belonging.update(
                number for number, entry in self._by_id.items() if self.belonging.intersection(entry.depends_on)
            )

    def _with_needs(self) -> set[int]:
        wanted = set(self.belonging)
        waiting = list(wanted)
        while waiting:
            for number in self._by_id[waiting.pop()].depends_on:
                needed = self._by_id.get(number)
                # What another table has as its own, a primary key that is referred to, is that table's affair.
                if needed is None or number in wanted or self._elsewhere.intersection(needed.depends_on):
                    continue
                wanted.add(number)
                waiting.append(number)
        return wanted


def _is_identity(entry: TocEntry) -> bool:
    """Whether this is the sequence of an identity column, which the archive makes by altering its table."""
    return entry.kind == "SEQUENCE" and not entry.statement.lstrip().startswith("CREATE ")


async def _is_owned(connection: Connection, sequence: TocEntry) -> bool:
    name = sql.Identifier(sequence.schema, sequence.tag).as_string(connection)
    row = await (await connection.execute(_IS_OWNED, (name,))).fetchone()
    return row is not None and bool(row[0])


async def _give_to_owner(connection: Connection, entry: TocEntry, warn: Callable[[str], None]) -> None:
    if entry.kind not in RELATIONS or not entry.owner:
        return
    name, owner = sql.Identifier(entry.schema, entry.tag), sql.Identifier(entry.owner)
    try:
        async with connection.transaction():
            await connection.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(name, owner))
    except (psycopg.errors.UndefinedObject, psycopg.errors.InsufficientPrivilege) as error:
        warn(f"{entry.title} could not be given to {entry.owner}: {error.diag.message_primary}")
