"""What ties renamed schemas to others, looked at in the working database before they are carried over."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from pantry_tui.errors import RefusedError
from pantry_tui.postgres.snapshot import Connection
from pantry_tui.recovery.database import quoted_names

_FAMILIES = """
SELECT n.nspname || '.' || c.relname || ' of ' || pn.nspname || '.' || p.relname
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE c.relkind IN ('r', 'p', 'f')
    AND (n.nspname = ANY (%(ours)s::pg_catalog.text[])) <> (pn.nspname = ANY (%(ours)s::pg_catalog.text[]))
ORDER BY 1
"""
_KEYS = """
SELECT n.nspname::text, c.relname::text, k.conname::text, rn.nspname || '.' || r.relname
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
    AND n.nspname = ANY (%(ours)s::pg_catalog.text[]) AND NOT rn.nspname = ANY (%(ours)s::pg_catalog.text[])
ORDER BY 1, 2, 3
"""


async def require_families_together(connection: Connection, schemas: Sequence[str]) -> None:
    """Raises `RefusedError` where a partition or heir is in one of ``schemas`` and its parent is not, or the other way round.

    The copy of a partition would become one of the table in use, and its rows show there.
    """
    found = [name for (name,) in await (await connection.execute(_FAMILIES, {"ours": list(schemas)})).fetchall()]
    if found:
        raise RefusedError(
            f"partitions or heirs stand in another schema than their parents: {quoted_names(found)}",
            remedy="rename the schemas of both (--rename-schema once for each), or restore into another database",
        )


async def drop_outward_keys(connection: Connection, schemas: Sequence[str], names: dict[str, str]) -> list[str]:
    """Drops foreign keys from ``schemas`` to tables of others; returns them in words, under the names that will be shown.

    They would bind the tables in use: rows there could no more be deleted, or would take rows of the copy with them.
    """
    found = await (await connection.execute(_KEYS, {"ours": list(schemas)})).fetchall()
    for schema, table, key, _ in found:
        statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        await connection.execute(statement.format(sql.Identifier(schema, table), sql.Identifier(key)))
    return [
        f"foreign key {key} of {names.get(schema, schema)}.{table} to {other}, which is in use"
        for schema, table, key, other in found
    ]
