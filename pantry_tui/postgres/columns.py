"""The columns of tables as a restore must know them: their types in the server's own words, and which are generated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from pantry_tui.artifact.manifest import ColumnType
from pantry_tui.models import Model

Connection = psycopg.AsyncConnection[Any]

# A domain is followed to the type below it, whose modifier some domain on the way may give.
_COLUMNS = """
WITH RECURSIVE types(oid, base, typmod) AS (
    SELECT oid, oid, -1 FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT t.oid, b.base, CASE WHEN b.typmod >= 0 THEN b.typmod ELSE t.typtypmod END
    FROM pg_catalog.pg_type t JOIN types b ON t.typbasetype = b.oid WHERE t.typtype = 'd')
SELECT a.attrelid::pg_catalog.int8, a.attname::pg_catalog.text, a.attgenerated <> '',
    pg_catalog.format_type(a.atttypid, a.atttypmod),
    CASE WHEN b.base <> a.atttypid THEN pg_catalog.format_type(b.base, b.typmod) END
FROM pg_catalog.pg_attribute a JOIN types b ON b.oid = a.atttypid
WHERE a.attrelid = ANY (%s::pg_catalog.oid[]) AND a.attnum > 0 AND NOT a.attisdropped
"""


class TableColumns(Model, frozen=True, kw_only=True):
    """The columns of a table by their names."""

    types: dict[str, ColumnType]
    generated: frozenset[str] = frozenset()


async def table_columns(connection: Connection, tables: Sequence[int]) -> dict[int, TableColumns]:
    """The columns of these tables, by oid. Names of types have their schema but for the server's own: no search path."""
    types: dict[int, dict[str, ColumnType]] = {oid: {} for oid in tables}
    generated: dict[int, set[str]] = {oid: set() for oid in tables}
    for oid, name, is_generated, declared, base in await (
        await connection.execute(_COLUMNS, (list(tables),))
    ).fetchall():
        types[oid][name] = ColumnType(name=declared, base=base)
        if is_generated:
            generated[oid].add(name)
    return {oid: TableColumns(types=types[oid], generated=frozenset(generated[oid])) for oid in tables}
