"""Sequences behind the columns of tables that got rows: moved ahead of them, never back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from psycopg import sql

from pantry_tui.artifact.manifest import SequenceState
from pantry_tui.postgres.snapshot import Connection

# Those that a column owns (serial, identity) and those that its default asks.
_BEHIND = """
SELECT DISTINCT sn.nspname::text, s.relname::text, tn.nspname::text, t.relname::text, a.attname::text, q.seqincrement > 0
FROM (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS attribute FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    UNION ALL
    SELECT d.refobjid, e.adrelid, e.adnum FROM pg_catalog.pg_attrdef e
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = e.oid
        AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
) b
JOIN pg_catalog.pg_sequence q ON q.seqrelid = b.sequence
JOIN pg_catalog.pg_class s ON s.oid = b.sequence JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = b.relation JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = b.attribute
WHERE b.relation = ANY (%s::pg_catalog.oid[]) AND a.atttypid IN (20, 21, 23)
ORDER BY 1, 2, 3, 4, 5
"""


async def move_ahead(
    connection: Connection, oids: Collection[int], stored: Mapping[tuple[str, str], SequenceState]
) -> int:
    """Moves the sequences of these tables to where the backup's were, or ahead of the columns' values; counts those moved.

    What a sequence is set to stays, even where the transaction does not: to be called last of all.
    """
    found = await connection.execute(_BEHIND, (list(oids),))
    moved = set()
    for schema, name, table_schema, table, column, ascends in await found.fetchall():
        furthest = sql.SQL("GREATEST" if ascends else "LEAST")
        state = stored.get((schema, name))
        query = sql.SQL(
            "SELECT pg_catalog.setval({name}::pg_catalog.regclass, w.value) FROM (SELECT {furthest}("
            "(SELECT {most}({column}) FROM ONLY {table})::pg_catalog.int8, {stored}) AS value) w, {sequence} s "
            "WHERE w.value {ahead} s.last_value OR w.value = s.last_value AND NOT s.is_called"
        ).format(
            name=sql.Literal(sql.Identifier(schema, name).as_string(connection)),
            furthest=furthest,
            most=sql.SQL("pg_catalog.max" if ascends else "pg_catalog.min"),
            column=sql.Identifier(column),
            table=sql.Identifier(table_schema, table),
            stored=sql.Literal(state.last_value if state is not None and state.is_called else None),
            sequence=sql.Identifier(schema, name),
            ahead=sql.SQL(">" if ascends else "<"),
        )
        if await (await connection.execute(query)).fetchall():
            moved.add((schema, name))
    return len(moved)
