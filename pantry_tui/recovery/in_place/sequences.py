"""Sequences behind the columns of tables that got rows: moved ahead of them, never back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import psycopg
from psycopg import sql

from pantry_tui.artifact.manifest import SequenceState
from pantry_tui.postgres.snapshot import Connection

# Those that a column owns (serial, identity) and those that its default asks; a partition uses the identity of its root.
# Domains are what they are made of; a column of text has numbers of the sequence in it that nobody can tell from others.
_BEHIND = """
WITH RECURSIVE behind AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS attribute FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    SELECT d.refobjid, e.adrelid, e.adnum FROM pg_catalog.pg_attrdef e
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
),
tables AS (
    SELECT t.oid, t.oid AS relation FROM pg_catalog.unnest(%s::pg_catalog.oid[]) t(oid)
    UNION
    SELECT t.oid, a.relid FROM pg_catalog.unnest(%s::pg_catalog.oid[]) t(oid)
    CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(t.oid) a
),
base AS (
    SELECT oid, oid AS of FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT y.oid, b.of FROM base b JOIN pg_catalog.pg_type y ON y.typbasetype = b.oid AND y.typtype = 'd'
)
SELECT DISTINCT sn.nspname::text, s.relname::text, tn.nspname::text, t.relname::text, a.attname::text, q.seqincrement > 0,
    b.of IN (20, 21, 23, 1700), q.seqmin, q.seqmax, pg_catalog.pg_get_userbyid(s.relowner)::text
FROM tables x JOIN behind f ON f.relation = x.relation
JOIN pg_catalog.pg_sequence q ON q.seqrelid = f.sequence
JOIN pg_catalog.pg_class s ON s.oid = f.sequence JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = x.oid JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_attribute r ON r.attrelid = x.relation AND r.attnum = f.attribute
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attname = r.attname
JOIN base b ON b.oid = a.atttypid
ORDER BY 1, 2, 3, 4, 5
"""


class _Behind(NamedTuple):
    """A sequence, and a column that takes its numbers; ``counts``: that column's values are numbers."""

    schema: str
    name: str
    table_schema: str
    table: str
    column: str
    ascends: bool
    counts: bool
    least: int
    most: int
    owner: str

    @property
    def sequence(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def furthest(self) -> sql.Composable:
        """The column's value that is furthest ahead, of those that the sequence can reach."""
        if not self.counts:
            return sql.SQL("NULL::pg_catalog.int8")
        return sql.SQL(
            "(SELECT pg_catalog.trunc({most}({column}::pg_catalog.numeric))::pg_catalog.int8 FROM ONLY {table} "
            "WHERE {column} BETWEEN {first} AND {last})"
        ).format(
            most=sql.SQL("pg_catalog.max" if self.ascends else "pg_catalog.min"),
            column=sql.Identifier(self.column),
            table=sql.Identifier(self.table_schema, self.table),
            first=sql.Literal(self.least),
            last=sql.Literal(self.most),
        )


async def move_ahead(
    connection: Connection, oids: Collection[int], stored: Mapping[tuple[str, str], SequenceState]
) -> int:
    """Moves the sequences of these tables to where the backup's were, or ahead of the columns' values; counts those moved.

    What a sequence is set to stays, even where the transaction does not: to be called last of all. Nobody takes a number
    between the look at a sequence and its move. Raises `psycopg.Error` (55P03: somebody's transaction uses it).
    """
    found = await connection.execute(_BEHIND, (list(oids), list(oids)))
    moved: set[tuple[str, str]] = set()
    held: set[tuple[str, str]] = set()
    for row in await found.fetchall():
        behind = _Behind(*row)
        name = (behind.schema, behind.name)
        state = stored.get(name)
        if await _wants(connection, behind, state) and name not in held:
            await _hold(connection, behind)
            held.add(name)
        if await (
            await connection.execute(_move(behind, state, sql.SQL("pg_catalog.setval({name}, w.value)")))
        ).fetchall():
            moved.add(name)
    return len(moved)


async def _wants(connection: Connection, behind: _Behind, state: SequenceState | None) -> bool:
    return bool(await (await connection.execute(_move(behind, state, sql.SQL("1")))).fetchall())


async def _hold(connection: Connection, behind: _Behind) -> None:
    """Keeps others from taking numbers until the transaction ends: it gets the owner that it has, under that lock.

    A role that does not own it goes on without.
    """
    hold = sql.SQL("ALTER TABLE {} OWNER TO {}").format(behind.sequence, sql.Identifier(behind.owner))
    try:
        async with connection.transaction():
            await connection.execute(hold)
    except psycopg.errors.InsufficientPrivilege:
        return


def _move(behind: _Behind, state: SequenceState | None, then: sql.SQL) -> sql.Composed:
    """``then``, where the sequence is behind where it must be."""
    name = sql.SQL("{}::pg_catalog.regclass").format(sql.Literal(behind.sequence.as_string()))
    return sql.SQL(
        "SELECT {then} FROM (SELECT {furthest}({column}, {stored}) AS value) w, {sequence} s "
        "WHERE w.value {ahead} s.last_value OR w.value = s.last_value AND NOT s.is_called"
    ).format(
        then=then.format(name=name),
        furthest=sql.SQL("GREATEST" if behind.ascends else "LEAST"),
        column=behind.furthest,
        stored=sql.Literal(state.last_value if state is not None and state.is_called else None),
        sequence=behind.sequence,
        ahead=sql.SQL(">" if behind.ascends else "<"),
    )
