"""Fingerprints: an exact row count and an order-free sum over the content of a table or of a range of its pages.

The sum is additive: the fingerprints of a table's ranges add up to the table's. Traps that the expression avoids, each seen
on a real server: the record hash alone is linear, so values swapped between rows cancel (hence it is hashed once more
before it is summed); XOR would cancel duplicates; 54 of the 530 tables of PostgreSQL's regression database have a type
without a hash function, and enums hash their oid (those go in as text); 1.0 equals 1.00 and -0 equals 0 (numeric and float
go in by their binary form). Columns are taken by name, because inheritance reorders them; generated columns are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

# For each table: `expression`, to be summed over its rows. Joined as `fp` on fp.attrelid = pg_class.oid.
EXPRESSIONS = """
    SELECT attrelid,
        'pg_catalog.hashint8extended(pg_catalog.hash_record_extended(row('
        || pg_catalog.concat_ws(', ',
            pg_catalog.string_agg(CASE kind WHEN 'native' THEN quoted
                WHEN 'float4' THEN 'pg_catalog.float4send(' || quoted || ')'
                WHEN 'float8' THEN 'pg_catalog.float8send(' || quoted || ')'
                WHEN 'numeric' THEN 'pg_catalog.numeric_send(' || quoted || ')' END,
                ', ' ORDER BY attname COLLATE "C") FILTER (WHERE kind <> 'text'),
            'row(' || pg_catalog.string_agg(quoted, ', ' ORDER BY attname COLLATE "C")
                FILTER (WHERE kind = 'text') || ')::pg_catalog.text')
        || '), 0), 0)' AS expression
    FROM (
        SELECT a.attrelid, a.attname, pg_catalog.quote_ident(a.attname) AS quoted,
            CASE WHEN b.base IN (16, 18, 19, 20, 21, 23, 26, 28, 17, 829, 774, 1082, 1083, 1114, 1184, 2950, 3220, 5069)
                    THEN 'native'
                WHEN (b.base IN (25, 1043) OR b.base = 1042 AND a.atttypmod > 0) AND l.collisdeterministic THEN 'native'
                WHEN b.base = 700 THEN 'float4'
                WHEN b.base = 701 THEN 'float8'
                WHEN b.base = 1700 THEN 'numeric'
                ELSE 'text' END AS kind
        FROM pg_catalog.pg_attribute a
        JOIN base_types b ON b.oid = a.atttypid
        LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
        WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ) columns
    GROUP BY attrelid
"""

# Domains resolved to the type below them; needed by EXPRESSIONS, which must be a CTE of the same statement.
BASE_TYPES = """
    SELECT oid, oid AS base FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT t.oid, b.base FROM pg_catalog.pg_type t JOIN base_types b ON t.typbasetype = b.oid WHERE t.typtype = 'd'
"""

EMPTY_ROW = "0"  # of a table without columns: only its rows count

_EXPRESSIONS_OF = f"""
WITH RECURSIVE base_types(oid, base) AS ({BASE_TYPES}), fp AS ({EXPRESSIONS})
SELECT attrelid::pg_catalog.int8, expression FROM fp WHERE attrelid = ANY (%s::pg_catalog.oid[])
"""  # noqa: S608  # made of constants of this module


async def row_expressions(connection: psycopg.AsyncConnection[Any], oids: Sequence[int]) -> dict[int, str]:
    """The expressions of these tables, temporary ones included, by oid; a table without columns is not there."""
    return dict(await (await connection.execute(_EXPRESSIONS_OF, (list(oids),))).fetchall())


def fingerprint_query(
    schema: str, table: str, expression: str, *, pages: str | None = None, positions: bool = False
) -> sql.Composed:
    """The statement that fingerprints a table, or the rows matching ``pages`` (see `copy.page_condition`).

    Its one row: count, sum as text, and with ``positions`` the concatenated binary ctids (six bytes each, in the order
    of the scan). The table is named without an alias: an alias could be the name of a column. ``expression`` comes from the
    catalog, quoted there.
    """
    columns = [
        sql.SQL("pg_catalog.count(*)"),
        _trusted("COALESCE(pg_catalog.sum(" + expression + "), 0)::pg_catalog.text"),
    ]
    if positions:
        columns.append(sql.SQL("pg_catalog.string_agg(pg_catalog.tidsend(ctid), '')"))
    query = sql.SQL("SELECT {} FROM ONLY {}").format(sql.SQL(", ").join(columns), sql.Identifier(schema, table))
    return query if pages is None else query + sql.SQL(" WHERE ") + _trusted(pages)


def state_query(schema: str, table: str, expression: str, *, pages: str, changed: str) -> sql.Composed:
    """The statement that looks at a range in the light of an earlier snapshot (see `changed.changed_since`).

    Its one row: the count of all rows; count, sum as text and concatenated ctids of those that have not changed, in the order
    of the scan; the sum of those that have.
    """
    return sql.SQL(
        "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE NOT c),"
        " COALESCE(pg_catalog.sum(f) FILTER (WHERE NOT c), 0)::pg_catalog.text,"
        " pg_catalog.string_agg(t, '') FILTER (WHERE NOT c),"
        " COALESCE(pg_catalog.sum(f) FILTER (WHERE c), 0)::pg_catalog.text"
        " FROM (SELECT {changed} AS c, {expression} AS f, pg_catalog.tidsend(ctid) AS t"
        " FROM ONLY {table} WHERE {pages} OFFSET 0) rows"
    ).format(
        changed=_trusted(changed),
        expression=_trusted(expression),
        table=sql.Identifier(schema, table),
        pages=_trusted(pages),
    )


def _trusted(text: str) -> sql.Composable:
    """SQL that this program or the server's own quoting made."""
    return sql.SQL(text)
